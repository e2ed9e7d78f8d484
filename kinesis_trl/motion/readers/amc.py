"""ASF/AMC (Acclaim) motion: a skeleton file and, beside it, motion files read as a stream."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from kinesis_trl.motion.clip import ClipFormatError, MotionClip
from kinesis_trl.motion.readers.conventions import MAX_CLIP_FRAMES
from kinesis_trl.motion.readers.joint_map import JointMap, map_joints
from kinesis_trl.motion.readers.registry import MotionFile, ReadOptions, reader
from kinesis_trl.motion.readers.rig import Rig
from kinesis_trl.motion.readers.rig_clip import PosedRig, rig_clip

Array = NDArray[np.float64]

CMU_FPS = 120.0
"""Frame rate of the CMU motion capture library; AMC files do not state theirs."""
_MAX_LINE = 1 << 16
_MAX_BONES = 500
_BLOCK = 1024  # frames posed at once; bounds memory
_ROOT_CHANNELS = ("tx", "ty", "tz", "rx", "ry", "rz")


@dataclass
class _Bone:
    name: str
    direction: tuple[float, ...] = (0.0, 0.0, 0.0)
    length: float = 0.0
    axis: tuple[float, ...] = (0.0, 0.0, 0.0)
    order: str = "xyz"
    channels: tuple[str, ...] = ()
    """'rx', 'ry', … in the order of the motion file."""


@dataclass
class _Skeleton:
    bones: dict[str, _Bone]
    parents: dict[str, str]
    scale: float
    """Metres per unit."""


@reader("ASF/AMC (a motion beside its .asf skeleton)", ".amc")
def read_amc(file: MotionFile, options: ReadOptions) -> list[MotionClip]:
    """Bone angles in degrees; lengths in the unit that the skeleton states (CMU: inch / 0.45).

    The skeleton is the ASF file in the same folder that is named like the file's part before '_' (02_01.amc → 02.asf),
    else the folder's only one.
    """
    path, said = _skeleton_of(file.path)
    skeleton = _read_asf(path)
    rig, bones = _rig(skeleton)
    joints = map_joints(rig)
    values = _read_values(file.path, bones)
    blocks = [[v[k : k + _BLOCK] for v in values] for k in range(0, len(values[0]), _BLOCK)]
    notes = [said, f"unit {skeleton.scale:.4g} m, from the skeleton file"]
    if options.fps is None:
        notes.append(f"frame rate not in the file: {CMU_FPS:g} as at CMU")
    return [
        rig_clip(
            file.path.stem,
            replace(options, unit=options.unit or skeleton.scale),
            fps=CMU_FPS if options.fps is None else options.fps,
            rig=rig,
            joints=joints,
            posed=PosedRig.joined([_pose(rig, bones, joints, block) for block in blocks]),
            usual_up="y",
            notes=tuple(notes),
        )
    ]


def _skeleton_of(path: Path) -> tuple[Path, str]:
    own = [path.with_suffix(".asf"), path.with_name(path.stem.split("_")[0] + ".asf")]
    near = sorted(path.parent.glob("*.asf"))
    for choice in own:
        if choice in near:
            return choice, f"skeleton {choice.name}"
    if len(near) == 1:
        return near[0], f"skeleton {near[0].name}: the folder's only one, perhaps another person's"
    raise ClipFormatError(f"needs its skeleton: put {own[1].name} beside it (found {len(near)} other .asf files).")


def _lines(path: Path) -> Iterator[list[str]]:
    """Words of each line that is neither empty nor a comment."""
    with path.open(encoding="utf-8", errors="replace") as file:
        while line := file.readline(_MAX_LINE):
            words = line.split("#")[0].replace("(", " ( ").replace(")", " ) ").split()
            if words:
                yield words


def _floats(words: list[str], what: str) -> tuple[float, ...]:
    try:
        values = tuple(float(word) for word in words)
    except ValueError:
        values = ()
    if not values or not np.isfinite(values).all():
        raise ClipFormatError(f"{what} has {' '.join(words[:6])!r}, expected numbers.")
    return values


def _read_asf(path: Path) -> _Skeleton:
    root = _Bone("root", channels=_ROOT_CHANNELS)
    skeleton = _Skeleton({"root": root}, {}, 0.0254)
    section, bone, degrees = "", _Bone(""), True
    for words in _lines(path):
        key = words[0].lower()
        if key.startswith(":"):
            section = key
        elif section == ":units" and key == "length":
            skeleton.scale = 0.0254 / _floats(words[1:2], "length unit")[0]  # CMU's convention: inch / value
        elif section == ":units" and key == "angle":
            degrees = words[1:2] == ["deg"]
        elif section == ":root" and key == "order":
            root.channels = tuple(word.lower() for word in words[1:])
        elif section == ":bonedata" and key == "begin":
            bone = _Bone("")
        elif section == ":bonedata" and key == "end":
            skeleton.bones[bone.name] = bone
        elif section == ":bonedata":
            _bone_line(bone, key, words[1:])
        elif section == ":hierarchy" and key not in ("begin", "end"):
            skeleton.parents |= dict.fromkeys(words[1:], words[0])
    if not degrees:
        raise ClipFormatError(f"{path.name} gives angles in radians; only degrees are read: convert it.")
    if not 2 <= len(skeleton.bones) <= _MAX_BONES or not skeleton.parents:
        raise ClipFormatError(
            f"{path.name} has {len(skeleton.bones)} bones and {len(skeleton.parents)} links; "
            f"a person's ASF skeleton has up to {_MAX_BONES} and a hierarchy."
        )
    return skeleton


def _bone_line(bone: _Bone, key: str, words: list[str]) -> None:
    if key == "name" and words:
        bone.name = words[0]
    elif key == "direction":
        bone.direction = _floats(words[:3], "direction")
    elif key == "length":
        bone.length = _floats(words[:1], "length")[0]
    elif key == "axis":
        bone.axis, bone.order = _floats(words[:3], "axis"), "".join(words[3:]).lower() or "xyz"
    elif key == "dof":
        bone.channels = tuple(word.lower() for word in words)


def _rig(skeleton: _Skeleton) -> tuple[Rig, list[_Bone]]:
    """Joints at the start of each bone and at the end of each last one, parents first."""
    names, parents, offsets, bones = ["root"], [-1], [np.zeros(3)], [skeleton.bones["root"]]
    for index in range(_MAX_BONES):
        if index >= len(names):
            break
        above = bones[index]
        reach = np.array(above.direction) * above.length
        children = [name for name, parent in skeleton.parents.items() if parent == names[index]]
        for name in children or [f"{names[index]}_end"] * (above.name in skeleton.parents):
            if name in names:
                raise ClipFormatError(f"bone {name} comes twice in the hierarchy of the skeleton.")
            if children and name not in skeleton.bones:
                raise ClipFormatError(f"the skeleton's hierarchy names {name}, which has no bone data.")
            names.append(name)
            parents.append(index)
            offsets.append(reach)
            bones.append(skeleton.bones.get(name, _Bone(name)))
    return Rig(tuple(names), tuple(parents), np.array(offsets)), bones


def _read_values(path: Path, bones: list[_Bone]) -> list[Array]:
    """Values (T, channels) of each bone's channels."""
    widths = {bone.name: len(bone.channels) for bone in bones if bone.channels}
    values: dict[str, list[tuple[float, ...]]] = {name: [] for name in widths}
    seen = 0

    def missing() -> list[str]:
        return sorted(name for name, rows in values.items() if len(rows) != seen)

    for words in _lines(path):
        if words[0].startswith(":"):
            if words[0].upper() == ":RADIANS":
                raise ClipFormatError("gives angles in radians; only degrees are read: convert it.")
        elif len(words) == 1 and words[0].isdigit():
            if missing():
                break
            seen += 1
            if seen > MAX_CLIP_FRAMES:
                raise ClipFormatError(f"has more than {MAX_CLIP_FRAMES} frames; cut it into shorter files.")
        elif not seen or words[0] not in widths:
            raise ClipFormatError(f"has {words[0]!r} where a frame number or a bone of the skeleton is expected.")
        elif len(row := _floats(words[1:], f"frame {seen}, {words[0]}")) != widths[words[0]]:
            raise ClipFormatError(f"frame {seen}: {words[0]} has {len(row)} values, not {widths[words[0]]}.")
        else:
            values[words[0]][seen - 1 :] = [row]
    if not seen:
        raise ClipFormatError("has no frames; it is not an AMC file, or cut short.")
    if lacking := missing():
        raise ClipFormatError(f"frame {seen} lacks {', '.join(lacking[:5])}; the file is cut short: fetch it again.")
    return [np.array(values.get(bone.name, [()] * seen)).reshape(seen, -1) for bone in bones]


def _pose(rig: Rig, bones: list[_Bone], joints: JointMap, values: list[Array]) -> PosedRig:
    """Mapped joints of a block of frames.

    A bone turns about its own axes C: R = C · M(angles) · C⁻¹ in the rest frame, which is that of the root.
    """
    frames = len(values[0])
    rotations = np.broadcast_to(np.eye(3), (frames, len(bones), 3, 3)).copy()
    for index, (bone, block) in enumerate(zip(bones, values, strict=True)):
        turning = [i for i, channel in enumerate(bone.channels) if channel.startswith("r")]
        if not turning:
            continue
        # Lower-case axes are fixed ones: the first named is applied first, R = Rz · Ry · Rx for "xyz".
        order = "".join(bone.channels[i][1] for i in turning)
        own = Rotation.from_euler(bone.order, bone.axis, degrees=True)
        turned = Rotation.from_euler(order, block[:, turning], degrees=True)
        rotations[:, index] = (own * turned * own.inv()).as_matrix()
    root = np.stack([values[0][:, bones[0].channels.index(axis)] for axis in ("tx", "ty", "tz")], axis=1)
    return PosedRig.of(rig, joints, rotations, root)
