"""How a policy is played: one generator for evaluation, planning, recording and the viewer."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from tensordict import TensorDict, TensorDictBase
from torch import Tensor
from torchrl.envs.utils import ExplorationType, set_exploration_type

from kinesis_trl.envs.base import MyoLegsEnv


def rollout(
    env: MyoLegsEnv, policy: Callable[[TensorDictBase], TensorDictBase], *, halt: bool = False
) -> Iterator[TensorDictBase]:
    """Policy steps without end, with deterministic actions, from where the bodies are now.

    Between two steps bodies may be reset, put elsewhere or halted: the next step goes on from there.

    Args:
        env: reset before.
        policy: adds "action" (N, A) to a TensorDict with "observation" (N, O).
        halt: whether bodies whose episode ended are simulated no more. They stay as they are, and what the others do
            does not depend on it.

    Yields:
        what a step led to: "observation", "reward", "metrics", "done", "terminated" and "truncated", (N, ·).
    """
    while True:
        with torch.no_grad(), set_exploration_type(ExplorationType.DETERMINISTIC):
            seen = TensorDict({"observation": env.state["observation"].clone()}, batch_size=env.batch_size)
            after = env.advance(policy(seen)["action"])
        if halt:
            env.physics.running &= ~after["done"].reshape(-1).numpy()
        yield after


def restart(env: MyoLegsEnv, done: Tensor) -> None:
    """Begin new episodes where `done` (N, 1) says so; `rollout` goes on with them."""
    if done.any():
        env.reset(TensorDict({"_reset": done}, batch_size=env.batch_size))
