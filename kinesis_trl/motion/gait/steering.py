"""Live orders (move, travel that way, reach that place, stop) → smooth speeds of the body's course.

Every speed follows what the order wants through a critically damped filter of second order, so that an order given at
any moment changes nothing suddenly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import atan2, cos, hypot, pi, radians, sin, sqrt

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.motion.gait.commands import Command, CommandError, Gait
from kinesis_trl.motion.gait.footsteps import RATE

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Move:
    """Go on at a speed and turn rate seen from the body; the default stands still."""

    speed: float = 0.0
    """In m/s."""
    direction: float = 0.0
    """Of travel relative to the heading in radians: 0 forward, +π/2 left, π backward."""
    turn_rate: float = 0.0
    """In rad/s, positive to the left."""
    gait: Gait = "walk"
    """Walk, or run with a flight phase."""

    def __post_init__(self) -> None:
        Command(seconds=1.0, speed=self.speed, direction=self.direction, turn_rate=self.turn_rate, gait=self.gait)


@dataclass(frozen=True, kw_only=True)
class Travel:
    """Go in a direction of the world: turn towards it and walk, or walk backward where that is nearer and slow."""

    speed: float
    """In m/s."""
    direction: float
    """In radians from +x, positive towards +y."""
    gait: Gait = "walk"
    """Walk, or run with a flight phase; running always turns towards the direction."""

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

    def __post_init__(self) -> None:
        if len(self.goal) != 2 or not np.isfinite(self.goal).all():
            raise CommandError(f"the goal is {self.goal}; expected two finite numbers, x and y in metres.")
        if self.seconds is not None and not self.seconds > 0.0:
            raise CommandError(f"{self.seconds:g} s to reach a goal; expected more than 0.")


Order = Move | Travel | Reach
STOP = Move()
"""Stand still."""


@dataclass(frozen=True, kw_only=True)
class SteeringConfig:
    """How briskly orders are carried out."""

    speed_lag: float = 0.22
    """Time constant of the speeds in seconds; 90 % of a change take 3.9 of them."""
    back_lag: float = 0.36
    """The same of walking backward, which begins with a step that must not be too long."""
    acceleration: float = 1.8
    """Greatest change of a speed in m/s²."""
    turn_lag: float = 0.18
    """The same of the turn rate."""
    turn_acceleration: float = 2.5
    """Greatest change of the turn rate in rad/s²; the standing foot lets the pelvis turn only so far."""
    turn_rate: float = radians(82.0)
    """Greatest rate of turning towards a direction, in rad/s."""
    back_beyond: float = pi
    """A direction further from the heading than this is taken walking backward, in radians; π always turns, since
    walking backward is what bodies lose their balance at most."""
    walks_back: bool = True
    """Whether a place behind may be reached walking backward, where that is slower walking than turning round."""
    fastest_back: float = 0.8
    """Greatest speed of walking backward in m/s; who is to be faster turns round."""
    comfortable: float = 1.0
    """Speed of reaching a place without a time given, in m/s."""
    brisk: float = 1.5
    """Greatest speed of reaching a place in time, in m/s."""
    slowest: float = 0.7
    """Least speed of walking to a place ahead in time, in m/s; slower steps are harder to balance."""
    settle: float = 1.1
    """Seconds before the time given at which the body should have got to a place, to bring its feet together."""
    miss: float = 0.08
    """Greatest distance from a place, in metres, at which the body then counts as there."""

    def __post_init__(self) -> None:
        for name in (
            "speed_lag",
            "back_lag",
            "acceleration",
            "turn_lag",
            "turn_rate",
            "fastest_back",
            "comfortable",
            "brisk",
        ):
            if not getattr(self, name) > 0.0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}.")

    def lag(self, forward: float) -> float:
        """Time constant in seconds on the way to a speed ahead."""
        return self.back_lag if forward < 0.0 else self.speed_lag


Wish = tuple[float, float, float, float]
"""Wanted speed ahead and to the left in m/s, turn rate in rad/s, and whether to run."""


@dataclass
class Gliding:
    """A body on its course: where it is, and four filtered speeds with their rates."""

    x: float = 0.0
    y: float = 0.0
    heading: float = 0.0
    speeds: list[float] = field(default_factory=lambda: [0.0] * 4)
    """Ahead and to the left in m/s, turn rate in rad/s, wish to run."""
    rates: list[float] = field(default_factory=lambda: [0.0] * 4)
    """Their changes per second."""
    lead: float = 0.0
    """How far the pelvis of a standing body is ahead of the course, in metres."""

    def copy(self) -> Gliding:
        """Another body in the same state."""
        return Gliding(self.x, self.y, self.heading, list(self.speeds), list(self.rates), self.lead)

    def to(self, goal: tuple[float, float]) -> tuple[float, float]:
        """(dx, dy) in metres from the pelvis to a place."""
        return goal[0] - self.x - self.lead * cos(self.heading), goal[1] - self.y - self.lead * sin(self.heading)

    def run_out(self, k: int, lag: float) -> float:
        """How much speed `k` will still add to its integral when it is wanted to be zero from now on."""
        return 2.0 * lag * self.speeds[k] + lag * lag * self.rates[k]

    def advance(self, wish: Wish, config: SteeringConfig, dt: float) -> None:
        """Go on by `dt` seconds."""
        forward, left, turn, _ = self.speeds
        lags = (config.lag(wish[0]), config.speed_lag, config.turn_lag, config.speed_lag)
        for k, (wanted, lag) in enumerate(zip(wish, lags, strict=True)):
            self.rates[k] += dt * ((wanted - self.speeds[k]) / lag - 2.0 * self.rates[k]) / lag
            if k < 3:
                most = config.turn_acceleration if k == 2 else config.acceleration
                self.rates[k] = min(max(self.rates[k], -most), most)
            self.speeds[k] += dt * self.rates[k]
        forward, left, turn = (0.5 * (a + b) for a, b in zip((forward, left, turn), self.speeds[:3], strict=True))
        middle = self.heading + 0.5 * dt * turn
        self.x += dt * (forward * cos(middle) - left * sin(middle))
        self.y += dt * (forward * sin(middle) + left * cos(middle))
        self.heading += dt * turn


Law = Callable[[Gliding], Wish]


def steer(order: Order, body: Gliding, seconds: float, config: SteeringConfig, *, rate: float = RATE) -> Array:
    """Speeds (S, 4) at `rate` samples per second that carry out an order; `body` is moved along.

    Args:
        order: what to do.
        body: where it starts and how it moves; changed.
        seconds: for how long.
        config: how briskly.
        rate: samples per second.

    Returns:
        speed ahead and to the left in m/s, turn rate in rad/s, wish to run (0 … 1), after each sample.

    Raises:
        CommandError: a place that cannot be reached in its time.
    """
    law = _law(order, body, config)
    out = np.empty((round(seconds * rate), 4))
    for row in out:
        body.advance(law(body), config, 1.0 / rate)
        row[:] = body.speeds
    return out


def _law(order: Order, body: Gliding, config: SteeringConfig) -> Law:
    if isinstance(order, Move):
        ahead, aside = order.speed * cos(order.direction), order.speed * sin(order.direction)
        wish = (ahead, aside, order.turn_rate, float(order.gait == "run"))
        return lambda body: wish
    if isinstance(order, Travel):
        behind = abs(_wrap(order.direction - body.heading)) > config.back_beyond
        back = order.gait == "walk" and behind and order.speed <= config.fastest_back + 1e-9
        return _travel(order, back, config)
    return _reach(order, body, config)


def _travel(order: Travel, back: bool, config: SteeringConfig) -> Law:
    sign = -1.0 if back else 1.0
    speed = sign * order.speed
    facing = order.direction + (pi if back else 0.0)

    def law(body: Gliding) -> Wish:
        if order.speed == 0.0:
            return 0.0, 0.0, 0.0, 0.0
        turn, off = _turn_towards(facing, body, config)
        ahead = max(cos(off), 0.0) ** 2
        return speed * ahead, 0.0, turn, float(order.gait == "run") * ahead

    return law


def _turn_towards(facing: float, body: Gliding, config: SteeringConfig) -> tuple[float, float]:
    """Wanted turn rate, and how far the heading is off."""
    off = _wrap(facing - body.heading)
    left = _wrap(facing - body.heading - body.run_out(2, config.turn_lag))
    return float(np.clip(5.0 * left, -config.turn_rate, config.turn_rate)), off


def _reach(order: Reach, body: Gliding, config: SteeringConfig) -> Law:
    """Ahead or backward, as slowly as the time allows; ahead at a comfortable speed where there is no time given."""
    dx, dy = body.to(order.goal)
    bearing = abs(_wrap(atan2(dy, dx) - body.heading))
    if order.seconds is None:
        return _approach(order.goal, config.comfortable, False, config)
    tries = [(s, False) for s in np.linspace(config.slowest, config.brisk, 9)]
    if bearing > 0.5 * pi and config.walks_back:
        tries += [(s, True) for s in np.linspace(0.35, config.fastest_back, 5)]
        tries.sort(key=lambda t: t[0] / (config.fastest_back if t[1] else config.brisk))
    best, nearest = None, float("inf")
    for speed, back in tries:
        law, ghost = _approach(order.goal, float(speed), back, config), body.copy()
        steps = max(round((order.seconds - config.settle) * 30.0), 1)
        for _ in range(steps):
            ghost.advance(law(ghost), config, 1.0 / 30.0)
        apart = hypot(*ghost.to(order.goal))
        if apart < 0.04:
            return _approach(order.goal, float(speed), back, config)
        if apart < nearest:
            best, nearest = (float(speed), back), apart
    if best is None or nearest > config.miss:
        raise CommandError(
            f"a goal {hypot(dx, dy):.1f} m away cannot be reached in {order.seconds:g} s "
            f"at up to {config.brisk:g} m/s; give more time."
        )
    return _approach(order.goal, *best, config)


def _approach(goal: tuple[float, float], speed: float, back: bool, config: SteeringConfig) -> Law:
    sign = -1.0 if back else 1.0
    held: list[float] = []  # heading from which the last half metre is walked

    def law(body: Gliding) -> Wish:
        dx, dy = body.to(goal)
        if hypot(dx, dy) > 0.35 or not held:
            held[:] = [atan2(sign * dy, sign * dx) if hypot(dx, dy) > 0.1 else body.heading]
        turn, off = _turn_towards(held[0], body, config)
        along = dx * cos(body.heading) + dy * sin(body.heading) - body.run_out(0, config.lag(sign))
        aside = dy * cos(body.heading) - dx * sin(body.heading) - body.run_out(1, config.speed_lag)
        near = hypot(dx, dy) < 0.5
        ahead = 1.0 if near else max(cos(off), 0.0) ** 2
        gain = min(4.0, sqrt(4.0 / max(abs(along), 1e-6)))
        forward = float(np.clip(gain * along, -0.3 if sign > 0 else -speed, speed if sign > 0 else 0.3)) * ahead
        return forward, float(np.clip(3.0 * aside, -0.2, 0.2)) if near else 0.0, turn, 0.0

    return law


def _wrap(angle: float) -> float:
    return (angle + pi) % (2.0 * pi) - pi
