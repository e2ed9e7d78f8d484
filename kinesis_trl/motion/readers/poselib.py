"""SkeletonMotion files of poselib (.npy), as AMP and ASE ship them."""

from __future__ import annotations

from collections.abc import Mapping
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

Array = NDArray[np.float64]

_MAX_VALUES = 100_000_000
_NAMES = {"head": "neck"}
"""Bodies of these humanoids whose origin is another joint than their name says."""


@reader(
    "poselib SkeletonMotion",
    ".npy",
    recognises=lambda file: isinstance(file.item, dict) and "skeleton_tree" in file.item,
)
def read_poselib(file: MotionFile, options: ReadOptions) -> list[MotionClip]:
    """Joint quaternions (T, J, 4) xyzw and root translation (T, 3) in metres, z up, skeleton and frame rate."""
    content = file.item
    tree = _entry(content, "skeleton_tree")
    names = tuple(str(name) for name in _entry(tree, "node_names"))
    parents = tuple(int(parent) for parent in _array(tree, "parent_indices"))
    root = _array(content, "root_translation")
    offsets, rotation = _array(tree, "local_translation"), _array(content, "rotation")
    frames, joints = len(root), len(names)
    if rotation.shape != (frames, joints, 4) or offsets.shape != (joints, 3) or root.shape != (frames, 3):
        raise ClipFormatError(
            f"has rotations {rotation.shape}, offsets {offsets.shape}, root {root.shape}; expected "
            f"({frames}, {joints}, 4), ({joints}, 3), ({frames}, 3) for its {joints} joints."
        )
    check_frames(frames)
    if len(parents) != joints or any(not -1 <= p < j for j, p in enumerate(parents)) or parents[1:].count(-1):
        raise ClipFormatError("its parent indices do not form a tree with parents first.")
    check_finite(rotation, "rotation")
    check_finite(root, "root translation")
    if not (np.linalg.norm(rotation, axis=-1) > 0.5).all():
        raise ClipFormatError("holds quaternions that are not of unit length.")
    rate = content.get("fps") if options.fps is None else options.fps
    if rate is None:
        raise ClipFormatError("has no 'fps'; pass --fps.")
    local = Rotation.from_quat(rotation.reshape(-1, 4)).as_matrix().reshape(frames, joints, 3, 3)
    if not content.get("is_local", True):
        turned = local.copy()
        for joint, parent in enumerate(parents[1:], start=1):
            local[:, joint] = np.swapaxes(turned[:, parent], 1, 2) @ turned[:, joint]
    rig, said = add_virtual_toes(Rig(tuple(_NAMES.get(name, name) for name in names), parents, offsets), np.eye(3))
    mapped = map_joints(rig)
    toes = np.broadcast_to(np.eye(3), (frames, len(rig.names) - joints, 3, 3))
    return [
        rig_clip(
            file.path.stem,
            options,
            fps=float(np.asarray(rate).reshape(())),
            rig=rig,
            joints=mapped,
            posed=PosedRig.of(rig, mapped, np.concatenate([local, toes], axis=1), root),
            usual_up="z",
            notes=said,
        )
    ]


def _entry(content: Mapping[str, Any], key: str) -> Any:
    if not isinstance(content, Mapping) or key not in content:
        raise ClipFormatError(f"has no {key!r}; expected a poselib SkeletonMotion.")
    return content[key]


def _array(content: Mapping[str, Any], key: str) -> Array:
    array = np.asarray(_entry(_entry(content, key), "arr"))
    if array.ndim == 0 or array.size > _MAX_VALUES:
        raise ClipFormatError(f"{key} has shape {array.shape}; expected at most {_MAX_VALUES} values.")
    return array.astype(np.float64)
