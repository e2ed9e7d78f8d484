"""SMPL poses to clips: what the AMASS and the KINESIS readers share."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from kinesis_trl.motion.clip import ClipFormatError, MotionClip
from kinesis_trl.motion.readers.conventions import check_finite, check_frames, detect_up, up_rotation
from kinesis_trl.motion.retarget.skeleton import SMPL_JOINTS, pose_joints, smpl_kinematics
from kinesis_trl.motion.retarget.smpl_model import SmplModel

Array = NDArray[np.float64]


def smpl_clip(
    *,
    name: str,
    fps: float,
    pose: NDArray[np.floating],
    pelvis: Array,
    trans: Array,
    betas: Array,
    up: str | None,
    unit: float | None,
    model: SmplModel | None,
    extra: dict[str, Any],
    notes: tuple[str, ...] = (),
) -> MotionClip:
    """Clip of a posed SMPL body.

    pose: (T, 66 … 165) axis-angle, radians; pelvis, trans: (T, 3) where the pelvis and the model's origin
    are; betas: shape coefficients, used only with `model`. `up` and `unit` (metres per unit) override what is
    detected. Raises ClipFormatError for wrong shapes and values that are not finite.
    """
    frames = len(pose)
    check_frames(frames)
    joints = pose_joints(pose)
    metres = 1.0 if unit is None else unit
    for what, array in (("root translation", pelvis), ("model translation", trans)):
        if np.shape(array) != (frames, 3):
            raise ClipFormatError(f"{what} has shape {np.shape(array)}, expected ({frames}, 3) like the pose.")
        check_finite(array, what)
    check_finite(joints, "pose")
    check_finite(np.atleast_2d(betas), "betas")
    positions, pelvis_quat = smpl_kinematics(joints, pelvis * metres)
    names = SMPL_JOINTS[: positions.shape[1]]
    said = list(notes)
    largest = float(np.linalg.norm(joints[:, 1:], axis=-1).max())
    doubts = (f"joints turn by up to {largest:.0f} rad: the pose may be in degrees",) if largest > 7.0 else ()
    if up is None:
        up, how = detect_up(positions, names, usual="z")
        said.append(how)
    turn = up_rotation(up)
    if model is None:
        positions = positions @ turn.T
        if np.any(betas):
            said.append("body shape not used: mean adult skeleton (give the SMPL model file to use it)")
    else:
        names = SMPL_JOINTS
        whole = np.zeros((frames, len(names), 3))
        whole[:, : joints.shape[1]] = joints
        positions, extra["lowest_point"] = model.posed(whole, trans * metres, betas, turn)
        said.append("joints and lowest_point (metres, each frame) of the person's shape, from the SMPL model file")
    upright = Rotation.from_matrix(turn) * Rotation.from_quat(pelvis_quat, scalar_first=True)
    return MotionClip(
        name=name,
        fps=fps,
        positions=positions,
        joint_names=names,
        pelvis_quat=upright.as_quat(scalar_first=True),
        notes=tuple(said),
        doubts=doubts,
        extra=extra,
    )
