"""Tasks of going somewhere, seen by a policy as imitation: the root shall be at the goal, all else where it is."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kinesis_trl.body.model import BodyModel
from kinesis_trl.envs.base import MyoLegsEnv, Rows, Tracked
from kinesis_trl.envs.config import GoalConfig
from kinesis_trl.envs.imitation import ImitationConfig
from kinesis_trl.envs.observations import tracking
from kinesis_trl.envs.symmetry import ObservationMirror, SampleMirror


class GoalEnv(MyoLegsEnv):
    """N bodies that start standing at the origin, facing +x; a task says where each one's goal is.

    The observation is as wide as that of imitation with the same settings, so that its policies act here.

    Attributes:
        goal: (N, 2) goals on the floor in metres, float64.
        episode_steps: (N,) policy steps made in the present episode.
        place: (N, 2) where the roots are, as last seen.
    """

    def __init__(self, body: BodyModel, task: GoalConfig, settings: ImitationConfig) -> None:
        """Environment on a body.

        Args:
            body: the model to control.
            task: rules of the task.
            settings: how the body is observed, controlled and simulated, as its policy learnt to imitate; clips,
                starts and rewards of imitation play no part.

        Raises:
            ValueError: a control that needs a reference.
        """
        if settings.control.needs_reference:
            raise ValueError(
                f"a goal has no reference for control {settings.control.name}; take a policy of control pd or direct "
                "(kinesis distil makes one), or the route planner."
            )
        n = settings.num_envs
        self.task, self.seen = task, settings
        self.task_width = settings.task_width(body)
        self._joint_width = (2 * settings.observe_joints + settings.observe_moments) * len(body.independent_joints)
        self.goal = torch.zeros(n, 2, dtype=torch.float64)
        self.place = torch.zeros(n, 2, dtype=torch.float64)
        self.episode_steps = torch.zeros(n, dtype=torch.int64)
        super().__init__(body, settings)

    @abstractmethod
    def _place_goals(self, rows: Rows) -> None:
        """Begin episodes in `rows` (R,), whose `place` and `episode_steps` are set: choose their goals."""

    def _start(self, rows: Rows) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        model, index = self.body.model, torch.from_numpy(rows)
        qpos = np.tile(self.body.standing_qpos, (len(rows), 1))
        self.place[index] = torch.from_numpy(qpos[:, :2].copy())
        self.episode_steps[index] = 0
        self._place_goals(rows)
        return qpos, np.zeros((len(rows), model.nv)), self.control.start(rows, self.current_reference())

    def _advance_time(self) -> None:
        self.episode_steps += 1

    def _task_observation(self, state: Tracked, rows: Any) -> dict[str, Tensor]:
        return goal_observation(state, self.goal[rows], self.task.height, self.seen, self._joint_width)

    def sample_mirror(self) -> SampleMirror:
        """As the base class, for what this task adds."""
        seen = ObservationMirror(
            self.body,
            lookahead=len(self.seen.lookahead),
            orientation=self.seen.observe_orientation,
            joints=self.seen.observe_joints,
            moments=self.seen.observe_moments,
            muscle_observations=self.settings.muscle_observations,
            action=self.observed_action,
        )
        return SampleMirror(seen, self.control.mirror)

    def get_state(self) -> dict[str, Any]:
        """As the base class, with each row's goal, place and step."""
        return {**super().get_state(), **{key: value.clone() for key, value in self._carried().items()}}

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore what `get_state` returned."""
        super().set_state(state)
        for key, mine in self._carried().items():
            mine.copy_(state[key])

    def _carried(self) -> dict[str, Tensor]:
        return {"goal": self.goal, "place": self.place, "episode_steps": self.episode_steps}


def goal_observation(
    state: Tracked, goal: Tensor, height: float, seen: ImitationConfig, joint_width: int
) -> dict[str, Tensor]:
    """What imitation shows of its reference, for a reference whose root is at the goal and all else where the body is.

    Args:
        state: of N bodies.
        goal: (N, 2) on the floor in metres, world.
        height: of the goal in metres.
        seen: what is observed.
        joint_width: numbers about joints, all of them 0.
    """
    root = state.position[:, 0]
    wanted = state.body_pos.clone()
    wanted[:, 0, :2] = goal
    wanted[:, 0, 2] = height
    velocity = state.body_vel
    told = tracking(root, state.quaternion[:, 0], state.body_pos, velocity, wanted, velocity, state.heading)
    for k in seen.lookahead:
        told[f"ahead_{k}"] = ((wanted - root[:, None]) @ state.heading).flatten(1)
    if seen.observe_orientation:
        told["turn_to_reference"] = torch.zeros(len(root), 3, dtype=root.dtype)
    if joint_width:
        told["joint_error"] = torch.zeros(len(root), joint_width, dtype=root.dtype)
    return told
