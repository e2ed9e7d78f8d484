"""AMASS npz files: SMPL, SMPL-H and SMPL-X poses with frame rate, gender and body shape."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.motion.clip import ClipFormatError, MotionClip
from kinesis_trl.motion.readers.conventions import tidy_fps
from kinesis_trl.motion.readers.registry import MotionFile, ReadOptions, reader
from kinesis_trl.motion.readers.smpl import smpl_clip
from kinesis_trl.motion.readers.splits import amass_key
from kinesis_trl.motion.retarget.skeleton import PELVIS_IN_MODEL
from kinesis_trl.motion.retarget.smpl_model import SmplModel

_RATE_KEYS = ("mocap_framerate", "mocap_frame_rate", "fps", "framerate")


@reader("AMASS (poses, trans, mocap_framerate)", ".npz", recognises=lambda file: "qpos" not in file.arrays)
def _amass(file: MotionFile, options: ReadOptions) -> list[MotionClip]:
    """SMPL poses in radians (axis-angle) and root translation in metres, z up."""
    clip = amass_clip(
        file.path,
        file.arrays,
        fps=options.fps,
        up=options.up,
        unit=options.unit,
        smpl_model=options.smpl_model,
    )
    return [clip.with_(extra=clip.extra | {"key": amass_key(file.path)})]


def amass_clip(
    path: Path,
    content: dict[str, NDArray[Any]],
    *,
    fps: float | None = None,
    up: str | None = None,
    unit: float | None = None,
    smpl_model: SmplModel | None = None,
) -> MotionClip:
    """Clip of an AMASS file's arrays: `poses` (T, 72, 156 or 165), `trans` (T, 3), a frame rate, gender,
    betas.

    Raises ClipFormatError naming what is missing or malformed.
    """
    missing = [key for key in ("poses", "trans") if key not in content]
    if missing:
        raise ClipFormatError(f"has no {' and no '.join(missing)} (found: {', '.join(content)}); expected AMASS keys.")
    rate = fps if fps is not None else next((content[key] for key in _RATE_KEYS if key in content), None)
    if rate is None:
        raise ClipFormatError(
            f"has no 'mocap_framerate' (found: {', '.join(content)}). AMASS files carry it; "
            "for other SMPL data pass --fps."
        )
    poses = np.asarray(content["poses"])
    expressive = poses.ndim == 2 and poses.shape[1] == 165
    trans = np.asarray(content["trans"], dtype=np.float64)
    betas = np.asarray(content.get("betas", np.zeros(0)), dtype=np.float64).reshape(-1)
    clip = smpl_clip(
        name=path.stem,
        fps=tidy_fps(float(np.asarray(rate).reshape(()))),
        pose=poses,
        pelvis=trans + PELVIS_IN_MODEL["smplx" if expressive else "smpl"],
        trans=trans,
        betas=betas,
        up=up,
        unit=unit,
        model=None if expressive else smpl_model,
        extra={"gender": str(np.asarray(content.get("gender", "neutral")).reshape(-1)[0]), "betas": betas},
        notes=("SMPL-X pose; read with SMPL's mean skeleton",) if expressive else (),
    )
    return clip.with_(source=str(path))
