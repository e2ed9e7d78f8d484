"""BVH (Biovision hierarchy) text files, read as a stream, a block of frames at a time.

A stranger's file must not decide how much memory is used, so only the joints that are needed are kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from kinesis_trl.motion.clip import ClipFormatError, MotionClip
from kinesis_trl.motion.readers.conventions import MAX_CLIP_FRAMES
from kinesis_trl.motion.readers.rig import JointMap, Rig, map_joints, rig_clip

Array = NDArray[np.float64]

_BLOCK = 1024
_MAX_JOINTS = 500
_MAX_LINE = 1 << 18
_AXES = "XYZ"


@dataclass
class _Joint:
    name: str
    parent: int
    offset: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    channels: list[str] = field(default_factory=list)
    """'Xposition', 'Zrotation', … in the order of the file."""


def read_bvh(
    path: Path, *, fps: float | None = None, up: str | None = None, unit: float | None = None
) -> list[MotionClip]:
    """The one clip of a BVH file, under SMPL's joint names.

    `fps`, `up` ('y', 'z', …) and `unit` (metres per unit) override the file's frame time and what is detected
    from the skeleton's size and stance. Raises ClipFormatError for a broken, cut-short or empty file.
    """
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            joints = _read_hierarchy(file)
            frames, frame_time = _read_header(file)
            rig = Rig(
                names=tuple(joint.name for joint in joints),
                parents=tuple(joint.parent for joint in joints),
                offsets=np.array([joint.offset for joint in joints]),
            )
            mapped = map_joints(rig)
            width = sum(len(joint.channels) for joint in joints)
            parts = [_pose(rig, joints, mapped, block) for block in _blocks(file, width, frames)]
        rate = fps if fps is not None else _rate(frame_time)
        clip = rig_clip(
            name=path.stem,
            fps=rate,
            rig=rig,
            joints=mapped,
            positions=np.concatenate([positions for positions, _ in parts]),
            pelvis_rotations=np.concatenate([rotations for _, rotations in parts]),
            usual_up="y",
            up=up,
            unit=unit,
        )
    except OSError as error:
        raise ClipFormatError(f"{path}: cannot be read ({error.strerror}); check the path.") from error
    except ClipFormatError as error:
        raise ClipFormatError(f"{path}: {error}") from None
    return [clip.with_(source=str(path))]


def _words(file: TextIO) -> Iterator[list[str]]:
    """Words of each non-empty line."""
    while line := file.readline(_MAX_LINE):
        if words := line.split():
            yield words


def _read_hierarchy(file: TextIO) -> list[_Joint]:
    joints: list[_Joint] = []
    stack: list[int] = []
    opened = -1
    for words in _words(file):
        key = words[0].upper()
        if key == "MOTION":
            break
        if key in ("ROOT", "JOINT", "END"):
            joints.append(_opened(key, " ".join(words[1:]), joints, stack))
            opened = len(joints) - 1
        elif key == "{":
            stack.append(opened)
        elif key == "}":
            if not stack:
                raise ClipFormatError("closes a joint that was never opened; the hierarchy is broken.")
            stack.pop()
        elif key == "OFFSET" and joints:
            joints[-1].offset = _numbers(words[1:], 3, "OFFSET")
        elif key == "CHANNELS" and joints:
            joints[-1].channels = _channels(words)
    else:
        raise ClipFormatError("has no MOTION part: not a BVH file, or cut short; fetch it again.")
    if not joints or stack:
        raise ClipFormatError("its hierarchy is empty or not closed; fetch it again.")
    return joints


def _opened(key: str, name: str, joints: list[_Joint], stack: list[int]) -> _Joint:
    """The joint that a ROOT, JOINT or End Site line begins."""
    if key == "ROOT" and joints:
        raise ClipFormatError("has more than one ROOT; split it into one file a figure.")
    if key != "ROOT" and not stack:
        raise ClipFormatError(f"{key} before any ROOT; the hierarchy is broken.")
    if len(joints) >= _MAX_JOINTS:
        raise ClipFormatError(f"has more than {_MAX_JOINTS} joints; it is not a person.")
    parent = stack[-1] if stack else -1
    return _Joint(f"{joints[parent].name}_end" if key == "END" else name or f"joint{len(joints)}", parent)


def _channels(words: list[str]) -> list[str]:
    channels = [word.capitalize() for word in words[2:]]
    known = {axis + kind for axis in _AXES for kind in ("position", "rotation")}
    if not words[1:] or words[1] != str(len(channels)) or not known.issuperset(channels):
        raise ClipFormatError(f"has the channels {' '.join(words[1:])}, expected a count and X/Y/Zrotation/position.")
    return channels


def _numbers(words: list[str], count: int, what: str) -> list[float]:
    try:
        values = [float(word) for word in words]
    except ValueError:
        values = []
    if len(values) != count or not np.isfinite(values).all():
        raise ClipFormatError(f"{what} has {' '.join(words[:6])!r}, expected {count} numbers.")
    return values


def _read_header(file: TextIO) -> tuple[int, float | None]:
    """Announced number of frames and the frame time in seconds, None when it is missing."""
    frames = None
    for words in _words(file):
        if words[0].lower() == "frames:":
            frames = int(_numbers(words[1:], 1, "Frames")[0])
            if not 2 <= frames <= MAX_CLIP_FRAMES:
                raise ClipFormatError(
                    f"has {frames} frames; a clip has 2 to {MAX_CLIP_FRAMES}. Cut a longer file into parts."
                )
        elif words[0].lower() == "frame" and words[1:2] and words[1].lower() == "time:":
            if frames is None:
                break
            return frames, _numbers(words[2:], 1, "Frame Time")[0]
        else:
            break
    if frames is None:
        raise ClipFormatError("does not say its number of 'Frames:'; the file is cut short or not a BVH.")
    raise ClipFormatError("has no 'Frame Time:'; add the line after 'Frames:' (0.0333333 for 30 frames/s).")


def _rate(frame_time: float | None) -> float:
    if frame_time is None or not 0 < frame_time <= 1:
        raise ClipFormatError(f"has a frame time of {frame_time} s, expected 0 to 1; pass --fps.")
    return 1.0 / frame_time


def _blocks(file: TextIO, width: int, frames: int) -> Iterator[Array]:
    """The announced frames in blocks of at most 1024 rows (B, width)."""
    rows: list[Array] = []
    seen = 0
    for words in _words(file):
        if len(words) != width:
            raise ClipFormatError(
                f"frame {seen + 1} of {frames} has {len(words)} values, expected {width}; it is cut short."
            )
        try:
            rows.append(np.array(words, dtype=np.float64))
        except ValueError:
            raise ClipFormatError(f"frame {seen + 1} holds something that is not a number.") from None
        seen += 1
        if len(rows) == _BLOCK or seen == frames:
            yield np.stack(rows)
            rows = []
        if seen == frames:
            return
    raise ClipFormatError(f"announces {frames} frames and has {seen}; it is cut short: fetch it again.")


def _pose(rig: Rig, joints: list[_Joint], mapped: JointMap, values: Array) -> tuple[Array, Array]:
    """Mapped joints (B, K, 3) and pelvis rotations (B, 3, 3) of a block of frames (B, channels)."""
    frames = len(values)
    rotations = np.broadcast_to(np.eye(3), (frames, len(joints), 3, 3)).copy()
    offsets = np.tile(rig.offsets, (frames, 1, 1))
    start = 0
    for index, joint in enumerate(joints):
        block = values[:, start : start + len(joint.channels)]
        start += len(joint.channels)
        turning = [i for i, channel in enumerate(joint.channels) if channel.endswith("rotation")]
        for i, channel in enumerate(joint.channels):
            if channel.endswith("position"):
                offsets[:, index, _AXES.index(channel[0])] = block[:, i]
        if turning:
            order = "".join(joint.channels[i][0] for i in turning)
            rotations[:, index] = Rotation.from_euler(order, block[:, turning], degrees=True).as_matrix()
    positions, turned = rig.pose(rotations, offsets[:, 0], offsets)
    return positions[:, list(mapped.index.values())], turned[:, mapped.index["Pelvis"]]
