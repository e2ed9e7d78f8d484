"""Policies that need no training, to try an environment and to compare with."""

from __future__ import annotations

from collections.abc import Callable

import torch
from tensordict import TensorDictBase

from kinesis_trl.envs.imitation import ImitationEnv
from kinesis_trl.envs.regulator import regulate

Policy = Callable[[TensorDictBase], TensorDictBase]
"""Adds "action" (N, M) to a TensorDict with "observation"; every TorchRL actor is one."""

BASELINES = ("zero", "random", "reference", "regulator")


def baseline(name: str, env: ImitationEnv, *, seed: int = 0) -> Policy:
    """A policy by name.

    `zero` always acts 0; `random` acts uniformly in [−1, 1]; `reference` asks for the reference as it is,
    by target lengths of its muscles or of its inverse solution (`Control.reference_action`); `regulator`
    follows optimised trajectories by their feedback (`envs.regulator`).

    Raises:
        ValueError: unknown name, `reference` with a control that cannot ask for it, or `regulator` with motions that
            were not optimised or another control than feedforward.
    """
    shape = env.action_spec.shape
    if name == "zero":
        return lambda td: td.set("action", torch.zeros(*td.batch_size, shape[-1]))
    if name == "random":
        generator = torch.Generator().manual_seed(seed)
        return lambda td: td.set("action", 2 * torch.rand(shape, generator=generator) - 1)
    if name == "reference":
        env.reference_action()  # says at once where there is none
        return lambda td: td.set("action", env.reference_action())
    if name == "regulator":
        regulate(env)  # says at once what does not fit
        return lambda td: td.set("action", regulate(env).float())
    raise ValueError(f"unknown policy {name!r}; choose one of {', '.join(BASELINES)}.")
