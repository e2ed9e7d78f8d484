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
    from kinesis_trl.commands.tasks.point_goal import film
    from kinesis_trl.envs.goal_config import BallConfig
    from kinesis_trl.evaluation.ball import ball_table, report_balls, verdict
    from kinesis_trl.evaluation.point_goal import draw_paths, reach_goals
    from kinesis_trl.progress import progress

    task = BallConfig()
    laid = config.balls if config.route == "planner" else 0
    with progress(console, "reaching", config.balls * task.steps + laid, "paths and steps") as advance:
        attempts, paths = reach_goals(
            body,
            player,
            config.route,
            task,
            count=config.balls,
            seed=config.seed,
            keep=config.video_clips if config.video else 0,
            on_path=advance,
            on_step=advance,
        )
    report = report_balls(attempts)
    console.print(verdict(report), markup=False, highlight=False)
    console.print(ball_table(report))
    if config.picture:
        draw_paths(attempts, config.picture)
    film(config, body, attempts, paths, console)
    return report


def advice(config: Options) -> str:
    """What to do next."""
    return "kinesis train ball trains a policy that sees the ball itself"
