"""SMPL poses to clips: AMASS files (SMPL, SMPL-H and SMPL-X), and what the KINESIS reader shares with them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from kinesis_trl.motion.clip import ClipFormatError, MotionClip, check_finite
from kinesis_trl.motion.readers.conventions import check_frames, detect_up, tidy_fps, up_rotation
from kinesis_trl.motion.readers.registry import MotionFile, ReadOptions, reader
from kinesis_trl.motion.readers.splits import amass_key
from kinesis_trl.motion.retarget.skeleton import PELVIS_IN_MODEL, SMPL_JOINTS, pose_joints, smpl_kinematics

Array = NDArray[np.float64]

_RATE_KEYS = ("mocap_framerate", "mocap_frame_rate", "fps", "framerate")


@reader("AMASS (poses, trans, mocap_framerate)", ".npz", recognises=lambda file: "qpos" not in file.arrays)
def read_amass(file: MotionFile, options: ReadOptions) -> list[MotionClip]:
    """`poses` (T, 66, 72, 156 or 165), axis-angle in radians; `trans` (T, 3) in metres, z up; a frame rate, betas."""
    content = file.arrays
    if missing := [key for key in ("poses", "trans") if key not in content]:
        raise ClipFormatError(f"has no {' and no '.join(missing)} (found: {', '.join(content)}); expected AMASS keys.")
    rate: Any = options.fps
    if rate is None:
        rate = next((content[key] for key in _RATE_KEYS if key in content), None)
    if rate is None:
        raise ClipFormatError(
            f"has no 'mocap_framerate' (found: {', '.join(content)}). AMASS files carry it; "
            "for other SMPL data pass --fps."
        )
    poses = np.asarray(content["poses"])
    expressive = poses.ndim == 2 and poses.shape[1] == 165
    trans = np.asarray(content["trans"], dtype=np.float64)
    clip = smpl_clip(
        file.path.stem,
        replace(options, smpl_model=None) if expressive else options,
        fps=float(np.asarray(rate).reshape(())),
        pose=poses,
        pelvis=trans + PELVIS_IN_MODEL["smplx" if expressive else "smpl"],
        trans=trans,
        betas=content.get("betas"),
        gender=np.asarray(content.get("gender", "neutral")).reshape(-1)[0],
    )
    notes = ("SMPL-X pose; read with SMPL's mean skeleton", *clip.notes) if expressive else clip.notes
    return [clip.with_(notes=notes, extra=clip.extra | {"key": amass_key(file.path)})]


def smpl_clip(
    name: str,
    options: ReadOptions,
    *,
    fps: float,
    pose: NDArray[np.floating],
    pelvis: Array,
    trans: Array,
    betas: Any,
    gender: Any,
) -> MotionClip:
    """Clip of a posed SMPL body.

    pose: (T, 66 … 165) axis-angle, radians; pelvis, trans: (T, 3) where the pelvis and the model's origin
    are; betas: shape coefficients or None, used only with the user's model. The user's up axis and unit override
    the file's. Raises ClipFormatError for wrong shapes and values that are not finite.
    """
    frames = len(pose)
    check_frames(frames)
    joints = pose_joints(pose)
    metres = options.unit or 1.0
    betas = np.asarray([] if betas is None else betas, dtype=np.float64).reshape(-1)
    for what, array in (("root translation", pelvis), ("model translation", trans)):
        if np.shape(array) != (frames, 3):
            raise ClipFormatError(f"{what} has shape {np.shape(array)}, expected ({frames}, 3) like the pose.")
        check_finite(array, what)
    check_finite(joints, "pose")
    check_finite(np.atleast_2d(betas), "betas")
    positions, pelvis_quat = smpl_kinematics(joints, pelvis * metres)
    names = SMPL_JOINTS[: positions.shape[1]]
    said, extra = [], {"gender": str(gender), "betas": betas}
    largest = float(np.linalg.norm(joints[:, 1:], axis=-1).max())
    doubts = (f"joints turn by up to {largest:.0f} rad: the pose may be in degrees",) if largest > 7.0 else ()
    up = options.up
    if up is None:
        up, how = detect_up(positions, names, usual="z")
        said.append(how)
    turn = up_rotation(up)
    if options.smpl_model is None:
        positions = positions @ turn.T
        if np.any(betas):
            said.append("body shape not used: mean adult skeleton (give the SMPL model file to use it)")
    else:
        names = SMPL_JOINTS
        whole = np.zeros((frames, len(names), 3))
        whole[:, : joints.shape[1]] = joints
        positions, extra["lowest_point"] = options.smpl_model.posed(whole, trans * metres, betas, turn)
        said.append("joints and lowest_point (metres, each frame) of the person's shape, from the SMPL model file")
    upright = Rotation.from_matrix(turn) * Rotation.from_quat(pelvis_quat, scalar_first=True)
    return MotionClip(
        name=name,
        fps=tidy_fps(fps),
        positions=positions,
        joint_names=names,
        pelvis_quat=upright.as_quat(scalar_first=True),
        notes=tuple(said),
        doubts=doubts,
        extra=extra,
    )
