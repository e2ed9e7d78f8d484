"""Go to places on the floor, drawn at random around the start.

Example: kinesis eval --task point-goal --goals 1000 --picture goals.png
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from kinesis_trl.commands import conclude
from kinesis_trl.commands.tasks import GoalOptions, Report, draw

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from rich.console import Console

    from kinesis_trl.body.model import BodyModel
    from kinesis_trl.evaluation.point_goal import Attempt
    from kinesis_trl.motion.library import MotionLibrary
    from kinesis_trl.planning.controllers import Player


@dataclass(frozen=True, kw_only=True)
class Options(GoalOptions):
    """How many goals to go to, how, and what to write."""

    task: ClassVar[str] = "point-goal"
    goals: int = 1000
    """How many goals."""

    def __post_init__(self) -> None:
        if self.goals < 1:
            raise ValueError(f"--goals {self.goals}: at least one goal is needed.")


def run(config: Options, body: BodyModel, player: Player, console: Console) -> Report:
    """Go to all goals."""
    from kinesis_trl.envs.goal_config import PointGoalConfig
    from kinesis_trl.evaluation.point_goal import draw_paths, goal_table, reach_goals, report_attempts, verdict
    from kinesis_trl.progress import progress

    task = PointGoalConfig()
    keep = config.video_clips if config.video else 0
    laid = config.goals if config.route == "planner" else 0
    with progress(console, "reaching", config.goals * task.steps + laid, "paths and steps") as advance:
        attempts, paths = reach_goals(
            body,
            player,
            config.route,
            task,
            count=config.goals,
            seed=config.seed,
            keep=keep,
            on_path=advance,
            on_step=advance,
        )
    report = report_attempts(attempts)
    conclude(report, verdict(report), console)
    console.print(goal_table(report))
    if config.picture:
        draw_paths(attempts, config.picture)
    film(config, body, attempts, paths, console)
    return report


def film(
    config: GoalOptions,
    body: BodyModel,
    attempts: Sequence[Attempt],
    paths: Sequence[MotionLibrary],
    console: Console,
) -> None:
    """Write the video, where one is asked for, of the attempts whose states were kept."""
    from kinesis_trl.evaluation.video import Run

    if config.video:
        runs = [
            Run(f"goal {a.goal[0]:+.2f} {a.goal[1]:+.2f}", a.qpos, a.activation, _ghost(paths, i))
            for i, a in enumerate(attempts)
            if a.qpos is not None and a.activation is not None
        ]
        draw(config.video, body, runs, config.drawing, console)


def _ghost(paths: Sequence[MotionLibrary], attempt: int) -> NDArray[np.float64] | None:
    """Reference (T, nq) of one of the first attempts, where there is one."""
    if not paths:
        return None
    entry = paths[0].clips[attempt]
    return paths[0].qpos[entry.start : entry.start + entry.frames].numpy()


def advice(config: Options) -> str:
    """What to do next."""
    return "make train TASK=point-goal trains a policy that sees the goal itself"
