"""Live orders (go on at a speed, travel that way, reach that place, stop) → smooth speeds of the body's course.

Every speed follows what the order wants through a critically damped filter of second order, so that an order given at
any moment changes nothing suddenly.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from math import atan2, cos, hypot, pi, radians, sin, sqrt

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.motion.gait.commands import Command, CommandError, Gait
from kinesis_trl.motion.gait.footsteps import RATE

Array = NDArray[np.float64]

# How briskly orders are carried out: tuned by us until bodies kept their balance on what was planned.
SPEED_LAG, BACK_LAG = 0.22, 0.36
"""Time constant of the speeds in seconds, of which 90 % of a change take 3.9, and the same of walking backward, which
begins with a step that must not be too long."""
ACCELERATION = 1.8
"""Greatest change of a speed in m/s²."""
TURN_LAG = 0.18
"""Time constant of the turn rate in seconds."""
TURN_ACCELERATION = 2.5
"""Greatest change of the turn rate in rad/s²; the standing foot lets the pelvis turn only so far."""
TURN_RATE = radians(82.0)
"""Greatest rate of turning towards a direction, in rad/s."""
COMFORTABLE = 1.0
"""Speed of reaching a place without a time given, in m/s."""
SLOWEST = 0.7
"""Least speed of walking to a place ahead in time, in m/s; slower steps are harder to balance."""
FASTEST_BACK = 0.8
"""Greatest speed of walking backward to a place in m/s; who is to be faster turns round."""


@dataclass(frozen=True, kw_only=True)
class Travel:
    """Turn towards a direction of the world and go there."""

    speed: float
    """In m/s."""
    direction: float
    """In radians from +x, positive towards +y."""
    gait: Gait = "walk"
    """Walk, or run with a flight phase."""

    def __post_init__(self) -> None:
        if not np.isfinite(self.direction):
            raise CommandError(f"direction is {self.direction}; expected a finite number.")
        Command(seconds=1.0, speed=self.speed, gait=self.gait)


@dataclass(frozen=True, kw_only=True)
class Reach:
    """Go to a place of the world and stand there."""

    goal: tuple[float, float]
    """(x, y) in metres."""
    seconds: float | None = None
    """Time to be there; None walks at a comfortable speed."""
    brisk: float = 1.5
    """Greatest speed on the way, in m/s, where there is a time."""
    settle: float = 1.1
    """Seconds before that time at which the body should have got there, to bring its feet together."""
    miss: float = 0.08
    """Greatest distance from the place, in metres, at which the body then counts as there."""
    walks_back: bool = True
    """Whether a place behind may be reached walking backward, where that is slower walking than turning round."""

    def __post_init__(self) -> None:
        if len(self.goal) != 2 or not np.isfinite(self.goal).all():
            raise CommandError(f"the goal is {self.goal}; expected two finite numbers, x and y in metres.")
        if self.seconds is not None and not self.seconds > 0.0:
            raise CommandError(f"{self.seconds:g} s to reach a goal; expected more than 0.")
        if not (self.brisk > SLOWEST and self.settle > 0.0 and self.miss > 0.0):
            raise CommandError(
                f"brisk {self.brisk}, settle {self.settle} and miss {self.miss}; expected brisk above {SLOWEST} m/s, "
                "the others positive."
            )


Order = Command | Travel | Reach
"""What a planner can be told at any moment; a `Command` holds, as seen from the body, until the next order."""
STOP = Command()
"""Stand still."""


Speeds = tuple[float, float, float, float]
"""Speed ahead and to the left in m/s, turn rate in rad/s, and whether to run (0 … 1)."""


@dataclass
class CourseState:
    """A body on its course: where it is, and four filtered speeds with their rates."""

    x: float = 0.0
    y: float = 0.0
    heading: float = 0.0
    speeds: list[float] = field(default_factory=lambda: [0.0] * 4)
    """As `Speeds`."""
    rates: list[float] = field(default_factory=lambda: [0.0] * 4)
    """Their changes per second."""
    lead: float = 0.0
    """How far the pelvis of a standing body is ahead of the course, in metres."""

    def to(self, goal: tuple[float, float]) -> tuple[float, float]:
        """(dx, dy) in metres from the pelvis to a place."""
        return goal[0] - self.x - self.lead * cos(self.heading), goal[1] - self.y - self.lead * sin(self.heading)

    def run_out(self, k: int, lag: float) -> float:
        """How much speed `k` will still add to its integral when it is wanted to be zero from now on."""
        return 2.0 * lag * self.speeds[k] + lag * lag * self.rates[k]

    def advance(self, wanted: Speeds, dt: float) -> None:
        """Go on by `dt` seconds."""
        forward, left, turn, _ = self.speeds
        lags = (_lag(wanted[0]), SPEED_LAG, TURN_LAG, SPEED_LAG)
        for k, (target, lag) in enumerate(zip(wanted, lags, strict=True)):
            self.rates[k] += dt * ((target - self.speeds[k]) / lag - 2.0 * self.rates[k]) / lag
            if k < 3:
                most = TURN_ACCELERATION if k == 2 else ACCELERATION
                self.rates[k] = min(max(self.rates[k], -most), most)
            self.speeds[k] += dt * self.rates[k]
        forward, left, turn = (0.5 * (a + b) for a, b in zip((forward, left, turn), self.speeds[:3], strict=True))
        middle = self.heading + 0.5 * dt * turn
        self.x += dt * (forward * cos(middle) - left * sin(middle))
        self.y += dt * (forward * sin(middle) + left * cos(middle))
        self.heading += dt * turn


ControlLaw = Callable[[CourseState], Speeds]


def steer(order: Order, body: CourseState, seconds: float) -> Array:
    """Speeds (S, 4) at `RATE` samples per second that carry out an order; `body` is moved along.

    Args:
        order: what to do.
        body: where it starts and how it moves; changed.
        seconds: for how long.

    Returns:
        `Speeds` after each sample.

    Raises:
        CommandError: a place that cannot be reached in its time.
    """
    law = _law(order, body)
    out = np.empty((round(seconds * RATE), 4))
    for row in out:
        body.advance(law(body), 1.0 / RATE)
        row[:] = body.speeds
    return out


def _law(order: Order, body: CourseState) -> ControlLaw:
    if isinstance(order, Command):
        speeds = (order.forward, order.left, order.turn_rate, float(order.gait == "run"))
        return lambda body: speeds
    return _travel(order) if isinstance(order, Travel) else _reach(order, body)


def _travel(order: Travel) -> ControlLaw:
    def law(body: CourseState) -> Speeds:
        if order.speed == 0.0:
            return 0.0, 0.0, 0.0, 0.0
        turn, off = _turn_towards(order.direction, body)
        ahead = max(cos(off), 0.0) ** 2
        return order.speed * ahead, 0.0, turn, float(order.gait == "run") * ahead

    return law


def _turn_towards(facing: float, body: CourseState) -> tuple[float, float]:
    """Wanted turn rate, and how far the heading is off."""
    off = _wrap(facing - body.heading)
    left = _wrap(facing - body.heading - body.run_out(2, TURN_LAG))
    return float(np.clip(5.0 * left, -TURN_RATE, TURN_RATE)), off


def _reach(order: Reach, body: CourseState) -> ControlLaw:
    """Ahead or backward, as slowly as the time allows; ahead at a comfortable speed where there is no time given."""
    dx, dy = body.to(order.goal)
    bearing = abs(_wrap(atan2(dy, dx) - body.heading))
    if order.seconds is None:
        return _approach(order.goal, COMFORTABLE, False)
    tries = [(float(s), False) for s in np.linspace(SLOWEST, order.brisk, 9)]
    if bearing > 0.5 * pi and order.walks_back:
        tries += [(float(s), True) for s in np.linspace(0.35, FASTEST_BACK, 5)]
        tries.sort(key=lambda t: t[0] / (FASTEST_BACK if t[1] else order.brisk))
    best, nearest = None, float("inf")
    for speed, back in tries:
        law, ghost = _approach(order.goal, speed, back), deepcopy(body)
        steps = max(round((order.seconds - order.settle) * 30.0), 1)
        for _ in range(steps):
            ghost.advance(law(ghost), 1.0 / 30.0)
        apart = hypot(*ghost.to(order.goal))
        if apart < 0.04:
            return _approach(order.goal, speed, back)
        if apart < nearest:
            best, nearest = (speed, back), apart
    if best is None or nearest > order.miss:
        raise CommandError(
            f"a goal {hypot(dx, dy):.1f} m away cannot be reached in {order.seconds:g} s "
            f"at up to {order.brisk:g} m/s; give more time."
        )
    return _approach(order.goal, *best)


def _approach(goal: tuple[float, float], speed: float, back: bool) -> ControlLaw:
    sign = -1.0 if back else 1.0
    held: list[float] = []  # heading from which the last half metre is walked

    def law(body: CourseState) -> Speeds:
        dx, dy = body.to(goal)
        if hypot(dx, dy) > 0.35 or not held:
            held[:] = [atan2(sign * dy, sign * dx) if hypot(dx, dy) > 0.1 else body.heading]
        turn, off = _turn_towards(held[0], body)
        along = dx * cos(body.heading) + dy * sin(body.heading) - body.run_out(0, _lag(sign))
        aside = dy * cos(body.heading) - dx * sin(body.heading) - body.run_out(1, SPEED_LAG)
        near = hypot(dx, dy) < 0.5
        ahead = 1.0 if near else max(cos(off), 0.0) ** 2
        gain = min(4.0, sqrt(4.0 / max(abs(along), 1e-6)))
        forward = float(np.clip(gain * along, -0.3 if sign > 0 else -speed, speed if sign > 0 else 0.3)) * ahead
        return forward, float(np.clip(3.0 * aside, -0.2, 0.2)) if near else 0.0, turn, 0.0

    return law


def _lag(forward: float) -> float:
    """Time constant in seconds on the way to a speed ahead."""
    return BACK_LAG if forward < 0.0 else SPEED_LAG


def _wrap(angle: float) -> float:
    return (angle + pi) % (2.0 * pi) - pi
