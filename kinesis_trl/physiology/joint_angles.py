"""Sagittal joint angles in the convention of clinical gait analysis."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.physiology.recording import Recording

Array = NDArray[np.float64]

PELVIC_TILT = 12.0
"""Anterior tilt in degrees that clinical gait analysis measures on an upright pelvis: its plane runs through the
anterior and posterior superior iliac spines (mean of level walking, Pinzone 2014). The body's pelvis frame is level
there, so the same angle lies between both conventions of hip flexion."""
COORDINATES = {"hip": "hip_flexion", "knee": "knee_angle", "ankle": "ankle_angle"}
"""Coordinate of each joint, without its side."""


def joint_angles(recording: Recording) -> dict[str, Array]:
    """Angles (T, 2) of the right and left leg in degrees, comparable with the curves of `normative`.

    Returns:
        "pelvis tilt" (anterior positive, twice the same), "hip" (flexion relative to the pelvis), "knee" (flexion)
        and "ankle" (dorsiflexion).
    """
    out = {"pelvis tilt": np.repeat(pelvis_tilt(recording.qpos)[:, None], 2, axis=1)}
    for joint, coordinate in COORDINATES.items():
        sides = np.stack([recording.angle(f"{coordinate}_{side}") for side in "rl"], axis=1)
        out[joint] = np.degrees(sides) + (PELVIC_TILT if joint == "hip" else 0.0)
    return out


def pelvis_tilt(qpos: Array) -> Array:
    """(T,) anterior tilt in degrees of the pelvis of coordinates (T, ≥7), the clinical offset included."""
    w, x, y, z = qpos[:, 3:7].T
    forward_down = 2 * (w * y - x * z)  # minus the z component of the root's x axis
    return np.degrees(np.arcsin(np.clip(forward_down, -1, 1))) + PELVIC_TILT
