from __future__ import annotations

import mujoco
import numpy as np
import pytest
from scipy.interpolate import make_smoothing_spline
from scipy.spatial.transform import Rotation

from kinesis_trl.body.model import BodyModel
from kinesis_trl.body.smoothing import smooth_motion

FPS = 30.0


def wandering(body: BodyModel, frames: int, seed: int = 0) -> np.ndarray:
    """A body that drifts, turns and bends smoothly, couplings kept."""
    rng = np.random.default_rng(seed)
    time = np.arange(frames)[:, None] / FPS
    qpos = np.tile(body.standing_qpos, (frames, 1))
    waves = np.sin(2 * np.pi * rng.uniform(0.3, 1.0, body.model.nq - 4) * time + rng.uniform(0, 6, body.model.nq - 4))
    qpos[:, :3] += 0.2 * waves[:, :3]
    qpos[:, 7:] = 0.4 + 0.3 * waves[:, 3:]
    angles = 0.8 * np.sin(2 * np.pi * np.array([0.4, 0.3, 0.5]) * time)
    qpos[:, 3:7] = Rotation.from_euler("xyz", angles).as_quat(scalar_first=True)
    return body.couplings.apply(qpos)


def test_coordinates_equal_scipys_smoothing_spline(body):
    qpos = wandering(body, 40)
    qpos[:, 0] += np.random.default_rng(1).normal(size=40)
    motion = smooth_motion(qpos, FPS, body.couplings, cutoff=5.0)
    curve = make_smoothing_spline(np.arange(40) / FPS, qpos[:, 0], lam=FPS / (2 * np.pi * 5.0) ** 4)
    for order, found in enumerate((motion.qpos, motion.qvel, motion.qacc)):
        np.testing.assert_allclose(found[:, 0], curve(np.arange(40) / FPS, nu=order), atol=1e-8)


@pytest.mark.parametrize(("ratio", "gain"), [(0.25, 1 / (1 + 0.25**4)), (1.0, 0.5), (2.0, 1 / 17)])
def test_half_of_a_wave_at_the_cutoff_passes(body, ratio, gain):
    fps, cutoff = 400.0, 5.0  # far above the cut-off, where sampling does not blur the law
    time = np.arange(1600) / fps
    qpos = np.tile(body.standing_qpos, (1600, 1))
    qpos[:, 1] = np.sin(2 * np.pi * ratio * cutoff * time)
    middle = slice(400, 1200)
    smooth = smooth_motion(qpos, fps, body.couplings, cutoff).qpos[middle, 1]
    assert np.ptp(smooth) / 2 == pytest.approx(gain, rel=0.01)


def test_derivatives_belong_to_one_motion(body):
    """qpos moved by qvel and qacc over a short time is the next qpos, quaternion and coupled joints included."""
    fps = 300.0
    coarse = wandering(body, 61)
    time = np.arange(0, 2, 1 / fps)
    fine = np.stack([np.interp(time, np.arange(61) / FPS, column) for column in coarse.T], axis=1)
    motion = smooth_motion(fine, fps, body.couplings, cutoff=2.0)
    for t in (100, 250, 400):
        for sign in (1, -1):
            step = sign / fps
            moved = motion.qpos[t].copy()
            mujoco.mj_integratePos(body.model, moved, motion.qvel[t] + 0.5 * step * motion.qacc[t], step)
            np.testing.assert_allclose(moved, motion.qpos[t + sign], atol=2e-6)
        rate = (motion.qvel[t + 1] - motion.qvel[t - 1]) * fps / 2
        np.testing.assert_allclose(rate, motion.qacc[t], atol=2e-2 * np.abs(motion.qacc[t]).max())


def test_signs_of_quaternions_do_not_matter(body):
    qpos = wandering(body, 30)
    flipped = qpos.copy()
    flipped[::3, 3:7] *= -1
    a, b = (smooth_motion(q, FPS, body.couplings, cutoff=6.0) for q in (qpos, flipped))
    np.testing.assert_allclose(a.qvel, b.qvel, atol=1e-12)
    np.testing.assert_allclose(a.qacc, b.qacc, atol=1e-10)


def test_three_frames_are_enough(body):
    motion = smooth_motion(wandering(body, 3), FPS, body.couplings, cutoff=6.0)
    assert np.isfinite(motion.qacc).all() and np.abs(motion.qacc[1]).max() > 0
