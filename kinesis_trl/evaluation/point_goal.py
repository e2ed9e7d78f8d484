"""Target reaching, evaluated: seeded goals, by a fine-tuned policy or by imitating paths that the planner laid."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from rich.table import Table

from kinesis_trl.agents.baselines import Policy
from kinesis_trl.body.inverse import InverseConfig
from kinesis_trl.body.model import BodyModel
from kinesis_trl.envs.ball import turned_from
from kinesis_trl.envs.base import MyoLegsEnv
from kinesis_trl.envs.goal_config import PointGoalConfig
from kinesis_trl.envs.imitation import ImitationEnv
from kinesis_trl.envs.point_goal import PointGoalEnv
from kinesis_trl.envs.rollout import rollout
from kinesis_trl.evaluation.task import Report, Route, Task
from kinesis_trl.motion.gait.paths import paths_to
from kinesis_trl.motion.library import FPS, MotionLibrary
from kinesis_trl.planning.controllers import Player

Array = NDArray[np.float64]

RANGES = ((0.0, 1.0), (1.0, 2.0), (2.0, np.inf))
"""Distances of goals, in metres, by which the table is split."""
_BESIDE = 128  # bodies side by side


@dataclass(frozen=True)
class Attempt:
    """One goal, and the path towards it."""

    goal: Array
    """(2,) in metres; the body starts at the origin, facing +x."""
    path: Array
    """(T + 1, 2) of the root on the floor; ends where the body fell."""
    fell: bool
    """The root was below the height allowed, or the simulation became non-finite."""
    steps: int
    """Policy steps of a whole episode."""
    near: float
    """Distance in metres that counts as reached."""
    turned: float = 0.0
    """Angle in radians between the heading at the end and the way from start to goal."""
    facing: float = np.pi
    """Largest such angle of a success."""
    qpos: Array | None = None
    """(T + 1, nq) coordinates, where asked for."""
    activation: Array | None = None
    """(T + 1, M) muscle activations, where asked for."""

    @property
    def distance(self) -> float:
        """Metres from the goal at the end."""
        return float(np.linalg.norm(self.goal - self.path[-1]))

    @property
    def success(self) -> bool:
        """At the goal when the time is over, never fallen, and facing it where that is asked for."""
        return not self.fell and self.distance < self.near and self.turned <= self.facing

    @property
    def seconds(self) -> float | None:
        """Time until the goal was near for good; None when it is not at the end."""
        if not self.success:
            return None
        far = np.flatnonzero(np.linalg.norm(self.path - self.goal, axis=1) >= self.near)
        return float(far[-1] + 1 if len(far) else 0) / FPS


def reach_goals(
    body: BodyModel,
    player: Player,
    route: Route,
    task: PointGoalConfig,
    *,
    count: int,
    seed: int = 0,
    keep: int = 0,
    on_path: Callable[[int], None] | None = None,
    on_step: Callable[[int], None] | None = None,
) -> tuple[list[Attempt], list[MotionLibrary]]:
    """Let bodies go to `count` goals drawn by `seed`, one attempt each.

    Args:
        body: the model.
        player: a policy of imitation for route planner, of this task for route policy.
        route: planner: imitate a path laid to the goal; policy: the policy sees the goal.
        task: range of goals, time, and what counts as reached.
        count: number of goals; the first ones do not depend on it.
        seed: of the goals.
        keep: of the first so many attempts the states are kept, for videos.
        on_path, on_step: called with paths laid and policy steps made, for progress.

    Returns:
        attempts, and with route planner the paths in libraries of up to 128 clips.

    Raises:
        CheckpointError: the policy's widths do not fit.
        ValueError: control feedforward with route policy, or no goal.
    """
    if count < 1:
        raise ValueError(f"{count} goals; give at least one.")
    goals = task.draw(count, np.random.default_rng(seed))
    attempts: list[Attempt] = []
    paths: list[MotionLibrary] = []
    for first in range(0, count, _BESIDE):
        chunk = goals[first : first + _BESIDE]
        env: MyoLegsEnv
        if route == "planner":
            inverse = InverseConfig() if player.settings.control.needs_inverse else None
            paths.append(paths_to(task.stand(chunk), task.steps / FPS, body, inverse=inverse, on_path=on_path))
            env = _path_env(body, player, paths[-1])
        else:
            goal_env = replace(task.as_seen_in(player.settings), num_envs=len(chunk)).make(body)
            assert isinstance(goal_env, PointGoalEnv)
            goal_env.assign(chunk)
            env = goal_env
        attempts += _attempt(env, player.policy(env), chunk, task, max(keep - first, 0), on_step)
    return attempts, paths


def _path_env(body: BodyModel, player: Player, paths: MotionLibrary) -> ImitationEnv:
    settings = replace(player.settings, num_envs=len(paths), start="beginning", random_heading=False)
    settings = replace(settings, terminations=())  # the task judges, not the distance from the path
    env = ImitationEnv(body, paths, settings)
    env.assign(list(range(len(paths))))
    return env


def _attempt(
    env: MyoLegsEnv,
    policy: Policy,
    goals: Array,
    task: PointGoalConfig,
    keep: int,
    on_step: Callable[[int], None] | None,
) -> list[Attempt]:
    physics, count = env.physics, len(goals)
    keep = min(keep, count)
    ended = np.full(count, task.steps)
    fell = np.zeros(count, dtype=bool)
    env.reset()
    start = physics.qpos[:, :2].copy()
    places, states = [start], [(physics.qpos[:keep].copy(), physics.activation[:keep].copy())]
    for step, after in zip(range(1, task.steps + 1), rollout(env, policy), strict=False):
        places.append(physics.qpos[:, :2].copy())
        states.append((physics.qpos[:keep].copy(), physics.activation[:keep].copy()))
        lost = (physics.qpos[:, 2] < task.lowest) | after["terminated"].reshape(-1).numpy()
        ended[lost & ~fell] = step
        fell |= lost
        physics.running &= ~fell
        if on_step is not None:
            on_step(count)
    turned = turned_from(torch.from_numpy(physics.qpos[:, 3:7].copy()), torch.from_numpy(goals)).numpy()
    path = np.stack(places, axis=1) - start[:, None]
    return [
        Attempt(
            goal=goals[i],
            path=path[i, : ended[i] + 1],
            fell=bool(fell[i]),
            steps=task.steps,
            near=task.near,
            turned=float(turned[i]),
            facing=getattr(task, "facing", np.pi),
            qpos=np.stack([q[i] for q, _ in states[: ended[i] + 1]]) if i < keep else None,
            activation=np.stack([a[i] for _, a in states[: ended[i] + 1]]) if i < keep else None,
        )
        for i in range(count)
    ]


def report_attempts(attempts: Sequence[Attempt]) -> dict[str, Any]:
    """Summary, summary by distance of the goal, and every goal, as JSON values."""
    far = np.array([np.linalg.norm(a.goal) for a in attempts])
    return {
        "summary": _summary(attempts),
        "by_range": {
            _range(low, high): _summary([a for a, d in zip(attempts, far, strict=True) if low <= d < high])
            for low, high in RANGES
            if ((far >= low) & (far < high)).any()
        },
        "goals": [
            {
                "goal": a.goal.tolist(),
                "success": a.success,
                "fell": a.fell,
                "distance_m": a.distance,
                "seconds_to_reach": a.seconds,
            }
            for a in attempts
        ],
    }


def _summary(attempts: Sequence[Attempt]) -> dict[str, Any]:
    times = [a.seconds for a in attempts if a.seconds is not None]
    distance = [a.distance for a in attempts]
    return {
        "goals": len(attempts),
        "success": float(np.mean([a.success for a in attempts])),
        "fell": float(np.mean([a.fell for a in attempts])),
        "distance_m": {"mean": float(np.mean(distance)), "median": float(np.median(distance))},
        "seconds_to_reach": float(np.mean(times)) if times else None,
    }


def _range(low: float, high: float) -> str:
    return f"{low:g} to {high:g} m" if np.isfinite(high) else f"beyond {low:g} m"


def times(count: int) -> str:
    """How often, in words: once, 3 times."""
    return "once" if count == 1 else f"{count} times"


def verdict(report: dict[str, Any]) -> str:
    """The result in words: how many goals were reached, and how often the body fell."""
    total = report["summary"]
    reached, fell = round(total["success"] * total["goals"]), round(total["fell"] * total["goals"])
    return (
        f"{reached} of {total['goals']} goals were reached; the body fell {times(fell)} and ended "
        f"{total['distance_m']['median']:.2f} m (median) from its goal."
    )


def goal_table(report: dict[str, Any]) -> Table:
    """Success, falls, final distance and time to reach, overall and by distance of the goal."""
    table = Table(title="Target reaching; time to reach over the goals reached")
    table.add_column("goals")
    for column in ("number", "reached %", "fell %", "final distance m, mean", "median", "s to reach"):
        table.add_column(column, justify="right")
    for name, row in {"all": report["summary"], **report["by_range"]}.items():
        seconds = row["seconds_to_reach"]
        table.add_row(
            name,
            str(row["goals"]),
            f"{100 * row['success']:.1f}",
            f"{100 * row['fell']:.1f}",
            f"{row['distance_m']['mean']:.2f}",
            f"{row['distance_m']['median']:.2f}",
            "–" if seconds is None else f"{seconds:.1f}",
            style="bold" if name == "all" else "",
        )
    return table


def draw_paths(attempts: Sequence[Attempt], path: Path, *, most: int = 100) -> None:
    """Paths of the first `most` attempts seen from above, reached, missed and fallen apart, as .png or .svg."""
    figure = Figure(figsize=(7, 7), layout="constrained")
    axes = figure.subplots()
    named: set[str] = set()
    for attempt in attempts[:most]:
        kind = "reached" if attempt.success else "fell" if attempt.fell else "missed"
        colour = {"reached": "#33658a", "missed": "#d98a29", "fell": "#b3262a"}[kind]
        axes.plot(*attempt.path.T, color=colour, lw=1, alpha=0.7, label=None if kind in named else kind)
        axes.plot(*np.stack([attempt.path[-1], attempt.goal]).T, color=colour, lw=0.6, ls=":")
        axes.plot(*attempt.goal, marker="o", ms=4, mfc="none", mec=colour)
        named.add(kind)
    axes.plot(0, 0, marker="+", ms=10, color="black")
    shown = min(most, len(attempts))
    axes.set(aspect="equal", xlabel="forward, m", ylabel="left, m", title=f"{shown} of {len(attempts)} goals (circles)")
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


GOALS = 100
"""Goals of an evaluation while training."""


def _evaluate(body: BodyModel, player: Player, route: Route, task: PointGoalConfig, seed: int) -> Report:
    """Go to 100 goals."""
    attempts, _ = reach_goals(body, player, route, task, count=GOALS, seed=seed)
    return report_attempts(attempts)


TASK = Task(evaluate=_evaluate, table=goal_table, verdict=verdict)
"""Target reaching."""
