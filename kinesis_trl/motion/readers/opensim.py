"""OpenSim joint angles (.mot, .sto, .csv) to coordinates of the MyoLegs body, by coordinate name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from kinesis_trl.body.model import load_body
from kinesis_trl.motion.clip import ClipFormatError, MotionClip
from kinesis_trl.motion.readers.conventions import check_frames
from kinesis_trl.motion.readers.qpos import qpos_clip
from kinesis_trl.motion.readers.tables import Table, rate_of

Array = NDArray[np.float64]

JOINTS = (
    "hip_flexion",
    "hip_adduction",
    "hip_rotation",
    "knee_angle",
    "ankle_angle",
    "subtalar_angle",
    "mtp_angle",
)
"""Coordinates of one leg; OpenSim's gait models and MyoLegs share their names and, but for the knee, their
signs."""
_REQUIRED = ("hip_flexion", "knee_angle", "ankle_angle")
_PELVIS_ANGLES = ("pelvis_tilt", "pelvis_list", "pelvis_rotation")
_PELVIS_POSITION = ("pelvis_tx", "pelvis_ty", "pelvis_tz")
_TO_Z_UP: Array = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])  # from x forward, y up, z right
_MOST_RADIANS = 3.5


def coordinate(column: str) -> str:
    """'/jointset/hip_r/hip_flexion_r/value' → 'hip_flexion_r'; prosthesis prefixes and speeds are told
    apart."""
    parts = column.strip("/").split("/")
    if parts[-1] in ("speed", "activation", "force"):
        return column
    return (parts[-2] if parts[-1] == "value" and len(parts) > 1 else parts[-1]).removeprefix("osl_")


def is_opensim(columns: tuple[str, ...]) -> bool:
    """Whether a table's columns hold joint angles of both legs under OpenSim's names."""
    found = {coordinate(column) for column in columns}
    return all(f"{joint}_{side}" in found for joint in _REQUIRED for side in "rl")


def opensim_clip(path: Path, table: Table, *, fps: float | None = None, unit: float | None = None) -> MotionClip:
    """Clip of a table of joint angles; dependent knee and patella coordinates follow from the knee angle.

    Angles are in degrees or radians as the header's inDegrees says, else by their size. Pelvis angles are the
    body-fixed tilt (z), list (x) and rotation (y) of OpenSim's gait models; without a pelvis the body stays
    upright in place. `unit` is metres per unit of the pelvis position. Raises ClipFormatError naming what is
    missing.
    """
    names = [coordinate(column) for column in table.columns]
    values = {name: table.values[:, i] for i, name in reversed(list(enumerate(names)))}
    missing = [f"{j}_{s}" for j in _REQUIRED for s in "rl" if f"{j}_{s}" not in values]
    if missing:
        raise ClipFormatError(f"has no {', '.join(missing)} (found: {', '.join(table.columns[:12])}, …).")
    if fps is None:
        if "time" not in values:
            raise ClipFormatError("has no 'time' column; pass --fps.")
        fps = rate_of(values["time"])
    check_frames(len(table.values))
    angles = {name: values[name] for j in JOINTS for s in "rl" if (name := f"{j}_{s}") in values}
    degrees, said = _in_degrees(table.header.get("indegrees", ""), angles)
    scale = np.pi / 180.0 if degrees else 1.0
    body = load_body()
    qpos = np.tile(body.standing_qpos, (len(table.values), 1))
    notes = [said]
    for name, angle in angles.items():
        qpos[:, 7 + body.joint_names.index(name)] = angle * scale
    knees = [7 + body.joint_names.index(f"knee_angle_{side}") for side in "rl"]
    if np.median(qpos[:, knees]) < -0.02:
        qpos[:, knees] *= -1.0
        notes.append("knee flexion was negative, as in older models; sign turned")
    absent = [f"{j}_{s}" for j in JOINTS for s in "rl" if f"{j}_{s}" not in values]
    if absent:
        notes.append(f"not in the file, kept neutral: {', '.join(absent)}")
    notes += _set_pelvis(qpos, values, scale, 1.0 if unit is None else unit)
    return qpos_clip(path.stem, body.couplings.apply(qpos), fps=fps, source=str(path), notes=tuple(notes))


def _in_degrees(stated: str, angles: dict[str, Array]) -> tuple[bool, str]:
    if stated.lower() in ("yes", "no"):
        return (
            stated.lower() == "yes",
            f"angles in {'degrees' if stated.lower() == 'yes' else 'radians'}, by the header",
        )
    largest = max(float(np.abs(angle).max()) for angle in angles.values())
    if largest > _MOST_RADIANS:
        return True, f"angles up to {largest:.0f}: taken as degrees"
    return False, f"angles up to {largest:.2f}: taken as radians"


def _set_pelvis(qpos: Array, values: dict[str, Array], scale: float, unit: float) -> list[str]:
    """Write the root's position and orientation, where the file has them; says what it has not."""
    notes = []
    if all(name in values for name in _PELVIS_ANGLES):
        turns = Rotation.from_euler("ZXY", np.stack([values[n] for n in _PELVIS_ANGLES], axis=1) * scale)
        change = Rotation.from_matrix(_TO_Z_UP)
        qpos[:, 3:7] = (change * turns * change.inv()).as_quat(scalar_first=True)
    else:
        notes.append("no pelvis angles: the body stays upright and faces +x")
    if all(name in values for name in _PELVIS_POSITION):
        qpos[:, :3] = np.stack([values[n] for n in _PELVIS_POSITION], axis=1) * unit @ _TO_Z_UP.T
        notes.append("y-up ground frame, turned to z up")
    else:
        notes.append("no pelvis position: the body stays in place at standing height")
    return notes
