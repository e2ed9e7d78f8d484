from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from kinesis_trl.body.leg import CALCN, Leg
from kinesis_trl.motion.gait.commands import Command
from kinesis_trl.motion.gait.foot_roll import Sole
from kinesis_trl.motion.gait.synthesis import synthesise
from kinesis_trl.motion.kinematics import Poses
from kinesis_trl.motion.retarget.footing import FootingConfig, plant_feet, planted

FPS = 30.0


@pytest.fixture(scope="module")
def walk(body):
    return synthesise([Command(seconds=2.5, speed=0.9, turn_rate=0.3)], body).qpos


def foot_points(body, qpos):
    """Heights (T, 18) of all points with which the feet can touch the floor."""
    return Poses.of(body).foot_contact_points(Poses.of(body).evaluate(qpos))[..., 2].copy()


def calcaneus(body, qpos, side):
    leg = Leg.of(body, side)
    turn = Rotation.from_quat(qpos[:, 3:7], scalar_first=True).as_matrix()
    return leg.forward(qpos[:, leg.qpos], qpos[:, :3], turn), Sole.of(body, leg)


def with_joints(body, qpos, **change):
    out = np.array(qpos)
    for joint, angle in change.items():
        out[:, 7 + body.joint_names.index(joint)] += angle
    return body.couplings.apply(out)


def test_a_body_that_stands_on_its_heels_stands_on_its_soles(body):
    standing = np.tile(body.standing_qpos, (20, 1))
    tilted = with_joints(body, standing, ankle_angle_r=0.12, ankle_angle_l=0.1, subtalar_angle_l=0.15)
    tilted[:, 2] -= foot_points(body, tilted).min()
    assert (foot_points(body, tilted) > 0.015).mean() > 0.4  # most of the soles is in the air
    planted = plant_feet(body, tilted, FPS, FootingConfig(balance=None))
    capsules = foot_points(body, planted)[:, 2:]  # the first two are the soles' ellipsoids, above them
    assert np.abs(capsules).max() < 0.004
    assert np.abs(planted[:, :2] - tilted[:, :2]).max() < 1e-9


def test_a_hovering_foot_comes_down(body):
    standing = np.tile(body.standing_qpos, (20, 1))
    hovering = with_joints(body, standing, hip_flexion_r=0.25, knee_angle_r=0.5, ankle_angle_r=0.25)
    pose, sole = calcaneus(body, hovering, "r")
    assert sole.height(pose).min() > 0.015
    pose, sole = calcaneus(body, plant_feet(body, hovering, FPS), "r")
    assert np.abs(sole.height(pose)).max() < 0.003


def test_standing_feet_neither_slide_nor_leave_the_floor(body, walk):
    sunk = with_joints(body, walk, ankle_angle_r=0.06, ankle_angle_l=0.06)
    planted = plant_feet(body, sunk, FPS)
    for side in "rl":
        pose, sole = calcaneus(body, planted, side)
        original, _ = calcaneus(body, walk, side)
        still = np.linalg.norm(np.gradient(original.position[:, CALCN], 1 / FPS, axis=0), axis=1) < 0.02
        still &= sole.height(original) < 0.003
        assert still.sum() > 10
        assert np.abs(sole.height(pose)[still]).max() < 0.004
        runs = np.split(np.arange(len(still)), np.flatnonzero(np.diff(still.astype(int))) + 1)
        for run in (r for r in runs if still[r[0]] and len(r) > 3):
            assert np.ptp(pose.position[run, CALCN, :2], axis=0).max() < 0.006


def only_swings_are_raised(body, before, after):
    np.testing.assert_array_equal(after[:, :7], before[:, :7])
    for side in "rl":
        (old, sole), (new, _) = calcaneus(body, before, side), calcaneus(body, after, side)
        height = sole.height(old)
        joints = [7 + k for k, name in enumerate(body.joint_names) if name.endswith(f"_{side}")]
        np.testing.assert_array_equal(after[height < 0.002][:, joints], before[height < 0.002][:, joints])
        assert (sole.height(new) > height - 0.003).all()


