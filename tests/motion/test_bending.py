"""Walks led along other paths: the same steps elsewhere, feet that stay where they stand, turns walked slower."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from kinesis_trl.body.leg import CALCN, Leg
from kinesis_trl.motion.bending import _moments, bent, lead, turned_about, walks
from kinesis_trl.motion.clip import FPS, MotionClip
from kinesis_trl.motion.gait.commands import Command
from kinesis_trl.motion.gait.synthesis import synthesise


@pytest.fixture(scope="module")
def walk(body):
    return synthesise([Command(seconds=5.0, speed=1.1)], body, name="walk", category="walk medium")


def yaw(qpos):
    return np.unwrap(Rotation.from_quat(qpos[:, 3:7], scalar_first=True).as_euler("ZYX")[:, 0])


def feet(body, qpos):
    """Places (2, T, 3) of the heels."""
    turn = Rotation.from_quat(qpos[:, 3:7], scalar_first=True).as_matrix()
    legs = [Leg.of(body, side) for side in "lr"]
    return np.stack([leg.forward(qpos[:, leg.qpos], qpos[:, :3], turn).position[:, CALCN] for leg in legs])


def test_a_path_that_does_not_turn_is_the_walk_itself(body, walk):
    np.testing.assert_allclose(lead(body, walk.qpos, np.zeros(walk.frames)), walk.qpos, atol=2e-3)


def test_the_whole_motion_turns_with_a_turn_that_stays(body, walk):
    led = lead(body, walk.qpos, np.full(walk.frames, 0.7))
    about = Rotation.from_rotvec([0.0, 0.0, 0.7])
    away = walk.qpos[:, :3] - walk.qpos[0, :3]
    np.testing.assert_allclose(led[:, :3] - led[0, :3], about.apply(away), atol=1e-9)
    np.testing.assert_allclose(yaw(led) - yaw(walk.qpos), 0.7, atol=1e-9)
    np.testing.assert_allclose(led[:, 7:], walk.qpos[:, 7:], atol=5e-3)


def test_on_a_circle_the_pace_is_kept_and_feet_stay_where_they_stand(body, walk):
    turn = np.radians(60.0) * np.arange(walk.frames) / FPS
    led = lead(body, walk.qpos, turn)
    np.testing.assert_allclose(yaw(led) - yaw(walk.qpos), turn, atol=1e-6)
    pace, before = (np.linalg.norm(np.diff(q[:, :2], axis=0), axis=1) for q in (led, walk.qpos))
    np.testing.assert_allclose(pace, before, atol=1e-9)
    here, there = feet(body, walk.qpos), feet(body, led)
    stands = np.linalg.norm(np.diff(here[..., :2], axis=1), axis=-1) * FPS < 0.02
    assert stands.sum() > 40
    slides = np.linalg.norm(np.diff(there[..., :2], axis=1), axis=-1)[stands] * FPS
    assert np.percentile(slides, 90) < 0.05
    np.testing.assert_allclose(there[..., 2], here[..., 2], atol=0.01)
    spun = np.linalg.norm(np.diff(led[:, 3:7], axis=0), axis=1)
    assert spun.max() < 0.1


def test_moments_of_a_foot_rest_while_it_stands_and_never_go_back():
    stands = np.zeros(30, dtype=bool)
    stands[2:9] = stands[15:22] = True
    moment = _moments(stands)
    assert (moment[2:9] == 5.0).all() and (moment[15:22] == 18.0).all()
    assert (np.diff(moment[2:22]) >= 0).all() and 5 < moment[11] < 18
    np.testing.assert_array_equal(_moments(np.zeros(4, dtype=bool)), np.arange(4.0))


def test_copies_are_circles_or_turns_and_the_same_numbers_give_the_same(body, walk):
    made = [bent(walk, body, np.random.default_rng(seed)) for seed in range(16)]
    again = bent(walk, body, np.random.default_rng(3))
    np.testing.assert_array_equal(made[3].qpos, again.qpos)
    assert {clip.category for clip in made} == {
        "circle clockwise",
        "circle counter-clockwise",
        "turn left",
        "turn right",
    }
    for clip in made:
        turned = np.degrees(yaw(clip.qpos)[-1] - yaw(walk.qpos)[-1])
        assert np.isfinite(clip.qpos).all() and abs(turned) > 40
        assert (turned > 0) == (clip.category in ("turn left", "circle counter-clockwise"))
        if clip.category.startswith("turn"):
            assert clip.frames > walk.frames  # slower where it turns
        else:
            assert clip.frames == walk.frames


def facing(body, qpos):
    """Directions (2, T) in radians in which the feet point."""
    turn = Rotation.from_quat(qpos[:, 3:7], scalar_first=True).as_matrix()
    legs = [Leg.of(body, side) for side in "lr"]
    matrix = [leg.forward(qpos[:, leg.qpos], qpos[:, :3], turn).rotation[:, CALCN] for leg in legs]
    return np.stack([np.unwrap(np.arctan2(m[:, 1, 0], m[:, 0, 0])) for m in matrix])


def test_a_foot_that_pivots_turns_about_its_ball_and_stays_with_the_trunk(body, walk):
    turn = np.radians(150.0) * np.clip((np.arange(walk.frames) / FPS - 2.0) / 0.6, 0, 1)
    planted, pivoted = lead(body, walk.qpos, turn), lead(body, walk.qpos, turn, pivot=np.radians(12.0))
    np.testing.assert_allclose(pivoted[:, :7], planted[:, :7], atol=1e-12)
    own = facing(body, walk.qpos) - yaw(walk.qpos)
    apart = {
        name: np.degrees(np.abs(facing(body, qpos) - yaw(qpos) - own)).max()
        for name, qpos in {"planted": planted, "pivoted": pivoted}.items()
    }
    assert apart["pivoted"] < 16.0 and apart["planted"] > 30.0
    still = turn == 0
    np.testing.assert_allclose(pivoted[still][:30], planted[still][:30], atol=1e-3)


def test_people_turn_about_quickly(body, walk):
    made = [turned_about(walk, body, np.random.default_rng(seed)) for seed in range(6)]
    fastest = [np.degrees(np.abs(np.diff(yaw(clip.qpos))).max() * FPS) for clip in made]
    assert 200 < np.median(fastest) < 600
    assert {clip.category for clip in made} == {"turn left", "turn right"}
    assert all(clip.frames > walk.frames and np.isfinite(clip.qpos).all() for clip in made)


@pytest.mark.parametrize("change", [bent, turned_about])
def test_a_clip_without_coordinates_is_refused(change, body):
    raw = MotionClip(name="raw", fps=30.0, positions=np.zeros((4, 2, 3)), joint_names=("Pelvis", "Head"))
    with pytest.raises(ValueError, match="prepare it first"):
        change(raw, body, np.random.default_rng(0))


def test_only_walks_ahead_are_led_elsewhere(body, walk):
    back = synthesise([Command(seconds=3.0, speed=0.8, direction=np.pi)], body)
    stand = walk.with_(qpos=np.repeat(walk.qpos[:1], 40, axis=0))
    assert walks(walk) and not walks(back) and not walks(stand)
    about = Rotation.from_rotvec([0.0, 0.0, 2.0])
    turned = walk.qpos.copy()
    turned[:, :3] = about.apply(turned[:, :3])
    turned[:, 3:7] = (about * Rotation.from_quat(turned[:, 3:7], scalar_first=True)).as_quat(scalar_first=True)
    assert walks(walk.with_(qpos=turned))
