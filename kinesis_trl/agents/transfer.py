"""A trained policy on another body or with actions of another unit: the same network, joined to what both have.

Numbers of joints and muscles are matched by name. What only the new body has begins without influence: weights of zero
from what is observed of it, and actions of zero, so that its controls hold it.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kinesis_trl.agents.actor import GaussianPolicy, NormalisedMLP
from kinesis_trl.agents.checkpoint import PolicyCheckpoint
from kinesis_trl.agents.critic import Critic
from kinesis_trl.agents.exceptions import CheckpointError
from kinesis_trl.agents.fresh import new_actor, new_critic
from kinesis_trl.agents.lattice import LatticeActor
from kinesis_trl.agents.policy import Policy
from kinesis_trl.body.model import BodyModel, load_body
from kinesis_trl.envs.base import MyoLegsEnv
from kinesis_trl.envs.layout import Layout
from kinesis_trl.envs.symmetry import joints, muscles

Places = NDArray[np.int64]
_STILL = 1e-4
"""Standard deviation of an observation, in its unit, up to which it counts as constant."""


def transfer(checkpoint: PolicyCheckpoint, env: MyoLegsEnv) -> tuple[Policy, Critic | None]:
    """Policy and, where there is one, value function of another body for that of `env`, observed and acting alike.

    Raises:
        CheckpointError: a mixture, or a policy whose observations or actions cannot be matched.
    """
    old, policy = load_body(checkpoint.body), checkpoint.policy
    before, after = Layout(old, env.settings.observation), env.layout
    acts = policy.action_width == len(old.independent_joints) and env.control.width == len(env.body.independent_joints)
    if not isinstance(policy, GaussianPolicy) or not acts or policy.observation_width != before.width:
        raise CheckpointError(
            f"a policy of body {old.name} goes over to body {env.body.name} only where it is a single one, acts on "
            f"joints (control coordinated or feedforward) and observes what this task does: {before.width} numbers, it "
            f"observes {policy.observation_width}. Give the control and observation it was trained with."
        )
    seen = np.concatenate(
        [
            np.where(part < 0, -1, part + before.places[term.name].start)
            for term in after.terms
            for part in [_places(term.mirror, old, env.body, before.places[term.name], after.places[term.name])]
        ]
    )
    made = _matched(old.independent_joints, env.body.independent_joints)
    actor = new_actor(policy.config, env)  # type: ignore[arg-type]  # a single policy's
    with torch.no_grad():
        _join(policy.net, actor.net, seen, made)
        width = policy.action_width
        actor.log_std[: len(made)][made >= 0] = policy.log_std[:width][made[made >= 0]]
        if isinstance(actor, LatticeActor):  # latent units come after the actions
            actor.log_std[len(made) :] = policy.log_std[width:]
        if checkpoint.critic is None:
            return actor, None
        critic = new_critic(checkpoint.critic.config, env)
        _join(checkpoint.critic.net, critic.net, seen, None)
    return actor, critic


def scaled(policy: GaussianPolicy, factor: float, last_action: slice) -> None:
    """Multiply what a policy does by `factor`, in place, for a task whose actions mean as much less.

    It does the same there as before, noise included, but for actions that were or are beyond their limits.

    Args:
        policy: any single one.
        factor: positive.
        last_action: where its last action lies in what it observes; an empty slice if it does not.
    """
    net = policy.net
    with torch.no_grad():
        net.head.weight.mul_(factor)
        net.head.bias.mul_(factor)
        policy.log_std[: policy.action_width] += math.log(factor)
        if net.norm is not None:
            net.norm.mean[last_action] *= factor
            net.norm.std[last_action] *= factor
        else:
            first = next(layer for layer in net.hidden if isinstance(layer, torch.nn.Linear))
            first.weight[:, last_action] /= factor


def _places(rule: object, old: BodyModel, new: BodyModel, before: slice, after: slice) -> Places:
    """Where each number of a term is in the old body's term; −1 where it has none."""
    if rule is joints:
        return _matched(old.independent_joints, new.independent_joints)
    if rule is muscles:
        return _matched(old.muscle_names, new.muscle_names)
    if before.stop - before.start != after.stop - after.start or len(old.observed_ids) != len(new.observed_ids):
        raise CheckpointError(f"bodies {old.name} and {new.name} are not observed alike.")
    return np.arange(after.stop - after.start)


def _matched(old: list[str] | tuple[str, ...], new: list[str] | tuple[str, ...]) -> Places:
    known = {name: place for place, name in enumerate(old)}
    return np.array([known.get(name, -1) for name in new], dtype=np.int64)


def _join(old: NormalisedMLP, new: NormalisedMLP, seen: Places, made: Places | None) -> None:
    """Copy weights and statistics, inputs from `seen` (O',) and outputs from `made` (A',); None: as they are."""
    weights = dict(old.state_dict())
    if old.norm is not None:  # what never changed in the old body has taught nothing, and its deviation is none
        seen = np.where((weights["norm.std"] > _STILL).numpy()[np.maximum(seen, 0)], seen, -1)
    first = min(name for name in weights if name.startswith("hidden.") and name.endswith("weight"))
    for name, value in new.state_dict().items():
        if name.startswith(("seen.", "made.")):
            continue
        source = weights[name]
        if name == first:
            source = _taken(source.T, seen, torch.zeros(())).T
        elif name in ("norm.mean", "norm.std"):
            source = _taken(source, seen, value.new_tensor(float(name.endswith("std"))))
        elif name.startswith("head.") and made is not None:
            source = _taken(source, made, torch.zeros(()))
        value.copy_(source)


def _taken(values: Tensor, places: Places, missing: Tensor) -> Tensor:
    """Rows (K, …) of `values` at `places` (K,), and `missing` where these are negative."""
    out = values[torch.from_numpy(np.maximum(places, 0))].clone()
    out[torch.from_numpy(places < 0)] = missing
    return out
