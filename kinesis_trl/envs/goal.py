"""Tasks of going somewhere, seen by a policy as imitation: the root shall be at the goal, all else where it is."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kinesis_trl.body.model import BodyModel
from kinesis_trl.envs.base import MyoLegsEnv, Rows
from kinesis_trl.envs.goal_config import GoalConfig
from kinesis_trl.envs.scene import Tracked
from kinesis_trl.envs.scoring import StepResult
from kinesis_trl.envs.step import Step


class GoalEnv(MyoLegsEnv):
    """N bodies that start standing at the origin, facing +x; a task says where each one's goal is.

    The observation is as wide as that of imitation with the same terms, so that its policies act here.

    Attributes:
        goal: (N, 2) goals on the floor in metres, float64.
        place: (N, 2) where the roots are, as last seen.
    """

    settings: GoalConfig

    def __init__(self, body: BodyModel, config: GoalConfig) -> None:
        """Environment on a body.

        Args:
            body: the model to control.
            config: rules, and how the body is observed, controlled and simulated, as its policy learnt to imitate.

        Raises:
            ValueError: a control that needs a reference.
        """
        if config.control.needs_reference:
            raise ValueError(
                f"a goal has no reference for control {config.control.name}; take a policy of control pd or direct "
                "(kinesis distil makes one), or the route planner."
            )
        n = config.num_envs
        super().__init__(body, config)
        self.goal = self.state["goal"] = torch.zeros(n, 2, dtype=torch.float64)
        self.place = self.state["place"] = torch.zeros(n, 2, dtype=torch.float64)

    @abstractmethod
    def _place_goals(self, rows: Rows) -> None:
        """Begin episodes in `rows` (R,), whose `place` is set: choose their goals."""

    def _start(self, rows: Rows) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        model, index = self.body.model, torch.from_numpy(rows)
        qpos = np.tile(self.body.standing_qpos, (len(rows), 1))
        self.place[index] = torch.from_numpy(qpos[:, :2].copy())
        self._place_goals(rows)
        return qpos, np.zeros((len(rows), model.nv)), self.control.start(rows, self.current_reference())

    def _result(self, state: Tracked, effort: Tensor) -> StepResult:
        return self.scoring(Step(**self._step_made(state, effort)))

    def _ahead_of(self, state: Tracked, rows: Any) -> GoalAhead:
        return GoalAhead(self, state, rows, self.goal[rows], self.settings.height)


class GoalAhead:
    """The references of R bodies whose roots shall be at a goal, and all else where it is; see `scene.Ahead`."""

    def __init__(self, env: MyoLegsEnv, state: Tracked, rows: Any, goal: Tensor, height: float) -> None:
        """For goals (R, 2) on the floor in metres, world frame, at a height in metres, and bodies as `state` says."""
        self._env, self._state, self._rows = env, state, rows
        self.position = state.body_pos.clone()
        self.position[:, 0, :2] = goal
        self.position[:, 0, 2] = height

    @property
    def velocity(self) -> Tensor:
        """(R, K, 3) the bodies' own."""
        return self._state.body_vel

    @property
    def later(self) -> Tensor:
        """(R, L, K, 3) the same all the time."""
        steps = len(self._env.settings.observation.reference_steps)
        return self.position[:, None].expand(-1, steps, -1, -1)

    @property
    def root_turn(self) -> Tensor:
        """(R, 3) none."""
        return torch.zeros_like(self._state.position[:, 0])

    @property
    def joint_angle(self) -> Tensor:
        """(R, J) the joints' own."""
        return torch.from_numpy(self._env.physics.qpos[self._rows])[:, self._env.joint_dofs + 1]

    @property
    def joint_rate(self) -> Tensor:
        """(R, J) the joints' own."""
        return torch.from_numpy(self._env.physics.qvel[self._rows])[:, self._env.joint_dofs]

    @property
    def moment_error(self) -> Tensor:
        """(R, J) none."""
        return torch.zeros_like(self.joint_angle)
