"""Other movements of the pelvis over the same footprints."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from kinesis_trl.body.leg import CALCN
from kinesis_trl.motion.gait.synthesis import Walker
from kinesis_trl.motion.variation import vary_pelvis


def feet(body, qpos):
    """Places (2, T, 3) of the calcanei."""
    rotation = Rotation.from_quat(qpos[:, 3:7], scalar_first=True).as_matrix()
    legs = Walker.of(body).legs.values()
    return np.stack([leg.forward(qpos[:, leg.qpos], qpos[:, :3], rotation).position[:, CALCN] for leg in legs])


def added(qpos, other):
    """What was added to the root: rotation vectors and displacements (T, 3) in its own frame and its heading's."""
    before, after = (Rotation.from_quat(q[:, 3:7], scalar_first=True) for q in (qpos, other))
    heading = Rotation.from_rotvec(before.as_euler("ZYX")[:, :1] * [0.0, 0.0, 1.0])
    return (before.inv() * after).as_rotvec(), heading.inv().apply(other[:, :3] - qpos[:, :3])


def test_the_pelvis_moves_and_the_feet_stay(body, march):
    tilts, shifts = [], []
    for seed in range(20):
        other = vary_pelvis(body, march.qpos, 30.0, np.random.default_rng(seed), tilt=0.03, shift=0.005)
        np.testing.assert_allclose(feet(body, other), feet(body, march.qpos), atol=5e-3)  # straight legs do not reach
        tilt, shift = added(march.qpos, other)
        tilts.append(tilt.std(0))
        shifts.append(shift.std(0))
    roll, pitch, yaw = np.sqrt(np.mean(np.square(tilts), axis=0))
    ahead, aside, up = np.sqrt(np.mean(np.square(shifts), axis=0))
    assert (roll, yaw) == pytest.approx((0.03, 0.03), rel=0.5) and aside == pytest.approx(0.005, rel=0.5)
    assert 0 < pitch < 0.03 and 0 < ahead < 0.005 and 0 < up < 0.005  # marching legs do little alike


def test_it_is_the_same_in_a_mirror(body, march):
    qpos = march.qpos[7:]  # begins within a step
    here = vary_pelvis(body, qpos, 30.0, np.random.default_rng(1), tilt=0.03, shift=0.005)
    there = vary_pelvis(body, body.mirror.qpos(qpos), 30.0, np.random.default_rng(1), tilt=0.03, shift=0.005)
    np.testing.assert_allclose(body.mirror.qpos(there), here, atol=1e-3)


def test_who_stands_still_keeps_standing(body):
    still = np.tile(body.standing_qpos, (10, 1))
    np.testing.assert_allclose(
        vary_pelvis(body, still, 30.0, np.random.default_rng(0), tilt=0.1, shift=0.05), still, atol=1e-3
    )
