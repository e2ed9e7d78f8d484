"""Where the clips that bodies follow lie in the world: begun above the origin, turned about the vertical."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tensordict import TensorDict
from torch import Tensor

from kinesis_trl.body.simulator import ALL
from kinesis_trl.envs.geometry import about_z, multiply, to_heading, turned

Array = NDArray[np.float64]

_LARGEST_CHANGE = 1.0
"""Largest change in m/s of the root's velocity by turning a body away from its reference."""


class Placement:
    """One turn and one origin for each of N rows; everything in float64, `rows` (R,) of them.

    Attributes:
        turn: (N, 4) rotation from the clip's axes to the world's, wxyz.
        matrix: (N, 3, 3) the same for row vectors: world = clip @ matrix.
        origin: (N, 1, 3) point of the clip that lies at the world's origin.
        state: (N,) all three.
    """

    def __init__(self, count: int) -> None:
        self.turn = about_z(torch.zeros(count, dtype=torch.float64))
        self.matrix = torch.zeros(count, 3, 3, dtype=torch.float64)
        self.origin = torch.zeros(count, 1, 3, dtype=torch.float64)
        parts = {"turn": self.turn, "matrix": self.matrix, "origin": self.origin}
        self.state = TensorDict(parts, batch_size=[count])

    def put(self, rows: Tensor, angle: Tensor, start: Tensor) -> None:
        """Turn clips by `angle` (R,) and begin them above the origin with the place `start` (R, 2) of theirs."""
        self.turn[rows] = about_z(angle)
        self.matrix[rows] = to_heading(self.turn[rows]).mT
        self.origin[rows, 0, :2] = start

    def points(self, points: Tensor, rows: Any = ALL) -> Tensor:
        """Points (…, R, K, 3) of clips in the world."""
        return turned(points, self.matrix[rows], self.origin[rows])

    def vectors(self, vectors: Tensor, rows: Any = ALL) -> Tensor:
        """Vectors (…, R, K, 3) of clips in the world."""
        return turned(vectors, self.matrix[rows])

    def rotations(self, quaternion: Tensor, rows: Any = ALL) -> Tensor:
        """Orientations (R, 4) wxyz of clips in the world."""
        return multiply(self.turn[rows], quaternion)

    def states(self, qpos: Tensor, qvel: Tensor, rows: Any = ALL) -> tuple[Array, Array]:
        """States qpos (R, nq) and qvel (R, nv) of clips in the world; copies."""
        qpos, qvel = qpos.clone(), qvel.clone()
        qpos[:, :3] = self.points(qpos[:, None, :3], rows).squeeze(1)
        qpos[:, 3:7] = self.rotations(qpos[:, 3:7], rows)
        qvel[:, :3] = self.vectors(qvel[:, None, :3], rows).squeeze(1)
        return qpos.numpy(), qvel.numpy()

    def to_clip(self, vectors: Array) -> Array:
        """Vectors (N, 3) of the world in the axes of each row's clip."""
        return (torch.from_numpy(vectors)[:, None] @ self.matrix.mT).squeeze(1).numpy()


def turn_away(qpos: Array, qvel: Array, angle: Array) -> tuple[Array, Array]:
    """States qpos (R, nq) and qvel (R, nv) turned by `angle` (R,) radians about the vertical through each root; copies.

    The angle is less where the velocity of the root would change by more than `_LARGEST_CHANGE`.
    """
    qpos, qvel = qpos.copy(), qvel.copy()
    speed = np.linalg.norm(qvel[:, :2], axis=1)
    widest = 2 * np.arcsin(np.minimum(_LARGEST_CHANGE / (2 * np.maximum(speed, 1e-9)), 1.0))
    turn = about_z(torch.from_numpy(np.clip(angle, -widest, widest)))
    qpos[:, 3:7] = multiply(turn, torch.from_numpy(qpos[:, 3:7])).numpy()
    qvel[:, :3] = turned(torch.from_numpy(qvel[:, None, :3]), to_heading(turn).mT).squeeze(1).numpy()
    return qpos, qvel
