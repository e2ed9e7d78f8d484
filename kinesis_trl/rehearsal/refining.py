"""A motion that was found is led closer to its clip, step by step, by the linear model of its own simulation.

Iterative linear-quadratic regulation (Li and Todorov 2004, "Iterative linear quadratic regulator design for nonlinear
biological movement systems", ICINCO) of the tracked bodies' distances from the clip as it was prepared. How far to go
is tried out: several corrections are simulated side by side, and what came closest is the next motion.
"""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np
import torch
from numpy.typing import NDArray

from kinesis_trl.body.deviation import deviation
from kinesis_trl.body.model import BodyModel
from kinesis_trl.body.physics import BatchPhysics, PhysicsConfig
from kinesis_trl.envs.feedforward import Feedforward, FeedforwardConfig
from kinesis_trl.envs.regulator import LIMIT
from kinesis_trl.motion.kinematics import forward_kinematics
from kinesis_trl.motion.library import MotionLibrary
from kinesis_trl.rehearsal.linear import RegulatorConfig, linearise, regulator_cost, riccati

Array = NDArray[np.float64]

_WEIGHTS = (1.0, 4.0)
"""How much distances count, tried side by side."""
_LENGTHS = (1.0, 0.6, 0.35, 0.2, 0.1, 0.05)
"""Shares of a correction, tried side by side."""
_LEAST = 2e-4
"""Gain in metres below which a correction is not worth another."""


@dataclass(frozen=True, kw_only=True)
class RefineConfig:
    """How a motion is led closer to its clip."""

    rounds: int = 2
    """Times that the motion's simulation is made linear, which is most of the work; 0 leaves motions as found."""
    corrections: int = 2
    """Corrections by the same linear model, one after the other."""
    distance: float = 0.05
    """Distance of a tracked body from the clip that costs 1, in metres."""
    steadiness: float = 0.25
    """How much deviations from the present motion cost, as a share of what they cost the regulator."""

    def __post_init__(self) -> None:
        if self.rounds < 0 or self.corrections < 1:
            raise ValueError(f"rounds {self.rounds} must be at least 0, corrections {self.corrections} at least 1.")
        if not (self.distance > 0 and self.steadiness > 0):
            raise ValueError(f"distance {self.distance} and steadiness {self.steadiness} must be positive.")


def moved(
    body: BodyModel, clip: MotionLibrary, qpos: Array, qvel: Array, activation: Array, target_length: Array
) -> MotionLibrary:
    """A library of one clip (T frames) that goes another way under other controls; `prepared` stays as it is.

    Args:
        body: the model.
        clip: library of the one clip.
        qpos: (T, nq) in the clip's axes.
        qvel: (T, nv).
        activation: (T, M).
        target_length: (T, M) in metres.
    """
    motion = forward_kinematics(body, qpos, qvel)
    return clip.replaced(
        qpos=qpos,
        qvel=qvel,
        track=np.concatenate([motion.body_pos, motion.body_vel], axis=-1),
        muscle_length=motion.muscle_length,
        activation=activation,
        target_length=target_length,
    )


def refine(
    body: BodyModel,
    clip: MotionLibrary,
    settings: FeedforwardConfig,
    physics: PhysicsConfig,
    regulator: RegulatorConfig,
    config: RefineConfig,
) -> MotionLibrary:
    """The motion of a library of one clip, closer to the clip as it was prepared where that can be had.

    Args:
        body: the model.
        clip: library of one clip whose motion and controls the simulation makes.
        settings: what actions mean.
        physics: strength and lesions.
        regulator: differences of the linear model, and what deviations and actions cost.
        config: how.
    """
    for _ in range(config.rounds):
        model = linearise(body, clip, settings, physics, regulator)
        for _ in range(config.corrections):
            closer = _corrected(body, clip, model, settings, physics, regulator, config)
            gained = mean_distance(clip) - mean_distance(closer)
            if gained > 0:
                clip = closer
            if gained < _LEAST:
                break
    return clip


def mean_distance(clip: MotionLibrary) -> float:
    """Mean distance in metres of the tracked bodies of a library from its clips as they were prepared."""
    return float((clip.track[..., :3] - clip.prepared[..., :3]).norm(dim=-1).mean())


