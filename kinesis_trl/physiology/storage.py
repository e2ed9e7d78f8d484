"""A recording as OpenSim storage files (.mot, .sto), which open in OpenSim and read back with `read_table`.

OpenSim's ground frame is x forward, y up, z right; ours is x forward, y left, z up. Coordinates have the names of
OpenSim's gait models; those of the knee and patella that follow the knee angle are left out, as OpenSim's own models
compute them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from kinesis_trl.atomic import write_text
from kinesis_trl.physiology.recording import Recording

Array = NDArray[np.float64]

_FROM_Z_UP: Array = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
_JOINTS = {
    "hip_flexion": "hip",
    "hip_adduction": "hip",
    "hip_rotation": "hip",
    "knee_angle": "walker_knee",
    "ankle_angle": "ankle",
    "subtalar_angle": "subtalar",
    "mtp_angle": "mtp",
}
"""Joint of each coordinate in Rajagopal's gait model."""
_PELVIS = ("pelvis_tilt", "pelvis_list", "pelvis_rotation", "pelvis_tx", "pelvis_ty", "pelvis_tz")


def export_opensim(recording: Recording, folder: Path) -> list[Path]:
    """Write a recording to `folder`, made if need be, and replace what is there of the same names.

    Files: coordinates.mot (degrees, metres), ground_reaction.mot (N, m, N m), states.sto (coordinates and their
    speeds in radians, muscle activations), muscle_forces.sto (N), excitations.sto, joint_moments.sto (net internal
    moments in N m, positive as the coordinate).

    Returns:
        The files' paths.
    """
    folder = Path(folder)
    pelvis = _pelvis(recording)
    joints = np.stack([recording.angle(name) for name in recording.joint_names], axis=1)
    degrees = np.concatenate([np.degrees(pelvis[:, :3]), pelvis[:, 3:], np.degrees(joints)], axis=1)
    coordinates = [*_PELVIS, *recording.joint_names]
    muscles = recording.muscle_names
    states = np.concatenate([pelvis, joints], axis=1)
    speeds = np.concatenate([_rates(pelvis, recording.rate), _joint_speeds(recording)], axis=1)
    tables: list[tuple[str, Sequence[str], Array, bool]] = [
        ("coordinates.mot", coordinates, degrees, True),
        ("ground_reaction.mot", *_ground_reaction(recording), False),
        (
            "states.sto",
            [
                *(f"{_joint_path(name)}/value" for name in coordinates),
                *(f"{_joint_path(name)}/speed" for name in coordinates),
                *(f"/forceset/{name}/activation" for name in muscles),
            ],
            np.concatenate([states, speeds, recording.activation], axis=1),
            False,
        ),
        ("muscle_forces.sto", muscles, recording.muscle_force, False),
        ("excitations.sto", muscles, recording.excitation, False),
        ("joint_moments.sto", [f"{n}_moment" for n in recording.joint_names], recording.joint_moment, False),
    ]
    for name, columns, values, in_degrees in tables:
        write_storage(folder / name, recording.time, columns, values, in_degrees=in_degrees)
    return [folder / name for name, *_ in tables]


def write_storage(path: Path, time: Array, columns: Sequence[str], values: Array, *, in_degrees: bool) -> None:
    """Write one storage file, atomically.

    Args:
        path: where; the table is named after the file.
        time: (T,) seconds.
        columns: names of the columns, without time.
        values: (T, len(columns)).
        in_degrees: whether angles in it are in degrees.

    Raises:
        ValueError: shapes that do not fit, names that are not single words, or values that are not finite, which
            OpenSim cannot read.
    """
    if values.shape != (len(time), len(columns)):
        raise ValueError(f"{path.name}: values have shape {values.shape}, expected ({len(time)}, {len(columns)}).")
    if not (np.isfinite(values).all() and np.isfinite(time).all()):
        raise ValueError(f"{path.name}: holds values that are not finite.")
    odd = [name for name in columns if not name or name.split() != [name]]
    if odd:
        raise ValueError(f"{path.name}: {odd[0]!r} is no column name; it must be one word.")
    header = [
        path.stem,
        "version=1",
        f"nRows={len(time)}",
        f"nColumns={len(columns) + 1}",
        f"inDegrees={'yes' if in_degrees else 'no'}",
        "endheader",
        "\t".join(["time", *columns]),
    ]
    rows = ("\t".join(f"{v:.9g}" for v in row) for row in np.column_stack([time, values]).tolist())
    write_text(path, "\n".join([*header, *rows, ""]))


def _pelvis(recording: Recording) -> Array:
    """(T, 6) tilt, list and rotation in radians, without jumps, and position in metres, in OpenSim's frame."""
    change = Rotation.from_matrix(_FROM_Z_UP)
    turns = change * Rotation.from_quat(recording.qpos[:, 3:7], scalar_first=True) * change.inv()
    angles = np.unwrap(turns.as_euler("ZXY"), axis=0)
    return np.concatenate([angles, recording.qpos[:, :3] @ _FROM_Z_UP.T], axis=1)


def _joint_path(coordinate: str) -> str:
    """'hip_flexion_r' → '/jointset/hip_r/hip_flexion_r', as in OpenSim's gait model; others stand for their joint."""
    stem, _, side = coordinate.rpartition("_")
    joint = f"{_JOINTS[stem]}_{side}" if stem in _JOINTS else coordinate
    return f"/jointset/{'ground_pelvis' if coordinate in _PELVIS else joint}/{coordinate}"


def _joint_speeds(recording: Recording) -> Array:
    columns = [6 + recording.coordinate_names.index(name) for name in recording.joint_names]
    return recording.qvel[:, columns]


def _rates(values: Array, rate: float) -> Array:
    """(T, n) time derivatives by central differences; Euler angles have no other simple ones."""
    return np.gradient(values, 1 / rate, axis=0) if len(values) > 1 else np.zeros_like(values)


def _ground_reaction(recording: Recording) -> tuple[list[str], Array]:
    """Columns and (T, 18) values of both feet: force, centre of pressure (0 in the air), moment about it."""
    columns, parts = [], []
    for side, letter in enumerate("rl"):
        columns += [f"ground_force_{letter}_{kind}{axis}" for kind in "vp" for axis in "xyz"]
        columns += [f"ground_torque_{letter}_{axis}" for axis in "xyz"]
        point = np.nan_to_num(recording.centre_of_pressure[:, side])
        parts += [v @ _FROM_Z_UP.T for v in (recording.ground_force[:, side], point, recording.free_moment[:, side])]
    return columns, np.concatenate(parts, axis=1)
