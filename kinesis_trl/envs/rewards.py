"""Reward terms; pure functions on tensors. Formulas: KINESIS (arXiv 2503.14637)."""

from __future__ import annotations

import torch
from torch import Tensor

from kinesis_trl.envs.config import CalmConfig, RewardConfig


def total_cost(costs: dict[str, Tensor], weights: CalmConfig) -> Tensor:
    """Weighted sum of costs (N,) by their names: action, change, bend, activation, load, limit; 0 where none counts."""
    return sum((getattr(weights, f"{name}_weight") * cost for name, cost in costs.items()), torch.zeros(()))


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


def action_cost(actions: Tensor) -> Tensor:
    """Mean squared action of the last three (N, 3, A), newest first → (N,)."""
    return actions[:, 0].square().mean(-1)


def change_cost(actions: Tensor) -> Tensor:
    """Mean squared change of the action, of the last three (N, 3, A), newest first → (N,)."""
    return (actions[:, 0] - actions[:, 1]).square().mean(-1)


def bend_cost(actions: Tensor) -> Tensor:
    """Mean squared second change of the action, of the last three (N, 3, A), newest first → (N,)."""
    return (actions[:, 0] - 2 * actions[:, 1] + actions[:, 2]).square().mean(-1)


def activation_cost(activation: Tensor, volume: Tensor) -> Tensor:
    """Squared activations (N, M) averaged by the muscles' volumes (M,) → (N,)."""
    return (activation.square() * volume).sum(-1) / volume.sum()


def load_cost(touch: Tensor, weight: float, limit: float) -> Tensor:
    """Squared excess of the floor's forces (N, S), in newtons, over `limit` body weights of `weight` N → (N,)."""
    return (touch.sum(-1) / weight - limit).clamp(min=0).square()


def scuff_cost(touch: Tensor, clearance: Tensor, weight: float, full: float) -> Tensor:
    """Force of the floor on both feet, in body weights of `weight` N, as far as their references are in the air → (N,).

    Args:
        touch: (N, 2) normal forces on the feet in newtons.
        clearance: (N, 2) heights of the references' soles in metres.
        weight: body weight in newtons.
        full: height in metres from which on all of the force counts.
    """
    return (touch / weight * (clearance / full).clamp(0, 1)).sum(-1)


def limit_cost(angle: Tensor, bounds: Tensor) -> Tensor:
    """Mean squared angle by which joints (N, J) pass their ranges (J, 2), in radians → (N,)."""
    return ((bounds[:, 0] - angle).clamp(min=0) + (angle - bounds[:, 1]).clamp(min=0)).square().mean(-1)
