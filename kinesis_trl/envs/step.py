"""What rewards, terminations and metrics are made of: a policy step of N bodies, and what they should have done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from kinesis_trl.body.simulator import Physics
from kinesis_trl.envs.anatomy import Anatomy
from kinesis_trl.envs.geometry import rotation_between
from kinesis_trl.envs.scene import Tracked


@dataclass(frozen=True, kw_only=True)
class Step:
    """A policy step in any task; K tracked bodies, M muscles."""

    state: Tracked
    """The bodies after it."""
    physics: Physics
    """Their simulations."""
    anatomy: Anatomy
    """What all bodies share."""
    actions: Tensor
    """(N, 3, A) the last three actions, newest first."""
    effort: Tensor
    """(N,) energy term of the step."""
    episode_steps: Tensor
    """(N,) policy steps made in the episode."""

    @property
    def activation(self) -> Tensor:
        """(N, M) in 0…1."""
        return torch.from_numpy(self.physics.activation)

    @property
    def excitation(self) -> Tensor:
        """(N, M) in 0…1."""
        return torch.from_numpy(self.physics.excitation)

    @property
    def muscle_length(self) -> Tensor:
        """(N, M) muscle–tendon lengths in metres, as last derived (`Physics.lag`)."""
        return torch.from_numpy(self.physics.length)

    @property
    def muscle_velocity(self) -> Tensor:
        """(N, M) their rates in m/s."""
        return torch.from_numpy(self.physics.velocity)

    @property
    def limited_angle(self) -> Tensor:
        """(N, L) angles in radians of the joints that have ranges (`Anatomy.limited`)."""
        return torch.from_numpy(self.physics.qpos)[:, self.anatomy.limited]


@dataclass(frozen=True, kw_only=True)
class ImitationStep(Step):
    """A step of bodies that follow clips."""

    ref_pos: Tensor
    """(N, K, 3) references of the tracked bodies, world frame, metres."""
    ref_vel: Tensor
    """(N, K, 3) their velocities, m/s."""
    ref_root: Callable[[], Tensor]
    """(N, 4) references of the roots' orientations, wxyz, when they are asked for."""
    solution: Callable[[], Tensor]
    """(N, M) activations of the references' inverse solutions, when they are asked for; ValueError without any."""
    clip: Tensor
    """(N,) clip that each follows."""
    time: Tensor
    """(N,) seconds into it."""
    duration: Tensor
    """(N,) seconds that it lasts."""
    effort_factor: float
    """What all costs are multiplied by."""
    lacking: Tensor | None = None
    """(N,) moments in N m that muscles could not make (`Control.lacking`)."""

    @cached_property
    def root_turn(self) -> Tensor:
        """(N, 3) rotation vector between the root and its reference, radians."""
        return rotation_between(self.state.quaternion[:, 0], self.ref_root())

    @cached_property
    def distance(self) -> Tensor:
        """(N, K) metres between each tracked body and its reference."""
        return body_distance(self.state.body_pos, self.ref_pos)


@dataclass(frozen=True, kw_only=True)
class PointGoalStep(Step):
    """A step of bodies that go to a place."""

    before: Tensor
    """(N,) metres on the floor from the root to the goal before the step."""
    distance: Tensor
    """(N,) the same after it."""
    near: Tensor
    """(N,) whether that counts as reached."""


@dataclass(frozen=True, kw_only=True)
class BallStep(PointGoalStep):
    """A step of bodies that go to a ball."""

    turned: Tensor
    """(N,) angle in radians between the root's heading and the way from the start to the ball."""


@dataclass(frozen=True, kw_only=True)
class DirectionalStep(Step):
    """A step of bodies that are commanded a velocity."""

    velocity: Tensor
    """(N, 2) commanded velocity on the floor, m/s."""

    @cached_property
    def velocity_error(self) -> Tensor:
        """(N,) squared error of the root's velocity on the floor, m²/s²."""
        return (self.state.linear_velocity[:, 0, :2] - self.velocity).square().sum(-1)


def body_distance(body_pos: Tensor, ref_pos: Tensor) -> Tensor:
    """Distance (N, K) in metres of each tracked body from its reference; (N, K, 3) × 2."""
    return (body_pos - ref_pos).norm(dim=-1)
