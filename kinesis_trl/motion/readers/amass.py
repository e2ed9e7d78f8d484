"""AMASS npz files: SMPL, SMPL-H and SMPL-X poses with frame rate, gender and body shape."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from kinesis_trl.motion.clip import ClipFormatError, MotionClip
from kinesis_trl.motion.readers.registry import MotionFile, ReadOptions, reader
from kinesis_trl.motion.readers.smpl import smpl_clip
from kinesis_trl.motion.readers.splits import amass_key
from kinesis_trl.motion.retarget.skeleton import PELVIS_IN_MODEL

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
