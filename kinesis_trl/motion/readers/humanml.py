"""HumanML3D joints and feature vectors, and the results.npy of text-to-motion models that use its joints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from kinesis_trl.motion.clip import ClipFormatError, MotionClip, check_finite
from kinesis_trl.motion.readers.conventions import check_frames, detect_unit, detect_up, up_rotation
from kinesis_trl.motion.readers.registry import Clips, MotionFile, ReadOptions, reader
from kinesis_trl.motion.retarget.skeleton import BODY_JOINTS, SMPL_JOINTS, pelvis_orientation

Array = NDArray[np.float64]

HUMANML_FPS = 20.0
"""Frame rate of every HumanML3D motion; its files do not state it."""
VECTOR_WIDTH = 263
"""Features a frame: root turn rate 1, velocity 2, height 1, local joints 63, rotations 126, velocities 66,
contacts 4."""


def _is_numeric(file: MotionFile) -> bool:
    return np.issubdtype(file.array.dtype, np.number)


@reader("joints (frames, 22, 3)", ".npy", recognises=lambda file: file.array.ndim == 3 and _is_numeric(file))
def read_joints(file: MotionFile, options: ReadOptions) -> list[MotionClip]:
    """Joint positions (T, 22 or 24, 3) in metres, y up, 20 frames/s."""
    return [_clip(file.path, options, file.array)]


@reader(
    f"HumanML3D features (frames, {VECTOR_WIDTH})",
    ".npy",
    recognises=lambda file: file.array.ndim == 2 and file.array.shape[1] == VECTOR_WIDTH and _is_numeric(file),
)
def read_features(file: MotionFile, options: ReadOptions) -> list[MotionClip]:
    """Metres, radians and metres a frame, y up, 20 frames/s."""
    return [_clip(file.path, options, vector_joints(file.array))]


@reader(
    "results of MDM (motion, text, lengths)",
    ".npy",
    recognises=lambda file: isinstance(file.item, dict) and "motion" in file.item,
)
def read_mdm(file: MotionFile, options: ReadOptions) -> Clips:
    """`motion` (N, 22, 3, T) in metres, y up, 20 frames/s; `lengths` (N,) in frames and `text` (N) of N samples."""
    content = file.item
    motion = np.asarray(content["motion"])
    if motion.ndim != 4 or motion.shape[1:3] != (BODY_JOINTS, 3):
        raise ClipFormatError(f"has motion of shape {motion.shape}, expected (samples, 22, 3, frames).")
    texts = [str(text) for text in content.get("text", [])]
    lengths = np.asarray(content.get("lengths", np.full(len(motion), motion.shape[3]))).reshape(-1)
    if len(lengths) != len(motion) or not ((lengths >= 2) & (lengths <= motion.shape[3])).all():
        raise ClipFormatError(f"has lengths {lengths[:8]} for {len(motion)} samples of {motion.shape[3]} frames.")
    clips: list[MotionClip | ClipFormatError] = []
    for i, length in enumerate(lengths):
        name, positions = f"{file.path.stem}_{i}", motion[i, ..., : int(length)].transpose(2, 0, 1)
        try:
            clip = _clip(file.path, options, positions, label=texts[i] if i < len(texts) else "")
            clips.append(clip.with_(name=name))
        except ClipFormatError as error:
            clips.append(ClipFormatError(f"motion {name!r}: {error}"))
    return clips


def _clip(path: Path, options: ReadOptions, positions: NDArray[Any], label: str = "") -> MotionClip:
    """Clip of SMPL joint positions (T, 22 or 24, 3); the pelvis orientation follows from hips and lower spine."""
    check_frames(len(positions))
    if positions.ndim != 3 or positions.shape[1] not in (BODY_JOINTS, len(SMPL_JOINTS)) or positions.shape[2] != 3:
        raise ClipFormatError(f"has shape {positions.shape}, expected (frames, 22, 3) joints.")
    joints: Array = np.asarray(positions, dtype=np.float64)
    check_finite(joints, "joints")
    names = SMPL_JOINTS[: joints.shape[1]]
    fps, up, unit = options.fps, options.up, options.unit
    notes = [f"frame rate not in the file: {HUMANML_FPS:g} as in HumanML3D"] if fps is None else []
    if unit is None:
        unit, how = _unit_of(joints, names)
        notes += how
    if up is None:
        up, said = detect_up(joints, names, usual="y")
        notes.append(said)
    joints = joints * unit @ up_rotation(up).T
    return MotionClip(
        name=path.stem,
        fps=HUMANML_FPS if fps is None else fps,
        positions=joints,
        joint_names=names,
        pelvis_quat=pelvis_orientation(joints, names),
        label=label or _caption(path),
        notes=tuple(notes),
    )


def vector_joints(vectors: NDArray[np.floating]) -> Array:
    """Joint positions (T, 22, 3), y up and metres, from HumanML3D feature vectors (T, 263).

    The root's turn rate and its velocity in the heading frame are summed up from the first frame, which
    stands at the origin and faces +z (Guo et al. 2022, doi 10.1109/CVPR52688.2022.00509).
    """
    if vectors.ndim != 2 or vectors.shape[1] != VECTOR_WIDTH:
        raise ClipFormatError(f"has shape {vectors.shape}, expected (frames, {VECTOR_WIDTH}) features.")
    check_frames(len(vectors))
    features: Array = np.array(vectors, dtype=np.float64)
    check_finite(features, "features")
    frames = len(features)
    # The stored rate is that of a quaternion's half angle, by which the world turns into the heading frame.
    heading = np.concatenate([[0.0], -2.0 * np.cumsum(features[:-1, 0])])
    to_world = Rotation.from_rotvec(heading[:, None] * np.array([0.0, 1.0, 0.0]))
    step = np.zeros((frames, 3))
    step[1:, [0, 2]] = features[:-1, 1:3]
    root = np.cumsum(to_world.apply(step), axis=0)
    root[:, 1] = features[:, 3]
    local = features[:, 4 : 4 + 3 * (BODY_JOINTS - 1)].reshape(frames, BODY_JOINTS - 1, 3)
    joints = np.einsum("tij,tkj->tki", to_world.as_matrix(), local)
    joints[..., [0, 2]] += root[:, None, [0, 2]]
    return np.concatenate([root[:, None], joints], axis=1)


def _unit_of(positions: Array, names: tuple[str, ...]) -> tuple[float, list[str]]:
    """Metres per unit of joints (T, J, 3), by the length of the legs; joints of children are taken for metres too."""
    chain = [[names.index(f"{side}_{part}") for part in ("Hip", "Knee", "Ankle")] for side in "LR"]
    leg = float(np.median(np.linalg.norm(np.diff(positions[:, chain], axis=2), axis=-1).sum(2)))
    try:
        unit, how = (1.0, "") if 0.3 <= leg <= 1.5 else detect_unit(leg)
    except ClipFormatError:  # no skeleton of a person, which retargeting refuses
        return 1.0, []
    return unit, [how] if how else []


def _caption(path: Path) -> str:
    """First caption of the HumanML3D text file of a motion (texts/<name>.txt beside its folder), if it is
    there."""
    text = path.parent.parent / "texts" / f"{path.stem}.txt"
    if not text.is_file():
        return ""
    with text.open(encoding="utf-8", errors="replace") as file:
        return file.readline(4096).split("#")[0].strip()
