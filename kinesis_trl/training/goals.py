"""Evaluation of a task with a goal while a policy learns it."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from kinesis_trl.agents.policy import Policy
from kinesis_trl.body.model import BodyModel
from kinesis_trl.envs.directional import DirectionalConfig
from kinesis_trl.envs.point_goal import PointGoalConfig
from kinesis_trl.evaluation.directional import make_rider, report_ride, ride, ride_table
from kinesis_trl.evaluation.point_goal import Route, report_trips, travel_to_goals, trip_table
from kinesis_trl.planning.controllers import Player
from kinesis_trl.training.config import TrainConfig

GOALS = 100
"""Goals of an evaluation while training."""


def evaluate_goal(config: TrainConfig, body: BodyModel, policy: Policy) -> dict[str, Any]:
    """The report of `kinesis eval` on the task of a run, with the most probable actions.

    Raises:
        ValueError: the run has no goal.
    """
    if config.goal is None:
        raise ValueError("the run learns to imitate; it has no goal to evaluate.")
    player = Player(config.env, lambda _: policy, (policy.observation_width, policy.action_width))
    return goal_report(body, player, "policy", config.goal, seed=config.seed)


def goal_report(
    body: BodyModel, player: Player, route: Route, goal: PointGoalConfig | DirectionalConfig, *, seed: int
) -> dict[str, Any]:
    """Target reaching: 100 goals. Directional control: the script of two minutes."""
    if isinstance(goal, PointGoalConfig):
        trips, _ = travel_to_goals(body, player, route, goal, count=GOALS, seed=seed)
        return report_trips(trips)
    return report_ride(ride(make_rider(body, player, route, goal)))


def goal_table(report: dict[str, Any], goal: PointGoalConfig | DirectionalConfig) -> Table:
    """A report of `goal_report`."""
    return trip_table(report) if isinstance(goal, PointGoalConfig) else ride_table(report)


def figures(report: dict[str, Any]) -> dict[str, float]:
    """Numbers for the learning curves out of a report, by name."""
    out: dict[str, float] = {}
    for name, value in report["summary"].items():
        if isinstance(value, dict):
            out |= {f"eval/{name}_{key}": float(v) for key, v in value.items()}
        elif value is not None:
            out[f"eval/{name}"] = float(value)
    return out
