"""Go to places on the floor, drawn at random around the start.

Example: kinesis eval --task point-goal --goals 1000 --picture goals.png
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from kinesis_trl.commands import conclude
from kinesis_trl.commands.tasks import GoalOptions, Report, draw

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from rich.console import Console

    from kinesis_trl.body.model import BodyModel
    from kinesis_trl.envs.goal_config import PointGoalConfig
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
    from kinesis_trl.evaluation.point_goal import report_attempts

    return reach(config, config.goals, PointGoalConfig(), report_attempts, body, player, console)


def reach(
    config: GoalOptions,
    count: int,
    task: PointGoalConfig,
    report_of: Callable[[Sequence[Attempt]], Report],
    body: BodyModel,
    player: Player,
    console: Console,
) -> Report:
    """Go to `count` goals of a task, print verdict and table, and draw what was asked for."""
    from kinesis_trl.evaluation.point_goal import draw_paths, reach_goals
    from kinesis_trl.evaluation.task import task_of
    from kinesis_trl.evaluation.video import Run
    from kinesis_trl.progress import progress

    keep, laid = config.video_clips if config.video else 0, count if config.route == "planner" else 0
    # laying a path takes about as long as going it
    with progress(console, "reaching", (count + laid) * task.steps, "steps") as advance:
        attempts, paths = reach_goals(
            body,
            player,
            config.route,
            task,
            count=count,
            seed=config.seed,
            keep=keep,
            on_path=lambda paths: advance(paths * task.steps),
            on_step=advance,
        )
    report, evaluation = report_of(attempts), task_of(task)
    conclude(report, evaluation.verdict(report), console)
    console.print(evaluation.table(report))
    if config.picture:
        draw_paths(attempts, config.picture)
    if config.video:
        runs = [
            Run(f"goal {a.goal[0]:+.2f} {a.goal[1]:+.2f}", a.qpos, a.activation, _ghost(paths, i))
            for i, a in enumerate(attempts)
            if a.qpos is not None and a.activation is not None
        ]
        draw(config.video, body, runs, config.drawing, console)
    return report


def _ghost(paths: Sequence[MotionLibrary], attempt: int) -> NDArray[np.float64] | None:
    """Reference (T, nq) of one of the first attempts, where there is one."""
    if not paths:
        return None
    entry = paths[0].clips[attempt]
    return paths[0].qpos[entry.start : entry.start + entry.frames].numpy()


def advice(config: Options) -> str:
    """What to do next."""
    return "kinesis train point-goal trains a policy that sees the goal itself"
