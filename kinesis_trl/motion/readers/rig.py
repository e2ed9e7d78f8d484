"""Skeletons of jointed figures (BVH, ASF, poselib, DeepMimic) and their clips under SMPL's joint names."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from kinesis_trl.motion.clip import ClipFormatError, MotionClip
from kinesis_trl.motion.readers.conventions import (
    check_finite,
    check_frames,
    detect_unit,
    detect_up,
    tidy_fps,
    up_rotation,
)

Array = NDArray[np.float64]

REQUIRED_JOINTS = ("Pelvis", "L_Hip", "R_Hip", "L_Knee", "R_Knee", "L_Ankle", "R_Ankle", "L_Toe", "R_Toe")
"""Joints without which a body cannot be retargeted."""
VIRTUAL_TOE: Array = np.array([0.12, 0.0, -0.03])
"""Ball of the foot (3,) from the ankle in metres, x forward, z up, for figures whose foot has no toe
joint."""

_SIDED: dict[str, tuple[str, ...]] = {
    "Hip": ("upleg", "upperleg", "thigh", "hip", "femur"),
    "Knee": ("lowerleg", "leg", "knee", "shin", "calf", "tibia"),
    "Ankle": ("foot", "ankle"),
    "Toe": ("toebase", "toes", "toe", "ball", "foottoes"),
    "Shoulder": ("arm", "upperarm", "uparm", "humerus", "shoulder"),
    "Elbow": ("forearm", "lowerarm", "elbow", "lowarm", "radius"),
    "Wrist": ("hand", "wrist"),
}
_CENTRAL: dict[str, tuple[str, ...]] = {
    "Pelvis": ("hips", "pelvis", "hip", "root"),
    "Torso": ("spine", "lowerback", "abdomen"),
    "Chest": ("chest", "thorax", "upperback", "torso"),
    "Neck": ("neck", "lowerneck", "upperneck"),
    "Head": ("head",),
}
_SIDES = {"L": ("left", "l"), "R": ("right", "r")}


@dataclass(frozen=True)
class Rig:
    """A tree of J joints in the file's own axes and unit; parents come before their children."""

    names: tuple[str, ...]
    """Names in the file."""
    parents: tuple[int, ...]
    """Index of each parent; −1 for a root."""
    offsets: Array
    """(J, 3) position in the parent's frame at rest."""

    def pose(self, rotations: Array, root: Array, offsets: Array | None = None) -> tuple[Array, Array]:
        """World positions (T, J, 3) and rotations (T, J, 3, 3).

        rotations: (T, J, 3, 3) relative to the parent; root: (T, 3) position of the first joint; offsets:
        (T, J, 3) positions in the parent's frame instead of those at rest.
        """
        frames = len(root)
        turned = np.empty((frames, len(self.names), 3, 3))
        positions = np.empty((frames, len(self.names), 3))
        turned[:, 0], positions[:, 0] = rotations[:, 0], root
        for joint, parent in enumerate(self.parents[1:], start=1):
            offset = self.offsets[joint] if offsets is None else offsets[:, joint]
            turned[:, joint] = turned[:, parent] @ rotations[:, joint]
            positions[:, joint] = positions[:, parent] + (turned[:, parent] @ offset[..., None])[..., 0]
        return positions, turned


@dataclass(frozen=True)
class JointMap:
    """Which joint of a rig plays which SMPL joint."""

    index: dict[str, int]
    """Rig index by SMPL name."""
    guessed: tuple[str, ...] = field(default=())
    """Sentences about joints that stand in for missing ones."""

    @property
    def names(self) -> tuple[str, ...]:
        """SMPL names in rig order."""
        return tuple(self.index)


def map_joints(rig: Rig) -> JointMap:
    """Find SMPL's joints in a rig by the names that motion files use for them.

    A foot's end point stands in for a missing toe. Raises ClipFormatError listing what was found when a joint
    of `REQUIRED_JOINTS` is missing.
    """
    plain = [_plain(name) for name in rig.names]
    index: dict[str, int] = {}
    for joint, words in _CENTRAL.items():
        _take(index, joint, words, plain)
    for side, prefixes in _SIDES.items():
        for joint, words in _SIDED.items():
            spelled = [spelling for word in words for mark in prefixes for spelling in (mark + word, word + mark)]
            _take(index, f"{side}_{joint}", tuple(spelled), plain)
    guessed = []
    for side in _SIDES:
        ankle = index.get(f"{side}_Ankle")
        if f"{side}_Toe" not in index and ankle is not None and ankle in rig.parents:
            index[f"{side}_Toe"] = rig.parents.index(ankle)
            guessed.append(f"{side}_Toe taken as the end of the foot")
    missing = [joint for joint in REQUIRED_JOINTS if joint not in index]
    if missing:
        raise ClipFormatError(
            f"no joint for {', '.join(missing)} among {', '.join(rig.names[:40])}; "
            "rename the joints as in CMU files (Hips, LeftUpLeg, LeftLeg, LeftFoot, LeftToeBase, …)."
        )
    return JointMap(dict(sorted(index.items(), key=lambda item: item[1])), tuple(guessed))


