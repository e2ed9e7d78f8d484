"""Reward terms; pure functions on tensors. Formulas: KINESIS (arXiv 2503.14637)."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class CalmConfig:
    """Weights of the costs that make movement calm; a cost of weight 0 is not computed."""

    action_weight: float = 0.0
    """Weight of the mean squared action."""
    change_weight: float = 0.0
    """Weight of the mean squared change of the action from one policy step to the next."""
    bend_weight: float = 0.0
    """Weight of the mean squared second change of the action."""
    activation_weight: float = 0.0
    """Weight of the squared activation of the muscles, averaged by their volumes."""
    load_weight: float = 0.0
    """Weight of the squared force of the floor above `load_limit`, in body weights."""
    limit_weight: float = 0.0
    """Weight of the mean squared angle, in radians, by which joints pass their ranges."""
    load_limit: float = 1.2
    """Force of the floor on both feet, in body weights, that costs nothing."""

    def __post_init__(self) -> None:
        for spec in fields(self):
            if not getattr(self, spec.name) >= 0:
                raise ValueError(f"{spec.name} must not be negative, got {getattr(self, spec.name)}.")

    @property
    def names(self) -> tuple[str, ...]:
        """Costs that count: action, change, bend, activation, load, limit."""
        named = (spec.name.removesuffix("_weight") for spec in fields(self) if spec.name.endswith("_weight"))
        return tuple(name for name in named if getattr(self, f"{name}_weight") > 0)

    def total(self, costs: dict[str, Tensor]) -> Tensor:
        """Weighted sum of costs (N,) by their names; 0 where none counts."""
        return sum((getattr(self, f"{name}_weight") * cost for name, cost in costs.items()), torch.zeros(()))


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
    survival: float = 0.0
    """Reward of every step, so that costs never make it pay to end an episode."""
    calm: CalmConfig = field(default_factory=CalmConfig)
    """What is taken off for restless actions, effort and heavy steps."""

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


def limit_cost(angle: Tensor, bounds: Tensor) -> Tensor:
    """Mean squared angle by which joints (N, J) pass their ranges (J, 2), in radians → (N,)."""
    return ((bounds[:, 0] - angle).clamp(min=0) + (angle - bounds[:, 1]).clamp(min=0)).square().mean(-1)
