"""A motion that was found is led closer to its clip, and its controls made calmer, by its simulation's linear model.

Iterative linear-quadratic regulation (Li and Todorov 2004, "Iterative linear quadratic regulator design for nonlinear
biological movement systems", ICINCO) of the tracked bodies' distances from the clip as it was prepared, and of how much
the inverse solution is corrected: a search leaves its noise in the controls. How far to go is tried out: several
corrections are simulated side by side, and what costs least is the next motion.
"""

from __future__ import annotations

from dataclasses import dataclass

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
from kinesis_trl.envs.regulator import LIMIT
from kinesis_trl.motion.kinematics import forward_kinematics
from kinesis_trl.motion.library import MotionLibrary
from kinesis_trl.planning.config import RefineConfig
from kinesis_trl.planning.linear import RegulatorConfig, linearise, regulator_cost, riccati

Array = NDArray[np.float64]

_WEIGHTS = (1.0, 4.0)
"""How much more distances count than in the end, tried side by side."""
_LENGTHS = (1.0, 0.5, 0.2)
"""Shares of a correction, tried side by side."""
_LEAST = 0.01
"""Share of the cost that a correction must save to be worth another by the same model."""


def moved(
    body: BodyModel, clip: MotionLibrary, qpos: Array, qvel: Array, activation: Array, target_length: Array
) -> MotionLibrary:
    """A library of one clip (T frames) that goes another way under other controls; `unsolved` stays as it is.

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


def asked_lengths(control: Feedforward, actions: Array) -> Array:
    """(T, M) target lengths in metres that led to each frame of a clip under actions (T − 1, J).

    The first, to which nothing led, is that of the clip.
    """
    first = control.target_length(torch.zeros(1, dtype=torch.int64))
    return np.concatenate([first, control.corrected_length(torch.arange(1, len(actions) + 1), actions)])


@dataclass(frozen=True)
class Refiner:
    """What stays the same while the motion of one clip of T frames is refined."""

    body: BodyModel
    settings: FeedforwardConfig
    """What actions mean."""
    physics: PhysicsConfig
    """Strength and lesions."""
    regulator: RegulatorConfig
    """Differences of the linear model, and what deviations and corrections of a correction cost."""
    config: RefineConfig
    solution: Array
    """(T, M) target lengths of the inverse solution in metres."""

    def refine(self, clip: MotionLibrary) -> MotionLibrary:
        """A motion that costs less, where there is one, for a library of one clip that the simulation makes."""
        cost = self.cost(clip)
        for _ in range(self.config.rounds):
            model = linearise(self.body, clip, self.settings, self.physics, self.regulator)
            for _ in range(self.config.corrections):
                other = self._corrected(clip, *model)
                before, after = cost, self.cost(other)
                if after < cost:
                    clip, cost = other, after
                if after > (1 - _LEAST) * before:
                    break
        return clip

    def cost(self, clip: MotionLibrary) -> float:
        """Mean over frames of the summed squares of distances and of corrections, in units of their costs."""
        apart = self._apart(clip)
        return float((apart**2).sum() + (self._corrections(clip) ** 2).sum()) / len(apart)

    def _apart(self, clip: MotionLibrary) -> Array:
        """(T, 3 K) how far the tracked bodies are from the clip as it was prepared, in units of their cost."""
        return (clip.track - clip.unsolved)[..., :3].flatten(1).numpy() / self.config.distance

    def _corrections(self, clip: MotionLibrary) -> Array:
        """(T − 1, J) by how much the inverse solution is corrected, in units of their cost."""
        assert clip.inverse is not None
        change = clip.inverse["target_length"].double().numpy() - self.solution
        control = Feedforward(self.body, clip, self.settings)
        return control.nearest_action(torch.arange(1, len(change)), change[1:]) / self.config.action

    def _corrected(self, clip: MotionLibrary, dynamics: Array, inputs: Array) -> MotionLibrary:
        """What costs least of several corrections by a linear model."""
        width, joints = inputs.shape[1:]
        state_cost, action_cost = regulator_cost(width, joints, self.regulator)
        action_cost = action_cost + np.eye(joints) / self.config.action**2
        corrections = self._corrections(clip) / self.config.action
        slope = _slope_of_positions(self.body, clip) / self.config.distance
        apart = self._apart(clip)
        freedoms = slope.shape[-1]
        found = []
        for weight in _WEIGHTS:
            cost = np.repeat(self.config.steadiness * state_cost[None], len(slope), axis=0)
            cost[:, :freedoms, :freedoms] += weight * slope.swapaxes(1, 2) @ slope
            towards = np.zeros((len(slope), width))
            towards[:, :freedoms] = weight * np.einsum("tif,ti->tf", slope, apart)
            found.append(riccati(dynamics, inputs, cost, action_cost, towards, corrections))
        tried = [(*one, length) for one in found for length in _LENGTHS]
        return self._cheapest(
            clip, np.stack([gain for gain, _, _ in tried]), np.stack([length * offset for _, offset, length in tried])
        )

    def _cheapest(self, clip: MotionLibrary, gains: Array, offsets: Array) -> MotionLibrary:
        """What costs least of V actions −K x − k, gains K (V, T − 1, J, D) and offsets k (V, T − 1, J), simulated."""
        body, control = self.body, Feedforward(self.body, clip, self.settings)
        count, steps, joints = offsets.shape
        bodies = BatchPhysics(body, count, self.physics)
        first = np.zeros(count, dtype=np.int64)
        start = control.activation(torch.from_numpy(first))
        bodies.reset(np.arange(count), clip.qpos[first].numpy(), clip.qvel[first].numpy(), start)
        ways = [(bodies.qpos.copy(), bodies.qvel.copy(), np.array(bodies.activation))]
        actions = np.zeros((steps, count, joints))
        broken = np.zeros(count, dtype=bool)
        for frame in range(steps):
            here = torch.full((count,), frame)
            apart = deviation(body, bodies.qpos, bodies.qvel, clip.qpos[frame].numpy(), clip.qvel[frame].numpy())
            moments = control.moment_error(here, np.asarray(bodies.activation))
            state = np.concatenate([apart, moments], axis=1)
            wanted = -np.einsum("vjd,vd->vj", gains[:, frame], state) - offsets[:, frame]
            actions[frame] = np.clip(wanted, -LIMIT, LIMIT)
            _, failed = control.step(bodies, here + 1, actions[frame])
            broken |= failed
            ways.append((bodies.qpos.copy(), bodies.qvel.copy(), np.array(bodies.activation)))
        qpos, qvel, activation = (np.stack(part, axis=1) for part in zip(*ways, strict=True))
        candidates = [
            moved(body, clip, qpos[k], qvel[k], activation[k], asked_lengths(control, actions[:, k]))
            for k in np.flatnonzero(~broken)
        ]
        return min(candidates, key=self.cost, default=clip)


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
