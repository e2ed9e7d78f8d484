"""SMPL joint positions from joint rotations, without the licensed body model file.

SMPL places its joints by a rest skeleton and one rotation a joint (Loper et al. 2015, doi
10.1145/2816795.2818013). For the mean body shape the skeleton is the 24 points below; for other shapes see
`smpl_model.py`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from kinesis_trl.motion.clip import ClipFormatError

Array = NDArray[np.float64]

_REST_MM: dict[str, tuple[str, int, int, int]] = {
    "Pelvis": ("", 0, 0, 0),
    "L_Hip": ("Pelvis", -7, 70, -91),
    "R_Hip": ("Pelvis", -4, -68, -90),
    "Torso": ("Pelvis", -27, -2, 109),
    "L_Knee": ("L_Hip", -11, 104, -467),
    "R_Knee": ("R_Hip", -13, -106, -473),
    "Spine": ("Torso", -26, 3, 244),
    "L_Ankle": ("L_Knee", -55, 90, -865),
    "R_Ankle": ("R_Knee", -55, -90, -871),
    "Chest": ("Spine", 0, 4, 297),
    "L_Toe": ("L_Ankle", 64, 117, -920),
    "R_Toe": ("R_Ankle", 68, -116, -920),
    "Neck": ("Chest", -43, 2, 511),
    "L_Thorax": ("Chest", -34, 83, 419),
    "R_Thorax": ("Chest", -39, -77, 416),
    "Head": ("Neck", 8, 7, 576),
    "L_Shoulder": ("L_Thorax", -43, 174, 449),
    "R_Shoulder": ("R_Thorax", -48, -173, 448),
    "L_Elbow": ("L_Shoulder", -71, 434, 436),
    "R_Elbow": ("R_Shoulder", -69, -427, 435),
    "L_Wrist": ("L_Elbow", -72, 683, 445),
    "R_Wrist": ("R_Elbow", -75, -682, 443),
    "L_Hand": ("L_Wrist", -87, 767, 437),
    "R_Hand": ("R_Wrist", -85, -767, 437),
}
"""Parent and rest position of each joint relative to the pelvis, in mm; x forward, y left, z up.

These are the joint centres of the average adult that the neutral SMPL body describes, standing with the arms
out, as humanoid models built on it state them, rounded to the millimetre (tests measure at most 1 mm of
difference).
"""

SMPL_JOINTS: tuple[str, ...] = tuple(_REST_MM)
"""SMPL's 24 joints in its order; the first 22 are also those of SMPL-H, SMPL-X and HumanML3D."""
SMPL_PARENTS: tuple[int, ...] = tuple(SMPL_JOINTS.index(parent) if parent else -1 for parent, *_ in _REST_MM.values())
"""Index of each joint's parent; −1 for the pelvis."""
REST_JOINTS: Array = np.array([mm for _, *mm in _REST_MM.values()]) / 1000.0
"""Mean-shape rest positions (24, 3) relative to the pelvis in metres; x forward, y left, z up."""
BODY_JOINTS = 22
"""Joints that every SMPL variant shares: all but hands, fingers and face."""
PELVIS_IN_MODEL: dict[str, Array] = {
    "smpl": np.array([-0.002, -0.223, 0.028]),
    "smplx": np.array([0.003, -0.351, 0.012]),
}
"""Rest position (3,) of the pelvis in the model's own frame (x left, y up, z forward), by model, in metres.

A recorded `trans` moves the model's origin, so the pelvis is at trans + this, whatever the pose.
"""
_CANONICAL = [2, 0, 1]  # SMPL axes (x left, y up, z forward) taken as x forward, y left, z up
_CHANGE = np.eye(3)[_CANONICAL]
_PELVIS_POINTS = ("L_Hip", "R_Hip", "Torso")


def pose_joints(pose: NDArray[np.floating]) -> Array:
    """Axis-angle pose of an SMPL variant as (T, 22 or 24, 3) in radians, from (T, J·3) or (T, J, 3).

    J is 22 (body), 24 (SMPL), 52 (SMPL-H) or 55 (SMPL-X); fingers and face are left out. Raises
    ClipFormatError for any other number of joints.
    """
    width = int(np.prod(pose.shape[1:]))
    if pose.ndim not in (2, 3) or width not in (66, 72, 156, 165):
        raise ClipFormatError(
            f"pose has shape {pose.shape}, expected (frames, 66, 72, 156 or 165): "
            "22 body, 24 SMPL, 52 SMPL-H or 55 SMPL-X joints times 3."
        )
    joints: Array = np.array(pose, dtype=np.float64).reshape(len(pose), width // 3, 3)
    return joints if width == 72 else joints[:, :BODY_JOINTS]


def smpl_kinematics(pose: Array, pelvis: Array, *, rest: Array = REST_JOINTS) -> tuple[Array, Array]:
    """Joint positions and pelvis orientation of a posed SMPL skeleton.

    pose: (T, J, 3) axis-angle in SMPL's axes, radians, J = 22 or 24; the first turns the model into the
    world. pelvis: (T, 3) world position of the pelvis in metres. rest: (≥ J, 3) rest joints relative to the
    pelvis, x forward, y left, z up. Returns world positions (T, J, 3) and pelvis quaternions (T, 4) wxyz,
    which are the identity for a body that stands upright in a z-up world and faces +x.
    """
    frames, joints = pose.shape[:2]
    # A change of axes turns the axis of each rotation and leaves its angle: joints then turn in our axes.
    local = Rotation.from_rotvec(pose[..., _CANONICAL].reshape(-1, 3)).as_matrix().reshape(frames, joints, 3, 3)
    turned = np.empty((frames, joints, 3, 3))
    turned[:, 0] = Rotation.from_rotvec(pose[:, 0]).as_matrix() @ _CHANGE.T
    positions = np.empty((frames, joints, 3))
    positions[:, 0] = pelvis
    for joint in range(1, joints):
        parent = SMPL_PARENTS[joint]
        turned[:, joint] = turned[:, parent] @ local[:, joint]
        positions[:, joint] = positions[:, parent] + turned[:, parent] @ (rest[joint] - rest[parent])
    return positions, Rotation.from_matrix(turned[:, 0]).as_quat(scalar_first=True)


def pelvis_orientation(positions: Array, joint_names: tuple[str, ...]) -> Array:
    """Pelvis quaternions (T, 4) wxyz that turn the rest hips and lower spine onto the given joints.

    positions: (T, J, 3) in metres, z up, with at least Pelvis, L_Hip, R_Hip and Torso among `joint_names`. In
    SMPL these four move as one rigid body, so the result is exact for its skeletons of any scale.
    Least-squares rotation by singular values (Kabsch 1976, doi 10.1107/S0567739476001873).
    """
    index = [joint_names.index(name) for name in _PELVIS_POINTS]
    rest = REST_JOINTS[[SMPL_JOINTS.index(name) for name in _PELVIS_POINTS]]
    seen = positions[:, index] - positions[:, [joint_names.index("Pelvis")]]
    u, _, vt = np.linalg.svd(np.einsum("tpi,pj->tij", seen, rest))
    u[:, :, 2] *= np.sign(np.linalg.det(u @ vt))[:, None]
    return Rotation.from_matrix(u @ vt).as_quat(scalar_first=True)
