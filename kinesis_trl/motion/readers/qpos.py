"""Plain coordinates of the MyoLegs body: .npz, .npy and .csv with one row of qpos a frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.body.model import load_body
from kinesis_trl.motion.clip import ClipFormatError, MotionClip, check_finite
from kinesis_trl.motion.readers.conventions import check_frames
from kinesis_trl.motion.readers.registry import MotionFile, ReadOptions, reader
from kinesis_trl.motion.readers.tables import rate_of

Array = NDArray[np.float64]

QPOS_WIDTH = 35
"""Coordinates of MyoLegs: root position 3, root quaternion wxyz 4, joints 28."""
ROOT_COLUMNS = ("root_x", "root_y", "root_z", "root_qw", "root_qx", "root_qy", "root_qz")
"""Names of the root's coordinates in a table; the joints have the names of the body model."""


@reader("MyoLegs coordinates (qpos, fps)", ".npz", recognises=lambda file: "qpos" in file.arrays)
def read_npz(file: MotionFile, options: ReadOptions) -> list[MotionClip]:
    """Root position in metres and quaternion wxyz, joints in radians, z up.

    `fps`, or `time` in seconds, and perhaps `joint_names` of the 28 joints.
    """
    content, fps = file.arrays, options.fps
    qpos = np.asarray(content["qpos"])
    if fps is None:
        if "fps" in content:
            fps = float(np.asarray(content["fps"]).reshape(()))
        elif "time" in content:
            fps = rate_of(np.asarray(content["time"], dtype=np.float64))
        else:
            raise ClipFormatError(f"has neither 'fps' nor 'time' (found: {', '.join(content)}); pass --fps.")
    if "joint_names" in content and qpos.ndim == 2:
        names = [*ROOT_COLUMNS, *(str(name) for name in content["joint_names"])]
        qpos = _ordered(np.asarray(qpos, dtype=np.float64), names)
    return [qpos_clip(file.path.stem, qpos, fps=fps, unit=options.unit)]


def _is_qpos(file: MotionFile) -> bool:
    return file.array.ndim == 2 and file.array.shape[1] == QPOS_WIDTH and np.issubdtype(file.array.dtype, np.number)


@reader(f"MyoLegs coordinates (frames, {QPOS_WIDTH})", ".npy", recognises=_is_qpos)
def read_npy(file: MotionFile, options: ReadOptions) -> list[MotionClip]:
    """Root position in metres and quaternion wxyz, joints in radians, z up; no frame rate."""
    if options.fps is None:
        raise ClipFormatError("an .npy of qpos has no frame rate; pass --fps.")
    return [qpos_clip(file.path.stem, file.array, fps=options.fps, unit=options.unit)]


@reader(
    "MyoLegs coordinates (root_x, …)",
    *(".mot", ".sto", ".csv"),
    recognises=lambda file: not file.table.columns or "root_z" in file.table.columns,
)
def read_qpos_table(file: MotionFile, options: ReadOptions) -> list[MotionClip]:
    """Root position in metres and quaternion wxyz, joints in radians, z up, time in seconds.

    35 bare columns, or named ones (`ROOT_COLUMNS` and joints) and perhaps `time`.
    """
    table, values = file.table, file.table.values
    check_frames(len(values))
    fps = table.rate() if options.fps is None else options.fps
    if table.columns:
        keep = [i for i, name in enumerate(table.columns) if name != "time"]
        values = _ordered(values[:, keep], [table.columns[i] for i in keep])
    return [qpos_clip(file.path.stem, values, fps=fps, unit=options.unit)]


def qpos_clip(name: str, qpos: NDArray[Any], *, fps: float, unit: float | None = None, **fields: Any) -> MotionClip:
    """Clip of qpos (T, 35), checked for width, finite values and unit quaternions.

    `unit` is metres per unit of the root position; `fields` are further fields of the clip.
    """
    check_frames(len(qpos))
    if qpos.ndim != 2 or qpos.shape[1] != QPOS_WIDTH:
        raise ClipFormatError(f"has qpos of shape {qpos.shape}, expected (frames, {QPOS_WIDTH}) for MyoLegs.")
    qpos = np.array(qpos, dtype=np.float64)
    check_finite(qpos, "qpos")
    length = np.linalg.norm(qpos[:, 3:7], axis=1)
    if not np.allclose(length, 1.0, atol=0.05):
        raise ClipFormatError(
            f"root quaternions (columns 4 to 7, wxyz) have lengths {length.min():.2f} to {length.max():.2f}, "
            "expected 1; the columns are in another order."
        )
    if (largest := float(np.abs(qpos[:, 7:]).max())) > 2 * np.pi:
        raise ClipFormatError(f"has joint angles up to {largest:.0f}, expected radians; convert them from degrees.")
    qpos[:, 3:7] /= length[:, None]
    qpos[:, :3] *= unit or 1.0
    return MotionClip(name=name, fps=fps, qpos=qpos, **fields)


def _ordered(values: Array, names: Sequence[str]) -> Array:
    """Columns in the body's order; dependent knee coordinates that are not given follow from the knee angle."""
    body = load_body()
    wanted = [*ROOT_COLUMNS, *body.joint_names]
    dependent = {wanted[i] for i in body.couplings.dependent_qpos}
    missing = [name for name in wanted if name not in names and name not in dependent]
    unknown = [name for name in names if name not in wanted]
    if missing or unknown or len(names) != values.shape[1]:
        raise ClipFormatError(
            f"its coordinates do not fit MyoLegs: missing {', '.join(missing) or 'none'}, "
            f"unknown {', '.join(unknown) or 'none'}, {values.shape[1]} columns for {len(names)} names."
        )
    qpos = np.zeros((len(values), QPOS_WIDTH))
    for name, column in zip(names, values.T, strict=True):
        qpos[:, wanted.index(name)] = column
    return qpos if dependent <= set(names) else body.couplings.apply(qpos)
