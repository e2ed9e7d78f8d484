"""What one clause of a sentence asks for, and the motion commands that do it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from kinesis_trl.motion.gait.commands import Command, Gait, circle, stand, travel, turn_in_place
from kinesis_trl.motion.gait.gait_curves import running_cadence, walking_cadence

ABILITIES = (
    "It knows: walk, run, jog, sprint, step, turn, spin, veer, circle, stand, stop; forward, backward, left, right, "
    "sideways, diagonally, around, clockwise, counter-clockwise; slowly, fast; 3 meters, 4 steps, 2 seconds, "
    "90 degrees, 1.2 m/s, radius 2 m; twice, three times; then, and, while. For example: 'walk forward slowly, then "
    "turn left by 90 degrees and stop'."
)
"""What the grammar covers, for messages."""

RUNNERS = frozenset({"RUN", "JOG", "SPRINT"})
"""Verbs of running, by terminal of the grammar."""
TURNERS = frozenset({"TURN", "SPIN"})
"""Verbs of turning on the spot."""
_SIDE_STEP = 0.3  # m


class SentenceError(ValueError):
    """A sentence is not understood, in whole or in part; the message names the words and what is possible."""


@dataclass(frozen=True, kw_only=True)
class Clause:
    """One thing to do."""

    verb: str = ""
    """Terminal of the grammar; empty when unsaid."""
    words: frozenset[str] = frozenset()
    """Directions and shapes, by terminal name."""
    pace: int = 0
    """−2 very slow … 2 very fast."""
    distance: float | None = None
    """Metres."""
    seconds: float | None = None
    """Duration."""
    steps: float | None = None
    """Number of steps."""
    angle: float | None = None
    """Radians."""
    speed: float | None = None
    """Metres per second."""
    radius: float | None = None
    """Metres."""
    circles: float | None = None
    """Number of circles or turns."""
    share: float = 1.0
    """Part of a full circle or turn."""
    times: int = 1
    """How often the clause is done."""
    unknown: tuple[str, ...] = ()
    """Words that are not understood."""

    @property
    def side(self) -> float:
        """+1 left or counter-clockwise, −1 right or clockwise, 0 unsaid."""
        left, right = {"LEFT", "COUNTER"} & self.words, {"RIGHT", "CLOCKWISE"} & self.words
        if left and right:
            raise SentenceError(f"left and right in the same breath; put 'then' between them. {ABILITIES}")
        return 1.0 if left else -1.0 if right else 0.0


def counted(clause: Clause) -> Clause:
    """'Step to the left twice' means two steps."""
    if clause.verb == "STEP" and clause.times > 1 and clause.distance is None and clause.seconds is None:
        return replace(clause, steps=(clause.steps or 1.0) * clause.times, times=1)
    return clause


def clause_commands(clause: Clause, turned: bool) -> list[Command]:
    """What a clause asks for; `turned` says whether the one before turned around."""
    verb, words, side = clause.verb, clause.words, clause.side
    if not verb:
        verb = "STEP" if clause.steps else "WALK"
    if verb == "STAND":
        return [stand(clause.seconds or 1.0)]
    if verb in TURNERS:
        return _turn(clause, side or 1.0)
    if "IN_PLACE" in words:
        raise SentenceError(f"walking or running on the spot is not possible. {ABILITIES}")
    backward = "BACKWARD" in words or ("BACK" in words and not turned)
    sideways = "SIDEWAYS" in words or (verb == "STEP" and side != 0.0 and not {"FORWARD", "DIAGONALLY"} & words)
    gait: Gait = "run" if verb in RUNNERS and not (backward or sideways) else "walk"
    direction = np.pi if backward else 0.0
    if sideways:
        direction = (side or 1.0) * np.pi / 2
    elif "DIAGONALLY" in words:
        direction = (side or 1.0) * (3 if backward else 1) * np.pi / 4
    speed = clause.speed or _speed(clause, verb, direction, gait)
    cadence = running_cadence(np.array(speed)) if gait == "run" else walking_cadence(np.array(speed))
    distance = clause.distance
    if distance is None and clause.steps is not None:
        distance = clause.steps * (_SIDE_STEP if sideways else speed / float(cadence))
    if distance is None and clause.seconds is not None:
        distance = clause.seconds * speed
    if "BACK_AND_FORTH" in words:
        there = travel(distance or 3.0, speed, gait=gait)
        return [there, turn_in_place(np.pi), there, turn_in_place(np.pi)]
    if not (backward or sideways) and (
        "CIRCLE" in words or clause.radius or words & {"AROUND", "CLOCKWISE", "COUNTER"}
    ):
        return [_round(clause, speed, distance, side or 1.0, gait)]
    angle = 0.0
    if direction == 0.0 and (side or verb == "VEER" or "BEND" in words):
        angle = (side or 1.0) * _angle(clause)
        distance = distance or max(2.0 * abs(angle), 1.5) * speed / 1.2
    default = {"run": 2.4, "walk": 3.0}[gait] * speed if direction != np.pi / 2 else 1.0
    return [travel(distance or default, speed, direction=direction, angle=angle, gait=gait)]


def _turn(clause: Clause, side: float) -> list[Command]:
    rate = np.radians({-2: 30.0, -1: 40.0, 0: 60.0, 1: 85.0, 2: 105.0}[clause.pace])
    angle = _angle(clause) * (clause.circles or 1.0)
    if clause.seconds is not None and clause.angle is None and clause.verb == "SPIN":
        angle = rate * clause.seconds
    elif clause.seconds is not None:
        rate = angle / clause.seconds
    return [turn_in_place(side * angle, rate)]


def _angle(clause: Clause) -> float:
    """Angle of a turn in radians, without its side."""
    if clause.angle is not None:
        return clause.angle
    if clause.words & {"HALF", "QUARTER", "FULL"}:
        return clause.share * 2 * np.pi
    if clause.verb == "SPIN" or "CIRCLE" in clause.words:
        return 2 * np.pi
    if "SLIGHTLY" in clause.words:
        return np.radians(30.0)
    return np.pi if "AROUND" in clause.words else np.pi / 2


def _round(clause: Clause, speed: float, distance: float | None, side: float, gait: Gait) -> Command:
    """Round a circle: by its radius, or as many times as asked, or as far as asked."""
    radius = clause.radius or (2.5 if gait == "run" else 1.0)
    turns = clause.share * (clause.circles or 1.0)
    if distance is not None:
        turns = distance / (2 * np.pi * radius)
    elif clause.angle is not None:
        turns = clause.angle / (2 * np.pi)
    return circle(radius, speed, turns=side * turns, gait=gait)


def _speed(clause: Clause, verb: str, direction: float, gait: Gait) -> float:
    """Speed in m/s from verb, direction and manner."""
    pace = clause.pace + {"STROLL": -1, "HURRY": 1, "SPRINT": 2, "JOG": -1}.get(verb, 0)
    pace = int(np.clip(pace, -2, 2))
    if gait == "run":
        return {-2: 2.0, -1: 2.0, 0: 2.5, 1: 2.8, 2: 3.0}[pace]
    ahead, aside = abs(np.cos(direction)) > 0.9, abs(np.sin(direction)) > 0.5
    if aside:
        return {-2: 0.15, -1: 0.2, 0: 0.3, 1: 0.4, 2: 0.45}[pace]
    if ahead and np.cos(direction) < 0:
        return {-2: 0.3, -1: 0.35, 0: 0.55, 1: 0.75, 2: 0.85}[pace]
    curved = bool(clause.words & {"CIRCLE", "AROUND", "CLOCKWISE", "COUNTER", "LEFT", "RIGHT", "BEND"})
    return {-2: 0.35, -1: 0.55, 0: 0.9 if curved else 1.15, 1: 1.2 if curved else 1.55, 2: 1.4 if curved else 1.75}[
        pace
    ]
