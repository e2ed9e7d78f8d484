"""Pushes while training: a body that was never pushed knows only the states its references lead through."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class DisturbanceConfig:
    """Horizontal pushes at the pelvis, from any side, unannounced."""

    force: float = 0.0
    """Strongest push in newtons; each has a force from 0 to this. 0: none."""
    shortest: float = 0.1
    """Shortest push in seconds."""
    longest: float = 0.4
    """Longest push in seconds."""
    pause: float = 1.5
    """Mean time between two pushes in seconds."""

    def __post_init__(self) -> None:
        if not (self.force >= 0 and 0 < self.shortest <= self.longest and self.pause > 0):
            raise ValueError(
                f"force {self.force} must not be negative, pause {self.pause} must be positive, and shortest "
                f"{self.shortest} must lie above 0 and not above longest {self.longest}."
            )


class Disturbance:
    """The pushes of N bodies.

    Attributes:
        force: (N, 3) newtons, world frame, of the present pushes; 0 where there is none.
        left: (N,) seconds that each goes on.
    """

    def __init__(self, count: int, config: DisturbanceConfig) -> None:
        self.config = config
        self.force = torch.zeros(count, 3, dtype=torch.float64)
        self.left = torch.zeros(count, dtype=torch.float64)

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
