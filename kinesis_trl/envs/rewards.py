"""Reward terms; pure functions on tensors. Formulas: KINESIS (arXiv 2503.14637)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class RewardConfig:
    """Weights and scales of the reward (KINESIS, arXiv 2503.14637)."""

    position_weight: float = 0.6
    """Weight of the position term."""
    position_scale: float = 200.0
    """Scale of the mean squared position error, 1/m²."""
    far_weight: float = 0.0
    """Weight of a second, wider position term, which KINESIS does not have: it draws back bodies that are far off."""
    far_scale: float = 15.0
    """Scale of the mean squared position error in it, 1/m²."""
    velocity_weight: float = 0.2
    """Weight of the velocity term."""
    velocity_scale: float = 5.0
    """Scale of the mean squared velocity error, s²/m²."""
    orientation_weight: float = 0.0
    """Weight of the term for the root's orientation, which KINESIS does not have."""
    orientation_scale: float = 20.0
    """Scale of the squared angle between the root and its reference, 1/rad²."""
    upright_weight: float = 0.1
    """Weight of the upright term."""
    upright_scale: float = 3.0
    """Scale of the root's squared tilt, 1/rad²."""
    effort_weight: float = 0.1
    """Weight of the effort term."""

    def total(self, terms: dict[str, Tensor]) -> Tensor:
        """Weighted sum of terms (N,) by their names: position, far, velocity, orientation, upright, effort."""
        return torch.stack([getattr(self, f"{name}_weight") * term for name, term in terms.items()]).sum(0)


def tracking_reward(value: Tensor, reference: Tensor, scale: float) -> Tensor:
    """exp(−scale · mean squared error) over bodies and axes; (N, K, 3) × 2 → (N,). Positions or velocities."""
    return torch.exp(-scale * (value - reference).square().mean((-2, -1)))


def orientation_reward(rotation: Tensor, scale: float) -> Tensor:
    """exp(−scale · angle²) of the rotation vectors (N, 3) in radians between the root and its reference → (N,)."""
    return torch.exp(-scale * rotation.square().sum(-1))


def upright_reward(tilt: Tensor, scale: float) -> Tensor:
    """exp(−scale · (roll² + pitch²)) of the root's tilt (N, 2) in radians → (N,)."""
    return torch.exp(-scale * tilt.square().sum(-1))
