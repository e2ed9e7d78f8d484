"""Target reaching: be at a place on the floor when the time is over."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kinesis_trl.body.model import BodyModel
from kinesis_trl.envs.base import Rows
from kinesis_trl.envs.config import EnvConfig
from kinesis_trl.envs.goal import GoalEnv
from kinesis_trl.envs.goal_config import PointGoalConfig
from kinesis_trl.envs.scene import Tracked
from kinesis_trl.envs.scoring import Metric, StepResult
from kinesis_trl.envs.step import PointGoalStep
from kinesis_trl.envs.terms.metrics import distance, episode_steps, success


class PointGoalEnv(GoalEnv):
    """N bodies, each with a goal of its own.

    Attributes:
        distance: (N,) metres from the root to the goal on the floor, as last seen.
    """

    settings: PointGoalConfig

    def __init__(self, body: BodyModel, config: PointGoalConfig | None = None) -> None:
        """Environment on a body; default: the published rules. Arguments as of `GoalEnv`."""
        super().__init__(body, config or PointGoalConfig())
        self._assigned: Tensor | None = None
        self.distance = self.state["distance"] = torch.zeros(self.settings.num_envs, dtype=torch.float64)

    @classmethod
    def metrics(cls, config: EnvConfig) -> tuple[Metric, ...]:
        """As the base class."""
        return distance, success, episode_steps

    def assign(self, goals: NDArray[np.float64] | None) -> None:
        """Let row i go to `goals[i]` (N, 2) metres from the next reset on; None goes back to drawing at random."""
        if goals is not None and (goals.shape != (self.settings.num_envs, 2) or not np.isfinite(goals).all()):
            raise ValueError(f"assign needs {self.settings.num_envs} finite goals (x, y), got shape {goals.shape}.")
        self._assigned = None if goals is None else torch.from_numpy(goals.copy())

    def _place_goals(self, rows: Rows) -> None:
        index = torch.from_numpy(rows)
        drawn = torch.from_numpy(self.settings.draw(len(rows), self.generator))
        self.goal[index] = self.place[index] + (drawn if self._assigned is None else self._assigned[index])
        self.distance[index] = (self.goal - self.place)[index].norm(dim=-1)

    def _result(self, state: Tracked, effort: Tensor) -> StepResult:
        return self.scoring(PointGoalStep(**self._nearness(state, effort)))

    def _nearness(self, state: Tracked, effort: Tensor) -> dict[str, Any]:
        """Fields of the step just made."""
        before = self.distance.clone()
        self.place[:] = state.position[:, 0, :2]
        self.distance[:] = (self.goal - self.place).norm(dim=-1)
        near = self.distance < self.settings.near
        return self._step_made(state, effort) | {"before": before, "distance": self.distance, "near": near}
