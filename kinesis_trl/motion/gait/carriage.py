"""Another carriage: the pelvis sways, tilts and turns with the steps in another way, over the same footprints."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from kinesis_trl.body.foot_placement import place_feet
from kinesis_trl.body.leg import ANKLE, HIP, KNEE
from kinesis_trl.body.model import BodyModel
from kinesis_trl.motion.gait.synthesis import Walker

Array = NDArray[np.float64]

_QUIET = 0.05  # radians of deviation below which a joint's movement is not scaled up
_LEADING = (HIP, KNEE, ANKLE)


def recarry(body: BodyModel, qpos: Array, fps: float, rng: np.random.Generator, tilt: float, shift: float) -> Array:
    """The motion (T, nq) with another carriage of the pelvis, the same at the same moments of every step.

    What is added to the pelvis' pitch, height and place ahead is a random combination of what both legs do alike, and
    to roll, yaw and place aside of what they do in opposition, so that left and right steps are each other's mirror
    image as much as before. Hips, knees and ankles follow by inverse kinematics, with the feet where they were, as far
    as legs reach.

    Args:
        body: whose coordinates they are.
        qpos: (T, nq), T ≥ 2.
        fps: frames per second.
        rng: random numbers.
        tilt: standard deviation of each angle that is added, in radians.
        shift: the same of each displacement, in metres.
    """
    walker = Walker.of(body)
    alike, opposed = _movements(qpos[:, walker.legs["l"].qpos], qpos[:, walker.legs["r"].qpos], fps)
    pitch, roll, yaw = (tilt * _combined(rng, basis) for basis in (alike, opposed, opposed))
    ahead, aside, up = (shift * _combined(rng, basis) for basis in (alike, opposed, alike))
    before = Rotation.from_quat(qpos[:, 3:7], scalar_first=True)
    heading = Rotation.from_rotvec(before.as_euler("ZYX")[:, :1] * [0.0, 0.0, 1.0])
    after = before * Rotation.from_rotvec(np.stack([roll, pitch, yaw], axis=1))
    out = np.array(qpos)
    out[:, :3] += heading.apply(np.stack([ahead, aside, up], axis=1))
    out[:, 3:7] = after.as_quat(scalar_first=True)
    return place_feet(body, out, qpos)


def _movements(left: Array, right: Array, fps: float) -> tuple[Array, Array]:
    """What legs (T, 7) do alike and in opposition: (T, 6) each, joints and their velocities about their means."""
    out = []
    for both in (left + right, left - right):
        move = both[:, _LEADING] - both[:, _LEADING].mean(0)
        speed = np.gradient(move, 1.0 / fps, axis=0)
        move, speed = move / np.maximum(move.std(0), _QUIET), speed / np.maximum(speed.std(0), _QUIET * fps / 5)
        out.append(np.concatenate([move, speed], axis=1))
    return out[0], out[1]


def _combined(rng: np.random.Generator, basis: Array) -> Array:
    """A random combination (T,) of basis (T, k), of unit deviation on average."""
    return np.asarray(basis @ rng.normal(size=basis.shape[1]) / np.sqrt(basis.shape[1]))
