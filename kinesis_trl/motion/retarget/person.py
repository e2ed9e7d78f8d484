"""How tall and long-legged a recorded person is: a subject of a clip's joints, or of the shape of an SMPL person."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.body.subject import Subject, SubjectError
from kinesis_trl.motion.clip import MotionClip
from kinesis_trl.motion.retarget.skeleton import SMPL_JOINTS
from kinesis_trl.motion.retarget.smpl_model import SmplModel

Array = NDArray[np.float64]

_LEG = ("Hip", "Knee", "Ankle")


def person_of(clip: MotionClip, *, height: float | None = None, mass: float | None = None) -> Subject:
    """Thigh and shank of a clip's joints: medians over frames and both legs; the rest follows from them or the height.

    Hip distance and feet are left out, as formats place these joints differently.

    Raises:
        SubjectError: coordinates of a body, a leg's joints are missing, or an SMPL person whose shape needs its model.
    """
    if clip.positions is None:
        raise SubjectError(f"{clip.name} holds coordinates of a body, not a person's joints; give height and mass.")
    betas = np.asarray(clip.extra.get("betas", 0.0), dtype=np.float64)
    if betas.any() and "lowest_point" not in clip.extra:
        raise SubjectError(
            f"{clip.name} is of a person with an SMPL shape, which needs SMPL's model (person_of_betas)."
        )
    place = {name: clip.positions[:, k] for k, name in enumerate(clip.joint_names)}
    missing = [f"{side}_{part}" for side in "LR" for part in _LEG if f"{side}_{part}" not in place]
    if missing:
        raise SubjectError(f"{clip.name} has no joint {missing[0]} (found: {', '.join(clip.joint_names)}).")
    return _subject(place, height=height, mass=mass)


def person_of_betas(model: SmplModel, betas: Array, *, mass: float | None = None) -> Subject:
    """Stature, thigh and shank of the person that shape coefficients (S,) make in the rest pose of an SMPL model.

    Raises:
        SubjectError: coefficients that are not finite, more than the model has, or sizes that no body can have.
    """
    count = model.shapedirs.shape[-1]
    if betas.ndim != 1 or len(betas) > count or not np.isfinite(betas).all():
        raise SubjectError(f"shape coefficients of shape {betas.shape}; expected up to {count} finite numbers.")
    surface = model.v_template + model.shapedirs[..., : len(betas)] @ betas
    joints = model.J_regressor @ surface
    place = {name: joints[None, k] for k, name in enumerate(SMPL_JOINTS)}
    return _subject(place, height=float(np.ptp(surface[:, 1])), mass=mass)  # SMPL's y axis points up


def _subject(place: dict[str, Array], *, height: float | None, mass: float | None) -> Subject:
    lengths = [
        float(np.median([np.linalg.norm(place[f"{s}_{low}"] - place[f"{s}_{top}"], axis=-1) for s in "LR"]))
        for top, low in pairwise(_LEG)
    ]
    return Subject(height=height, mass=mass, thigh=lengths[0], shank=lengths[1])
