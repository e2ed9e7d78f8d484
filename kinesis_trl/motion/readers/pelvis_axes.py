"""Which way is forward, left and up in the pelvis's own axes, whatever the rest pose of a skeleton."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.motion.clip import ClipFormatError
from kinesis_trl.motion.readers.joint_map import JointMap
from kinesis_trl.motion.readers.rig import Rig

Array = NDArray[np.float64]

_TRUNK = ("Torso", "Chest", "Neck", "Head")
_PAIRS = ("Hip", "Knee", "Ankle", "Toe", "Shoulder", "Elbow", "Wrist")
_STRAIGHT = 0.95
_UPRIGHT = np.cos(np.radians(25.0))
_SNAP_STANDING = 4.0
_SNAP_SPINE = 25.0
_SNAP_PAIRS = 1.5
_SNAP_HIPS = 5.0


def pelvis_axes(rig: Rig, joints: JointMap) -> Array:
    """Rotation (3, 3) from the pelvis's own axes to x forward, y left, z up.

    Up is the line from the ankles to the neck when the skeleton stands at rest (straight legs under an upright trunk),
    else the direction from the hips to the first joint of the spine, which is fixed to the pelvis. Left is the sum of
    right-to-left lines over all pairs of joints where these agree with that of the hips, else that of the hips. A
    direction within what such an estimate misses by is taken for the nearest axis; a rest pose turned further is taken
    as it is.
    """
    rest = rig.rest()
    at = {name: rest[joint] for name, joint in joints.index.items()}
    middle = (at["L_Hip"] + at["R_Hip"]) / 2
    hips = at["L_Hip"] - at["R_Hip"]
    if not hips @ hips > 0:
        raise ClipFormatError("its hips lie on one point; the skeleton's offsets are broken.")
    stands = _stands(at, middle, hips)
    top = next((at[name] for name in reversed(_TRUNK[:3]) if name in at), at.get("Head"))
    if stands and top is not None:
        z = _upright(top - (at["L_Ankle"] + at["R_Ankle"]) / 2, hips)
        tolerance = _SNAP_STANDING
    else:
        upwards = [*(at[name] - middle for name in _TRUNK if name in at), middle - (at["L_Knee"] + at["R_Knee"]) / 2]
        z = next((way for way in (_upright(way, hips) for way in upwards) if way @ way > 0), np.zeros(3))
        tolerance = _SNAP_SPINE
    if not z @ z > 0:
        raise ClipFormatError("hips and spine of the skeleton lie on one line; its offsets are broken.")
    z, snapped = _snapped(z, tolerance)
    y, tolerance = hips, _SNAP_HIPS
    pairs = sum(at[f"L_{part}"] - at[f"R_{part}"] for part in _PAIRS if f"L_{part}" in at and f"R_{part}" in at)
    if stands and _angle(pairs, hips) < 3.0:
        y, tolerance = pairs, _SNAP_PAIRS
    y = y - z * (y @ z)
    y, _ = _snapped(y, tolerance if snapped else 0.0)
    return np.stack([np.cross(y, z), y, z])


def _stands(at: dict[str, Array], middle: Array, hips: Array) -> bool:
    """Whether the rest pose is a person who stands: straight legs side by side under a trunk in line with them."""
    legs = []
    for side in "LR":
        hip, knee, ankle = (at[f"{side}_{part}"] for part in ("Hip", "Knee", "Ankle"))
        length = float(np.linalg.norm(knee - hip) + np.linalg.norm(ankle - knee))
        leg = (ankle - hip) / max(length, 1e-12)
        if np.linalg.norm(leg) < _STRAIGHT:
            return False
        legs.append(leg)
    down = legs[0] + legs[1]
    left = hips / np.linalg.norm(hips)
    spread = legs[0] - legs[1]
    astride = np.linalg.norm(spread - left * (spread @ left))
    trunk = next((at[name] - middle for name in ("Neck", "Chest", "Torso", "Head") if name in at), None)
    upright = trunk is None or -(trunk @ down) > _UPRIGHT * np.linalg.norm(trunk) * np.linalg.norm(down)
    return bool(np.linalg.norm(down) > 1.5 and astride < 0.15 and upright and abs(down @ left) < 0.2)


def _upright(way: Array, hips: Array) -> Array:
    """Unit vector of the part of `way` that is normal to the line of the hips; zeros where there is none."""
    normal = way - hips * (way @ hips) / (hips @ hips)
    length = float(np.linalg.norm(normal))
    return normal / length if length > 1e-6 * float(np.linalg.norm(hips)) else np.zeros(3)


def _snapped(vector: Array, tolerance: float) -> tuple[Array, bool]:
    """Unit vector along `vector`, or the axis nearest to it when that is within `tolerance` degrees; and which."""
    axis = int(np.abs(vector).argmax())
    nearest: Array = np.sign(vector[axis]) * np.eye(3)[axis]
    if _angle(vector, nearest) <= tolerance:
        return nearest, True
    return vector / np.linalg.norm(vector), False


def _angle(a: Array, b: Array) -> float:
    """Angle between two vectors in degrees."""
    return float(np.degrees(np.arctan2(np.linalg.norm(np.cross(a, b)), a @ b)))
