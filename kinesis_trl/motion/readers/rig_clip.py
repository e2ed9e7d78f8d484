"""From the posed joints of a skeleton to a clip under SMPL's names, in metres, z up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from kinesis_trl.motion.clip import MotionClip, check_finite
from kinesis_trl.motion.readers.conventions import (
    check_frames,
    detect_unit,
    detect_up,
    tidy_fps,
    up_rotation,
)
from kinesis_trl.motion.readers.joint_map import SHORTEST_FOOT, JointMap
from kinesis_trl.motion.readers.pelvis_axes import pelvis_axes
from kinesis_trl.motion.readers.registry import ReadOptions
from kinesis_trl.motion.readers.rig import VIRTUAL_TOE, Rig

Array = NDArray[np.float64]

_SIDES = ("L", "R")
_TOE_OUT = np.radians(7.0)
"""How far feet point outwards in walking: the usual foot progression angle of adults."""


@dataclass(frozen=True)
class PosedRig:
    """T frames of a rig in the file's world and unit."""

    positions: Array
    """(T, K, 3) of the K mapped joints (`JointMap.names`)."""
    pelvis: Array
    """(T, 3, 3) rotation of the pelvis joint."""
    feet: Array
    """(T, 2, 3, 3) rotation of the left and the right ankle joint."""

    @staticmethod
    def of(rig: Rig, joints: JointMap, rotations: Array, root: Array, offsets: Array | None = None) -> PosedRig:
        """Pose a rig; the arguments are those of `Rig.pose`."""
        positions, turned = rig.pose(rotations, root, offsets)
        feet = turned[:, [joints.index[f"{side}_Ankle"] for side in _SIDES]]
        return PosedRig(positions[:, list(joints.index.values())], turned[:, joints.index["Pelvis"]], feet)

    @staticmethod
    def joined(parts: list[PosedRig]) -> PosedRig:
        """Frames of one part after the other."""
        arrays = ([getattr(part, name) for part in parts] for name in ("positions", "pelvis", "feet"))
        return PosedRig(*map(np.concatenate, arrays))


def leg_length(rig: Rig, joints: JointMap) -> float:
    """Mean hip–knee–ankle length of both legs in the rig's unit."""
    lengths = [
        np.linalg.norm(rig.offsets[j])
        for side in _SIDES
        for j in _chain(rig, joints.index[f"{side}_Ankle"], joints.index[f"{side}_Hip"])
    ]
    return float(np.sum(lengths)) / 2


def _chain(rig: Rig, below: int, above: int) -> list[int]:
    chain = []
    while below not in (above, -1):
        chain.append(below)
        below = rig.parents[below]
    return chain


def rig_clip(
    name: str,
    options: ReadOptions,
    *,
    fps: float,
    rig: Rig,
    joints: JointMap,
    posed: PosedRig,
    usual_up: str,
    notes: tuple[str, ...] = (),
    extra: dict[str, Any] | None = None,
) -> MotionClip:
    """Clip of a rig's motion, in metres with z up, with a toe on every foot.

    The up axis and the unit in `options` override what is detected. What in the skeleton does not fit a person is in
    the clip's `doubts`. Raises ClipFormatError for too few or too many frames and for values that are not finite.
    """
    check_frames(len(posed.positions))
    check_finite(posed.positions, "motion")
    said = list(notes + joints.guessed)
    up, unit = options.up, options.unit
    if unit is None:
        unit, how = detect_unit(leg_length(rig, joints))
        said.append(how)
    if up is None:
        up, how = detect_up(posed.positions, joints.names, usual=usual_up)
        said.append(how)
    turn = up_rotation(up)
    positions = posed.positions @ turn.T * unit
    upright = turn @ posed.pelvis @ pelvis_axes(rig, joints).T
    feet = turn @ posed.feet
    if _starts_apart(positions):
        positions, upright, feet = positions[1:], upright[1:], feet[1:]
        said.append("first frame, a calibration pose apart from the motion, left out")
    positions, names, placed = _with_toes(positions, joints, upright, feet)
    return MotionClip(
        name=name,
        fps=tidy_fps(fps),
        positions=positions,
        joint_names=names,
        pelvis_quat=Rotation.from_matrix(upright).as_quat(scalar_first=True),
        notes=(*said, *placed),
        doubts=joints.doubts,
        extra=extra or {},
    )


def _with_toes(
    positions: Array, joints: JointMap, pelvis: Array, feet: Array
) -> tuple[Array, tuple[str, ...], list[str]]:
    """Joints with a virtual toe where a foot has none, or only an end that is not in front of the ankle when low.

    The toe is fixed to the foot so that, over the frames in which this foot is low, it points where the pelvis does and
    7° outwards.
    """
    names, said = joints.names, []
    forward = pelvis[..., 0] * [1.0, 1.0, 0.0]
    forward /= np.linalg.norm(forward, axis=-1, keepdims=True).clip(1e-9)
    for side, foot in zip(_SIDES, feet.swapaxes(0, 1), strict=True):
        hip, knee, ankle = (positions[:, names.index(f"{side}_{part}")] for part in ("Hip", "Knee", "Ankle"))
        leg = float(np.median(np.linalg.norm(knee - hip, axis=1) + np.linalg.norm(ankle - knee, axis=1)))
        low = ankle[:, 2] <= np.quantile(ankle[:, 2], 0.4)
        toe = f"{side}_Toe"
        if toe in names and toe not in joints.ends:
            continue
        if toe in names:
            along = positions[:, names.index(toe)] - ankle
            if np.median((along[low] * forward[low]).sum(1)) >= SHORTEST_FOOT * leg:
                continue
        ahead = np.einsum("tji,tj->ti", foot[low], forward[low]).mean(0)
        rise = np.einsum("tji,j->ti", foot[low], [0.0, 0.0, 1.0]).mean(0)
        rise /= np.linalg.norm(rise).clip(1e-9)
        ahead -= rise * (ahead @ rise)
        ahead /= np.linalg.norm(ahead).clip(1e-9)
        outward = np.cross(rise, ahead) * (1.0 if side == "L" else -1.0)
        ahead = np.cos(_TOE_OUT) * ahead + np.sin(_TOE_OUT) * outward
        placed = ankle + foot @ (VIRTUAL_TOE[0] * ahead + VIRTUAL_TOE[2] * rise)
        if toe in names:
            positions = positions.copy()
            positions[:, names.index(toe)] = placed
            why = "is not in front of the ankle"
        else:
            positions, names, why = np.concatenate([positions, placed[:, None]], axis=1), (*names, toe), "is missing"
        said.append(
            f"{toe} {why}: placed {VIRTUAL_TOE[0]:.2f} m ahead of and {-VIRTUAL_TOE[2]:.2f} m below the ankle, "
            "pointing where the pelvis does and 7° outwards"
        )
    return positions, names, said


def _starts_apart(positions: Array) -> bool:
    """Whether the first frame's posture is no part of the motion, as the T-pose that many BVH files begin
    with."""
    if len(positions) < 4:
        return False
    posture = positions[:3] - positions[:3, :1]
    first, second = np.linalg.norm(np.diff(posture, axis=0), axis=-1).max(1)
    return bool(first > 0.25 and first > 5.0 * second)
