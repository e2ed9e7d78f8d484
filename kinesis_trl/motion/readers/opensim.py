"""OpenSim joint angles (.mot, .sto, .csv) to coordinates of the MyoLegs body, by coordinate name."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from kinesis_trl.body.model import load_body
from kinesis_trl.motion.clip import MotionClip, check_finite
from kinesis_trl.motion.readers.conventions import check_frames
from kinesis_trl.motion.readers.qpos import qpos_clip
from kinesis_trl.motion.readers.registry import MotionFile, ReadOptions, reader

Array = NDArray[np.float64]

_LEG = (
    *("hip_flexion", "hip_adduction", "hip_rotation"),
    *("knee_angle", "ankle_angle", "subtalar_angle", "mtp_angle"),
)
_ANGLES = tuple(f"{joint}_{side}" for joint in _LEG for side in "rl")
"""Coordinates of both legs; OpenSim's gait models and MyoLegs share their names and, but for the knee, their signs."""
_PELVIS_ANGLES = ("pelvis_tilt", "pelvis_list", "pelvis_rotation")
_PELVIS_POSITION = ("pelvis_tx", "pelvis_ty", "pelvis_tz")
_TO_Z_UP: Array = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])  # from x forward, y up, z right
_MOST_RADIANS = 3.5
_LEAST_DEGREES = 0.4
"""Range of a walker's knee angle that is too large in radians to be one in degrees of someone who gets ahead."""


@reader(
    "OpenSim joint angles (hip_flexion_r, knee_angle_r, …)",
    *(".mot", ".sto", ".csv"),
    recognises=lambda file: _is_opensim(file.table.columns) and "root_z" not in file.table.columns,
)
def read_opensim(file: MotionFile, options: ReadOptions) -> list[MotionClip]:
    """Angles in degrees or radians as the header says, pelvis position in metres, y up, time in seconds.

    The header's inDegrees is not believed where the size of the angles contradicts it. Pelvis angles are the
    body-fixed tilt (z), list (x) and rotation (y) of OpenSim's gait models. A coordinate that is not there, as in
    planar models, is zero; without any pelvis position the body stays in place. Dependent knee and patella
    coordinates follow from the knee angle.
    """
    table = file.table
    names = [coordinate(column) for column in table.columns]
    values = {name: table.values[:, i] for i, name in reversed(list(enumerate(names)))}
    check_frames(len(table.values))
    used = [name for name in (*_ANGLES, *_PELVIS_ANGLES, *_PELVIS_POSITION) if name in values]
    check_finite(np.stack([values[name] for name in used], axis=1), "the table of joint angles")
    fps = replace(table, columns=tuple(names)).rate() if options.fps is None else options.fps
    angles = {name: values[name] for name in _ANGLES if name in values}
    travel = values.get("pelvis_tx", np.zeros(len(table.values)))
    degrees, said = _in_degrees(table.header.get("indegrees", ""), angles, float(np.ptp(travel)))
    scale = np.pi / 180.0 if degrees else 1.0
    body = load_body()
    qpos = np.tile(body.standing_qpos, (len(table.values), 1))
    notes = [*table.notes, said]
    for name, angle in angles.items():
        qpos[:, 7 + body.joint_names.index(name)] = angle * scale
    knees = [7 + body.joint_names.index(f"knee_angle_{side}") for side in "rl"]
    if np.median(qpos[:, knees]) < -0.02:
        qpos[:, knees] *= -1.0
        notes.append("knee flexion was negative, as in older models; sign turned")
    if absent := [name for name in _ANGLES if name not in values]:
        notes.append(f"not in the file, kept neutral: {', '.join(absent)}")
    notes += _set_pelvis(qpos, values, scale, options.unit or 1.0)
    stiff = not {"ankle_angle_r", "ankle_angle_l"} <= values.keys()
    doubt = "no ankle_angle_r or ankle_angle_l: the ankles stay neutral, so that feet neither roll nor push off"
    return [
        qpos_clip(
            file.path.stem,
            body.couplings.apply(qpos),
            fps=fps,
            notes=tuple(notes),
            doubts=(doubt,) if stiff else (),
        )
    ]


def coordinate(column: str) -> str:
    """'/jointset/hip_r/hip_flexion_r/value' → 'hip_flexion_r'; prosthesis prefixes and speeds are told apart."""
    parts = column.strip("/").split("/")
    if parts[-1] in ("speed", "activation", "force"):
        return column
    if parts[-1].lower() == "time":
        return "time"
    return (parts[-2] if parts[-1] == "value" and len(parts) > 1 else parts[-1]).lower().removeprefix("osl_")


def _is_opensim(columns: tuple[str, ...]) -> bool:
    """Whether a table's columns hold hip and knee angles of both legs under OpenSim's names."""
    found = {coordinate(column) for column in columns}
    return all(f"{joint}_{side}" in found for joint in ("hip_flexion", "knee_angle") for side in "rl")


def _in_degrees(stated: str, angles: dict[str, Array], travel: float) -> tuple[bool, str]:
    """Whether angles are degrees, and how that is known; travel: way of the pelvis in the file's unit."""
    largest = max(float(np.abs(angle).max()) for angle in angles.values())
    knee = max(float(np.ptp(angles[f"knee_angle_{side}"])) for side in "rl")
    if stated.lower() == "yes":
        if largest <= _MOST_RADIANS and knee > _LEAST_DEGREES and travel > 0.5:
            return False, f"angles in degrees by the header, but none above {largest:.2f} in walking: taken as radians"
        return True, "angles in degrees, by the header"
    if stated.lower() == "no":
        if largest > 2 * np.pi:
            return True, f"angles in radians by the header, but up to {largest:.0f}: taken as degrees"
        return False, "angles in radians, by the header"
    if largest > _MOST_RADIANS:
        return True, f"angles up to {largest:.0f}: taken as degrees"
    return False, f"angles up to {largest:.2f}: taken as radians"


def _set_pelvis(qpos: Array, values: dict[str, Array], scale: float, unit: float) -> list[str]:
    """Write the root's position and orientation, where the file has them; says what it has not."""
    notes = []
    still = np.zeros(len(qpos))

    def given(names: tuple[str, ...]) -> Array:
        if absent := [name for name in names if name not in values]:
            notes.append(f"not in the file, taken as 0: {', '.join(absent)}")
        return np.stack([values.get(name, still) for name in names], axis=1)

    if any(name in values for name in _PELVIS_ANGLES):
        turns = Rotation.from_euler("ZXY", given(_PELVIS_ANGLES) * scale)
        change = Rotation.from_matrix(_TO_Z_UP)
        qpos[:, 3:7] = (change * turns * change.inv()).as_quat(scalar_first=True)
    else:
        notes.append("no pelvis angles: the body stays upright and faces +x")
    if any(name in values for name in _PELVIS_POSITION):
        qpos[:, :3] = given(_PELVIS_POSITION) * unit @ _TO_Z_UP.T
        if "pelvis_ty" not in values:
            qpos[:, 2] = load_body().standing_qpos[2]
        notes.append("y-up ground frame, turned to z up")
    else:
        notes.append("no pelvis position: the body stays in place at standing height")
    return notes
