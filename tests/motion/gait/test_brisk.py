"""brisk-v1: whole, smooth, the same every time, and faster than locomotion-v1."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation

from kinesis_trl.motion.gait import data_sets
from kinesis_trl.motion.gait.commands import Command, turn_in_place
from kinesis_trl.motion.gait.footsteps import GaitStyle
from kinesis_trl.motion.gait.synthesis import synthesise
from kinesis_trl.motion.sources import EMBEDDED, embedded


@pytest.fixture(scope="module")
def clips(body):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data_sets, "BRISK", dict.fromkeys(data_sets.BRISK, 2))
        return data_sets.brisk_v1(body)


def yaw(qpos):
    return np.unwrap(Rotation.from_quat(qpos[:, 3:7], scalar_first=True).as_euler("ZYX")[:, 0])


def turn_rate(qpos):
    """Fastest turn in degrees per second, over about half a second."""
    return np.degrees(np.abs(gaussian_filter1d(30 * np.gradient(yaw(qpos)), 6)).max())


def test_clips_are_whole_and_within_the_joints(clips, body):
    free = np.setdiff1d(np.arange(body.model.nq - 7), body.couplings.dependent_qpos - 7)
    low, high = body.joint_range[free].T
    for clip in clips:
        assert clip.fps == 30.0 and np.isfinite(clip.qpos).all()
        joints = clip.qpos[:, 7 + free]
        assert (joints >= low - 1e-6).all() and (joints <= high + 1e-6).all()
        assert np.abs(np.diff(joints, axis=0)).max() * 30 < 20.0
        ends = 30 * np.linalg.norm(np.diff(clip.qpos[[0, 1, -2, -1], :3], axis=0), axis=1)[[0, 2]]
        assert ends.max() < 0.15


def test_turns_are_quick_and_as_far_as_the_label_says(clips):
    about = [c for c in clips if c.name.startswith("brisk_about")]
    assert max(turn_rate(c.qpos) for c in about) > 110.0
    for clip in about:
        turned = np.degrees(yaw(clip.qpos)[-1] - yaw(clip.qpos)[0])
        assert 140.0 < abs(turned) < 210.0
        word = "left" if turned > 0 else "right"
        assert word in clip.label and clip.category == f"turn {word}"


def test_there_are_as_many_as_promised(body):
    assert sum(data_sets.BRISK.values()) == 400


def test_clips_are_the_same_again(body, clips):
    rng = np.random.default_rng([data_sets._BRISK_SEED, 1, 0])
    commands, category, label = data_sets._brisk("about", rng)
    again = synthesise(commands, body, style=data_sets._anyone(rng))
    there = next(c for c in clips if c.name == "brisk_about_000")
    np.testing.assert_array_equal(again.qpos, there.qpos)
    assert (category, label) == (there.category, there.label)


def test_it_is_a_data_set_by_name():
    assert "brisk-v1" in EMBEDDED and embedded("brisk-v1") is data_sets.brisk_v1


def test_haste_starts_and_stops_sooner_over_the_same_distance(body):
    slow, soon = (
        synthesise([Command(seconds=2.0, speed=1.5)], body, style=GaitStyle(haste=haste)).qpos for haste in (1.0, 2.0)
    )
    assert soon[-1, 0] == pytest.approx(slow[-1, 0], abs=0.1)
    speed = [gaussian_filter1d(30 * np.gradient(q[:, 0]), 4) for q in (slow, soon)]
    assert np.gradient(speed[1]).max() > 1.2 * np.gradient(speed[0]).max()
    assert len(soon) < len(slow)


@pytest.mark.parametrize("rate", [80, 160, 240])
def test_a_quick_turn_on_the_spot_ends_where_it_was_asked_to(body, rate):
    qpos = synthesise([turn_in_place(np.pi, np.radians(rate))], body).qpos
    assert np.degrees(yaw(qpos)[-1]) == pytest.approx(180, abs=3)
