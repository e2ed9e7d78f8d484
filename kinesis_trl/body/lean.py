"""What a simulation never uses is left out of the model that is simulated; the whole model is there to be drawn.

MuJoCo computes the frame of every site and geom at every physics step. Of the 1,060 sites of the 80-muscle body 328
lie on a muscle's path or carry a sensor, and of its 118 geoms 58 collide or guide a muscle; the rest is for drawing.
It also looks at every step for pairs of bodies that may touch; they are known beforehand.
"""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray

_ON_PATH = int(mujoco.mjtWrap.mjWRAP_SITE)
_AROUND = (int(mujoco.mjtWrap.mjWRAP_SPHERE), int(mujoco.mjtWrap.mjWRAP_CYLINDER))


def leave_out_unused(spec: mujoco.MjSpec, model: mujoco.MjModel) -> None:
    """Delete from `spec` the sites, geoms and meshes that do nothing in a simulation of `model`, compiled from it.

    Kept are sites on a tendon's path, its side sites, sites named by a sensor, actuator or equality; geoms that collide
    or that a tendon wraps around. Bodies whose inertia came from their geoms keep the inertia of `model`. Trajectories
    are the same to the last bit.
    """
    sites, wrapped = _needed_by_tendons(model)
    sites |= _named_elsewhere(model)
    names = {model.site(i).name for i in sites}
    for site in list(spec.sites):
        if site.name not in names or not site.name:
            spec.delete(site)
    collides = (model.geom_contype | model.geom_conaffinity) != 0
    idle = []
    for body in spec.bodies:
        ids = [g for g in range(model.ngeom) if model.body(model.geom_bodyid[g]).name == body.name]
        unused = [geom for g, geom in zip(ids, body.geoms, strict=True) if not collides[g] and g not in wrapped]
        if unused and body.name != "world" and not body.explicitinertial:
            b = model.body(body.name).id
            body.explicitinertial = True
            body.mass, body.inertia = model.body_mass[b], model.body_inertia[b]
            body.ipos, body.iquat = model.body_ipos[b], model.body_iquat[b]
        idle += unused
    for geom in idle:
        spec.delete(geom)
    meshes = {geom.meshname for geom in spec.geoms}
    for mesh in list(spec.meshes):
        if mesh.name not in meshes:
            spec.delete(mesh)


def pair_with_floor(spec: mujoco.MjSpec, model: mujoco.MjModel) -> None:
    """Name the contacts of `spec` with its floor as explicit pairs, so that no step looks for others.

    Nothing is done where geoms other than one floor may collide with each other by their bits, or where a contact's
    parameters would have to be mixed from different ones of both. `model` is compiled from `spec`.
    """
    ids = np.flatnonzero((model.geom_contype | model.geom_conaffinity) != 0)
    bits = model.geom_contype[ids, None] & model.geom_conaffinity[None, ids]
    meets = (bits | bits.T) != 0
    np.fill_diagonal(meets, False)
    planes = np.flatnonzero(model.geom_type[ids] == mujoco.mjtGeom.mjGEOM_PLANE)
    if len(planes) != 1 or meets[planes[0]].sum() != len(ids) - 1 or meets.sum() != 2 * (len(ids) - 1):
        return
    alike = ("geom_priority", "geom_solmix", "geom_solref", "geom_solimp", "geom_condim", "geom_friction")
    floor = int(ids[planes[0]])
    if any(np.ptp(getattr(model, name)[ids], axis=0).any() for name in alike) or model.geom_margin[floor]:
        return
    geoms = list(spec.geoms)
    slide, spin, roll = model.geom_friction[floor]
    for g in ids.tolist():
        geoms[g].contype = geoms[g].conaffinity = 0
        if g != floor:
            geoms[g].name = geoms[g].name or f"collides_{g}"
            spec.add_pair(
                geomname1=geoms[floor].name,
                geomname2=geoms[g].name,
                condim=int(model.geom_condim[floor]),
                friction=[slide, slide, spin, roll, roll],
                solref=model.geom_solref[floor],
                solimp=model.geom_solimp[floor],
                margin=float(model.geom_margin[g]),
                gap=float(model.geom_gap[g]),
            )


def colliding(model: mujoco.MjModel) -> NDArray[np.bool_]:
    """(ngeom,) which geoms may touch others, by their bits or as one of a pair."""
    out = (model.geom_contype | model.geom_conaffinity) != 0
    out[model.pair_geom1] = out[model.pair_geom2] = True
    return out


def _needed_by_tendons(model: mujoco.MjModel) -> tuple[set[int], set[int]]:
    """Sites on paths or beside them, and geoms that are wrapped around."""
    sites: set[int] = set()
    geoms: set[int] = set()
    for kind, part, side in zip(model.wrap_type.tolist(), model.wrap_objid, model.wrap_prm, strict=True):
        if kind == _ON_PATH:
            sites.add(int(part))
        elif kind in _AROUND:
            geoms.add(int(part))
            sites.add(int(side))
    return sites - {-1}, geoms


def _named_elsewhere(model: mujoco.MjModel) -> set[int]:
    """Sites that a sensor measures at, an actuator pulls at or an equality ties."""
    site, equal = int(mujoco.mjtObj.mjOBJ_SITE), int(mujoco.mjtTrn.mjTRN_SITE)
    out = set(model.sensor_objid[model.sensor_objtype == site].tolist())
    out |= set(model.sensor_refid[model.sensor_reftype == site].tolist())
    out |= set(model.actuator_trnid[model.actuator_trntype == equal].ravel().tolist())
    tied = model.eq_objtype == site
    out |= set(model.eq_obj1id[tied].tolist()) | set(model.eq_obj2id[tied].tolist())
    return out - {-1}