def test_feet_that_roll_without_sliding_are_left_alone(body, walk):
    only_swings_are_raised(body, walk, plant_feet(body, walk, FPS))
    for seconds, speed in ((2.0, 1.5), (1.5, -0.5)):
        direction = np.pi if speed < 0 else 0.0
        exact = Command(seconds=seconds, speed=abs(speed), direction=direction)
        qpos = synthesise([exact], body).qpos
        only_swings_are_raised(body, qpos, plant_feet(body, qpos, FPS))
    sliding = walk.copy()
    sliding[:, 0] *= 0.95
    assert np.abs(plant_feet(body, sliding, FPS)[:, :7] - sliding[:, :7]).max() > 0.01
    one_foot = np.tile(body.standing_qpos, (20, 1))
    one_foot = with_joints(body, one_foot, hip_flexion_r=1.2, knee_angle_r=1.5, subtalar_angle_l=0.15)
    assert [planted(body, motion, FPS).rolled for motion in (walk, sliding, one_foot)] == [True, False, False]


def test_a_swinging_foot_clears_the_floor(body, walk):
    sunk = with_joints(body, walk, ankle_angle_r=0.06, ankle_angle_l=0.06)
    for clearance in (0.02, 0.04):
        planted = plant_feet(body, sunk, FPS, FootingConfig(clearance=clearance))
        for side in "rl":
            pose, sole = calcaneus(body, planted, side)
            height = sole.height(pose)
            runs = np.split(height, np.flatnonzero(np.diff(height > 1e-3)) + 1)
            swings = [r for r in runs if r[0] > 1e-3 and len(r) > 6]
            assert len(swings) >= 2
            assert min(r[len(r) // 3 : -(len(r) // 3)].min() for r in swings) > 0.8 * clearance


def test_it_does_not_matter_where_the_motion_goes(body, walk):
    turn, shift = Rotation.from_euler("z", 2.1), np.array([3.0, -1.0, 0.0])
    moved = walk.copy()
    moved[:, :3] = turn.apply(walk[:, :3]) + shift
    moved[:, 3:7] = (turn * Rotation.from_quat(walk[:, 3:7], scalar_first=True)).as_quat(scalar_first=True)
    here, there = plant_feet(body, walk, FPS), plant_feet(body, moved, FPS)
    np.testing.assert_allclose(there[:, 7:], here[:, 7:], atol=2e-3)
    np.testing.assert_allclose(there[:, :3], turn.apply(here[:, :3]) + shift, atol=2e-3)


def test_left_and_right_are_treated_alike(body, walk):
    mirror = body.mirror.qpos
    np.testing.assert_allclose(plant_feet(body, mirror(walk), FPS), mirror(plant_feet(body, walk, FPS)), atol=1e-3)


def test_limits_and_couplings_hold(body, walk):
    planted = plant_feet(body, with_joints(body, walk, hip_adduction_r=0.1), FPS)
    low, high = body.joint_range.T
    free = body.couplings.independent_dofs(body.model.nv)[6:] - 6
    assert (planted[:, 7:] >= low - 1e-9)[:, free].all() and (planted[:, 7:] <= high + 1e-9)[:, free].all()
    np.testing.assert_allclose(planted, body.couplings.apply(planted), atol=1e-12)


def test_a_body_in_the_air_is_left_in_peace(body):
    flying = np.tile(body.standing_qpos, (12, 1))
    flying[:, 2] += 0.5 + np.linspace(0.0, 1.5, 12)
    np.testing.assert_allclose(plant_feet(body, flying, FPS)[:, :7], flying[:, :7], atol=1e-9)


def test_refuses_negative_settings():
    with pytest.raises(ValueError, match="clearance"):
        FootingConfig(clearance=-0.01)
