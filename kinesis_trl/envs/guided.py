"""Imitation of references that show the way to goals, with what a policy that sees only the goal would observe."""

from __future__ import annotations

from typing import Any

import torch
from tensordict import TensorDictBase
from torch import Tensor

from kinesis_trl.body.model import BodyModel
from kinesis_trl.envs.base import Tracked
from kinesis_trl.envs.goal import GoalConfig, goal_observation
from kinesis_trl.envs.guides import Guides
from kinesis_trl.envs.imitation import ImitationConfig, ImitationEnv


class GuidedEnv(ImitationEnv):
    """N bodies that follow guides; `goal_view` is what the task's own environment would show in the same states."""

    def __init__(self, body: BodyModel, guides: Guides, task: GoalConfig, config: ImitationConfig) -> None:
        """Environment on a body.

        Args:
            body: the model to control.
            guides: clips with goals.
            task: the task whose goals they are.
            config: settings of imitation; what is observed of a goal follows them.
        """
        self._goals = torch.from_numpy(guides.goal)
        self._from_body, self._task = guides.from_body, task
        self._joint_width = (2 * config.observe_joints + config.observe_moments) * len(body.independent_joints)
        self._told = torch.zeros(config.num_envs, config.task_width(body))
        super().__init__(body, guides.library, config)

    def goal_view(self, td: TensorDictBase) -> Tensor:
        """Observations (N, O) of the goal instead of the reference, for a TensorDict just made by this environment."""
        seen: Tensor = td["observation"]
        after = 3 * self.body.model.nu if self.settings.muscle_observations else 0
        end = self.observation_width - after
        return torch.cat([seen[:, : end - self._told.shape[1]], self._told, seen[:, end:]], dim=-1)

    def _task_observation(self, state: Tracked, rows: Any) -> dict[str, Tensor]:
        frame = self.library.frame_index(self.clip[rows], self.time[rows])
        turn = self.placement.matrix[rows][:, :2, :2]
        from_where = 0.0 if self._from_body else self.placement.origin[rows, 0, :2]
        goal = ((self._goals[frame] - from_where)[:, None] @ turn).squeeze(1)
        if self._from_body:
            goal = goal + state.position[:, 0, :2]
        told = goal_observation(state, goal, self._task.height, self.rules, self._joint_width)
        self._told[rows] = torch.cat(list(told.values()), dim=-1).float()
        return super()._task_observation(state, rows)
