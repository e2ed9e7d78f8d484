from __future__ import annotations

import numpy as np

from kinesis_trl.body.foot_placement import place_feet
from kinesis_trl.motion.kinematics import Poses


def feet(body, qpos):
    """Origins (T, 4, 3) of hindfeet and toes."""
    ids = [body.model.body(f"{part}_{side}").id for part in ("calcn", "toes") for side in "rl"]
    return Poses.of(body).evaluate(qpos)["xpos"][:, ids].copy()


def test_feet_stay_when_the_trunk_moves(body, march):
    moved = march.qpos.copy()
    moved[:, :3] += [0.015, -0.02, -0.01]
    assert np.linalg.norm(feet(body, moved) - feet(body, march.qpos), axis=-1).min() > 0.02
    placed = place_feet(body, moved, march.qpos)
    np.testing.assert_allclose(feet(body, placed), feet(body, march.qpos), atol=2e-4)
    np.testing.assert_array_equal(placed[:, :7], moved[:, :7])


def test_feet_out_of_reach_come_as_near_as_straight_legs_let_them(body):
    """Stretched legs, raised by 5 cm: the feet hang about 5 cm too high, knees at their limit."""
    reference = np.tile(body.standing_qpos, (4, 1))
    raised = reference.copy()
    raised[:, 2] += 0.05
    placed = place_feet(body, raised, reference)
    miss = np.linalg.norm(feet(body, placed) - feet(body, reference), axis=-1)
    assert miss.mean() <= 0.05 + 1e-9
    low, high = body.joint_range.T
    assert (placed[:, 7:] >= low - 1e-9).all() and (placed[:, 7:] <= high + 1e-9).all()


def test_a_pose_that_fits_is_kept(body, march):
    np.testing.assert_allclose(place_feet(body, march.qpos, march.qpos), march.qpos, atol=1e-9)
