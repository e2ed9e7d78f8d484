"""Live gait planner: a reference that goes on for ever and changes its mind without a jump.

    planner = GaitPlanner(body, inverse=InverseConfig())   # inverse=None for control pd
    planner.order(Travel(speed=1.0, direction=np.pi / 2), frame=30)
    planner.library                                                  # one clip; frame f is its row f - planner.first

An order given while frame f plays leaves frames up to f + 1 as they are. Steps already begun are finished; the course,
the following steps and a centre of mass that goes on from where it is are planned anew, for three seconds and a
stop after them; what is left between the old reference and the new one dies away.
`kinesis_trl.envs.live.LiveEnv` keeps an environment on such a reference.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.body.inverse import InverseConfig, solve
from kinesis_trl.body.model import BodyModel
from kinesis_trl.motion.gait.commands import CommandError
from kinesis_trl.motion.gait.curve_fit import dying
from kinesis_trl.motion.gait.footsteps import (
    NEVER,
    RATE,
    FootstepPlan,
    GaitStyle,
    Progress,
    Side,
    Stance,
    integrate,
    other,
    step_along,
)
from kinesis_trl.motion.gait.gait_curves import smoothstep
from kinesis_trl.motion.gait.steering import STOP, CourseState, Order, steer
from kinesis_trl.motion.gait.synthesis import realise
from kinesis_trl.motion.library import FPS, INVERSE, ClipEntry, MotionLibrary, motion_arrays
from kinesis_trl.motion.retarget.footing import FootingConfig, plant_feet

Array = NDArray[np.float64]
Arrays = dict[str, Array]

_SAMPLES = round(RATE / FPS)
_HORIZON = 3.0  # s planned ahead
_RENEW = 1.3  # s before the horizon's end at which the same order is planned further
_PAST = 1.0  # s of what has been kept, from which a new plan goes on
_FADE = 0.33  # s in which what is left between the old reference and the new one dies away
_STOP = 2.0  # s in which a plan comes to rest after its horizon
_COMMITTED = 0.3  # s before it lifts, a foot's next step is settled
_AIMED = 0.13  # s before it lands, a foot's place is settled
_MUSCLE_FADE = 4  # frames in which activations and target lengths go over to the new plan's
_STATE = ("library", "first", "current", "_begun", "_speeds", "_plan")


class GaitPlanner:
    """One body's endless reference.

    Attributes:
        library: the reference from frame `first` on, one clip, with inverse solutions if asked for; replaced by
            every `order`.
        first: number of the library's first frame, counted from the last `reset`.
        current: the order being carried out.
    """

    def __init__(
        self,
        body: BodyModel,
        *,
        style: GaitStyle | None = None,
        inverse: InverseConfig | None = None,
    ) -> None:
        """A planner whose body stands at the origin and faces +x.

        Args:
            body: whose coordinates are wanted.
            style: how the person moves; default: the average one.
            inverse: also solve static optimisation, which control feedforward needs; without reducing residuals,
                of which generated walking has few.
        """
        self.body, self.style, self.inverse = body, style or GaitStyle(), inverse
        self._lead = standing_lead(body, self.style)
        self.reset()

    def reset(self, position: tuple[float, float] = (0.0, 0.0), heading: float = 0.0) -> None:
        """Stand at a place (x, y) in metres, facing `heading` in radians; frames are counted from 0 again."""
        self.first = 0
        self.current: Order = STOP
        self._begun = 0
        self._speeds = np.zeros((round((_HORIZON + _STOP) * RATE) + 1, 4))
        facing = np.array([np.cos(heading), np.sin(heading)])
        self._plan = step_along(integrate(self._speeds, position - self._lead * facing, heading), self.style)
        self.library = reference(
            self.body, *solved(self.body, realise(self._plan, self.body, self.style), self.inverse)
        )

    def due(self, frame: int) -> bool:
        """Whether the current order should be planned further, by `order(planner.current, frame)`."""
        return frame >= self._begun + round(_HORIZON * FPS) - round(_RENEW * FPS)

    def qpos(self, frame: int) -> Array:
        """Reference coordinates (nq,) at a frame that the library still holds."""
        row = int(np.clip(frame - self.first, 0, len(self.library.qpos) - 1))
        return self.library.qpos[row].numpy()

    def order(self, order: Order, frame: int) -> None:
        """Carry out an order from now on, while `frame` plays: frames up to `frame` + 1 stay as they are.

        Raises:
            CommandError: a place that cannot be reached in its time, or a frame the library does not hold.
        """
        last = self.first + len(self.library.qpos) - 1
        if not self.first <= frame <= last - 2:
            raise CommandError(f"frame {frame} is not in the reference, which holds {self.first} to {last}.")
        now = frame + 1
        since = max(self.first, now - round(_PAST * FPS))
        dropped, kept = since - self.first, now - since
        course = self._plan.course
        at = dropped * _SAMPLES
        position, heading = course.position[at].copy(), float(course.heading[at])
        speeds = self._speeds[at : at + kept * _SAMPLES + 1]
        body = _course_state(
            speeds, course.position[at + kept * _SAMPLES], float(course.heading[at + kept * _SAMPLES]), self._lead
        )
        stages = (order, _HORIZON), (STOP, _STOP)
        speeds = np.concatenate([speeds, *(steer(what, body, seconds) for what, seconds in stages)])
        progress = _settled(_shifted(self._plan, -dropped / FPS), kept / FPS)
        plan = step_along(integrate(speeds, position, heading), self.style, progress)
        old = self.library.qpos[dropped:].numpy()
        qpos = realise(plan, self.body, self.style, old[: kept + 1])
        # the stop after the horizon only shapes what comes before it
        qpos = qpos[: kept + round((_HORIZON + 0.6) * FPS)]
        after, solution = solved(self.body, qpos, self.inverse)
        fade = round(_FADE * FPS)
        solution = _gone_over(self.library, solution, dropped, kept)
        self.library = reference(self.body, _joined(self.body, old, after, kept, fade), solution)
        self._speeds, self._plan, self.first, self._begun, self.current = speeds, plan, since, now, order

    def get_state(self) -> dict[str, Any]:
        """Everything needed to go on as from here; `set_state` takes it."""
        return {name: getattr(self, name) for name in _STATE}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on as from where `get_state` was called; nothing in a state is ever changed in place."""
        for name in _STATE:
            setattr(self, name, state[name])


