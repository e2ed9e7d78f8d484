"""Categories by words and by motion."""

import numpy as np
import pytest

from kinesis_trl.motion.categories import categorise


@pytest.mark.parametrize(
    "name, category",
    [
        ("0-KIT_314_walking_slow05_poses", "walk slow"),
        ("0-KIT_7_WalkInClockwiseCircle07_poses", "circle clockwise"),
        ("0-KIT_4_WalkInCounterClockwiseCircle08_poses", "circle counter-clockwise"),
        ("0-KIT_10_LeftTurn09_poses", "turn left"),
        ("0-KIT_359_turn_right02_poses", "turn right"),
        ("0-KIT_12_WalkingStraightBackwards04_poses", "walk backward"),
        ("0-KIT_348_walking_run02_poses", "run"),
        ("0-KIT_675_walk_with_handrail_beam_right03_poses", "walk supported"),
    ],
)
def test_words_decide_first(march, name, category):
    assert categorise(march.with_(name=name, category="", label="")) == category


def moving(march, speed, *, sideways=0.0, turn=0.0, frames=91):
    time = np.arange(frames) / 30
    qpos = np.tile(march.qpos[0], (frames, 1))
    heading = np.radians(turn) * time / time[-1]
    velocity = np.stack(
        [speed * np.cos(heading) - sideways * np.sin(heading), speed * np.sin(heading) + sideways * np.cos(heading)], 1
    )
    qpos[:, :2] = np.cumsum(velocity, axis=0) / 30
    qpos[:, 3], qpos[:, 6] = np.cos(heading / 2), np.sin(heading / 2)
    return march.with_(name="x", label="", category="", qpos=qpos)


@pytest.mark.parametrize(
    "motion, category",
    [
        ({"speed": 0.5}, "walk slow"),
        ({"speed": 1.0}, "walk medium"),
        ({"speed": 1.5}, "walk fast"),
        ({"speed": 2.6}, "run"),
        ({"speed": -0.6}, "walk backward"),
        ({"speed": 0.0}, "stand"),
        ({"speed": 0.1, "sideways": -0.5}, "sidestep"),
        ({"speed": 0.8, "turn": 90}, "turn left"),
        ({"speed": 0.0, "turn": -180}, "turn in place right"),
        ({"speed": 0.8, "turn": 350}, "circle counter-clockwise"),
    ],
)
def test_motion_decides_where_words_do_not(march, motion, category):
    assert categorise(moving(march, **motion)) == category


def test_a_stated_category_stays(march):
    assert categorise(march.with_(name="turn_left", category="dance")) == "dance"
