"""Paths to goals: from standing at the origin to standing at a goal in a given time, as references to imitate."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.body.inverse import InverseConfig
from kinesis_trl.body.model import BodyModel
from kinesis_trl.motion.clip import MotionClip
from kinesis_trl.motion.gait.commands import CommandError
from kinesis_trl.motion.gait.footsteps import RATE, FootstepPlan, GaitStyle, integrate, step_along
from kinesis_trl.motion.gait.planner import reference, solved, standing_lead
from kinesis_trl.motion.gait.steering import CourseState, Reach, steer
from kinesis_trl.motion.gait.synthesis import realise
from kinesis_trl.motion.library import FPS, MotionLibrary

_ONSET = 0.1  # s of standing at the beginning
_WAYS = (
    (1.1, 1.0, 0.04, False),
    (0.8, 1.0, 0.04, False),
    (0.5, 1.0, 0.04, False),
    (0.3, 1.0, 0.04, False),
    (0.3, 1.25, 0.04, False),
    (0.3, 1.5, 0.06, False),
    (0.3, 1.5, 0.08, True),
)
"""Ways of getting to a place, the first that does is taken: s before the end at which the pelvis is there, greatest
speed in m/s, how near it then is in metres, and whether it may walk backward. Late ones end before the feet are
together."""
_AIMS, _NEAR = 3, 0.02  # attempts to end within so many metres of the goal
LONGEST = 60.0
"""Longest path in seconds."""


def path_to(goal: tuple[float, float], seconds: float, body: BodyModel) -> MotionClip:
    """A clip that starts standing at the origin, facing +x, and after `seconds` stands at a goal (x, y) in metres.

    It turns and walks, or walks backward to a near goal behind, as slowly as the time allows.

    Raises:
        CommandError: the goal cannot be reached in that time, or a time that is not 1 to 60 s.
    """
    if not 1.0 <= seconds <= LONGEST:
        raise CommandError(f"a path of {seconds:g} s; expected 1 to {LONGEST:g} s.")
    style = GaitStyle()
    frames, lead = round(seconds * FPS) + 1, standing_lead(body, style)
    aim = np.array(goal, dtype=np.float64)
    for _ in range(_AIMS):
        qpos = realise(_footsteps((aim[0], aim[1]), seconds, style, lead), body, style)[:frames]
        off = np.array(goal) - qpos[-1, :2]
        if np.hypot(*off) < _NEAR:
            break
        aim += off  # the pelvis sways beside its course, most while the feet are not together yet
    label = f"a person walks to a place {float(np.hypot(*goal)):.1f} m away"
    name = f"to {goal[0]:+.2f} {goal[1]:+.2f}"
    return MotionClip(name=name, fps=FPS, qpos=qpos, label=label, category="path", source="gait planner")


def _footsteps(goal: tuple[float, float], seconds: float, style: GaitStyle, lead: float) -> FootstepPlan:
    """The way there that leaves most time to stand, unless that takes brisk walking; then the slowest."""
    for settle, brisk, miss, back in _WAYS:
        order = Reach(goal=goal, seconds=seconds - _ONSET, settle=settle, brisk=brisk, miss=miss, walks_back=back)
        try:
            ahead = steer(order, CourseState(x=-lead, lead=lead), seconds)
            break
        except CommandError:
            if back:
                raise
    speeds = np.concatenate([np.zeros((round(_ONSET * RATE) + 1, 4)), ahead, np.zeros((round(0.5 * RATE), 4))])
    return step_along(integrate(speeds, np.array([-lead, 0.0])), style)


def paths_to(
    goals: NDArray[np.float64],
    seconds: float,
    body: BodyModel,
    *,
    inverse: InverseConfig | None = None,
    on_path: Callable[[int], None] | None = None,
) -> MotionLibrary:
    """One clip for each of goals (G, 2), as `path_to`; `inverse` adds what control feedforward needs.

    Raises:
        CommandError: as `path_to`.
    """
    libraries = []
    for x, y in goals.tolist():
        clip = path_to((x, y), seconds, body)
        assert clip.qpos is not None
        libraries.append(reference(body, *solved(body, clip.qpos, inverse), name=clip.name))
        if on_path is not None:
            on_path(1)
    return MotionLibrary.joined(libraries)
