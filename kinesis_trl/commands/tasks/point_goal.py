"""Go to places on the floor, drawn at random around the start.

Example: kinesis eval --task point-goal --goals 1000 --picture goals.png
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from kinesis_trl.commands.tasks import EvalConfig, Report, film
from kinesis_trl.shipped import GOAL_POLICIES, SHIPPED_POLICY

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from rich.console import Console

    from kinesis_trl.body.model import BodyModel
    from kinesis_trl.motion.library import MotionLibrary
    from kinesis_trl.planning.controllers import Player


@dataclass(frozen=True, kw_only=True)
class Options(EvalConfig):
    """How many goals to go to, how, and what to write."""

    task: ClassVar[str] = "point-goal"
    route: Literal["planner", "policy"] = "planner"
    """planner: a policy of imitation follows what the gait planner lays; policy: a policy fine-tuned for the task
    sees the goal itself."""
    goals: int = 1000
    """How many goals."""

    def __post_init__(self) -> None:
        if self.goals < 1:
            raise ValueError(f"--goals {self.goals}: at least one goal is needed.")

    def shipped(self) -> str:
        """Of the route."""
        return f"{GOAL_POLICIES}/{self.task}" if self.route == "policy" else SHIPPED_POLICY


def run(config: Options, body: BodyModel, player: Player, console: Console) -> Report:
    """Go to all goals."""
    from kinesis_trl.envs.config import PointGoalConfig
    from kinesis_trl.evaluation.point_goal import draw_trips, report_trips, travel_to_goals, trip_table, verdict
    from kinesis_trl.evaluation.video import Run
    from kinesis_trl.progress import progress

    rules = PointGoalConfig()
    keep = config.video_clips if config.video else 0
    laid = config.goals if config.route == "planner" else 0
    with progress(console, "reaching", config.goals * rules.steps + laid, "paths and steps") as advance:
        trips, paths = travel_to_goals(
            body,
            player,
            config.route,
            rules,
            count=config.goals,
            seed=config.seed,
            keep=keep,
            on_path=advance,
            on_step=advance,
        )
    report = report_trips(trips)
    console.print(verdict(report), markup=False, highlight=False)
    console.print(trip_table(report))
    if config.picture:
        draw_trips(trips, config.picture)
    if config.video:
        runs = [
            Run(f"goal {t.goal[0]:+.2f} {t.goal[1]:+.2f}", t.qpos, t.activation, _ghost(paths, i))
            for i, t in enumerate(trips[:keep])
            if t.qpos is not None and t.activation is not None
        ]
        film(config.video, body, runs, console)
    return report


def _ghost(paths: Sequence[MotionLibrary], trip: int) -> NDArray[np.float64] | None:
    """Reference (T, nq) of one of the first trips, where there is one."""
    if not paths:
        return None
    entry = paths[0].clips[trip]
    return paths[0].qpos[entry.start : entry.start + entry.frames].numpy()


def advice(config: Options) -> str:
    """What to do next."""
    return "make train TASK=point-goal trains a policy that sees the goal itself"
