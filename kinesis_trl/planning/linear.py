"""Feedback for one rehearsed motion: its simulation made linear frame by frame, and the regulator best for that.

A finite-horizon linear-quadratic regulator (Anderson and Moore 1990, "Optimal Control", chapter 2) about a motion that
the simulated body can make, so that nothing but deviations is left to correct.
"""

from __future__ import annotations

import mujoco
import numpy as np
import torch
from numpy.typing import NDArray

from kinesis_trl.body.deviation import deviation
from kinesis_trl.body.model import BodyModel
from kinesis_trl.body.physics import BatchPhysics
from kinesis_trl.body.simulator import PhysicsConfig
from kinesis_trl.envs.control.config import FeedforwardConfig
from kinesis_trl.envs.control.feedforward import Feedforward
from kinesis_trl.motion.library import MotionLibrary
from kinesis_trl.planning.config import RegulatorConfig

Array = NDArray[np.float64]


def feedback(
    body: BodyModel,
    clip: MotionLibrary,
    settings: FeedforwardConfig,
    physics: PhysicsConfig,
    config: RegulatorConfig,
) -> Array:
    """(T, J, D) gains for `envs.regulator` of a library of one rehearsed clip; those of the last frame are zero."""
    dynamics, inputs = linearise(body, clip, settings, physics, config)
    count, (width, joints) = len(dynamics) + 1, inputs.shape[1:]
    state_cost, action_cost = regulator_cost(width, joints, config)
    every = np.broadcast_to(state_cost, (count, width, width))
    gains, _ = riccati(dynamics, inputs, every, action_cost, np.zeros((count, width)), np.zeros((count - 1, joints)))
    return np.concatenate([gains, np.zeros_like(gains[:1])])


def linearise(
    body: BodyModel,
    clip: MotionLibrary,
    settings: FeedforwardConfig,
    physics: PhysicsConfig,
    config: RegulatorConfig,
) -> tuple[Array, Array]:
    """Change of the next frame's deviation (T − 1, D, D) with a frame's, and with the action (T − 1, D, J).

    By central differences, all of one frame side by side. Deviations are those of `envs.regulator`.
    """
    feedforward = Feedforward(body, clip, settings)
    joints = feedforward.width
    freedoms = len(body.couplings.independent_dofs(body.model.nv))
    width = 2 * freedoms + joints
    step = np.repeat(
        [config.position_step, config.velocity_step, config.moment_step, config.action_step],
        [freedoms, freedoms, joints, joints],
    )
    count = 2 * len(step) + 1  # all changes up, all down, and none
    bodies = BatchPhysics(body, count, physics)
    action = np.zeros((count, joints))
    action[width : width + joints] = np.diag(step[width:])
    action[2 * width + joints : -1] = -np.diag(step[width:])
    frames = int(clip.frames[0])
    dynamics, inputs = np.zeros((frames - 1, width, width)), np.zeros((frames - 1, width, joints))
    for frame in range(frames - 1):
        bodies.reset(np.arange(count), *_changed(body, clip, feedforward, frame, step))
        after = torch.full((count,), frame + 1)
        feedforward.step(bodies, after, action)
        apart = deviation(body, bodies.qpos, bodies.qvel, bodies.qpos[-1], bodies.qvel[-1])
        moments = feedforward.moment_error(after, np.asarray(bodies.activation))
        state = np.concatenate([apart, moments - moments[-1]], axis=1)
        slope = (state[: len(step)] - state[len(step) : -1]).T / (2 * step)
        dynamics[frame], inputs[frame] = slope[:, :width], slope[:, width:]
    return dynamics, inputs


def _changed(
    body: BodyModel, clip: MotionLibrary, feedforward: Feedforward, frame: int, step: Array
) -> tuple[Array, Array, Array]:
    """States (2 S + 1, ·) a step up and a step down from the clip at `frame`; where actions change, and last, on it."""
    model, size = body.model, len(step)
    qpos = np.tile(clip.qpos[frame].numpy(), (2 * size + 1, 1))
    qvel = np.tile(clip.qvel[frame].numpy(), (2 * size + 1, 1))
    activation = np.tile(feedforward.activation(torch.tensor([frame])), (2 * size + 1, 1))
    ways = body.couplings.projection(qpos[0], model.nv)
    freedoms, joints = ways.shape[1], feedforward.width
    by_moment = feedforward.activation_for_moment(frame)
    for sign, first in ((1, 0), (-1, size)):
        for k in range(freedoms):
            mujoco.mj_integratePos(model, qpos[first + k], sign * step[k] * ways[:, k], 1.0)
            qvel[first + freedoms + k] += sign * step[freedoms + k] * ways[:, k]
        for k in range(joints):
            activation[first + 2 * freedoms + k] += sign * step[2 * freedoms + k] * by_moment[:, k]
    return body.couplings.apply(qpos), qvel, np.clip(activation, 0, 1)


def regulator_cost(width: int, joints: int, config: RegulatorConfig) -> tuple[Array, Array]:
    """Cost of deviations (D, D) and of actions (J, J); the last J of the `width` numbers of a deviation are moments."""
    freedoms = (width - joints) // 2
    scale = np.repeat([config.position, config.velocity, config.moment], [freedoms, freedoms, joints])
    return np.diag(scale**-2), np.eye(joints) * config.action**-2


def riccati(
    dynamics: Array, inputs: Array, state_cost: Array, action_cost: Array, towards: Array, along: Array
) -> tuple[Array, Array]:
    """Gains K (T − 1, J, D) and offsets k (T − 1, J) of the actions −K x − k that cost least up to the end.

    Args:
        dynamics: (T − 1, D, D), from `linearise`.
        inputs: (T − 1, D, J), likewise.
        state_cost: (T, D, D) Q; deviations cost xᵀ Q x + 2 qᵀ x.
        action_cost: (J, J) R; actions cost uᵀ R u + 2 rᵀ u.
        towards: (T, D) q; where q and r are zero, so are the offsets.
        along: (T − 1, J) r.
    """
    width, joints = inputs.shape[1:]
    gains, offsets = np.zeros((len(dynamics), joints, width)), np.zeros((len(dynamics), joints))
    to_go, slope = state_cost[-1], towards[-1]
    for frame in range(len(dynamics) - 1, -1, -1):
        a, b = dynamics[frame], inputs[frame]
        curvature = action_cost + b.T @ to_go @ b
        gains[frame] = np.linalg.solve(curvature, b.T @ to_go @ a)
        offsets[frame] = np.linalg.solve(curvature, b.T @ slope + along[frame])
        closed = a - b @ gains[frame]
        slope = towards[frame] + closed.T @ slope - gains[frame].T @ along[frame]
        to_go = state_cost[frame] + a.T @ to_go @ closed
        to_go = 0.5 * (to_go + to_go.T)
    return gains, offsets
