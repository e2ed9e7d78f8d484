"""A body in a person's own size: every part of a compiled model scaled by stated rules.

- Segments (thigh, shank, foot, pelvis, trunk) are scaled as a whole, each by the ratio of its lengths; those that are
  not given share one factor, which makes the stature right. Joint centres, muscle paths, wrapping surfaces, contact
  geometry and pictures go with them.
- Mass is shared among the segments as in the unscaled body; moments of inertia go with mass × length² (the uniform
  scaling of OpenSim's Scale tool: Delp et al. 2007, IEEE Trans. Biomed. Eng. 54:1940).
- Optimal fibre and tendon slack length of a muscle go with the length of its path in the standing pose (ibid.).
- Peak force is muscle volume over optimal fibre length; the volume of all leg muscles is 47.05 cm³ per kg and metre of
  mass × height, plus 1289.6 cm³ (Handsfield et al. 2014, J. Biomech. 47:631), each muscle keeping its share.
- Damping and stiffness of joints go with mass × height, added inertia with mass × length².
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from kinesis_trl.body.couplings import Couplings
from kinesis_trl.body.muscles import MuscleParameters
from kinesis_trl.body.subject import HEIGHTS, MASSES, Subject, SubjectError

Array = NDArray[np.float64]

SEGMENTS = ("trunk", "pelvis", "thigh", "shank", "foot")
_FIRST = {"pelvis": "pelvis", "femur": "thigh", "patella": "shank", "tibia": "shank", "talus": "foot"}
"""Bodies, without side, at which a segment begins; what hangs from them belongs to it."""
_FACTORS = (0.5, 2.0)
"""Smallest and largest factor of a segment."""


def segment_of_body(model: mujoco.MjModel) -> NDArray[np.int64]:
    """(nbody,) index in `SEGMENTS` of each body; the world and all above the hips belong to the trunk."""
    out = np.zeros(model.nbody, dtype=np.int64)
    for body in range(1, model.nbody):
        stem = model.body(body).name.removesuffix("_r").removesuffix("_l")
        out[body] = SEGMENTS.index(_FIRST[stem]) if stem in _FIRST else out[model.body_parentid[body]]
    return out


@dataclass(frozen=True)
class Scaling:
    """How a body becomes another size; `apply` it to any model of the body, with or without what is only drawn."""

    factors: Array
    """(5,) factor of each of `SEGMENTS`."""
    heavier: float
    """Ratio of the masses."""
    taller: float
    """Ratio of the statures."""
    volume: float
    """Ratio of the muscles' volumes."""

    @classmethod
    def of(cls, whole: mujoco.MjModel, subject: Subject) -> Scaling:
        """For the whole model of an unscaled body.

        Raises:
            SubjectError: lengths that do not make a body, or a size out of range.
        """
        factors = _factors(whole, subject)
        before, tall = float(whole.body_mass.sum()), stature(whole)
        height = stature(_resized(whole, factors))
        mass = before * (height / tall) ** 2 if subject.mass is None else subject.mass
        for name, value, (low, high) in (("height", height, HEIGHTS), ("mass", mass, MASSES)):
            if not low - 1e-3 <= value <= high + 1e-3:
                raise SubjectError(
                    f"the subject {subject.text} has a {name} of {value:.3g}; expected {low:g} to {high:g}."
                )
        volume = (47.05 * mass * height + 1289.6) / (47.05 * before * tall + 1289.6)
        return cls(factors, mass / before, height / tall, volume)

    def apply(self, model: mujoco.MjModel) -> mujoco.MjModel:
        """A copy of a model of the unscaled body, in the new size."""
        out, body_factor = _resized(model, self.factors), self.factors[segment_of_body(model)]
        out.body_mass[:] *= self.heavier
        out.body_inertia[:] *= (self.heavier * body_factor**2)[:, None]
        out.dof_armature[:] *= self.heavier * body_factor[model.dof_bodyid] ** 2
        out.dof_damping[:] *= self.heavier * self.taller
        out.jnt_stiffness[:] *= self.heavier * self.taller
        if model.nu:
            longer = _muscle_lengths(out) / _muscle_lengths(model)
            out.actuator_lengthrange[:] *= longer[:, None]
            force = MuscleParameters.of(model).peak_force * self.volume / longer
            out.actuator_gainprm[:, 2] = out.actuator_biasprm[:, 2] = force
        mujoco.mj_setConst(out, mujoco.MjData(out))
        return out


def stature(whole: mujoco.MjModel) -> float:
    """Height in metres of the top of the head above the floor in the standing pose, of a model with its meshes."""
    data = _standing(whole)
    return _top(whole, data) - _bottom(whole, data)


def segment_lengths(whole: mujoco.MjModel) -> dict[str, float]:
    """Lengths of the segments in metres, as `Subject` defines them, of a model with its meshes."""
    data = _standing(whole)
    hip, knee, ankle, toes, other = (
        data.body(name).xpos for name in ("femur_r", "tibia_r", "talus_r", "toes_r", "femur_l")
    )
    return {
        "trunk": _top(whole, data) - float(hip[2]),
        "pelvis": float(np.linalg.norm(hip - other)),
        "thigh": float(np.linalg.norm(hip - knee)),
        "shank": float(np.linalg.norm(knee - ankle)),
        "foot": float(np.linalg.norm(ankle - toes)),
    }