def add_virtual_toes(rig: Rig, axes: Array) -> tuple[Rig, tuple[str, ...]]:
    """The rig with a toe fixed to each foot that has none, appended last, and the sentence that says so.

    axes: (3, 3) rotation from the foot's own axes at rest to x forward, y left, z up. Offsets are in metres.
    """
    feet = [
        joint
        for joint, name in enumerate(rig.names)
        if joint not in rig.parents and _plain(name) in ("leftfoot", "rightfoot", "leftankle", "rightankle")
    ]
    if not feet:
        return rig, ()
    names = tuple(rig.names[foot].replace("foot", "toe").replace("ankle", "toe") for foot in feet)
    offsets = np.concatenate([rig.offsets, np.tile(axes.T @ VIRTUAL_TOE, (len(feet), 1))])
    forward, _, rise = VIRTUAL_TOE
    said = f"no toe joints: placed {forward:.2f} m ahead of and {-rise:.2f} m below the ankle, fixed to the foot"
    return Rig(rig.names + names, rig.parents + tuple(feet), offsets), (said,)


def _plain(name: str) -> str:
    """Lower-case letters of a name without name space, character number and separators."""
    bare = re.sub(r"^.*:|^(character|mixamorig|bip)\d*_", "", name.strip(), flags=re.IGNORECASE)
    return re.sub(r"[^a-z]", "", bare.lower())


def _take(index: dict[str, int], joint: str, words: tuple[str, ...], plain: list[str]) -> None:
    for word in words:
        if word in plain:
            index[joint] = plain.index(word)
            return


def pelvis_axes(rig: Rig, joints: JointMap) -> Array:
    """Rotation (3, 3) from the pelvis's own axes to x forward, y left, z up.

    The hips and the first joint up the spine are fixed to the pelvis; their directions, snapped to its
    nearest axes, say which axis is which, whatever the rest pose of the limbs.
    """
    pelvis = joints.index["Pelvis"]
    rest = _offsets_from(rig, pelvis)
    hips, knees = ([rest[joints.index[f"{side}_{joint}"]] for side in ("L", "R")] for joint in ("Hip", "Knee"))
    left, middle = hips[0] - hips[1], (hips[0] + hips[1]) / 2
    spine = [rest[joints.index[j]] for j in ("Torso", "Chest", "Neck", "Head") if j in joints.index]
    upwards = [*(joint - middle for joint in spine), middle - (knees[0] + knees[1]) / 2]
    up = next((way for way in upwards if np.linalg.norm(np.cross(way, left)) > 1e-6 * (left @ left)), None)
    if up is None:
        raise ClipFormatError("hips and spine of the skeleton lie on one line; its offsets are broken.")
    z = _snapped(up - left * (up @ left) / (left @ left))
    y = _snapped(left - z * (left @ z))
    return np.stack([np.cross(y, z), y, z])


def _offsets_from(rig: Rig, ancestor: int) -> Array:
    """Rest positions (J, 3) relative to a joint, of its descendants with nothing turned."""
    rest = np.zeros((len(rig.names), 3))
    for joint, parent in enumerate(rig.parents):
        if parent >= 0 and joint != ancestor:
            rest[joint] = rest[parent] + rig.offsets[joint]
    return rest


def _snapped(vector: Array) -> Array:
    axis = int(np.abs(vector).argmax())
    return np.sign(vector[axis]) * np.eye(3)[axis]


def leg_length(rig: Rig, joints: JointMap) -> float:
    """Mean hip–knee–ankle length of both legs in the rig's unit."""
    lengths = [
        np.linalg.norm(rig.offsets[j])
        for side in ("L", "R")
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
    *,
    name: str,
    fps: float,
    rig: Rig,
    joints: JointMap,
    positions: Array,
    pelvis_rotations: Array,
    usual_up: str,
    up: str | None,
    unit: float | None,
    notes: tuple[str, ...] = (),
    extra: dict[str, Any] | None = None,
) -> MotionClip:
    """Clip of a rig's motion, in metres with z up.

    positions: (T, K, 3) of the K mapped joints (`joints.names`) and pelvis_rotations: (T, 3, 3), both in the
    file's world and unit. `up` and `unit` (metres per unit) override what is detected.
    """
    check_frames(len(positions))
    check_finite(positions, "motion")
    said = list(notes + joints.guessed)
    if unit is None:
        unit, how = detect_unit(leg_length(rig, joints))
        said.append(how)
    if up is None:
        up, how = detect_up(positions, joints.names, usual=usual_up)
        said.append(how)
    turn = up_rotation(up)
    positions = positions @ turn.T * unit
    upright = turn @ pelvis_rotations @ pelvis_axes(rig, joints).T
    if _starts_apart(positions):
        positions, upright = positions[1:], upright[1:]
        said.append("first frame, a calibration pose apart from the motion, left out")
    return MotionClip(
        name=name,
        fps=tidy_fps(fps),
        positions=positions,
        joint_names=joints.names,
        pelvis_quat=Rotation.from_matrix(upright).as_quat(scalar_first=True),
        notes=tuple(said),
        extra=extra or {},
    )


def _starts_apart(positions: Array) -> bool:
    """Whether the first frame's posture is no part of the motion, as the T-pose that many BVH files begin
    with."""
    if len(positions) < 4:
        return False
    posture = positions[:3] - positions[:3, :1]
    first, second = np.linalg.norm(np.diff(posture, axis=0), axis=-1).max(1)
    return bool(first > 0.25 and first > 5.0 * second)
