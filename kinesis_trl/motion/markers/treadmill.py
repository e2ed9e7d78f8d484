"""Walking on a treadmill: the belt's speed is added, so that the person walks over the ground."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from kinesis_trl.body.model import BodyModel
from kinesis_trl.motion.kinematics import body_places
from kinesis_trl.motion.markers.recorded import Wrenches

Array = NDArray[np.float64]

_STILL, _BELT = 0.3, 0.3  # m/s
_LOW = 0.04


def feet(body: BodyModel, qpos: Array) -> tuple[Array, Array]:
    """Places (T, 2, 3) of right and left heel and toe joint in metres."""
    heel, toes = ([body.model.body(f"{part}_{side}").id for side in "rl"] for part in ("calcn", "toes"))
    place = body_places(body, qpos)
    return place[:, heel], place[:, toes]


def belt_velocity(qpos: Array, heel: Array, toes: Array, rate: float) -> Array:
    """Velocity (3,) in m/s of the belt under a person who stays in place; zero where the person gets ahead.

    The median velocity of feet that are flat on the floor.

    Args:
        qpos: (T, nq).
        heel, toes: (T, 2, 3) places of both feet in metres.
        rate: frames per second.
    """
    seconds = (len(qpos) - 1) / rate
    travelled = float(np.linalg.norm(qpos[-1, :2] - qpos[0, :2])) / seconds
    flat = np.ones(heel.shape[:2], dtype=bool)
    for part in (heel, toes):
        flat &= part[..., 2] - np.quantile(part[..., 2], 0.02, axis=0) < _LOW
    if travelled > _STILL or not flat.any():
        return np.zeros(3)
    velocity = np.median(np.gradient(heel, 1 / rate, axis=0)[flat], axis=0)
    velocity[2] = 0.0
    return velocity if np.linalg.norm(velocity) > _BELT else np.zeros(3)


def along_heading(qpos: Array, speed: float) -> Array:
    """Velocity (3,) of a belt of a given speed in m/s that runs backward under a person."""
    forward = Rotation.from_quat(qpos[:, 3:7], scalar_first=True).apply([1.0, 0.0, 0.0]).mean(0)
    forward[2] = 0.0
    return np.asarray(-speed * forward / np.linalg.norm(forward))


def over_ground(qpos: Array, time: Array, belt: Array) -> Array:
    """The motion as it would be over the ground."""
    out = qpos.copy()
    out[:, :3] -= belt * (time - time[0])[:, None]
    return out


def moved(wrenches: Wrenches, belt: Array, start: float) -> Wrenches:
    """Forces at points that move along."""
    shift = -belt * (wrenches.time - start)[:, None]
    return replace(wrenches, moment=wrenches.moment + np.cross(shift[:, None], wrenches.force))
