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


def _sides(recording: Recording, values: Array) -> dict[str, Array]:
    return {
        joint: np.stack([values[:, recording.joint(f"{name}_{side}")] for side in "rl"], axis=1) / recording.mass
        for joint, name in COORDINATES.items()
    }