def _corrected(
    body: BodyModel,
    clip: MotionLibrary,
    model: tuple[Array, Array],
    settings: FeedforwardConfig,
    physics: PhysicsConfig,
    regulator: RegulatorConfig,
    config: RefineConfig,
) -> MotionLibrary:
    """What came closest of several corrections."""
    dynamics, inputs = model
    width, joints = inputs.shape[1:]
    state_cost, action_cost = regulator_cost(width, joints, regulator)
    slope = _slope_of_positions(body, clip) / config.distance
    apart = (clip.track - clip.prepared)[..., :3].numpy().reshape(len(slope), -1) / config.distance
    freedoms = slope.shape[-1]
    gains, offsets = [], []
    for weight in _WEIGHTS:
        cost = np.repeat(config.steadiness * state_cost[None], len(slope), axis=0)
        cost[:, :freedoms, :freedoms] += weight * slope.swapaxes(1, 2) @ slope
        towards = np.zeros((len(slope), width))
        towards[:, :freedoms] = weight * np.einsum("tif,ti->tf", slope, apart)
        gain, offset = riccati(dynamics, inputs, cost, action_cost, towards)
        gains.append(gain)
        offsets.append(offset)
    tried = [(k, length) for k in range(len(_WEIGHTS)) for length in _LENGTHS]
    return _closest(
        body,
        clip,
        Feedforward(body, clip, settings),
        physics,
        np.stack([gains[k] for k, _ in tried]),
        np.stack([length * offsets[k] for k, length in tried]),
    )


def _slope_of_positions(body: BodyModel, clip: MotionLibrary) -> Array:
    """(T, 3 K, D) change of the tracked bodies' positions with deviations of the D independent degrees of freedom."""
    model = body.model
    data, jacobian = mujoco.MjData(model), np.zeros((3, model.nv))
    qpos = clip.qpos.numpy()
    ways = body.couplings.projection(qpos, model.nv)
    slope = np.zeros((len(qpos), 3 * len(body.tracked_ids), ways.shape[-1]))
    for frame in range(len(qpos)):
        data.qpos[:] = qpos[frame]
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        for k, tracked in enumerate(body.tracked_ids):
            mujoco.mj_jac(model, data, jacobian, None, data.xpos[tracked], int(tracked))
            slope[frame, 3 * k : 3 * k + 3] = jacobian @ ways[frame]
    return slope


def _closest(
    body: BodyModel,
    clip: MotionLibrary,
    feedforward: Feedforward,
    physics: PhysicsConfig,
    gains: Array,
    offsets: Array,
) -> MotionLibrary:
    """What came closest of V actions −K x − k, gains K (V, T − 1, J, D) and offsets k (V, T − 1, J), simulated."""
    count, steps, joints = offsets.shape
    bodies = BatchPhysics(body, count, physics)
    first = np.zeros(count, dtype=np.int64)
    start = feedforward.activation(torch.from_numpy(first))
    bodies.reset(np.arange(count), clip.qpos[first].numpy(), clip.qvel[first].numpy(), start)
    ways = [(bodies.qpos.copy(), bodies.qvel.copy(), np.array(bodies.activation))]
    actions = np.zeros((steps, count, joints))
    broken = np.zeros(count, dtype=bool)
    for frame in range(steps):
        here = torch.full((count,), frame)
        apart = deviation(body, bodies.qpos, bodies.qvel, clip.qpos[frame].numpy(), clip.qvel[frame].numpy())
        moments = feedforward.moment_error(here, np.asarray(bodies.activation))
        state = np.concatenate([apart, moments], axis=1)
        wanted = -np.einsum("vjd,vd->vj", gains[:, frame], state) - offsets[:, frame]
        actions[frame] = np.clip(wanted, -LIMIT, LIMIT)
        _, failed = feedforward.step(bodies, here + 1, actions[frame])
        broken |= failed
        ways.append((bodies.qpos.copy(), bodies.qvel.copy(), np.array(bodies.activation)))
    qpos, qvel, activation = (np.stack(part, axis=1) for part in zip(*ways, strict=True))
    first_length = feedforward.target_length(torch.zeros(1, dtype=torch.int64))
    after = torch.arange(1, steps + 1)
    candidates = [
        moved(
            body,
            clip,
            qpos[k],
            qvel[k],
            activation[k],
            np.concatenate([first_length, feedforward.corrected_length(after, actions[:, k])]),
        )
        for k in np.flatnonzero(~broken)
    ]
    return min(candidates, key=mean_distance, default=clip)
