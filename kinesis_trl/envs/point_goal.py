"""Target reaching: be at a place on the floor when the time is over."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kinesis_trl.body.model import BodyModel
from kinesis_trl.envs.base import Judgement, Rows
from kinesis_trl.envs.config import EnvConfig, PointGoalConfig
from kinesis_trl.envs.goal import GoalEnv
from kinesis_trl.envs.rewards import upright_reward
from kinesis_trl.envs.scene import Tracked


def draw_goals(count: int, reach: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """(count, 2) goals, uniform in the square ±`reach` metres around the origin."""
    return rng.uniform(-reach, reach, (count, 2))


def reached(distance: Tensor, truncated: Tensor, near: float) -> Tensor:
    """(N,) episodes that end within `near` metres when their time is over; one that fell is never truncated."""
    return truncated & (distance < near)


class PointGoalEnv(GoalEnv):
    """N bodies, each with a goal of its own.

    Attributes:
        distance: (N,) metres from the root to the goal on the floor, as last seen.
    """

    task: PointGoalConfig

    metric_names = ("distance", "progress_reward", "upright_reward", "effort_reward", "success", "episode_steps")

    def __init__(
        self, body: BodyModel, rules: PointGoalConfig | None = None, settings: EnvConfig | None = None
    ) -> None:
        """Environment on a body; default: the published rules, seen as in imitation. Arguments as of `GoalEnv`."""
        settings = settings or EnvConfig()
        super().__init__(body, rules or PointGoalConfig(), settings)
        self._assigned: Tensor | None = None
        self.distance = self.state["distance"] = torch.zeros(settings.num_envs, dtype=torch.float64)

    def assign(self, goals: NDArray[np.float64] | None) -> None:
        """Let row i go to `goals[i]` (N, 2) metres from the next reset on; None goes back to drawing at random."""
        if goals is not None and (goals.shape != (self.settings.num_envs, 2) or not np.isfinite(goals).all()):
            raise ValueError(f"assign needs {self.settings.num_envs} finite goals (x, y), got shape {goals.shape}.")
        self._assigned = None if goals is None else torch.from_numpy(goals.copy())

    def _place_goals(self, rows: Rows) -> None:
        index = torch.from_numpy(rows)
        drawn = torch.from_numpy(draw_goals(len(rows), self.task.reach, self.generator))
        self.goal[index] = self.place[index] + (drawn if self._assigned is None else self._assigned[index])
        self.distance[index] = (self.goal - self.place)[index].norm(dim=-1)

    def _judge(self, state: Tracked, effort: Tensor) -> Judgement:
        before = self.distance.clone()
        self.place[:] = state.position[:, 0, :2]
        self.distance[:] = (self.goal - self.place).norm(dim=-1)
        near = self.distance < self.task.near
        progress = self.task.progress_weight * (before - self.distance)
        upright = upright_reward(state.tilt, self.task.upright_scale)
        terminated = state.position[:, 0, 2] < self.task.lowest
        truncated = (self.episode_steps >= self.task.steps) & ~terminated
        return Judgement(
            reward=progress
            + self.task.effort_weight * effort
            + self.task.upright_weight * upright
            + self.task.near_reward * near,
            terminated=terminated,
            truncated=truncated,
            metrics={
                "distance": self.distance,
                "progress_reward": progress,
                "upright_reward": upright,
                "effort_reward": effort,
                "success": reached(self.distance, truncated, self.task.near),
                "episode_steps": self.episode_steps,
            },
        )
