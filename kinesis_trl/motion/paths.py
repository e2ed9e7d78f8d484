"""Paths to goals: from standing at the origin to standing at a goal in a given time, as references to imitate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.body.inverse import InverseConfig
from kinesis_trl.body.model import BodyModel
from kinesis_trl.motion.clip import MotionClip
from kinesis_trl.motion.commands import CommandError
from kinesis_trl.motion.footsteps import RATE, FootstepPlan, GaitStyle, integrate, step_along
from kinesis_trl.motion.library import FPS, MotionLibrary
from kinesis_trl.motion.planner import reference, solved, standing_lead
from kinesis_trl.motion.steering import Gliding, Reach, SteeringConfig, steer
from kinesis_trl.motion.synthesis import realise

_SETTLES = (0.9, 1.2, 1.5, 1.8)  # s before the end that the way is over
_STILL = 0.45  # s from the last strike until the body stands
_ONSET = 0.2  # s of standing at the beginning
LONGEST = 60.0
"""Longest path in seconds."""


def path_to(
    goal: tuple[float, float],
    seconds: float,
    body: BodyModel,
    *,
    style: GaitStyle | None = None,
    steering: SteeringConfig | None = None,
) -> MotionClip:
    """A clip that starts standing at the origin, facing +x, and after `seconds` stands at a goal (x, y) in metres.

    It turns and walks, or walks backward to a near goal behind, as slowly as the time allows.

    Raises:
        CommandError: the goal cannot be reached in that time, or a time that is not 1 to 60 s.
    """
    if not 1.0 <= seconds <= LONGEST:
        raise CommandError(f"a path of {seconds:g} s; expected 1 to {LONGEST:g} s.")
    style, steering = style or GaitStyle(), steering or SteeringConfig()
    footsteps = _footsteps(goal, seconds, style, steering, standing_lead(body, style))
    qpos = realise(footsteps, body, style)
    distance = float(np.hypot(*goal))
    return MotionClip(
        name=f"to {goal[0]:+.2f} {goal[1]:+.2f}",
        fps=FPS,
        qpos=qpos[: round(seconds * FPS) + 1],
        label=f"a person walks to a place {distance:.1f} m away",
        category="path",
        source="gait planner",
    )


def _footsteps(
    goal: tuple[float, float], seconds: float, style: GaitStyle, steering: SteeringConfig, lead: float
) -> FootstepPlan:
    """The slowest of some ways there whose last step is over in time; else the soonest."""
    best: FootstepPlan | None = None
    for settle in _SETTLES:
        glide = Gliding(x=-lead, lead=lead)
        try:
            ahead = steer(Reach(goal=goal, seconds=seconds - _ONSET), glide, seconds, replace(steering, settle=settle))
        except CommandError:
            if best is None:
                raise
            break
        speeds = np.concatenate([np.zeros((round(_ONSET * RATE) + 1, 4)), ahead, np.zeros((round(0.5 * RATE), 4))])
        steps = step_along(integrate(speeds, np.array([-lead, 0.0])), style)
        if best is None or _last_strike(steps) < _last_strike(best):
            best = steps
        if _last_strike(best) <= seconds - _STILL:
            break
    assert best is not None
    return best


def _last_strike(steps: FootstepPlan) -> float:
    return max(stances[-1].strike for stances in steps.stances.values())


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
