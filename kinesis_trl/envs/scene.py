"""What observation terms are made of: the bodies, their muscles, and the references ahead of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kinesis_trl.body.simulator import BodyState, Physics
from kinesis_trl.envs.geometry import tilt, to_heading, turned


@dataclass(frozen=True)
class Tracked:
    """Torch views of a `BodyState`, float64, and the tracked bodies picked out of it."""

    position: Tensor
    """(N, B, 3)."""
    quaternion: Tensor
    """(N, B, 4) wxyz."""
    linear_velocity: Tensor
    """(N, B, 3)."""
    angular_velocity: Tensor
    """(N, B, 3)."""
    touch: Tensor
    """(N, S)."""
    lag: Tensor
    """(N,) seconds."""
    body_pos: Tensor
    """(N, K, 3) tracked bodies."""
    body_vel: Tensor
    """(N, K, 3) tracked bodies."""

    @cached_property
    def heading(self) -> Tensor:
        """(N, 3, 3) turns world row vectors into each root's heading frame."""
        return to_heading(self.quaternion[:, 0])

    @cached_property
    def tilt(self) -> Tensor:
        """(N, 2) roll and pitch of the roots in radians."""
        return tilt(self.quaternion[:, 0])

    @classmethod
    def of(cls, state: BodyState, tracked: Tensor) -> Tracked:
        """From arrays; `tracked` (K,) picks bodies among the observed ones."""
        arrays = (
            state.position,
            state.quaternion,
            state.linear_velocity,
            state.angular_velocity,
            state.touch,
            state.lag,
        )
        position, quaternion, linear, angular, touch, lag = (torch.from_numpy(a) for a in arrays)
        body_pos, body_vel = position.index_select(1, tracked), linear.index_select(1, tracked)
        return cls(position, quaternion, linear, angular, touch, lag, body_pos, body_vel)


class Ahead(Protocol):
    """The references of R bodies a policy step ahead, world frame, float64; computed when they are asked for."""

    @property
    def position(self) -> Tensor:
        """(R, K, 3) tracked bodies."""

    @property
    def velocity(self) -> Tensor:
        """(R, K, 3) tracked bodies."""

    @property
    def later(self) -> Tensor:
        """(R, L, K, 3) tracked bodies, each of `reference_steps` policy steps later."""

    @property
    def root_turn(self) -> Tensor:
        """(R, 3) rotation vector that turns the root into its reference, radians."""

    @property
    def joint_angle(self) -> Tensor:
        """(R, J) independent joints, radians."""

    @property
    def joint_rate(self) -> Tensor:
        """(R, J) independent joints, rad/s."""

    @property
    def moment_error(self) -> Tensor:
        """(R, J) `InverseSolutions.moment_error` of the bodies now, N m."""


@dataclass(frozen=True)
class Scene:
    """What can be observed of R bodies."""

    state: Tracked
    """The bodies."""
    physics: Physics
    """Their simulations, N of them."""
    rows: Any
    """Which R of the N they are."""
    joint_dofs: Tensor
    """(J,) places of the independent joints in qvel; in qpos they are one further."""
    ahead: Ahead
    """Their references."""
    action: Tensor | None = None
    """(R, A) the last actions, zero as an episode begins; None where nothing acts."""

    def in_heading(self, vectors: Tensor, origin: Tensor | None = None) -> Tensor:
        """World vectors (R, V, 3), less `origin` (R, V or 1, 3), in each body's heading frame, (R, 3 V)."""
        return turned(vectors, self.state.heading, origin).flatten(1)

    def muscle(self, values: NDArray[np.float64]) -> Tensor:
        """(R, M) of values (N, M)."""
        return torch.from_numpy(np.array(values[self.rows]))

    @cached_property
    def joint_angle(self) -> Tensor:
        """(R, J) radians."""
        return torch.from_numpy(self.physics.qpos[self.rows])[:, self.joint_dofs + 1]

    @cached_property
    def joint_rate(self) -> Tensor:
        """(R, J) rad/s."""
        return torch.from_numpy(self.physics.qvel[self.rows])[:, self.joint_dofs]
