"""Where the feet may press on the floor, and with which forces: friction pyramids at points near the ground."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from kinesis_trl.body.inverse_dynamics import Demand
from kinesis_trl.body.model import BodyModel

Array = NDArray[np.float64]

EDGES = 4
"""Edges of a friction pyramid."""


@dataclass(frozen=True, kw_only=True)
class ContactModelConfig:
    """Which points press, and how dear it is to them."""

    friction: float = 0.8
    """Coefficient of friction; the pyramid's edges lean that much."""
    margin: float = 0.02
    """Height above the floor in metres from which a point cannot press; lower than a foot swings, or it would lean."""
    height: float = 0.005
    """Height in metres at which pressing costs twice as much as on the floor."""
    speed: float = 0.3
    """Speed in m/s of a point at which pressing costs twice as much as at rest."""
    fastest: float = 10.0
    """Speed in m/s of a point from which it cannot press; where feet roll without sliding, one about to strike does not
    carry yet."""
    edge_limit: float = 0.5
    """Largest force along one edge of a pyramid, in body weights."""
    inset: float = 0.0
    """Share by which the points of a foot that may press move towards their middle: what this smaller foot carries
    leaves the whole one a margin to keep its balance."""

    def __post_init__(self) -> None:
        for name in ("friction", "margin", "height", "speed", "fastest", "edge_limit"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}.")
        if not 0 <= self.inset < 1:
            raise ValueError(f"inset must lie in 0…1, 1 excluded, got {self.inset}.")


@dataclass(frozen=True)
class Contacts:
    """What the floor can do to n frames: P points (right foot's half first), four pyramid edges each."""

    point: Array
    """(n, P, 3) world, in metres."""
    edge: Array
    """(n, 4, 3) force along each edge per newton of normal force, world."""
    generalised: Array
    """(n, I, 4 P) generalised force in independent coordinates per newton along each edge."""
    cost: Array
    """(n, 4 P) relative cost of a force, 1 for a point at rest on the floor."""
    limit: Array
    """(n, 4 P) largest force in newtons; 0 for points in the air."""

    def foot_wrench(self, along_edge: Array) -> tuple[Array, Array, Array]:
        """What the floor does to right and left foot, from the forces (n, 4 P) along the edges in newtons.

        Returns:
            force (n, 2, 3) in newtons; centre of pressure (n, 2, 3) in metres, z = 0, below the foot's middle where
            there is no force; moment (n, 2, 3) about it in N m. World axes.
        """
        count = len(along_edge)
        force = (along_edge.reshape(count, -1, EDGES) @ self.edge).reshape(count, 2, -1, 3)
        point = self.point.reshape(force.shape)
        share = force[..., 2:] + 1e-6  # in newtons: decides only where there is no force
        pressure = (point * share).sum(2) / share.sum(2)
        pressure[..., 2] = 0.0
        moment = np.cross(point - pressure[:, :, None], force).sum(2)
        return force.sum(2), pressure, moment


def foot_contacts(body: BodyModel, demand: Demand, qvel: Array, config: ContactModelConfig) -> Contacts:
    """Contacts of n frames that have velocities qvel (n, nv).

    A point is the lowest of an ellipsoid or sphere, or of the ball at either end of a capsule. The pyramids turn
    with the heading, so that a motion in another direction has the same solution. Cost rises with height and speed:
    a foot that swings past the floor does not lean on it. Height is that of the lowest points, before any inset; a
    point moved inwards still belongs to its own body, hindfoot or toes.
    """
    geoms, end = _points(body)
    point = _lowest(body, demand, geoms, end)
    above = np.maximum(point[..., 2], 0.0)
    presses = above < config.margin
    point = _inset(point, presses, config.inset)
    jacobian, _ = demand.jacobians(body, point, geoms)
    velocity = np.einsum("npdi,nd->npi", jacobian, qvel)
    heading = np.arctan2(demand.root_rotation[:, 1, 0], demand.root_rotation[:, 0, 0])
    ahead = np.stack([np.cos(heading), np.sin(heading), np.zeros_like(heading)], axis=-1)
    aside = np.stack([-ahead[:, 1], ahead[:, 0], ahead[:, 2]], axis=-1)
    lean = config.friction * np.stack([ahead, -ahead, aside, -aside], axis=1)
    edge = lean + np.array([0.0, 0.0, 1.0])
    per_point = jacobian @ edge[:, None].swapaxes(-1, -2)
    count, nv = qvel.shape
    force = per_point.transpose(0, 2, 1, 3).reshape(count, nv, -1)
    speed = np.linalg.norm(velocity, axis=-1)
    cost = 1 + (above / config.height) ** 2 + (speed / config.speed) ** 2
    weight = float(body.model.body_mass.sum() * np.linalg.norm(body.model.opt.gravity))
    limit = np.where(presses & (speed < config.fastest), config.edge_limit * weight, 0.0)
    return Contacts(
        point=point,
        edge=edge,
        generalised=demand.projection.swapaxes(-1, -2) @ force,
        cost=np.repeat(cost, EDGES, axis=1),
        limit=np.repeat(limit, EDGES, axis=1),
    )


def _inset(point: Array, presses: NDArray[np.bool_], share: float) -> Array:
    """Points (n, P, 3) of which those that press (n, P) are a share nearer to the middle of those of their foot."""
    feet = point.reshape(len(point), 2, -1, 3)
    weight = presses.reshape(feet.shape[:3])[..., None].astype(np.float64)
    middle = (weight * feet).sum(2, keepdims=True) / np.maximum(weight.sum(2, keepdims=True), 1.0)
    return np.asarray(feet + share * weight * (middle - feet)).reshape(point.shape)


def _points(body: BodyModel) -> tuple[NDArray[np.int64], Array]:
    """Geom (P,) of each point and which end (P,) of it: +1, −1, or 0 where it has none; right foot first."""
    geoms: list[int] = []
    ends: list[float] = []
    for geom in body.foot_geoms:
        capsule = body.model.geom_type[geom] == mujoco.mjtGeom.mjGEOM_CAPSULE
        geoms += [int(geom)] * (2 if capsule else 1)
        ends += [1.0, -1.0] if capsule else [0.0]
    return np.array(geoms), np.array(ends)


def _lowest(body: BodyModel, demand: Demand, geoms: NDArray[np.int64], end: Array) -> Array:
    """Lowest point (n, P, 3) of each ball, ellipsoid or capsule end."""
    size, rotation = body.model.geom_size[geoms], demand.geom_rotation[:, geoms]
    down = -rotation[:, :, 2]  # the world's −z in each geom's frame
    ball = size[:, :1] * down
    ball[..., 2] += end * size[:, 1]
    axes = np.linalg.norm(size * down, axis=-1, keepdims=True).clip(1e-12)
    ellipsoid = (body.model.geom_type[geoms] == mujoco.mjtGeom.mjGEOM_ELLIPSOID)[:, None]
    local = np.where(ellipsoid, size**2 * down / axes, ball)
    return demand.geom_position[:, geoms] + np.einsum("npij,npj->npi", rotation, local)
