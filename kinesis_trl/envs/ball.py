"""Ball: stand at a ball and face it when the time is over (MyoChallenge 2025's setting, as KINESIS 2.0 has it)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from kinesis_trl.body.model import BodyModel
from kinesis_trl.envs.base import Rows
from kinesis_trl.envs.config import EnvConfig
from kinesis_trl.envs.goal_config import BallConfig
from kinesis_trl.envs.point_goal import PointGoalEnv
from kinesis_trl.envs.scene import Tracked
from kinesis_trl.envs.scoring import Metric, StepResult
from kinesis_trl.envs.step import BallStep
from kinesis_trl.envs.terms.metrics import distance, episode_steps
from kinesis_trl.envs.terms.metrics import success as reached


def turned_from(quaternion: Tensor, way: Tensor) -> Tensor:
    """Angle (N,) in radians, 0 to π, between the headings of roots (N, 4) wxyz and ways (N, 2) on the floor."""
    w, x, y, z = quaternion.unbind(-1)
    ahead = torch.stack([1 - 2 * (y * y + z * z), 2 * (x * y + w * z)], -1)
    cross = ahead[:, 0] * way[:, 1] - ahead[:, 1] * way[:, 0]
    return torch.atan2(cross.abs(), (ahead * way).sum(-1))


def success(step: BallStep, config: Any) -> Tensor:
    """Whether the time is over, the ball near and faced, and the body on its feet: (N,)."""
    return reached(step, config) & (step.turned < config.facing)


class BallEnv(PointGoalEnv):
    """N bodies, each with a ball of its own ahead.

    Attributes:
        way: (N, 2) from where each body stood as its episode began to its ball, in metres.
    """

    settings: BallConfig

    def __init__(self, body: BodyModel, config: BallConfig | None = None) -> None:
        """Environment on a body; default: the rules above. Arguments as of `GoalEnv`."""
        super().__init__(body, config or BallConfig())
        self.way = self.state["way"] = torch.zeros(self.settings.num_envs, 2, dtype=torch.float64)

    @classmethod
    def metrics(cls, config: EnvConfig) -> tuple[Metric, ...]:
        """As the base class."""
        return distance, success, episode_steps

    def _place_goals(self, rows: Rows) -> None:
        super()._place_goals(rows)
        index = torch.from_numpy(rows)
        self.way[index] = (self.goal - self.place)[index]

    def _result(self, state: Tracked, effort: Tensor) -> StepResult:
        turned = turned_from(state.quaternion[:, 0], self.way)
        return self.scoring(BallStep(**self._nearness(state, effort), turned=turned))
