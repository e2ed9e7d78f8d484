"""Motions of the gait planner to goals, from which a policy that sees only the goal is distilled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.body.inverse import InverseConfig
from kinesis_trl.body.model import BodyModel
from kinesis_trl.envs.directional import Heading, draw_heading
from kinesis_trl.envs.goal_config import BallConfig, DirectionalConfig, GoalConfig, PointGoalConfig
from kinesis_trl.envs.live import order_for
from kinesis_trl.motion.gait.paths import paths_to
from kinesis_trl.motion.gait.planner import GaitPlanner, reference, solved
from kinesis_trl.motion.library import FPS, MotionLibrary

Array = NDArray[np.float64]


@dataclass(frozen=True)
class PlannerReferences:
    """Clips, and the goal that a body which follows them has in every frame."""

    library: MotionLibrary
    """With inverse solutions."""
    goal: Array
    """(F, 2) for the F frames of the library, metres on the floor in its axes."""
    from_body: bool
    """Whether goals are seen from the body's place, as in directional control, or are places."""

    def __post_init__(self) -> None:
        if self.goal.shape != (len(self.library.qpos), 2):
            raise ValueError(f"a library of {len(self.library.qpos)} frames with goals of shape {self.goal.shape}.")


OnClip = Callable[[int], None]
"""Called with 1 after every clip, for progress."""
Maker = Callable[[Any, BodyModel, int, np.random.Generator, OnClip], PlannerReferences]
_MAKERS: dict[type[GoalConfig], Maker] = {}


def references_of(kind: type[GoalConfig]) -> Callable[[Maker], Maker]:
    """Declare a function that plans the references of a task: of its config, a body, how many, and random numbers."""

    def register(maker: Maker) -> Maker:
        _MAKERS[kind] = maker
        return maker

    return register


def plan_references(
    task: GoalConfig, body: BodyModel, count: int, *, seed: int = 0, on_clip: OnClip = lambda made: None
) -> PlannerReferences:
    """As many episodes of a task as `count`, carried out by the planner.

    Args:
        task: its goals or commands are drawn as its environment draws them.
        body: whose coordinates are wanted.
        count: number of clips.
        seed: of goals and commands.
        on_clip: called with 1 after every clip, for progress.

    Raises:
        ValueError: a task that no planner carries out.
    """
    if type(task) not in _MAKERS:
        raise ValueError(f"no planner carries out task {task.name}, so there are no references to its goals.")
    return _MAKERS[type(task)](task, body, count, np.random.default_rng(seed), on_clip)


@references_of(BallConfig)
@references_of(PointGoalConfig)
def _paths(
    task: PointGoalConfig, body: BodyModel, count: int, rng: np.random.Generator, on_clip: OnClip
) -> PlannerReferences:
    goals = task.draw(count, rng)
    library = paths_to(task.stand(goals), task.steps / FPS, body, inverse=InverseConfig(), on_path=on_clip)
    return PlannerReferences(library, np.repeat(goals, library.frames.numpy(), axis=0), from_body=False)


@references_of(DirectionalConfig)
def _commanded(
    task: DirectionalConfig, body: BodyModel, count: int, rng: np.random.Generator, on_clip: OnClip
) -> PlannerReferences:
    clips, velocities = [], []
    for k in range(count):
        qpos, velocity = _obeying(task, body, rng)
        clips.append(reference(body, *solved(body, qpos, InverseConfig()), name=f"commands {k}"))
        velocities.append(velocity)
        on_clip(1)
    return PlannerReferences(MotionLibrary.joined(clips), task.ahead * np.concatenate(velocities), from_body=True)


def _obeying(task: DirectionalConfig, body: BodyModel, rng: np.random.Generator) -> tuple[Array, Array]:
    """Coordinates (T, nq) of an episode that starts standing, and the commanded velocity (T, 2)."""
    planner = GaitPlanner(body)
    heading, left = Heading(), 0
    qpos, velocity = [planner.qpos(0).copy()], []
    for frame in range(task.steps):
        if left <= 0:
            heading, left = draw_heading(task, rng), round(rng.uniform(*task.hold) * FPS)
            planner.order(order_for(heading), frame)
        elif planner.due(frame):
            planner.order(planner.current, frame)
        left -= 1
        velocity.append(heading.velocity)
        qpos.append(planner.qpos(frame + 1).copy())
    return np.stack(qpos), np.stack([*velocity, heading.velocity])
