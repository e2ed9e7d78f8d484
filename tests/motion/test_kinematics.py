"""Kinematics of many frames against MuJoCo on one frame at a time."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from kinesis_trl.body.model import BodyModel
from kinesis_trl.motion.kinematics import Poses, forward_kinematics, velocities


@pytest.fixture(scope="module")
def states(body: BodyModel) -> tuple[np.ndarray, np.ndarray]:
    """300 random states: more than one batch."""
    rng = np.random.default_rng(3)
    qpos = np.tile(body.standing_qpos, (300, 1))
    qpos[:, :3] += rng.normal(size=(300, 3))
    qpos[:, 3:7] = rng.normal(size=(300, 4))
    qpos[:, 3:7] /= np.linalg.norm(qpos[:, 3:7], axis=1, keepdims=True)
    low, high = body.joint_range.T
    qpos[:, 7:] = rng.uniform(low, high, size=(300, len(low)))
    return body.couplings.apply(qpos), rng.normal(size=(300, body.model.nv))


def test_forward_kinematics_agrees_with_mujoco(body: BodyModel, states: tuple[np.ndarray, np.ndarray]) -> None:
    qpos, qvel = states
    motion = forward_kinematics(body, qpos, qvel)
    data = mujoco.MjData(body.model)
    speed = np.empty(6)
    for t in (0, 17, 255, 256, 299):
        data.qpos[:], data.qvel[:] = qpos[t], qvel[t]
        mujoco.mj_forward(body.model, data)
        np.testing.assert_allclose(motion.body_pos[t], data.xpos[body.tracked_ids], atol=1e-12)
        np.testing.assert_allclose(motion.muscle_length[t], data.actuator_length, atol=1e-12)
        for k, i in enumerate(body.tracked_ids):
            mujoco.mj_objectVelocity(body.model, data, mujoco.mjtObj.mjOBJ_XBODY, int(i), speed, 0)
            np.testing.assert_allclose(motion.body_vel[t, k], speed[3:], atol=1e-10)
    np.testing.assert_allclose(motion.foot_height, body.lowest_foot_point(qpos), atol=1e-12)


def test_kinematics_without_muscles_are_the_same(body: BodyModel, states: tuple[np.ndarray, np.ndarray]) -> None:
    qpos, qvel = states[0][:50], states[1][:50]
    bare, full = Poses.of(body).evaluate(qpos, qvel), Poses.of(body, muscles=True).evaluate(qpos, qvel)
    assert "actuator_length" not in bare
    for name, values in bare.items():
        np.testing.assert_allclose(values, full[name], atol=1e-12, err_msg=name)


def test_lowest_contact_point_is_the_lowest_foot_point(body: BodyModel, states: tuple[np.ndarray, np.ndarray]) -> None:
    qpos = states[0][:100]
    poses = Poses.of(body)
    lowest = poses.foot_contact_points(poses.evaluate(qpos))[..., 2].min(1)
    np.testing.assert_allclose(lowest, body.lowest_foot_point(qpos), atol=1e-12)


def test_velocities_of_steady_motion_are_exact(body: BodyModel) -> None:
    qpos = np.tile(body.standing_qpos, (20, 1))
    time = np.arange(20) / 30
    qpos[:, 0] += 1.3 * time
    qpos[:, 3], qpos[:, 6] = np.cos(0.2 * time), np.sin(0.2 * time)
    knee = 7 + body.joint_names.index("knee_angle_r")
    qpos[:, knee] = 0.1 + 0.6 * time
    qpos = body.couplings.apply(qpos)
    qvel = velocities(qpos, 30.0, body)
    np.testing.assert_allclose(qvel[:, :3], np.tile([1.3, 0, 0], (20, 1)), atol=1e-9)
    np.testing.assert_allclose(qvel[:, 3:6], np.tile([0, 0, 0.4], (20, 1)), atol=1e-7)
    np.testing.assert_allclose(qvel[:, knee - 1], 0.6, atol=1e-9)
    np.testing.assert_allclose(qvel, body.couplings.apply_velocity(qpos, qvel))


def test_velocities_move_mujoco_to_the_next_frame(body: BodyModel) -> None:
    """Differentiated at 240 Hz, so that mj_integratePos over one frame is nearly the motion itself."""
    time = np.arange(240)[:, None] / 240
    qpos = np.tile(body.standing_qpos, (240, 1))
    qpos[:, 7:] += 0.2 * np.sin(3 * time + np.arange(body.model.nq - 7))
    qpos[:, 3:7] = np.concatenate([np.ones_like(time), 0.3 * np.sin(2 * time), 0.2 * np.cos(3 * time), time], axis=1)
    qpos[:, 3:7] /= np.linalg.norm(qpos[:, 3:7], axis=1, keepdims=True)
    qpos = body.couplings.apply(qpos)
    qvel = velocities(qpos, 240.0, body)
    for t in (20, 100, 200):
        ahead, behind = qpos[t].copy(), qpos[t].copy()
        mujoco.mj_integratePos(body.model, ahead, qvel[t], 1 / 240)
        mujoco.mj_integratePos(body.model, behind, qvel[t], -1 / 240)
        # errors of the two are equal to second order, so their difference is the motion over two frames
        np.testing.assert_allclose(ahead - behind, qpos[t + 1] - qpos[t - 1], atol=3e-6)
