"""locomotion-v1: the data set that needs no file, made by the gait generator in the proportions of the KIT split."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from kinesis_trl.body.model import BodyModel
from kinesis_trl.motion.clip import MotionClip
from kinesis_trl.motion.gait.commands import Command, circle, stand, travel, turn_in_place
from kinesis_trl.motion.gait.footsteps import GaitStyle
from kinesis_trl.motion.gait.synthesis import synthesise

SOURCE = "locomotion-v1"
_SEED = 20241
_TRAIN_PER_TEST = 4

Split = Literal["train", "test", "demo"]
"""Training clips, test clips, and the first test clip of each category."""

Draw = Callable[[np.random.Generator], "tuple[list[Command], str]"]


@dataclass(frozen=True)
class _Category:
    name: str
    test: int
    """Clips in the test split; training has four times as many."""
    draw: Draw
    """Random commands and the sentence that describes them."""


def _between(rng: np.random.Generator, low: float, high: float) -> float:
    return float(rng.uniform(low, high))


def _walk(manner: str, slowest: float, fastest: float, shortest: float, longest: float) -> Draw:
    """Straight ahead, for `shortest` to `longest` seconds between starting and stopping."""

    def draw(rng: np.random.Generator) -> tuple[list[Command], str]:
        speed, seconds = _between(rng, slowest, fastest), _between(rng, shortest, longest)
        return [Command(seconds=seconds, speed=speed)], f"a person walks forward{manner}"

    return draw


def _run(rng: np.random.Generator) -> tuple[list[Command], str]:
    speed = _between(rng, 2.0, 3.0)
    return [Command(seconds=_between(rng, 1.8, 2.8), speed=speed, gait="run")], "a person runs forward"


def _backward(rng: np.random.Generator) -> tuple[list[Command], str]:
    speed, seconds = _between(rng, 0.35, 0.65), _between(rng, 3.2, 5.5)
    return [Command(seconds=seconds, speed=speed, direction=np.pi)], "a person walks backward"


def _bend(side: float, word: str) -> Draw:
    """Walk, a quarter turn along an arc, walk on."""

    def draw(rng: np.random.Generator) -> tuple[list[Command], str]:
        speed = _between(rng, 0.7, 1.1)
        angle, radius = np.radians(_between(rng, 75.0, 100.0)), _between(rng, 0.6, 1.1)
        before, after = _between(rng, 0.7, 1.3), _between(rng, 0.7, 1.3)
        arc = travel(radius * angle, 0.9 * speed, angle=side * angle)
        return [travel(before, speed), arc, travel(after, speed)], f"a person walks forward and turns {word}"

    return draw


def _turn(side: float, word: str) -> Draw:
    """On the spot, or walk, turn about and walk back."""

    def draw(rng: np.random.Generator) -> tuple[list[Command], str]:
        rate = np.radians(_between(rng, 62.0, 85.0))
        if rng.random() < 0.5:
            angle = np.radians(_between(rng, 90.0, 270.0))
            return [turn_in_place(side * angle, rate)], f"a person turns {word} on the spot"
        angle, speed = np.radians(_between(rng, 170.0, 190.0)), _between(rng, 0.65, 0.95)
        there, back = _between(rng, 0.7, 1.1), _between(rng, 0.7, 1.1)
        about = travel(0.2 * angle / rate, 0.2, angle=side * angle)
        return [
            travel(there, speed),
            about,
            travel(back, speed),
        ], f"a person walks, turns around to the {word} and walks back"

    return draw


def _circle(side: float, word: str) -> Draw:
    def draw(rng: np.random.Generator) -> tuple[list[Command], str]:
        speed, radius = _between(rng, 0.8, 1.0), _between(rng, 0.72, 0.84)
        turns = _between(rng, 0.88, 0.98)
        return [circle(radius, speed, turns=side * turns)], f"a person walks in a {word} circle"

    return draw


def _start_stop(rng: np.random.Generator) -> tuple[list[Command], str]:
    first, second = _between(rng, 0.7, 1.2), _between(rng, 0.7, 1.2)
    parts = [
        travel(_between(rng, 0.9, 1.5), first),
        stand(_between(rng, 0.3, 0.8)),
        travel(_between(rng, 0.9, 1.5), second),
    ]
    return parts, "a person walks forward, stops and walks on"


CATEGORIES: tuple[_Category, ...] = (
    _Category("walk slow", 5, _walk(" slowly", 0.3, 0.6, 4.2, 5.4)),
    _Category("walk medium", 11, _walk("", 0.7, 1.2, 2.6, 4.6)),
    _Category("walk fast", 6, _walk(" fast", 1.25, 1.75, 1.8, 3.4)),
    _Category("run", 6, _run),
    _Category("gradual turn left", 5, _bend(1.0, "left")),
    _Category("gradual turn right", 5, _bend(-1.0, "right")),
    _Category("turn in place left", 5, _turn(1.0, "left")),
    _Category("turn in place right", 5, _turn(-1.0, "right")),
    _Category("circle clockwise", 4, _circle(-1.0, "clockwise")),
    _Category("circle counter-clockwise", 4, _circle(1.0, "counter-clockwise")),
    _Category("walk backward", 2, _backward),
    _Category("start and stop", 2, _start_stop),
)
"""Numbers follow the KIT clips of KINESIS by name, with left and right made equal."""


def locomotion_v1(split: Split, body: BodyModel) -> list[MotionClip]:
    """240 training or 60 test clips of walking, turning and running, the same every time, or 12 of the latter.

    Args:
        split: which clips; training and test clips share no random draw.
        body: whose coordinates are wanted.

    Returns:
        Clips of qpos at 30 frames/s, 3.4 to 9.5 s long, from standing to standing.

    Raises:
        ValueError: another split.
    """
    if split not in get_args(Split):
        raise ValueError(f"unknown split {split!r} of locomotion-v1; choose {', '.join(get_args(Split))}.")
    drawn: Split = "test" if split == "demo" else split
    clips = []
    for index, category in enumerate(CATEGORIES):
        for k in range({"train": _TRAIN_PER_TEST * category.test, "test": category.test, "demo": 1}[split]):
            rng = np.random.default_rng([_SEED, drawn == "test", index, k])
            commands, label = category.draw(rng)
            name = f"{category.name.replace(' ', '_')}_{drawn}_{k:03d}"
            clips.append(
                synthesise(
                    commands,
                    body,
                    style=GaitStyle.sample(rng),
                    name=name,
                    label=label,
                    category=category.name,
                    source=SOURCE,
                )
            )
    return clips
