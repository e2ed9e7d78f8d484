"""Sagittal joint moments, powers and work per body mass, in the convention of clinical gait analysis."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.physiology.joint_angles import COORDINATES
from kinesis_trl.physiology.recording import Recording

Array = NDArray[np.float64]


def joint_moments(recording: Recording) -> dict[str, Array]:
    """Net internal moments (T, 2) of the right and left leg in N m/kg.

    Returns:
        "hip" (extension positive), "knee" (extension positive) and "ankle" (plantarflexion positive).
    """
    # the coordinates count flexion and dorsiflexion positive
    return {joint: -values for joint, values in _sides(recording, recording.joint_moment).items()}


def joint_powers(recording: Recording) -> dict[str, Array]:
    """Powers (T, 2) of "hip", "knee" and "ankle" flexion in W/kg, generation positive."""
    return _sides(recording, recording.joint_power)


def share_above(values: Array, rate: float, frequency: float) -> Array:
    """Share of the variance (…,) of signals (T, …), sampled `rate` times a second, above `frequency` Hz; 0 if constant.

    From the periodogram under a Hann window.

    Raises:
        ValueError: a sampling rate of less than twice the frequency, or fewer than 16 samples.
    """
    if rate <= 2 * frequency or len(values) < 16:
        raise ValueError(f"{len(values)} samples at {rate:g} Hz do not show what lies above {frequency:g} Hz.")
    window = np.hanning(len(values)).reshape(-1, *[1] * (values.ndim - 1))
    power = np.square(np.abs(np.fft.rfft((values - values.mean(0)) * window, axis=0)))[1:]
    fast = np.fft.rfftfreq(len(values), 1 / rate)[1:] > frequency
    total = power.sum(0)
    return np.asarray(np.divide(power[fast].sum(0), total, out=np.zeros_like(total), where=total > 0))


def _sides(recording: Recording, values: Array) -> dict[str, Array]:
    return {
        joint: np.stack([values[:, recording.joint(f"{name}_{side}")] for side in "rl"], axis=1) / recording.mass
        for joint, name in COORDINATES.items()
    }