def _factors(whole: mujoco.MjModel, subject: Subject) -> Array:
    """(5,) factor of each of `SEGMENTS`."""
    own, given = segment_lengths(whole), subject.segments
    known = {name: length / own[name] for name, length in given.items()}

    def tall(common: float) -> float:
        return stature(_resized(whole, np.array([known.get(name, common) for name in SEGMENTS])))

    if subject.height is None:
        legs = [known[name] for name in ("thigh", "shank") if name in known] or list(known.values())
        common = float(np.mean(legs)) if legs else 1.0
    elif len(known) < len(SEGMENTS):
        low, high = tall(0.9), tall(1.1)  # stature is linear in the common factor
        common = 0.9 + 0.2 * (subject.height - low) / (high - low) if high - low > 1e-6 else 1.0
    else:
        common = 1.0
        if abs(tall(common) - subject.height) > 0.02:
            raise SubjectError(
                f"segments make a stature of {tall(common):.2f} m, not {subject.height:g} m; leave out one of them."
            )
    factors = np.array([known.get(name, common) for name in SEGMENTS])
    if not ((factors >= _FACTORS[0]) & (factors <= _FACTORS[1])).all():
        worst = SEGMENTS[int(np.abs(np.log(np.maximum(factors, 1e-3))).argmax())]
        raise SubjectError(
            f"subject {subject.text} makes the {worst} {factors[SEGMENTS.index(worst)]:.2f} times as long as it is "
            f"({own[worst]:.3f} m); expected {_FACTORS[0]:g} to {_FACTORS[1]:g} times. Do the lengths fit the height?"
        )
    return factors


def _resized(model: mujoco.MjModel, factors: Array) -> mujoco.MjModel:
    """A copy with all lengths scaled, and masses, inertias and muscles as they were."""
    out, body = copy.copy(model), factors[segment_of_body(model)]
    # where a body hangs is a matter of its parent
    out.body_pos[:] *= body[model.body_parentid][:, None]
    out.body_ipos[:] *= body[:, None]
    geom, site, joint = (body[ids] for ids in (model.geom_bodyid, model.site_bodyid, model.jnt_bodyid))
    geom = np.where(model.geom_bodyid == 0, 1.0, geom)  # the floor stays
    out.geom_pos[:] *= geom[:, None]
    out.geom_size[:] *= geom[:, None]
    out.geom_aabb[:] *= geom.reshape(-1, *(1,) * (out.geom_aabb.ndim - 1))
    out.geom_rbound[:] *= geom
    out.site_pos[:] *= site[:, None]
    out.site_size[:] *= site[:, None]
    out.jnt_pos[:] *= joint[:, None]
    for number in range(model.nbody):
        part = slice(model.body_bvhadr[number], model.body_bvhadr[number] + model.body_bvhnum[number])
        out.bvh_aabb[part] *= body[number] if number else 1.0
    for mesh in range(model.nmesh):
        used = geom[model.geom_dataid == mesh]
        if not len(used):
            continue
        if np.ptp(used) > 0:
            raise SubjectError(f"mesh {model.mesh(mesh).name} is part of two segments; this body cannot be scaled.")
        out.mesh_vert[model.mesh_vertadr[mesh] : model.mesh_vertadr[mesh] + model.mesh_vertnum[mesh]] *= used[0]
        out.bvh_aabb[model.mesh_bvhadr[mesh] : model.mesh_bvhadr[mesh] + model.mesh_bvhnum[mesh]] *= used[0]
        out.mesh_pos[mesh] *= used[0]
    slides = model.jnt_type == mujoco.mjtJoint.mjJNT_SLIDE
    out.jnt_range[slides] *= joint[slides][:, None]
    at = model.jnt_qposadr[slides]
    out.qpos0[at] *= joint[slides]
    out.qpos_spring[at] *= joint[slides]
    for row in np.flatnonzero(model.eq_type == mujoco.mjtEq.mjEQ_JOINT):
        follower = model.eq_obj1id[row]
        if slides[follower]:
            out.eq_data[row, :5] *= joint[follower]
    mujoco.mj_setConst(out, mujoco.MjData(out))
    return out


def _standing(model: mujoco.MjModel) -> mujoco.MjData:
    """Positions in the standing pose, the root at the origin."""
    qpos = np.zeros(model.nq)
    qpos[3] = 1.0
    data = mujoco.MjData(model)
    data.qpos[:] = Couplings.of(model).apply(qpos)
    mujoco.mj_fwdPosition(model, data)
    return data


def _bottom(model: mujoco.MjModel, data: mujoco.MjData) -> float:
    """Height in metres of the lowest point of the geoms that collide."""
    collides = ((model.geom_contype | model.geom_conaffinity) != 0) & (model.geom_bodyid > 0)
    down = -data.geom_xmat.reshape(-1, 3, 3)[:, 2]
    ball = data.geom_xpos[:, 2] - model.geom_size[:, 0]
    capsule = ball - model.geom_size[:, 1] * np.abs(down[:, 2])
    ellipsoid = data.geom_xpos[:, 2] - np.linalg.norm(model.geom_size * down, axis=1)
    height = np.where(model.geom_type == mujoco.mjtGeom.mjGEOM_CAPSULE, capsule, ball)
    height = np.where(model.geom_type == mujoco.mjtGeom.mjGEOM_ELLIPSOID, ellipsoid, height)
    return float(height[collides].min())


def _top(model: mujoco.MjModel, data: mujoco.MjData) -> float:
    """Height in metres of the highest point of any mesh."""
    highest = -np.inf
    for geom in np.flatnonzero(model.geom_type == mujoco.mjtGeom.mjGEOM_MESH):
        mesh = model.geom_dataid[geom]
        points = model.mesh_vert[model.mesh_vertadr[mesh] : model.mesh_vertadr[mesh] + model.mesh_vertnum[mesh]]
        up = data.geom_xmat[geom].reshape(3, 3)[2]
        highest = max(highest, float((points @ up).max() + data.geom_xpos[geom, 2]))
    return highest


def _muscle_lengths(model: mujoco.MjModel) -> Array:
    """(M,) lengths of the muscles' paths in metres, standing."""
    return _standing(model).actuator_length.copy()
