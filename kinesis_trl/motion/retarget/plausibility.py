"""Whether a motion, as it was read, is one that a person can make: speed, jumps, feet that glide, sides that differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from kinesis_trl.body.model import BodyModel

Array = NDArray[np.float64]

_NEAR_FLOOR = 0.03
_FEWEST_NEAR = 0.1
_GETS_AHEAD = 0.3  # m/s
_OUT_OF_PLANE = ("hip_rotation", "hip_adduction", "subtalar_angle")


@dataclass(frozen=True, kw_only=True)
class Plausibility:
    """Measures of a motion before anything is corrected in it."""

    root_speed_m_s: float
    """Greatest speed of the pelvis between two frames; of sprinters it is below 12."""
    root_jump_m: float
    """Greatest distance of the pelvis from the cubic through the two frames before and after it."""
    foot_jump_m: float
    """The same of an ankle or toe joint relative to the pelvis."""
    root_turn_rad_s: float
    """Greatest angular speed of the pelvis between two frames."""
    floor_slide_m_s: float
    """Median horizontal speed of the lowest foot part while it is near the floor, whether it counts as standing or
    not: what a treadmill's belt or a wrong unit of the root adds to standing feet."""
    travel_m_s: float
    """Way of the pelvis over the floor from the first frame to the last, over the time."""
    feet_turn_deg: float
    """Median angle from the pelvis's forward to that of both feet, left positive."""
    lean_deg: float
    """Angle between the vertical and the mean way from the middle of the ankles to the pelvis; 0 in place."""
    stretch: float
    """Greatest change of a thigh's or shank's length (5th to 95th percentile) over its median; 0 for rigid bones."""
    knee_back_m: float
    """How far bent knees lie behind the line from hip to ankle, as the pelvis faces, on average; 0 when before it."""


def plausibility(
    *,
    pelvis: Array,
    pelvis_quat: Array,
    fps: float,
    parts: Array,
    at_parts: tuple[Array, Array, float] | None = None,
    legs: Array | None = None,
) -> Plausibility:
    """Measure a motion.

    Args:
        pelvis: (T, 3) position of the pelvis at the source's rate, in metres, z up.
        pelvis_quat: (T, 4) its orientation wxyz, forward along x.
        fps: frames per second of these.
        parts: (T', 4, 3) left and right ankle, left and right toe, in metres.
        at_parts: position (T', 3) and orientation (T', 4) of the pelvis and frames per second at the times of `parts`,
            where these are others than the above.
        legs: (T, 2, 3, 3) hip, knee and ankle of both sides, where bones are not rigid by themselves.
    """
    parts_pelvis, parts_quat, parts_fps = at_parts or (pelvis, pelvis_quat, fps)
    speed = np.linalg.norm(np.diff(pelvis, axis=0), axis=1) * fps
    turns = Rotation.from_quat(pelvis_quat, scalar_first=True)
    turn = (turns[1:] * turns[:-1].inv()).magnitude() * fps
    foot = parts[:, 2:] - parts[:, :2]
    ahead = (foot / np.linalg.norm(foot, axis=-1, keepdims=True).clip(1e-9)).mean(1)
    turns_at_parts = Rotation.from_quat(parts_quat, scalar_first=True)
    local = turns_at_parts.apply(ahead, inverse=True)
    travel = float(np.linalg.norm((pelvis[-1] - pelvis[0])[:2]) * fps / (len(pelvis) - 1))
    rise = (parts_pelvis - parts[:, :2].mean(1)).mean(0)
    lean = np.degrees(np.arctan2(np.linalg.norm(rise[:2]), rise[2])) if travel > _GETS_AHEAD else 0.0
    lengths = np.ones((1, 4)) if legs is None else np.linalg.norm(np.diff(legs, axis=2), axis=-1).reshape(-1, 4)
    short, middle, long = np.quantile(lengths, (0.05, 0.5, 0.95), axis=0)
    return Plausibility(
        root_speed_m_s=float(speed.max()),
        root_jump_m=largest_jump(pelvis),
        foot_jump_m=largest_jump(parts - parts_pelvis[:, None]),
        root_turn_rad_s=float(turn.max()),
        floor_slide_m_s=floor_slide(parts, parts_fps),
        travel_m_s=travel,
        feet_turn_deg=float(np.degrees(np.median(np.arctan2(local[:, 1], local[:, 0])))),
        lean_deg=float(lean),
        stretch=float(((long - short) / middle.clip(1e-9)).max()),
        knee_back_m=0.0 if legs is None else knee_back(legs, turns_at_parts.apply([1.0, 0.0, 0.0])),
    )


def off_cubic(values: Array) -> Array:
    """Values (T − 4, …) less the cubics through the two frames before and after them; none for T < 5."""
    return values[2:-2] - (4 * (values[1:-3] + values[3:-1]) - values[:-4] - values[4:]) / 6


def largest_jump(points: Array) -> float:
    """Greatest distance of points (T, …, 3) from the cubics through the two frames before and after them.

    At both ends, half of that from the line through the next two, so that a step counts as anywhere else: by half.
    """
    if len(points) < 5:
        return 0.0
    ends = (points[[0, -1]] - 2 * points[[1, -2]] + points[[2, -3]]) / 2
    return float(np.linalg.norm(np.concatenate([ends, off_cubic(points)]), axis=-1).max())


def floor_slide(parts: Array, fps: float) -> float:
    """Median horizontal speed in m/s of the lowest of the foot parts (T, 4, 3) while it is within 3 cm of the lowest
    level of its kind; 0 when a foot is there in less than a tenth of the frames."""
    height = parts[..., 2]
    level = np.repeat([np.quantile(height[:, pair], 0.05) for pair in ([0, 1], [2, 3])], 2)
    above = np.maximum(height[1:], height[:-1]) - level
    lowest = above.argmin(1)
    near = above.min(1) < _NEAR_FLOOR
    if near.mean() < _FEWEST_NEAR:
        return 0.0
    speed = np.linalg.norm(np.diff(parts[..., :2], axis=0), axis=-1) * fps
    return float(np.median(speed[np.arange(len(speed)), lowest][near]))


def knee_back(legs: Array, forward: Array) -> float:
    """How far in metres knees that are bent lie behind the line from hip to ankle, on average; 0 when before it.

    legs: (T, 2, 3, 3) hip, knee and ankle of both sides; forward: (T, 3) where the pelvis faces.
    """
    hip, knee, ankle = np.moveaxis(legs, 2, 0)
    line = ankle - hip
    length = np.linalg.norm(line, axis=-1, keepdims=True).clip(1e-9)
    off = knee - hip - line * (((knee - hip) * line).sum(-1, keepdims=True) / length**2)
    bent = np.linalg.norm(off, axis=-1) > 0.1 * length[..., 0]
    return max(0.0, -float((off * forward[:, None]).sum(-1)[bent].mean())) if bent.any() else 0.0


def asymmetry(body: BodyModel, qpos: Array) -> float:
    """Greatest difference in degrees between left and right in the mean of a joint that turns the leg out of the
    sagittal plane (hip rotation and adduction, subtalar); qpos (T, nq).

    A pelvis that was read turned against the legs by an angle shows as twice that angle.
    """
    mean = np.degrees(qpos.mean(0))
    sides = [[mean[7 + body.joint_names.index(f"{joint}_{side}")] for side in "lr"] for joint in _OUT_OF_PLANE]
    return float(max(abs(left - right) for left, right in sides))
