"""BVH (Biovision hierarchy) text files: angles in degrees, lengths in a unit that the file does not state."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TextIO

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from kinesis_trl.motion.clip import ClipFormatError, MotionClip
from kinesis_trl.motion.readers.conventions import MAX_CLIP_FRAMES
from kinesis_trl.motion.readers.joint_map import JointMap, map_joints
from kinesis_trl.motion.readers.registry import MotionFile, ReadOptions, reader
from kinesis_trl.motion.readers.rig import Rig
from kinesis_trl.motion.readers.rig_clip import PosedRig, leg_length, rig_clip

Array = NDArray[np.float64]

_BLOCK = 1024  # frames posed at once; bounds memory
_MAX_JOINTS = 500
_MAX_LINE = 1 << 18
_AXES = "XYZ"
_FRAMES = re.compile(r"frames\s*:?\s*(\S*)\s*$", re.IGNORECASE)
_FRAME_TIME = re.compile(r"frame\s*time\s*:?\s*(\S*)\s*$", re.IGNORECASE)
_FRAME_WORD = re.compile(r"(?=\bframe)", re.IGNORECASE)


@dataclass
class _Joint:
    name: str
    parent: int
    offset: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    channels: list[str] = field(default_factory=list)
    """'Xposition', 'Zrotation', … in the order of the file."""


@reader("BVH", ".bvh")
def read_bvh(file: MotionFile, options: ReadOptions) -> list[MotionClip]:
    """A skeleton and its motion in degrees; metres, axes and joints are found from its shape."""
    with file.path.open(encoding="utf-8-sig", errors="replace") as text:
        joints = _read_hierarchy(text)
        frames, frame_time = _read_header(text)
        width = sum(len(joint.channels) for joint in joints)
        notes: list[str] = []
        values = _read_frames(text, width, frames, notes)
    rig = Rig(
        names=tuple(joint.name for joint in joints),
        parents=tuple(joint.parent for joint in joints),
        offsets=np.array([joint.offset for joint in joints]),
    )
    mapped = map_joints(rig)
    channels = _Channels.of(joints, values[:_BLOCK], leg_length(rig, mapped))
    blocks = [values[k : k + _BLOCK] for k in range(0, len(values), _BLOCK)]
    rate = options.fps
    if rate is None:
        if not 0 < frame_time <= 1:
            raise ClipFormatError(f"has a frame time of {frame_time} s, expected 0 to 1; pass --fps.")
        rate = 1.0 / frame_time
    return [
        rig_clip(
            file.path.stem,
            options,
            fps=rate,
            rig=rig,
            joints=mapped,
            posed=PosedRig.joined([_pose(rig, joints, mapped, block, channels) for block in blocks]),
            usual_up="y",
            notes=(*notes, *channels.said),
        )
    ]


def _lines(file: TextIO) -> Iterator[str]:
    """Each line that is not empty, stripped."""
    while line := file.readline(_MAX_LINE):
        if line := line.strip():
            yield line


def _tokens(file: TextIO) -> Iterator[str]:
    """Words of the hierarchy with braces apart from names, and an empty string at each end of a line."""
    for line in _lines(file):
        yield from line.replace("{", " { ").replace("}", " } ").split()
        yield ""


def _read_hierarchy(file: TextIO) -> list[_Joint]:
    joints: list[_Joint] = []
    stack: list[int] = []
    opened = -1
    tokens = _tokens(file)
    for token in tokens:
        key = token.upper()
        if key == "MOTION":
            break
        if key in ("ROOT", "JOINT", "END", "ENDSITE"):
            name, follows = _name(tokens)
            key = key.removesuffix("SITE")
            joints.append(_opened(key, name, joints, stack))
            opened = len(joints) - 1
            key = follows
        if key == "{":
            stack.append(opened)
        elif key == "}":
            if not stack:
                raise ClipFormatError("closes a joint that was never opened; the hierarchy is broken.")
            stack.pop()
        elif key == "OFFSET" and joints:
            joints[-1].offset = _numbers([_next(tokens) for _ in range(3)], 3, "OFFSET")
        elif key == "CHANNELS" and joints:
            joints[-1].channels = _channels(tokens)
        elif joints and re.fullmatch("[A-Z_]+", key):
            raise ClipFormatError(f"has {token[:40]!r} in its hierarchy, expected JOINT, End Site, OFFSET or CHANNELS.")
    else:
        raise ClipFormatError("has no MOTION part: not a BVH file, or cut short; fetch it again.")
    if not joints or stack:
        raise ClipFormatError("its hierarchy is empty or not closed; fetch it again.")
    return joints


def _next(tokens: Iterator[str]) -> str:
    """The next word, on this line or a later one; '' at the end of the file."""
    return next((token for token in tokens if token), "")


def _name(tokens: Iterator[str]) -> tuple[str, str]:
    """The words up to the end of the line or the brace that opens a joint, and that brace if it was there."""
    words: list[str] = []
    for token in tokens:
        if token in ("", "{"):
            return " ".join(words), token
        words.append(token)
    return " ".join(words), ""


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


def _channels(tokens: Iterator[str]) -> list[str]:
    known = {axis + kind for axis in _AXES for kind in ("position", "rotation")}
    count = _next(tokens)
    channels = [_next(tokens).capitalize() for _ in range(int(count) if count.isdecimal() and len(count) < 2 else 0)]
    if not count.isdecimal() or len(channels) != int(count) or not known.issuperset(channels):
        found = " ".join([count, *channels])
        raise ClipFormatError(f"has the channels {found}, expected a count and X/Y/Zrotation/position.")
    return channels


def _numbers(words: list[str], count: int, what: str) -> list[float]:
    try:
        values = [float(word) for word in _decimal_points(" ".join(words)).split()]
    except ValueError:
        values = []
    if len(values) != count or not np.isfinite(values).all():
        raise ClipFormatError(f"{what} has {' '.join(words[:6])!r}, expected {count} numbers.")
    return values


def _decimal_points(line: str) -> str:
    """Numbers apart by spaces: commas beside points separate numbers, commas alone are decimal."""
    return line if "," not in line else line.replace(",", " " if "." in line else ".")


def _read_header(file: TextIO) -> tuple[int, float]:
    """Announced number of frames and the frame time in seconds, in either order."""
    frames, frame_time = None, None
    for line in (part for whole in _lines(file) for part in _FRAME_WORD.split(whole) if part.strip()):
        if found := _FRAME_TIME.match(line):
            frame_time = _numbers([found[1]], 1, "Frame Time")[0]
        elif found := _FRAMES.match(line):
            frames = int(_numbers([found[1]], 1, "Frames")[0])
            if frames == 1:
                raise ClipFormatError("is a single pose (1 frame), not a motion; a clip needs at least 2 frames.")
            if not 2 <= frames <= MAX_CLIP_FRAMES:
                raise ClipFormatError(
                    f"has {frames} frames; a clip has 2 to {MAX_CLIP_FRAMES}. Cut a longer file into parts."
                )
        else:
            break
        if frames is not None and frame_time is not None:
            return frames, frame_time
    if frames is None:
        raise ClipFormatError("does not say its number of 'Frames:'; the file is cut short or not a BVH.")
    raise ClipFormatError("has no 'Frame Time:'; add the line after 'Frames:' (0.0333333 for 30 frames/s).")


def _read_frames(file: TextIO, width: int, frames: int, notes: list[str]) -> Array:
    """Values (T, width) of the announced frames, wherever their lines are broken.

    One frame too few or rows beyond those announced are said in `notes`.
    """
    rows: list[Array] = []
    words: list[str] = []
    unlike = ""
    for line in _lines(file):
        if len(rows) == frames and not words:
            notes.append(f"announces {frames} frames and goes on after them; the rest is left out")
            break
        words += _decimal_points(line).split()
        if len(words) > width and not unlike:
            unlike = f"frame {len(rows) + 1} of {frames} has {len(words)} values, expected {width}."
        while len(words) >= width and len(rows) < frames:
            try:
                rows.append(np.array(words[:width], dtype=np.float64))
            except ValueError:
                raise ClipFormatError(f"frame {len(rows) + 1} holds something that is not a number.") from None
            words = words[width:]
        if len(rows) == frames and words:
            raise ClipFormatError(unlike)
    if words or (unlike and len(rows) < frames):
        raise ClipFormatError(
            unlike or f"frame {len(rows) + 1} of {frames} has {len(words)} values, expected {width}; it is cut short."
        )
    if len(rows) == frames - 1 and len(rows) >= 2:
        notes.append(f"announces {frames} frames and has {len(rows)}")
    elif len(rows) < frames:
        raise ClipFormatError(f"announces {frames} frames and has {len(rows)}; it is cut short: fetch it again.")
    return np.stack(rows)


@dataclass(frozen=True)
class _Channels:
    """How the channels of a file are meant, where tools differ."""

    displaced: tuple[int, ...]
    """Joints whose position channels are displacements from their offsets. The format's position replaces the offset;
    some tools write zeros beside an offset that is meant to stay."""
    degrees: bool
    """Whether rotations are degrees, as the format has it, or radians."""

    @staticmethod
    def of(joints: list[_Joint], values: Array, leg: float) -> _Channels:
        """Judge by a first block of frames (B, channels) of a figure with legs of this length.

        Rotations are radians when none exceeds a whole turn in radians, though some joint turns and the figure gets
        ahead by half a leg or more: in degrees its joints would hardly move.
        """
        displaced, start, most = [], 0, 0.0
        for index, joint in enumerate(joints):
            block = values[:, start : start + len(joint.channels)]
            start += len(joint.channels)
            moving = [i for i, channel in enumerate(joint.channels) if channel.endswith("position")]
            turning = [i for i, channel in enumerate(joint.channels) if channel.endswith("rotation")]
            most = max(most, float(np.abs(block[:, turning]).max(initial=0.0)))
            far = float(np.median(np.linalg.norm(block[:, moving], axis=1)))
            if index and len(moving) == 3 and far < 0.05 * float(np.linalg.norm(joint.offset)):
                displaced.append(index)
        first = [i for i, channel in enumerate(joints[0].channels) if channel.endswith("position")]
        ahead = float(np.linalg.norm(np.ptp(values[:, first], axis=0))) > 0.5 * leg
        return _Channels(tuple(displaced), not (ahead and 0.3 < most <= 2 * np.pi))

    @property
    def said(self) -> list[str]:
        """Sentences about what is not as the format has it."""
        said = []
        if self.displaced:
            said.append(f"positions of {len(self.displaced)} joints are displacements; added to their offsets")
        if not self.degrees:
            said.append("no rotation exceeds 6.28 though the figure walks: taken as radians")
        return said


def _pose(rig: Rig, joints: list[_Joint], mapped: JointMap, values: Array, meant: _Channels) -> PosedRig:
    """Mapped joints of a block of frames (B, channels)."""
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
                axis = _AXES.index(channel[0])
                offsets[:, index, axis] = block[:, i] + (rig.offsets[index, axis] if index in meant.displaced else 0.0)
        if turning:
            order = "".join(joint.channels[i][0] for i in turning)
            rotations[:, index] = Rotation.from_euler(order, block[:, turning], degrees=meant.degrees).as_matrix()
    return PosedRig.of(rig, mapped, rotations, offsets[:, 0], offsets)
