"""Resampling: exact where it must be, close to the truth elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from kinesis_trl.body.model import BodyModel
from kinesis_trl.motion import resample
from kinesis_trl.motion.resample import (
    continuous_quat,
    resample_positions,
    resample_qpos,
    sample_angular_velocity,
    sample_rotation,
)


def waving(body: BodyModel, frames: int, fps: float) -> np.ndarray:
    """Every coordinate on a sine below 1 Hz, the root turning on its way."""
    time = np.arange(frames) / fps
    phase = np.arange(body.model.nq - 7)
    qpos = np.tile(body.standing_qpos, (frames, 1))
    qpos[:, 7:] += 0.2 * np.sin(2 * np.pi * 0.7 * time[:, None] + phase)
    qpos[:, 0], qpos[:, 1] = 1.2 * time, 0.3 * np.sin(time)
    turn = Rotation.from_euler("ZYX", np.stack([0.8 * time, 0.2 * np.sin(3 * time), 0.1 * np.cos(2 * time)], axis=1))
    qpos[:, 3:7] = turn.as_quat(scalar_first=True)
    return body.couplings.apply(qpos)


def test_equal_rate_changes_nothing(body: BodyModel) -> None:
    qpos = waving(body, 40, 30.0)
    np.testing.assert_array_equal(resample_qpos(qpos, 30.0, 30.0, body=body), qpos)
    positions = np.random.default_rng(0).normal(size=(9, 4, 3))
    np.testing.assert_array_equal(resample_positions(positions, 30.0), positions)


def test_resampling_twice_changes_nothing(body: BodyModel) -> None:
    once = resample_qpos(waving(body, 60, 20.0), 20.0, 30.0, body=body)
    np.testing.assert_array_equal(resample_qpos(once, 30.0, 30.0, body=body), once)


def test_there_and_back_keeps_the_frames(body: BodyModel) -> None:
    qpos = waving(body, 50, 30.0)
    there = resample_qpos(qpos, 30.0, 120.0, body=body)
    assert len(there) == 49 * 4 + 1
    np.testing.assert_allclose(resample_qpos(there, 120.0, 30.0, body=body), qpos, atol=1e-12)


@pytest.mark.parametrize("fps", [10.0, 20.0, 29.93, 60.0, 120.0])
def test_any_rate_meets_the_true_motion(body: BodyModel, fps: float) -> None:
    frames = int(4 * fps) + 1
    result = resample_qpos(waving(body, frames, fps), fps, body=body)
    assert len(result) == int(np.floor((frames - 1) / fps * 30.0 + 1e-6)) + 1
    truth = waving(body, len(result), 30.0)
    slack = 3e-3 if fps < 30 else 1e-4
    inner = slice(3, -3)
    np.testing.assert_allclose(result[inner, :3], truth[inner, :3], atol=slack)
    np.testing.assert_allclose(result[inner, 7:], truth[inner, 7:], atol=slack)
    apart = Rotation.from_quat(result[inner, 3:7], scalar_first=True).inv() * Rotation.from_quat(
        truth[inner, 3:7], scalar_first=True
    )
    assert apart.magnitude().max() < slack


def test_couplings_hold_between_frames(body: BodyModel) -> None:
    result = resample_qpos(waving(body, 30, 10.0), 10.0, body=body)
    np.testing.assert_array_equal(body.couplings.apply(result), result)


def test_quaternion_signs_do_not_matter(body: BodyModel) -> None:
    qpos = waving(body, 40, 20.0)
    flipped = qpos.copy()
    flipped[::3, 3:7] *= -1
    np.testing.assert_allclose(
        resample_qpos(flipped, 20.0, body=body), resample_qpos(qpos, 20.0, body=body), atol=1e-12
    )


def test_continuous_quat_has_no_jump_and_starts_positive() -> None:
    turn = Rotation.from_euler("z", np.linspace(0, 4 * np.pi, 50)[:, None]).as_quat(scalar_first=True)
    quat = continuous_quat(turn * np.where(np.arange(50) % 2, 1.0, -1.0)[:, None] * 3.0)
    assert quat[0, 0] > 0
    assert np.abs(np.diff(quat, axis=0)).max() < 0.2
    np.testing.assert_allclose(np.linalg.norm(quat, axis=1), 1.0)


def test_windows_leave_no_seam(body: BodyModel, monkeypatch: pytest.MonkeyPatch) -> None:
    qpos = waving(body, 400, 20.0)
    whole = resample_qpos(qpos, 20.0, body=body)
    monkeypatch.setattr(resample, "_WINDOW", 70)
    np.testing.assert_allclose(resample_qpos(qpos, 20.0, body=body), whole, atol=1e-12)


def test_two_frames_suffice(body: BodyModel) -> None:
    qpos = waving(body, 2, 10.0)
    result = resample_qpos(qpos, 10.0, body=body)
    assert len(result) == 4
    np.testing.assert_allclose(result[-1, 7:], qpos[-1, 7:], atol=1e-12)


def test_angular_velocity_is_in_the_turning_frame() -> None:
    time = np.arange(60) / 30
    rate = np.array([0.3, -0.5, 0.2])
    start = Rotation.from_euler("xyz", [0.4, 0.3, 1.0])
    quat = (start * Rotation.from_rotvec(time[:, None] * rate)).as_quat(scalar_first=True)
    np.testing.assert_allclose(sample_angular_velocity(quat, 30.0, time), np.tile(rate, (60, 1)), atol=1e-6)
    middle = sample_rotation(quat, 30.0, time[:-1] + 1 / 60)
    truth = start * Rotation.from_rotvec((time[:-1, None] + 1 / 60) * rate)
    apart = (truth.inv() * Rotation.from_quat(middle, scalar_first=True)).magnitude()
    assert apart.max() < 1e-7
