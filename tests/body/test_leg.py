"""The leg's own kinematics against MuJoCo's, and its inverse."""

import mujoco
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from kinesis_trl.body.leg import CALCN, KNEE, Leg
from kinesis_trl.body.model import load_body


def _against_mujoco(body, side):
    leg, rng = Leg(body, side), np.random.default_rng(1)
    data = mujoco.MjData(body.model)
    for _ in range(10):
        joints = rng.uniform(leg.low, leg.high)
        qpos = body.standing_qpos.copy()
        qpos[:3], rotation = rng.normal(size=3), Rotation.random(random_state=rng)
        qpos[3:7] = rotation.as_quat(scalar_first=True)
        qpos[leg.qpos] = joints
        data.qpos[:] = body.couplings.apply(qpos)
        mujoco.mj_kinematics(body.model, data)
        pose = leg.forward(joints[None], qpos[None, :3], rotation.as_matrix()[None])
        for k, part in enumerate(("femur", "tibia", "talus", "calcn", "toes")):
            assert np.allclose(pose.position[0, k], data.body(f"{part}_{side}").xpos, atol=1e-9)
            assert np.allclose(pose.rotation[0, k].ravel(), data.body(f"{part}_{side}").xmat, atol=1e-9)


@pytest.mark.parametrize("side", ["r", "l"])
def test_forward_kinematics_equal_mujoco(body, side):
    _against_mujoco(body, side)


def test_forward_kinematics_of_the_original_model(kinesis_xml):
    _against_mujoco(load_body(kinesis_xml), "l")


@pytest.mark.parametrize("side", ["r", "l"])
def test_inverse_finds_the_angles_again(body, side):
    leg, rng = Leg(body, side), np.random.default_rng(2)
    joints = rng.uniform(0.6 * leg.low, 0.6 * leg.high, (200, 7))
    joints[:, KNEE] = rng.uniform(0.1, 1.2, 200)
    root, turn = rng.normal(size=(200, 3)), Rotation.random(200, random_state=rng).as_matrix()
    pose = leg.forward(joints, root, turn)
    guess = joints + rng.normal(0.0, 0.1, joints.shape) * (np.arange(7) < 6)
    found = leg.inverse(root, turn, pose.position[:, CALCN], pose.rotation[:, CALCN], guess)
    assert np.abs(found - joints).max() < 1e-4


def test_out_of_reach_stays_within_limits_and_gets_near(body):
    leg = Leg(body, "r")
    root, turn = np.zeros((1, 3)), np.eye(3)[None]
    start = np.zeros((1, 7))
    pose = leg.forward(start, root, turn)
    below = pose.position[:, CALCN] - [0.0, 0.0, 0.1]
    found = leg.inverse(root, turn, below, pose.rotation[:, CALCN], start)
    reached = leg.forward(found, root, turn).position[:, CALCN]
    assert np.all(found >= leg.low - 1e-12) and np.all(found <= leg.high + 1e-12)
    assert np.linalg.norm(reached - below) < 0.102


def test_reach_shrinks_as_the_knee_bends(body):
    leg = Leg(body, "l")
    reach = leg.reach(np.radians([5.0, 20.0, 60.0, 90.0]))
    assert np.all(np.diff(reach) < 0) and 0.78 < reach[0] < 0.82
