"""Footsteps of a recorded motion: when and where each foot stands, as the gait generator would plan them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation

from kinesis_trl.body.leg import CALCN, LegPose
from kinesis_trl.motion.gait.foot_roll import FootRoll
from kinesis_trl.motion.gait.footsteps import LONG_AGO, NEVER, RATE, Course, FootstepPlan, Side, Stance
from kinesis_trl.motion.retarget.support import runs

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

_HEADING, _PATH, _FLIGHT = 0.25, 0.2, 0.3
"""Seconds over which heading, path and share of flight are smoothed."""
_PERIOD = 1.2
"""Stride period in seconds of a foot that takes no stride."""
_SHORTEST, _LONGEST = 0.5, 2.0
"""Stride periods in seconds, whatever the strikes say."""


def recorded_steps(
    qpos: Array, fps: float, poses: dict[Side, LegPose], rolls: dict[Side, FootRoll], stance: dict[Side, Mask]
) -> FootstepPlan:
    """The plan that fits a motion.

    Args:
        qpos: (T, nq) with the floor at z = 0, T ≥ 2.
        fps: frames per second.
        poses: of both legs in all frames.
        rolls: of both feet.
        stance: (T, 2) whether heel and toes stand, by foot.
    """
    stances = {side: _stances(side, poses[side], rolls[side], stance[side], fps) for side in poses}
    flies = ~np.any([mask.any(1) for mask in stance.values()], axis=0)
    return FootstepPlan(_course(qpos, flies, fps), stances, (len(qpos) - 1) / fps)


def _stances(side: Side, pose: LegPose, roll: FootRoll, stance: Mask, fps: float) -> list[Stance]:
    """Stances of one foot in order, each where the foot lies flat, or where it is in the middle."""
    local, flat, _ = roll.at(np.zeros(1))
    position, axes = pose.position[:, CALCN, :2], pose.rotation[:, CALCN] @ flat[0].T
    yaw = np.unwrap(np.arctan2(axes[:, 1, 0], axes[:, 0, 0]))
    spans = list(runs(np.asarray(stance.any(1))))
    strikes = [LONG_AGO if span.start == 0 else (span.start - 0.5) / fps for span in spans]
    lifts = [NEVER if span.stop == len(stance) else (span.stop - 0.5) / fps for span in spans]
    out = []
    for k, span in enumerate(spans):
        level = stance[span].all(1)
        chosen = np.arange(span.start, span.stop)[level if level.any() else slice(None)]
        angle = float(np.median(yaw[chosen]))
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        x, y = np.median(position[chosen], axis=0) - turn @ local[0, :2]
        stride, lift_stride = _period(strikes, k), _period(lifts, k)
        out.append(Stance(side, float(x), float(y), angle, strikes[k], stride, lifts[k], lift_stride))
    return out


def _period(events: list[float], index: int) -> float:
    """The shorter of the strides before and after an event, in seconds."""
    near = [b - a for a, b in pairwise(events[max(index - 1, 0) : index + 2]) if a > LONG_AGO and b < NEVER]
    return float(np.clip(min(near, default=_PERIOD), _SHORTEST, _LONGEST))


def _course(qpos: Array, flies: Mask, fps: float) -> Course:
    """Path, heading and speeds of the pelvis, smoothed."""

    def smooth(values: Array, seconds: float) -> Array:
        return np.asarray(gaussian_filter1d(values, seconds * fps, axis=0, mode="nearest"))

    heading = smooth(np.unwrap(Rotation.from_quat(qpos[:, 3:7], scalar_first=True).as_euler("ZYX")[:, 0]), _HEADING)
    path = smooth(qpos[:, :2], _PATH)
    velocity, turn = np.gradient(path, 1 / fps, axis=0), np.gradient(heading, 1 / fps)
    forward = velocity[:, 0] * np.cos(heading) + velocity[:, 1] * np.sin(heading)
    left = velocity[:, 1] * np.cos(heading) - velocity[:, 0] * np.sin(heading)
    run = np.clip(4.0 * smooth(flies.astype(np.float64), _FLIGHT), 0.0, 1.0)
    at, frames = np.arange(round((len(qpos) - 1) / fps * RATE) + 1) / RATE, np.arange(len(qpos)) / fps
    x, y, *rest = (np.interp(at, frames, column) for column in (*path.T, heading, forward, left, turn, run))
    return Course(np.stack([x, y], axis=1), *rest)
