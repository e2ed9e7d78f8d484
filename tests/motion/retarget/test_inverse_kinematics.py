"""Trajectory inverse kinematics: derivatives, limits, long motions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kinesis_trl.body.model import BodyModel
from kinesis_trl.motion.clip import MotionClip
from kinesis_trl.motion.kinematics import forward_kinematics
from kinesis_trl.motion.retarget import inverse_kinematics
from kinesis_trl.motion.retarget.inverse_kinematics import FitConfig, Targets, _Problem, fit_trajectory


def targets_of(body: BodyModel, qpos: np.ndarray) -> Targets:
    """The tracked bodies of a motion, nothing standing, neutral reference."""
    reference = np.tile(body.standing_qpos, (len(qpos), 1))
    reference[:, :7] = qpos[:, :7]
    motion = forward_kinematics(body, qpos, np.zeros((len(qpos), body.model.nv)))
    return Targets(
        position=motion.body_pos,
        orientation=qpos[:, 3:7],
        reference=reference,
        stance=np.zeros((len(qpos), 4), dtype=bool),
    )


def test_jacobian_is_the_derivative(body: BodyModel) -> None:
    rng = np.random.default_rng(5)
    problem = _Problem.of(body)
    low, high = problem.limits
    qpos = np.tile(body.standing_qpos, (3, 1))
    qpos[:, 3:7] += 0.4 * rng.normal(size=(3, 4))
    qpos[:, 3:7] /= np.linalg.norm(qpos[:, 3:7], axis=1, keepdims=True)
    qpos[:, problem.joint_qpos] = rng.uniform(low + 0.1, high - 0.1, size=(3, len(low)))
    qpos = body.couplings.apply(qpos)
    field, tracked, foot = problem.points(qpos)
    jacobian = problem.jacobian(qpos, field, tracked, problem.tracked_chain)
    height = problem.jacobian(qpos, field, foot, problem.foot_chain, (2,))
    for k in range(problem.size):
        step = np.zeros((3, problem.size))
        step[:, k] = 1e-6
        _, tracked_after, foot_after = problem.points(problem.move(qpos, step))
        np.testing.assert_allclose(jacobian[..., k], (tracked_after - tracked) / 1e-6, atol=2e-5)
        # foot points roll on their geoms, but not up or down to first order
        np.testing.assert_allclose(height[:, :, 0, k], (foot_after - foot)[..., 2] / 1e-6, atol=2e-5)


def test_a_motion_is_found_from_its_tracked_bodies(body: BodyModel, march: MotionClip) -> None:
    assert march.qpos is not None
    targets = targets_of(body, march.qpos)
    found = fit_trajectory(body, targets, targets.reference, FitConfig())
    apart = forward_kinematics(body, found, np.zeros((len(found), body.model.nv))).body_pos - targets.position
    assert np.linalg.norm(apart, axis=-1).mean() < 5e-4
    np.testing.assert_array_equal(body.couplings.apply(found), found)


def test_limits_hold_when_targets_lie_beyond(body: BodyModel, march: MotionClip) -> None:
    assert march.qpos is not None
    beyond = march.qpos.copy()
    for name in ("knee_angle_l", "knee_angle_r"):
        beyond[:, 7 + body.joint_names.index(name)] -= 0.4
    targets = targets_of(body, body.couplings.apply(beyond))
    found = fit_trajectory(body, targets, targets.reference, FitConfig())
    problem = _Problem.of(body)
    low, high = problem.limits
    joints = found[:, problem.joint_qpos]
    assert ((joints >= low) & (joints <= high)).all()
    assert (joints == low).any()


def test_long_motions_have_no_seam(body: BodyModel, march: MotionClip, monkeypatch: pytest.MonkeyPatch) -> None:
    assert march.qpos is not None
    qpos = np.tile(march.qpos, (4, 1))
    targets = replace(targets_of(body, qpos), stance=np.ones((len(qpos), 4), dtype=bool))
    config = FitConfig(acceleration=0.02, slide=0.01)
    whole = fit_trajectory(body, targets, targets.reference, config)
    monkeypatch.setattr(inverse_kinematics, "_WINDOW", 70)
    pieces = fit_trajectory(body, targets, targets.reference, config)
    assert np.abs(pieces - whole).max() < 5e-3
    assert np.abs(np.diff(pieces, n=3, axis=0) - np.diff(whole, n=3, axis=0)).max() < 5e-3
