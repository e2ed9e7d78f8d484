"""Motion commands: how fast, in which direction, turning how much, for how long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Gait = Literal["walk", "run"]

FASTEST = {"forward": 1.8, "backward": 1.0, "sideways": 0.6, "run": 3.0}
"""Greatest speeds in m/s."""
SLOWEST_RUN = 1.8
"""Running below this speed has no flight phase, in m/s."""
FASTEST_TURN = float(np.radians(250.0))
"""Greatest turn rate in rad/s."""
LONGEST = 120.0
"""Longest single command in seconds."""


class CommandError(ValueError):
    """A motion command asks for something the gait generator cannot do; the message says what it can."""


@dataclass(frozen=True, kw_only=True)
class Command:
    """One stretch of locomotion at constant speed and turn rate; blended smoothly with its neighbours."""

    seconds: float = 1.0
    """Duration in seconds; a neighbour's blend does not change the distance and angle covered."""
    speed: float = 0.0
    """Speed in m/s, not negative."""
    direction: float = 0.0
    """Direction of travel relative to the heading in radians: 0 forward, +π/2 left, π backward."""
    turn_rate: float = 0.0
    """Rate of the heading in rad/s, positive to the left."""
    gait: Gait = "walk"
    """Walk, or run with a flight phase."""

    def __post_init__(self) -> None:
        for name in ("seconds", "speed", "direction", "turn_rate"):
            if not np.isfinite(getattr(self, name)):
                raise CommandError(f"{name} is {getattr(self, name)}; expected a finite number.")
        if not 0.0 < self.seconds <= LONGEST:
            raise CommandError(f"a command of {self.seconds:g} s; expected more than 0 and at most {LONGEST:g} s.")
        if self.speed < 0.0:
            raise CommandError(f"speed {self.speed:g} m/s is negative; give direction=π to move backward.")
        if self.gait == "run" and not (self.speed >= SLOWEST_RUN and abs(self.left) < 1e-6 and self.forward > 0):
            raise CommandError(
                f"running at {self.speed:g} m/s in direction {np.degrees(self.direction):.0f}°; "
                f"running goes forward at {SLOWEST_RUN} to {FASTEST['run']} m/s."
            )
        if self.effort > 1.0 + 1e-9:
            raise CommandError(
                f"{self.speed:g} m/s in direction {np.degrees(self.direction):.0f}° is too fast; at most "
                + ", ".join(f"{name} {limit:g}" for name, limit in FASTEST.items())
                + " m/s."
            )
        if abs(self.turn_rate) > FASTEST_TURN + 1e-9:
            raise CommandError(
                f"turning at {np.degrees(self.turn_rate):.0f}°/s; at most {np.degrees(FASTEST_TURN):.0f}°/s."
            )

    @property
    def forward(self) -> float:
        """Forward speed in m/s, negative when moving backward."""
        return float(self.speed * np.cos(self.direction))

    @property
    def left(self) -> float:
        """Speed to the left in m/s."""
        return float(self.speed * np.sin(self.direction))

    @property
    def effort(self) -> float:
        """Speed as a share of the greatest speed in its direction."""
        ahead = FASTEST["run"] if self.gait == "run" else FASTEST["forward" if self.forward >= 0 else "backward"]
        return float(np.hypot(self.forward / ahead, self.left / FASTEST["sideways"]))

    @property
    def angle(self) -> float:
        """Angle turned in radians, positive to the left."""
        return self.turn_rate * self.seconds

    @property
    def distance(self) -> float:
        """Length of the path in metres."""
        return self.speed * self.seconds

    @property
    def moves(self) -> bool:
        """Whether it asks for any step."""
        return self.speed > 0.0 or self.turn_rate != 0.0


def stand(seconds: float) -> Command:
    """Stand still."""
    return Command(seconds=seconds)


def travel(
    distance: float, speed: float, *, direction: float = 0.0, angle: float = 0.0, gait: Gait = "walk"
) -> Command:
    """Cover a distance in metres at a speed in m/s, turning by `angle` (rad, left positive) on the way."""
    if not (distance > 0.0 and speed > 0.0):
        raise CommandError(f"{distance:g} m at {speed:g} m/s; expected a positive distance and speed.")
    seconds = float(distance / speed)
    return Command(seconds=seconds, speed=speed, direction=direction, turn_rate=angle / seconds, gait=gait)


def turn_in_place(angle: float, rate: float = np.pi / 3) -> Command:
    """Turn on the spot by `angle` (rad, left positive) at `rate` rad/s."""
    if angle == 0.0 or rate <= 0.0:
        raise CommandError(f"a turn by {angle:g} rad at {rate:g} rad/s; expected an angle and a positive rate.")
    return Command(seconds=float(abs(angle) / rate), turn_rate=float(np.copysign(rate, angle)))


def circle(radius: float, speed: float, *, turns: float = 1.0, gait: Gait = "walk") -> Command:
    """Go round a circle of `radius` metres; positive `turns` are counter-clockwise (to the left)."""
    if radius <= 0.0:
        raise CommandError(f"a circle of radius {radius:g} m; expected more than 0.")
    return travel(2 * np.pi * radius * abs(turns), speed, angle=2 * np.pi * turns, gait=gait)
