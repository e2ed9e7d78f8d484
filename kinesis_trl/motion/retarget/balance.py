"""A pelvis that its footsteps can carry: recorded motions brought over their feet.

A skeleton says where joints are, not where the mass is. Brought onto the body, recorded people walk with its centre of
mass centimetres from where their own was, and every step would have to be carried from the edge of a foot.
"""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation

from kinesis_trl.body.model import BodyModel
from kinesis_trl.motion.gait.foot_roll import FootRoll
from kinesis_trl.motion.gait.footsteps import FootstepPlan, Side
from kinesis_trl.motion.gait.pelvis import centre_of_mass, vertical_acceleration
from kinesis_trl.motion.gait.stance import foot_path
from kinesis_trl.motion.kinematics import velocities

Array = NDArray[np.float64]

_MOVES = 0.15  # m/s, of the pelvis in the first or last frames of a motion that does not begin or end at rest
_END = 4  # frames
_FURTHEST = 0.1  # metres


def out_of_balance(
    body: BodyModel, qpos: Array, fps: float, footsteps: FootstepPlan, rolls: dict[Side, FootRoll], seconds: float
) -> Array:
    """How far (T, 2) the root is from where a centre of mass carried by the footsteps would have it, in metres.

    The centre of mass on a cart above the footsteps (`pelvis.centre_of_mass`) less the body's, smoothed: sway within a
    step stays as it was recorded. Never more than a tenth of a metre, and none in running, where a frame more or less
    of contact decides where the cart goes.

    Args:
        body: whose coordinates they are.
        qpos: (T, nq), T ≥ 8.
        fps: frames per second.
        footsteps: of this motion.
        rolls: of both feet.
        seconds: standard deviation of the smoothing.
    """
    time = np.arange(len(qpos)) / fps
    feet = {side: foot_path(footsteps, side, roll, time, np.zeros(len(time))) for side, roll in rolls.items()}
    rise = vertical_acceleration(footsteps, time)
    com = qpos[:, :2] + com_offset(body, qpos)[:, :2]
    speed = np.linalg.norm(np.gradient(qpos[:, :2], 1 / fps, axis=0), axis=1)
    moving = [bool(part.max() > _MOVES) for part in (speed[:_END], speed[-_END:])]
    yaw = Rotation.from_quat(qpos[:, 3:7], scalar_first=True).as_euler("ZYX")[:, :1]
    heading = Rotation.from_rotvec(yaw * [0.0, 0.0, 1.0])
    apart = np.zeros_like(com)
    for _ in range(2):  # ends in motion are as far from balance as the middle
        ends = tuple(com[k] + apart[k] if m else None for k, m in zip((0, -1), moving, strict=True))
        apart = centre_of_mass(feet, rise, 1 / fps, moving=(ends[0], ends[1])) - com
        ahead = heading.inv().apply(np.pad(apart, ((0, 0), (0, 1))))
        if not any(moving):
            break
        usual = heading.apply(np.tile(np.median(ahead, axis=0), (len(ahead), 1)))[:, :2]
        for k, m in zip((0, -1), moving, strict=True):
            apart[k] = usual[k] if m else apart[k]
    size = np.linalg.norm(apart, axis=1, keepdims=True)
    apart *= np.minimum(1.0, _FURTHEST / np.maximum(size, 1e-9))
    walks = 1.0 - footsteps.course.sample("run", time)[:, None]
    return np.asarray(gaussian_filter1d(walks * apart, seconds * fps, axis=0, mode="nearest"))


def com_offset(body: BodyModel, qpos: Array) -> Array:
    """Centre of mass less root position (T, 3) at coordinates (T, nq), world axes."""
    model = body.model
    data = mujoco.MjData(model)
    out = np.empty((len(qpos), 3))
    for t, q in enumerate(qpos):
        data.qpos[:] = q
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        out[t] = data.subtree_com[1] - q[:3]
    return out


def cart_error(body: BodyModel, qpos: Array, fps: float, height: float) -> Array:
    """Where the floor must press on the body less where it would on a cart of `height` metres, (T, 2) in metres.

    About the centre of pressure p the floor has no horizontal moment: with the angular momentum L about the centre of
    mass c, m (c − p) × (c̈ + g) + L̇ = 0. A cart has none, and stays at its height (Kajita et al. 2003, ICRA).

    Args:
        body: whose coordinates they are.
        qpos: (T, nq), T ≥ 3, with a foot on the floor in every frame.
        fps: frames per second.
        height: of the cart.
    """
    model, data = body.model, mujoco.MjData(body.model)
    com, spin = np.empty((len(qpos), 3)), np.empty((len(qpos), 3))
    for t, (q, v) in enumerate(zip(qpos, velocities(qpos, fps, body), strict=True)):
        data.qpos[:], data.qvel[:] = q, v
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        mujoco.mj_comVel(model, data)
        mujoco.mj_subtreeVel(model, data)
        com[t], spin[t] = data.subtree_com[1], data.subtree_angmom[1] / model.body_mass.sum()
    force = np.asarray(np.gradient(np.gradient(com, 1 / fps, axis=0), 1 / fps, axis=0))
    turned = np.asarray(np.gradient(spin, 1 / fps, axis=0))[:, 1::-1] * [1.0, -1.0]
    weight = -model.opt.gravity[2]
    lifted = np.maximum(weight + force[:, 2:], 0.2 * weight)
    pressed = (com[:, 2:] * force[:, :2] + turned) / lifted
    return np.asarray(height / weight * force[:, :2] - pressed)
