"""References that show the way to goals: what a policy that sees only the goal may be taught on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.body.inverse import InverseConfig
from kinesis_trl.body.model import BodyModel
from kinesis_trl.envs.directional import DirectionalConfig, Heading, draw_heading
from kinesis_trl.envs.live import order_for
from kinesis_trl.envs.point_goal import PointGoalConfig, draw_goals
from kinesis_trl.motion.gait.paths import paths_to
from kinesis_trl.motion.gait.planner import GaitPlanner, reference, solved
from kinesis_trl.motion.library import FPS, MotionLibrary

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Guides:
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


def make_guides(
    task: PointGoalConfig | DirectionalConfig,
    body: BodyModel,
    count: int,
    *,
    seed: int = 0,
    on_clip: Callable[[int], None] | None = None,
) -> Guides:
    """As many episodes of a task as `count`, carried out by the planner.

    Args:
        task: its goals or commands are drawn as its environment draws them.
        body: whose coordinates are wanted.
        count: number of clips.
        seed: of goals and commands.
        on_clip: called with 1 after every clip, for progress.
    """
    rng = np.random.default_rng(seed)
    if isinstance(task, PointGoalConfig):
        goals = draw_goals(count, task.reach, rng)
        library = paths_to(goals, task.steps / FPS, body, inverse=InverseConfig(), on_path=on_clip)
        return Guides(library, np.repeat(goals, library.frames.numpy(), axis=0), from_body=False)
    clips, velocities = [], []
    for k in range(count):
        qpos, velocity = _ride(task, body, rng)
        clips.append(reference(body, *solved(body, qpos, InverseConfig()), name=f"ride {k}"))
        velocities.append(velocity)
        if on_clip is not None:
            on_clip(1)
    return Guides(MotionLibrary.joined(clips), task.ahead * np.concatenate(velocities), from_body=True)


def _ride(task: DirectionalConfig, body: BodyModel, rng: np.random.Generator) -> tuple[Array, Array]:
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
