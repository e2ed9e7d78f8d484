"""Step all tasks and controls for long, and see that memory stays level and every number finite.

python tests/envs/soak.py --steps 10000000
"""

from __future__ import annotations

import argparse
import gc
import itertools
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import psutil
import torch
from tensordict import TensorDict

from kinesis_trl.body.model import load_body
from kinesis_trl.body.simulator import PhysicsConfig
from kinesis_trl.envs.base import MyoLegsEnv
from kinesis_trl.envs.config import DisturbanceConfig, ImitationConfig
from kinesis_trl.envs.directional import DirectionalEnv
from kinesis_trl.envs.goal_config import DirectionalConfig, PointGoalConfig
from kinesis_trl.envs.imitation import ImitationEnv
from kinesis_trl.envs.point_goal import PointGoalEnv
from kinesis_trl.motion.solving import SolveConfig
from kinesis_trl.motion.sources import open_library

MOST_GROWTH = 50e6
"""Bytes by which memory may differ between rounds of all tasks, once each had its turn three times."""


def tasks(num_envs: int, seed: int) -> dict[str, Callable[[], MyoLegsEnv]]:
    """How to make each environment."""
    body = load_body()
    library, _ = open_library("locomotion-v1/demo", body, inverse=SolveConfig())
    push = DisturbanceConfig(force=200.0)

    def config(kind: type[Any], control: str = "pd") -> Any:
        pushed = {"disturbance": push} if kind is ImitationConfig else {}
        return kind(num_envs=num_envs, seed=seed, control=control, physics=PhysicsConfig(threads=2), **pushed)

    return {
        "imitation, lengths": lambda: ImitationEnv(body, library, config(ImitationConfig)),
        "imitation, excitations": lambda: ImitationEnv(body, library, config(ImitationConfig, "direct")),
        "imitation, feedforward": lambda: ImitationEnv(body, library, config(ImitationConfig, "feedforward")),
        "imitation, coordinated": lambda: ImitationEnv(body, library, config(ImitationConfig, "coordinated")),
        "point-goal": lambda: PointGoalEnv(body, config(PointGoalConfig)),
        "directional": lambda: DirectionalEnv(body, config(DirectionalConfig)),
    }


def step(env: MyoLegsEnv, steps: int, rng: np.random.Generator) -> int:
    """Make so many steps of single bodies under noise of any strength; returns how many episodes ended."""
    n, width, ended = env.settings.num_envs, int(env.action_spec.shape[-1]), 0
    env.reset()
    noise = np.zeros((n, width))
    strength = rng.uniform(0.0, 1.5, (n, 1)) ** 2
    for _ in range(steps // n):
        noise = 0.8 * noise + 0.6 * rng.standard_normal((n, width))
        action = torch.from_numpy(np.clip(strength * noise, -1, 1)).float()
        after = env.step(TensorDict({"action": action}, batch_size=[n]))["next"]
        for key in ("observation", "reward", "metrics"):
            assert torch.isfinite(after[key]).all(), f"{key} is not finite"
        done = after["done"]
        if done.any():
            ended += int(done.sum())
            env.reset(TensorDict({"_reset": done}, batch_size=[n]))
            assert torch.isfinite(env.state["observation"]).all(), "an observation is not finite after a reset"
    return ended


def soak(steps: int, *, num_envs: int = 64, block: int = 64_000, seed: int = 0) -> tuple[int, list[float]]:
    """Let each task have its turn of `block` steps, again and again; returns ended episodes and memory after rounds."""
    made, rng = tasks(num_envs, seed), np.random.default_rng(seed)
    done, ended, sizes, began = 0, 0, [], time.monotonic()
    for name in itertools.cycle(made):
        if done >= steps:
            return ended, sizes
        count = min(block, steps - done)
        ended += step(made[name](), count, rng)
        done += count
        if name == list(made)[-1]:
            gc.collect()
            sizes.append(psutil.Process().memory_info().rss)
            rate = done / (time.monotonic() - began)
            sys.stderr.write(
                f"{done:,} steps, {ended:,} episodes ended, {sizes[-1] / 1e6:.0f} MB, {rate:.0f} steps/s\n"
            )
            assert len(sizes) < 4 or sizes[-1] < sizes[2] + MOST_GROWTH, "memory grows"
    raise AssertionError


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=10_000_000, help="of single bodies, over all tasks")
    parser.add_argument("--seed", type=int, default=0, help="of actions and starts")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    ended, sizes = soak(arguments.steps, seed=arguments.seed)
    level = ", ".join(f"{size / 1e6:.0f}" for size in sizes)
    sys.stdout.write(f"{arguments.steps:,} steps, {ended:,} episodes ended, every number finite; MB: {level}\n")


if __name__ == "__main__":
    main()
