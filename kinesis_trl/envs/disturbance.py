"""Pushes while training: a body that was never pushed knows only the states its references lead through."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from tensordict import TensorDict
from torch import Tensor

from kinesis_trl.envs.config import DisturbanceConfig


class Disturbance:
    """The pushes of N bodies.

    Attributes:
        force: (N, 3) newtons, world frame, of the present pushes; 0 where there is none.
        left: (N,) seconds that each goes on.
        state: (N,) both.
    """

    def __init__(self, count: int, config: DisturbanceConfig) -> None:
        self.config = config
        self.force = torch.zeros(count, 3, dtype=torch.float64)
        self.left = torch.zeros(count, dtype=torch.float64)
        self.state = TensorDict({"force": self.force, "left": self.left}, batch_size=[count])

    def clear(self, rows: Tensor) -> None:
        """End the pushes of `rows` (R,)."""
        self.force[rows] = 0.0
        self.left[rows] = 0.0

    def step(self, seconds: float, rng: np.random.Generator) -> NDArray[np.float64]:
        """Forces (N, 3) of the step of `seconds` that comes; pushes end and begin with it."""
        config, count = self.config, len(self.left)
        self.left -= seconds
        over = self.left <= 1e-9
        self.force[over] = 0.0
        begins = over & torch.from_numpy(rng.random(count) < seconds / config.pause)
        angle = rng.uniform(-np.pi, np.pi, count)
        side = np.stack([np.cos(angle), np.sin(angle), np.zeros(count)], axis=-1)
        force = torch.from_numpy(rng.uniform(0.0, config.force, count)[:, None] * side)
        lasts = torch.from_numpy(rng.uniform(config.shortest, config.longest, count))
        self.force[begins], self.left[begins] = force[begins], lasts[begins]
        return self.force.numpy()
