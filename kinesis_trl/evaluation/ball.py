"""Ball, evaluated: seeded balls ahead of a standing body, reached as goals are, and faced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from rich.table import Table

from kinesis_trl.body.model import BodyModel
from kinesis_trl.envs.goal_config import BallConfig
from kinesis_trl.evaluation.point_goal import GOALS, Attempt, goal_table, reach_goals, report_attempts, times
from kinesis_trl.evaluation.task import Report, Route, Task
from kinesis_trl.planning.controllers import Player


def report_balls(attempts: Sequence[Attempt]) -> dict[str, Any]:
    """As `report_attempts`, with how many bodies stood at the ball but did not face it."""
    report = report_attempts(attempts)
    there = [replace(attempt, facing=float("inf")).success for attempt in attempts]
    missed = sum(near and not attempt.success for near, attempt in zip(there, attempts, strict=True))
    report["summary"]["turned_away"] = missed / len(attempts)
    return report


def verdict(report: dict[str, Any]) -> str:
    """The result in words."""
    total = report["summary"]
    counts = [round(total[name] * total["goals"]) for name in ("success", "turned_away", "fell")]
    return (
        f"{counts[0]} of {total['goals']} balls were reached and faced, {counts[1]} more reached but not faced; the "
        f"body fell {times(counts[2])} and ended {total['distance_m']['median']:.2f} m (median) from its ball."
    )


def _evaluate(body: BodyModel, player: Player, route: Route, task: BallConfig, seed: int) -> Report:
    """Go to 100 balls."""
    attempts, _ = reach_goals(body, player, route, task, count=GOALS, seed=seed)
    return report_balls(attempts)


def ball_table(report: dict[str, Any]) -> Table:
    """Success, falls, final distance and time to reach, overall and by distance of the ball."""
    table = goal_table(report)
    table.title = "Balls; time to reach over the balls reached"
    return table


TASK = Task(evaluate=_evaluate, table=ball_table, verdict=verdict)
"""The ball task."""
