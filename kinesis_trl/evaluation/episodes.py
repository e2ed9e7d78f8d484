"""A task that says no more of itself, evaluated: how long its episodes last and what they earn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from rich.table import Table

from kinesis_trl.body.model import BodyModel
from kinesis_trl.envs.config import EnvConfig
from kinesis_trl.envs.rollout import rollout
from kinesis_trl.evaluation.task import Report, Route, Task
from kinesis_trl.planning.controllers import Player

EPISODES = 64
"""Episodes, side by side."""
LONGEST = 900
"""Policy steps after which an episode without an end is cut."""


def play_episodes(body: BodyModel, player: Player, route: Route, task: EnvConfig, seed: int) -> Report:
    """Play 64 episodes by a policy of the task, with deterministic actions.

    Raises:
        ValueError: route planner, which only tasks have that say how a planner carries them out.
    """
    if route == "planner":
        raise ValueError(f"no planner carries out task {task.name}; use --route policy.")
    env = replace(task.as_seen_in(player.settings), num_envs=EPISODES, seed=seed).make(body)
    env.reset()
    steps, earned, survived = np.zeros(EPISODES), np.zeros(EPISODES), np.zeros(EPISODES, dtype=bool)
    alive = np.ones(EPISODES, dtype=bool)
    logged = np.zeros(len(env.metric_names))
    acts = player.policy(env)
    for _, after in zip(range(LONGEST), rollout(env, acts, halt=True), strict=False):
        steps += alive
        earned[alive] += after["reward"][:, 0].double().numpy()[alive]
        logged += after["metrics"].double().numpy()[alive].sum(0)
        survived |= alive & after["truncated"][:, 0].numpy()
        alive &= ~after["done"][:, 0].numpy()
        if not alive.any():
            break
    survived |= alive
    means = dict(zip(env.metric_names, (logged / steps.sum()).tolist(), strict=True))
    seconds, reward = float(steps.mean() * env.policy_dt), float(earned.sum() / steps.sum())
    return {"summary": {"survived": float(survived.mean()), "seconds": seconds, "reward": reward, **means}}


def episode_table(report: Report) -> Table:
    """The means."""
    table = Table(title=f"{EPISODES} episodes; means over all steps")
    table.add_column("what")
    table.add_column("mean", justify="right")
    for name, value in report["summary"].items():
        table.add_row(name, f"{value:.3g}")
    return table


def verdict(report: Report) -> str:
    """The result in words."""
    total = report["summary"]
    share, seconds = 100 * total["survived"], total["seconds"]
    return f"{share:.0f} % of the episodes ended on their feet, after {seconds:.1f} s on average."


TASK = Task(evaluate=play_episodes, table=episode_table, verdict=verdict)
"""Any task."""
