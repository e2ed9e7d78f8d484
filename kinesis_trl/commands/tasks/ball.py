"""Go to a ball ahead, up to 4 m away, and face it within 4 s.

Example: kinesis eval --task ball --balls 1000 --picture balls.png
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from kinesis_trl.commands.tasks import GoalOptions, Report

if TYPE_CHECKING:
    from rich.console import Console

    from kinesis_trl.body.model import BodyModel
    from kinesis_trl.planning.controllers import Player


@dataclass(frozen=True, kw_only=True)
class Options(GoalOptions):
    """How many balls to go to, how, and what to write."""

    task: ClassVar[str] = "ball"
    balls: int = 1000
    """How many balls."""

    def __post_init__(self) -> None:
        if self.balls < 1:
            raise ValueError(f"--balls {self.balls}: at least one ball is needed.")
        if self.route == "policy" and not self.policy:
            raise ValueError("no policy for balls ships; train one (kinesis train ball) and give --policy.")


def run(config: Options, body: BodyModel, player: Player, console: Console) -> Report:
    """Go to all balls."""
    from kinesis_trl.commands.tasks.point_goal import reach
    from kinesis_trl.envs.goal_config import BallConfig
    from kinesis_trl.evaluation.ball import report_balls

    return reach(config, config.balls, BallConfig(), report_balls, body, player, console)


def advice(config: Options) -> str:
    """What to do next."""
    return "kinesis train ball trains a policy that sees the ball itself"
