"""What belongs to a task beside its environment: its evaluation, verdict and table.

The config of a task names its environment (`EnvConfig.made_as`) and the module whose `TASK` this is
(`EnvConfig.evaluated_as`). Its presets are in `kinesis_trl.experiments`; `kinesis train` and `kinesis eval --task` find
it through them. That is all that a task touches. Options of its own for `kinesis eval` are a file in `commands/tasks`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

from rich.table import Table

from kinesis_trl.body.model import BodyModel
from kinesis_trl.envs.config import EnvConfig
from kinesis_trl.planning.controllers import Player

Route = Literal["planner", "policy"]
"""Whether a policy of imitation follows what the gait planner lays, or a policy of the task sees the goal itself."""
Report = dict[str, Any]
"""Values for JSON, with a "summary"."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """A task with a goal."""

    evaluate: Callable[[BodyModel, Player, Route, Any, int], Report]
    """Plays: a body, a policy, the route, the task's config and a seed."""
    table: Callable[[Report], Table]
    """The figures for a terminal."""
    verdict: Callable[[Report], str]
    """The result in words."""


def task_of(config: EnvConfig) -> Task:
    """How the task of a config is evaluated.

    Raises:
        ValueError: it is imitation, which has clips instead of a goal.
    """
    task = getattr(import_module(config.evaluated_as), "TASK", None)
    if not isinstance(task, Task):
        raise ValueError(f"task {config.name} has no goal; its clips are played instead.")
    return task


def figures(report: Report) -> dict[str, float]:
    """Numbers for the learning curves out of a report, by name."""
    out: dict[str, float] = {}
    for name, value in report["summary"].items():
        if isinstance(value, dict):
            out |= {f"eval/{name}_{key}": float(v) for key, v in value.items()}
        elif value is not None:
            out[f"eval/{name}"] = float(value)
    return out
