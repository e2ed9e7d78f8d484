"""Evaluation of a task with a goal while it is trained."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kinesis_trl.agents.policy import Policy
from kinesis_trl.body.model import BodyModel
from kinesis_trl.envs.imitation import ImitationConfig
from kinesis_trl.envs.point_goal import PointGoalConfig
from kinesis_trl.evaluation.directional import PolicyRider, report_ride, ride
from kinesis_trl.evaluation.point_goal import report_trips, travel_to_goals
from kinesis_trl.planning.controllers import Player
from kinesis_trl.training.config import TrainConfig

GOALS = 100
"""Goals of an evaluation while training."""


def evaluate_goal(config: TrainConfig, body: BodyModel, policy: Policy) -> dict[str, Any]:
    """The report of `kinesis eval` on the task of a run, with the most probable actions.

    Target reaching: 100 goals. Directional control: the script of two minutes.

    Raises:
        ValueError: the run has no goal.
    """
    if config.goal is None:
        raise ValueError("the run learns to imitate; it has no goal to evaluate.")
    env: ImitationConfig = config.env
    player = Player(env, lambda _: policy, (policy.observation_width, policy.action_width))
    if isinstance(config.goal, PointGoalConfig):
        trips, _ = travel_to_goals(body, player, "policy", config.goal, count=GOALS, seed=config.seed)
        return report_trips(trips)
    return report_ride(ride(PolicyRider(body, player, replace(config.goal))))


def figures(report: dict[str, Any]) -> dict[str, float]:
    """Numbers for the learning curves out of a report, by name."""
    out: dict[str, float] = {}
    for name, value in report["summary"].items():
        if isinstance(value, dict):
            out |= {f"eval/{name}_{key}": float(v) for key, v in value.items()}
        elif value is not None:
            out[f"eval/{name}"] = float(value)
    return out