@lru_cache(maxsize=16)
def standing_lead(body: BodyModel, style: GaitStyle) -> float:
    """How far the pelvis of a standing body is ahead of the middle between its footprints' origins, in metres."""
    still = integrate(np.zeros((round(RATE), 4)))
    return float(realise(step_along(still, style), body, style)[0, 0])


def _course_state(speeds: Array, position: Array, heading: float, lead: float) -> CourseState:
    rates = (speeds[-1] - speeds[-2]) * RATE if len(speeds) > 1 else np.zeros(4)
    return CourseState(float(position[0]), float(position[1]), heading, speeds[-1].tolist(), rates.tolist(), lead)


def _shifted(plan: FootstepPlan, seconds: float) -> dict[Side, list[Stance]]:
    """Stances on a clock that starts `-seconds` later; those long over are dropped."""
    out: dict[Side, list[Stance]] = {}
    for side, stances in plan.stances.items():
        moved = [
            replace(s, strike=s.strike + seconds, lift=s.lift if s.lift == NEVER else s.lift + seconds) for s in stances
        ]
        over = [k for k, s in enumerate(moved) if s.lift < -2.0]
        out[side] = moved[len(over) :]
    return out


def _settled(stances: dict[Side, list[Stance]], now: float) -> Progress:
    """Steps that were begun before `now` seconds, or are just about to begin."""
    kept: dict[Side, list[Stance]] = {}
    landing: Stance | None = None
    pending = False
    for side, all_of_it in stances.items():
        mine = [all_of_it[0]]
        for following in all_of_it[1:]:
            if mine[-1].lift > now + _COMMITTED:
                pending |= mine[-1].lift < now + 0.6
                break
            if following.strike > now + _AIMED:
                landing = replace(following, lift=NEVER, lift_stride=1.0)
                break
            mine.append(following)
        if landing is None or landing.side != side:
            mine[-1] = replace(mine[-1], lift=NEVER, lift_stride=1.0)
        kept[side] = mine
    earliest = now + _COMMITTED
    if landing is not None:
        return Progress(kept, landing.strike, landing.side, False, earliest, landing)
    last = max((mine[-1] for mine in kept.values()), key=lambda s: s.strike)
    if last.strike > now or pending:
        return Progress(kept, last.strike, other(last.side), False, earliest)
    return Progress(kept, now, other(last.side), True, earliest)


def _joined(body: BodyModel, before: Array, after: Array, kept: int, fade: int) -> Array:
    """Coordinates (T, nq): up to frame `kept` those `before`, which then pass into those `after` (T, nq)."""
    sign = np.where(np.sum(before[0, 3:7] * after[0, 3:7]) < 0, -1.0, 1.0)  # both quaternions are the same rotation
    after = np.concatenate([after[:, :3], sign * after[:, 3:7], after[:, 7:]], axis=1)
    qpos = after + dying(before[: kept + 1] - after[: kept + 1], len(after), fade)
    qpos[:, 3:7] /= np.linalg.norm(qpos[:, 3:7], axis=1, keepdims=True)
    return body.couplings.apply(qpos)


def _gone_over(old: MotionLibrary, after: Arrays, dropped: int, kept: int) -> Arrays:
    """Inverse solutions: up to frame `kept` those of the old reference, then quickly the new ones."""
    if old.inverse is None:
        return after
    out = {}
    for name, values in after.items():
        before = old.inverse[name].numpy()[dropped : dropped + len(values)]
        before = np.concatenate([before, np.repeat(before[-1:], len(values) - len(before), axis=0)])
        share = smoothstep((np.arange(len(values)) - kept) / _MUSCLE_FADE)
        share = share.reshape(-1, *[1] * (values.ndim - 1))
        out[name] = (1.0 - share) * before + share * values
    return out


def solved(body: BodyModel, qpos: Array, inverse: InverseConfig | None) -> tuple[Array, Arrays]:
    """Generated coordinates (T, nq), smoothed, with their inverse solutions by name; as they are, and none, for None.

    Feet are planted, also those that roll already: a stretch may begin or end within a step. The root stays where the
    generator has balanced it, and residuals are not reduced: it leaves 1 to 2 N (median), and an order must not take
    long.
    """
    if inverse is None:
        return qpos, {}
    planted = plant_feet(body, qpos, FPS, FootingConfig(balance=None))
    solution = solve(body, planted, FPS, replace(inverse, moment_arms=True))
    return solution.qpos, {name: getattr(solution, name) for name in INVERSE}


def reference(body: BodyModel, qpos: Array, solution: Arrays, name: str = "live") -> MotionLibrary:
    """A library of one clip, of coordinates (T, nq) and what `solved` found for them."""
    arrays = motion_arrays(body, qpos, name) | {key: a.astype(INVERSE[key]) for key, a in solution.items()}
    entry = ClipEntry(name=name, start=0, frames=len(qpos), category=name, source="gait planner")
    return MotionLibrary(body.name, [entry], arrays)
