"""A trained policy that is to observe more: the new numbers count nothing until it has learnt what they are for."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from kinesis_trl.agents.actor import GaussianPolicy
from kinesis_trl.agents.critic import Critic
from kinesis_trl.agents.policy import make_actor

_MOMENT = 20.0  # N m, about the deviation of moments of muscles, for the running norm to start from


def widen_policy(policy: GaussianPolicy, width: int, deviation: float = _MOMENT) -> GaussianPolicy:
    """The same policy on observations (…, width) whose first numbers are those it was trained on.

    Args:
        policy: a single policy.
        width: of the new observation, not smaller than the old one.
        deviation: what the running norm takes the new numbers' standard deviation to be.

    Raises:
        ValueError: a smaller width.
    """
    wide = make_actor(policy.config, width, policy.action_width)
    _fill(policy, wide, policy.observation_width, width, deviation)
    return wide


def widen_critic(critic: Critic, width: int, deviation: float = _MOMENT) -> Critic:
    """The same value function on wider observations; see `widen_policy`."""
    wide = Critic(critic.config, width)
    _fill(critic, wide, critic.observation_width, width, deviation)
    return wide


def _fill(old: nn.Module, new: nn.Module, before: int, width: int, deviation: float) -> None:
    if width < before:
        raise ValueError(f"observations of {before} numbers cannot be made {width}; expected at least as many.")
    known, filled = old.state_dict(), {}
    for name, weight in new.state_dict().items():
        filled[name] = known[name] if known[name].shape == weight.shape else _padded(name, known[name], weight)
    for name, weight in filled.items():
        if name.endswith("norm.std"):
            weight[before:] = deviation
    new.load_state_dict(filled)


def _padded(name: str, old: Tensor, new: Tensor) -> Tensor:
    """`old` where it was, nothing beside it; a mirror leaves the new numbers where they are."""
    if name.endswith(("seen.index", "seen.sign")):
        out = torch.arange(len(new)).to(new) if name.endswith("index") else torch.ones_like(new)
    else:
        out = torch.zeros_like(new)
    out[..., : old.shape[-1]] = old
    return out
