"""Imitation of planner references, with what a policy that sees only their goal would observe."""

from __future__ import annotations

from typing import Any

import torch
from tensordict import TensorDictBase
from torch import Tensor

from kinesis_trl.body.model import BodyModel
from kinesis_trl.envs.goal import GoalAhead
from kinesis_trl.envs.goal_config import GoalConfig
from kinesis_trl.envs.imitation import ImitationConfig, ImitationEnv
from kinesis_trl.envs.planner_references import PlannerReferences
from kinesis_trl.envs.scene import Scene, Tracked


class GoalImitationEnv(ImitationEnv):
    """N bodies that follow planner references; `goal_view` is what the task's own environment would observe."""

    def __init__(
        self, body: BodyModel, references: PlannerReferences, task: GoalConfig, config: ImitationConfig
    ) -> None:
        """Environment on a body.

        Args:
            body: the model to control.
            references: clips with their goals.
            task: the task whose goals they are.
            config: settings of imitation; what is observed of a goal follows them.
        """
        super().__init__(body, references.library, config)
        self._goals = torch.from_numpy(references.goal)
        self._from_body, self._task = references.from_body, task
        self._seen = self.state["goal_view"] = torch.zeros_like(self._observation)

    def goal_view(self, td: TensorDictBase) -> Tensor:
        """Observations (N, O) of the goal instead of the reference, for the TensorDict that was made last."""
        return self._seen.clone()

    def _describe(self, state: Tracked, rows: Any) -> Tensor:
        frame = self.library.frame_index(self.clip[rows], self.time[rows])
        turn = self.placement.matrix[rows][:, :2, :2]
        from_where = 0.0 if self._from_body else self.placement.origin[rows, 0, :2]
        goal = ((self._goals[frame] - from_where)[:, None] @ turn).squeeze(1)
        if self._from_body:
            goal = goal + state.position[:, 0, :2]
        ahead = GoalAhead(self, state, rows, goal, self._task.height)
        self._seen[rows] = self.layout.compose(
            Scene(state, self.physics, rows, self.joint_dofs, ahead, self.actions[rows, 0])
        )
        return super()._describe(state, rows)
