"""DeepMimic motion files: JSON text with one row of joint rotations a frame, for its own humanoid."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from kinesis_trl.motion.clip import ClipFormatError, MotionClip, check_finite
from kinesis_trl.motion.readers.conventions import check_frames
from kinesis_trl.motion.readers.joint_map import map_joints
from kinesis_trl.motion.readers.registry import MotionFile, ReadOptions, reader
from kinesis_trl.motion.readers.rig import Rig, add_virtual_toes
from kinesis_trl.motion.readers.rig_clip import PosedRig, rig_clip
from kinesis_trl.motion.streams import read_json

Array = NDArray[np.float64]

_ROW = 44
_HUMANOID: tuple[tuple[str, int, tuple[float, float, float], int], ...] = (
    ("pelvis", -1, (0.0, 0.0, 0.0), 4),
    ("chest", 0, (0.0, 0.236, 0.0), 4),
    ("neck", 1, (0.0, 0.224, 0.0), 4),
    ("right_hip", 0, (0.0, 0.0, 0.085), 4),
    ("right_knee", 3, (0.0, -0.422, 0.0), 1),
    ("right_ankle", 4, (0.0, -0.410, 0.0), 4),
    ("right_shoulder", 1, (-0.024, 0.244, 0.183), 4),
    ("right_elbow", 6, (0.0, -0.275, 0.0), 1),
    ("left_hip", 0, (0.0, 0.0, -0.085), 4),
    ("left_knee", 8, (0.0, -0.422, 0.0), 1),
    ("left_ankle", 9, (0.0, -0.410, 0.0), 4),
    ("left_shoulder", 1, (-0.024, 0.244, -0.183), 4),
    ("left_elbow", 11, (0.0, -0.275, 0.0), 1),
)
"""Joints of the humanoid in the order of a row: name, parent, offset (m; x forward, y up, z right), values.

Four values are a quaternion wxyz, one is an angle about z (the body's right): the humanoid of Peng et al.
2018 (doi 10.1145/3197517.3201311), which AMP and ASE use as well.
"""
_TO_Z_UP: Array = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])


@reader("DeepMimic (JSON with Frames)", ".txt", ".json")
def read_deepmimic(file: MotionFile, options: ReadOptions) -> list[MotionClip]:
    """Joint quaternions and knee and elbow angles in radians, root in metres, y up, seconds a frame.

    For gaits the file holds one cycle, which `extra['loop']` says is to be repeated.
    """
    content = _parsed(file.path)
    values = _rows(content)
    durations = values[:-1, 0]  # the last row ends the motion; its duration leads nowhere
    step = float(np.median(durations))
    if step <= 0 or not np.allclose(durations, step, rtol=0.05):
        raise ClipFormatError("its frames do not all last equally long; resample it to a constant rate.")
    names, parents, offsets, widths = zip(*_HUMANOID, strict=True)
    rig, said = add_virtual_toes(Rig(names, parents, np.array(offsets)), _TO_Z_UP)
    local = np.broadcast_to(np.eye(3), (len(values), len(rig.names), 3, 3)).copy()
    start = 4
    for joint, (name, width) in enumerate(zip(names, widths, strict=True)):
        part = values[:, start : start + width]
        start += width
        if width == 1:
            local[:, joint] = Rotation.from_rotvec(part * np.array([0.0, 0.0, 1.0])).as_matrix()
        elif not (np.linalg.norm(part, axis=1) > 0.5).all():
            raise ClipFormatError(f"{name} has quaternions that are not of unit length.")
        else:
            local[:, joint] = Rotation.from_quat(part, scalar_first=True).as_matrix()
    mapped = map_joints(rig)
    loops = content.get("Loop") == "wrap"
    return [
        rig_clip(
            file.path.stem,
            replace(options, unit=options.unit or 1.0),
            fps=1.0 / step if options.fps is None else options.fps,
            rig=rig,
            joints=mapped,
            posed=PosedRig.of(rig, mapped, local, values[:, 1:4]),
            usual_up="y",
            notes=said + (("one cycle, meant to be repeated",) if loops else ()),
            extra={"loop": loops},
        )
    ]


def _parsed(path: Path) -> Any:
    try:
        return read_json(path)
    except ClipFormatError as error:
        raise ClipFormatError("not JSON text; expected a DeepMimic motion with 'Frames'.") from error


def _rows(content: Any) -> Array:
    """The frames (T, 44) of a file's content."""
    rows = content.get("Frames") if isinstance(content, dict) else None
    if not isinstance(rows, list) or any(not isinstance(row, list) or len(row) != _ROW for row in rows):
        raise ClipFormatError(f"has no 'Frames' of {_ROW} numbers a row; expected a DeepMimic humanoid motion.")
    check_frames(len(rows))
    try:
        values = np.array(rows, dtype=np.float64)
    except (TypeError, ValueError):
        raise ClipFormatError("its 'Frames' hold something that is not a number.") from None
    check_finite(values, "Frames")
    return values
