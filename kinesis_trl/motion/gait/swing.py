"""The swinging leg: published joint curves, led smoothly from the pose at lift to the pose at strike."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from kinesis_trl.body.leg import ANKLE, CALCN, HIP, KNEE, Leg
from kinesis_trl.motion.gait.curve_fit import derivative, fit, value
from kinesis_trl.motion.gait.foot_roll import Sole
from kinesis_trl.motion.gait.gait_curves import smoothstep
from kinesis_trl.motion.retarget.support import runs

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

_CLEARANCE = 0.012
"""Least height of the foot in mid-swing in metres (minimum toe clearance: Winter 1992, Phys Ther 72:45)."""
_BEND = {HIP: 1.0, KNEE: 0.7, ANKLE: 0.6}
"""How much each joint bends to lift the foot."""
_LEAST = 0.0025  # m
_MOST_BEND = 0.6  # rad
_ROUNDS = 5


def fill_swing(joints: Array, curve: Array, stands: Mask, dt: float) -> Array:
    """Joint angles (T, 7) with the swing filled in.

    Args:
        joints: (T, 7) angles; those of standing frames count.
        curve: (T, 7) reference angles.
        stands: (T,) which frames stand.
        dt: seconds between frames.
    """
    frames = len(joints)
    if stands.all():
        return joints.copy()
    deviation = np.where(stands[:, None], joints - curve, 0.0)
    smooth = derivative(frames, 2, dt, np.zeros((frames - 2, joints.shape[1])), 0.04**4)
    drawn = fit(frames, [value(deviation, np.where(stands, 1e4, 5e-2)), smooth])
    return np.where(stands[:, None], joints, curve + drawn)


def clear_floor(joints: Array, stands: Mask, leg: Leg, sole: Sole, root_pos: Array, root_rot: Array) -> Array:
    """Joint angles (T, 7) with the foot clear of the floor in each swing.

    First by bending hip, knee and ankle further in one smooth bump a swing, then, where the foot still dips under
    the floor beside a stance, by raising it straight up.
    """
    out = np.where(stands[:, None], joints, np.clip(joints, leg.low, leg.high))
    for part in runs(~stands):
        count = part.stop - part.start
        share = (np.arange(count) + 1.0) / (count + 1.0)
        bump = 16.0 * share**2 * (1.0 - share) ** 2
        out[part] = _lifted(out[part], bump, leg, sole, root_pos[part], root_rot[part])
    return _raised(out, stands, leg, sole, root_pos, root_rot)


def _raised(joints: Array, stands: Mask, leg: Leg, sole: Sole, root_pos: Array, root_rot: Array) -> Array:
    pose = leg.forward(joints, root_pos, root_rot)
    lack = np.where(stands, 0.0, np.maximum(_LEAST - sole.height(pose), 0.0))
    rise = np.where(stands, 0.0, np.maximum(lack, gaussian_filter1d(lack, 1.0)))
    low = rise > 1e-4
    out = joints.copy()
    if low.any():
        target = pose.position[low, CALCN] + rise[low, None] * np.array([0.0, 0.0, 1.0])
        out[low] = leg.inverse(root_pos[low], root_rot[low], target, pose.rotation[low, CALCN], joints[low])
    return out


def _lifted(joints: Array, bump: Array, leg: Leg, sole: Sole, root_pos: Array, root_rot: Array) -> Array:
    """Joint angles (n, 7) of one swing with so much of `bump` (n,) added that the foot clears the floor."""
    need = _CLEARANCE * smoothstep((bump - 0.05) / 0.4)
    shape = np.zeros_like(joints)
    for joint, factor in _BEND.items():
        shape[:, joint] = factor * bump

    def bent(bend: float) -> Array:
        return np.clip(joints + bend * shape, leg.low, leg.high)

    def height(bend: float) -> Array:
        return sole.height(leg.forward(bent(bend), root_pos, root_rot))

    bend = 0.0
    for _ in range(_ROUNDS):
        now = height(bend)
        lack = need - now
        if lack[bump > 0.12].max(initial=0.0) <= 5e-4:
            break
        gain = (height(bend + 0.05) - now) / 0.05
        useful = (bump > 0.12) & (gain > 0.05)  # elsewhere the bump hardly lifts the foot
        if not useful.any() or lack[useful].max() <= 5e-4:
            break
        bend = min(bend + min(float((lack[useful] / gain[useful]).max()), 0.2), _MOST_BEND)
    return bent(bend)
