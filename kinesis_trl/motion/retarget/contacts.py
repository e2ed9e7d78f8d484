"""When feet stand, how much they slide and how deep they sink."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_propagation

from kinesis_trl.motion.resample import sample_curve

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

PARTS = ("L_Ankle", "R_Ankle", "L_Toe", "R_Toe")
"""Foot parts in the order of every stance mask: heels (by the ankle above them), then toes."""


@dataclass(frozen=True, kw_only=True)
class ContactConfig:
    """When a foot part counts as standing: low and slow, with hysteresis."""

    heel_height: float = 0.02
    """Height of the ankle above its standing level below which the heel may stand, in metres."""
    toe_height: float = 0.02
    """Height of the toe joint above its standing level below which the toes may stand, in metres."""
    speed: float = 0.2
    """Speed below which a low foot part begins to stand, in m/s."""
    speed_share: float = 0.1
    """Added to that speed per m/s of pelvis speed: recorded feet slide more in fast motion."""
    release: float = 1.5
    """Factor on heights and speed at which a standing part is released."""
    shortest: float = 0.1
    """Stances shorter than this are ignored, and so are gaps half as long, in seconds."""


def detect_stance(parts: Array, pelvis: Array, fps: float, config: ContactConfig) -> Mask:
    """Which foot parts stand.

    Args:
        parts: (T, 4, 3) positions of `PARTS` in metres, z up; the floor may lie at any height.
        pelvis: (T, 3) position of the pelvis in metres.
        fps: frames per second.
        config: thresholds.

    Returns:
        (T, 4) mask.
    """
    times = np.arange(len(parts)) / fps
    speed = np.linalg.norm(sample_curve(parts, fps, times, 1), axis=-1)
    pace = np.linalg.norm(sample_curve(pelvis, fps, times, 1)[:, :2], axis=-1)
    slow = config.speed + config.speed_share * pace
    stance = np.zeros(speed.shape, dtype=bool)
    for pair, height in (([0, 1], config.heel_height), ([2, 3], config.toe_height)):
        level = _standing_level(parts[:, pair, 2], speed[:, pair], slow)
        for part in pair:
            above = (parts[:, part, 2] - level) / height
            pace_ratio = speed[:, part] / slow
            begins = (above < 1) & (pace_ratio < 1)
            holds = (above < config.release) & (pace_ratio < config.release)
            stance[:, part] = _tidy(binary_propagation(begins, mask=holds), round(config.shortest * fps))
    return stance


def stance_slide(parts: Array, stance: Mask, fps: float) -> float:
    """Mean horizontal speed in m/s of foot parts (T, 4, 3) while they stand (T, 4); 0 where none does."""
    still = stance[1:] & stance[:-1]
    if not still.any():
        return 0.0
    return float(np.linalg.norm(np.diff(parts[..., :2], axis=0), axis=-1)[still].mean() * fps)


def penetration(foot_height: Array) -> float:
    """Greatest depth in metres of the feet under the floor, from their lowest points (T,)."""
    return float(max(0.0, -foot_height.min()))


def _standing_level(height: Array, speed: Array, slow: Array) -> float:
    """Height at which this kind of foot part stands: where its slow frames are lowest."""
    resting = height[speed < slow[:, None]]
    return float(np.quantile(resting if len(resting) else height, 0.15 if len(resting) else 0.02))


def _tidy(mask: Mask, shortest: int) -> Mask:
    """Gaps of half `shortest` frames filled, then runs shorter than `shortest` dropped."""
    out = mask.copy()
    for value, least in ((False, shortest // 2 + 1), (True, shortest)):
        edges = np.flatnonzero(np.diff(out.astype(np.int8))) + 1
        bounds = np.concatenate([[0], edges, [len(out)]])
        for start, stop in pairwise(bounds):
            inner = value or (start > 0 and stop < len(out))
            if out[start] == value and stop - start < least and inner:
                out[start:stop] = not value
    return out
