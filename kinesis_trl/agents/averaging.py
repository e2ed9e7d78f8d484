"""One policy from several that were trained one from another, by averaging their weights.

Networks that descend from the same weights lie in one basin of the loss, where the mean of their weights often does
better than any of them (Wortsman et al. 2022, ICML, "Model soups"). It costs nothing when the policy acts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from kinesis_trl.agents.checkpoint import load_checkpoint, save_policy
from kinesis_trl.agents.exceptions import CheckpointError
from kinesis_trl.envs.described import as_described, describe
from kinesis_trl.envs.imitation import ImitationConfig


def average_policies(policies: Sequence[Path], out: Path, weights: Sequence[float] = ()) -> None:
    """Write the average of policies, and of their value functions where all have one, with the notes of the first.

    Args:
        policies: two folders or more.
        out: folder of the average.
        weights: a share for each, which add up to 1; default: equal ones.

    Raises:
        CheckpointError: a policy is missing or damaged, or they are of different networks, settings or bodies.
        ValueError: fewer than two policies, or weights that do not fit them.
    """
    shares = list(weights) or [1 / len(policies)] * len(policies) if policies else []
    if len(policies) < 2 or len(shares) != len(policies) or abs(sum(shares) - 1) > 1e-6:
        raise ValueError(
            f"{len(policies)} policies and weights {list(weights)}; give two policies or more, and as many weights "
            "that add up to 1, or none."
        )
    loaded = [load_checkpoint(path) for path in policies]
    first = loaded[0]
    for path, other in zip(policies[1:], loaded[1:], strict=True):
        alike = other.body == first.body and _task(other.notes) == _task(first.notes)
        if not alike or _shapes(other.policy) != _shapes(first.policy):
            raise CheckpointError(f"{path} is of another network, task or body than {policies[0]}: no average.")
    _average([other.policy for other in loaded], shares)
    critics = [other.critic for other in loaded if other.critic is not None]
    if len(critics) == len(loaded) and all(_shapes(critic) == _shapes(critics[0]) for critic in critics):
        _average(critics, shares)
    else:
        critics = []
    parts = {str(path): share for path, share in zip(policies, shares, strict=True)}
    notes = {**first.notes, "averaged": parts}
    save_policy(out, first.policy, body=first.body, critic=critics[0] if critics else None, notes=notes)


def _average(modules: Sequence[torch.nn.Module], shares: Sequence[float]) -> None:
    """Into the first; what is counted in whole numbers stays as it has it."""
    states = [module.state_dict() for module in modules]
    mean = {}
    for name, value in states[0].items():
        terms = [share * state[name].double() for share, state in zip(shares, states, strict=True)]
        mean[name] = torch.stack(terms).sum(0).to(value.dtype) if value.is_floating_point() else value
    modules[0].load_state_dict(mean)


def _shapes(policy: torch.nn.Module) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in policy.state_dict().items()}


def _task(notes: Mapping[str, Any]) -> dict[str, Any]:
    """What a policy observes and what its actions mean, complete."""
    return describe(as_described(ImitationConfig(), notes))
