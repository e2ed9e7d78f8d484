"""Reward terms; pure functions on tensors. Formulas: KINESIS (arXiv 2503.14637)."""

from __future__ import annotations

import torch
from torch import Tensor

from kinesis_trl.envs.config import RewardConfig


def weighted_sum(terms: dict[str, Tensor], weights: RewardConfig) -> Tensor:
    """Reward (N,) from terms (N,) by their names: position, far, velocity, orientation, upright, effort."""
    return torch.stack([getattr(weights, f"{name}_weight") * term for name, term in terms.items()]).sum(0)


def tracking_reward(value: Tensor, reference: Tensor, scale: float) -> Tensor:
    """exp(−scale · mean squared error) over bodies and axes; (N, K, 3) × 2 → (N,). Positions or velocities."""
    return torch.exp(-scale * (value - reference).square().mean((-2, -1)))


def orientation_reward(rotation: Tensor, scale: float) -> Tensor:
    """exp(−scale · angle²) of the rotation vectors (N, 3) in radians between the root and its reference → (N,)."""
    return torch.exp(-scale * rotation.square().sum(-1))


def upright_reward(tilt: Tensor, scale: float) -> Tensor:
    """exp(−scale · (roll² + pitch²)) of the root's tilt (N, 2) in radians → (N,)."""
    return torch.exp(-scale * tilt.square().sum(-1))
