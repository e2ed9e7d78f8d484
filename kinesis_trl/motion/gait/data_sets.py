"""Data sets that need no file, made by the gait generator; each is the same every time.

locomotion-v1: walking, turning and running in the proportions of the KIT split, for training and tests.
brisk-v1: what locomotion-v1 does too calmly, for training: people who are asked to turn around do it at up to 230°/s
and stop from a run within a second, where the clips of locomotion-v1 turn at 60 to 85°/s. Its people also differ more:
in how wide they step, turn out their feet and lean.
steered-v1: walks under orders that change at any moment, as in directional control, made by the gait planner.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal, get_args

import numpy as np

from kinesis_trl.body.model import BodyModel
from kinesis_trl.motion.clip import MotionClip
from kinesis_trl.motion.gait.commands import Command, circle, stand, travel, turn_in_place
from kinesis_trl.motion.gait.footsteps import GaitStyle
from kinesis_trl.motion.gait.planner import GaitPlanner
from kinesis_trl.motion.gait.steering import STOP, Order, Travel
from kinesis_trl.motion.gait.synthesis import synthesise
from kinesis_trl.motion.library import FPS

Range = tuple[float, float]
Draw = Callable[[np.random.Generator], tuple[list[Command], str]]
Split = Literal["train", "test", "demo"]
"""Training clips, test clips, and the first test clip of each category."""

_LOCOMOTION_SEED, _STEERED_SEED, _BRISK_SEED = 20241, 20242, 20243
_TRAIN_PER_TEST = 4
_SIDES = {1.0: "left", -1.0: "right"}
_HANDS = {1.0: "counter-clockwise", -1.0: "clockwise"}


def _walk(manner: str, speeds: Range, seconds: Range, rng: np.random.Generator) -> tuple[list[Command], str]:
    """Straight ahead at a speed in m/s, for some seconds between starting and stopping."""
    speed = rng.uniform(*speeds)
    return [Command(seconds=rng.uniform(*seconds), speed=speed)], f"a person walks forward{manner}"


def _run(rng: np.random.Generator) -> tuple[list[Command], str]:
    speed = rng.uniform(2.0, 3.0)
    return [Command(seconds=rng.uniform(1.8, 2.8), speed=speed, gait="run")], "a person runs forward"


def _backward(rng: np.random.Generator) -> tuple[list[Command], str]:
    speed = rng.uniform(0.35, 0.65)
    return [Command(seconds=rng.uniform(3.2, 5.5), speed=speed, direction=np.pi)], "a person walks backward"


def _bend(side: float, rng: np.random.Generator) -> tuple[list[Command], str]:
    """Walk, a quarter turn along an arc, walk on."""
    speed = rng.uniform(0.7, 1.1)
    angle, radius = np.radians(rng.uniform(75.0, 100.0)), rng.uniform(0.6, 1.1)
    before, after = rng.uniform(0.7, 1.3), rng.uniform(0.7, 1.3)
    arc = travel(radius * angle, 0.9 * speed, angle=side * angle)
    return [travel(before, speed), arc, travel(after, speed)], f"a person walks forward and turns {_SIDES[side]}"


def _turn(side: float, rng: np.random.Generator) -> tuple[list[Command], str]:
    """On the spot, or walk, turn about and walk back."""
    rate, word = np.radians(rng.uniform(62.0, 85.0)), _SIDES[side]
    if rng.random() < 0.5:
        angle = np.radians(rng.uniform(90.0, 270.0))
        return [turn_in_place(side * angle, rate)], f"a person turns {word} on the spot"
    angle, speed = np.radians(rng.uniform(170.0, 190.0)), rng.uniform(0.65, 0.95)
    there, back = rng.uniform(0.7, 1.1), rng.uniform(0.7, 1.1)
    about = travel(0.2 * angle / rate, 0.2, angle=side * angle)
    commands = [travel(there, speed), about, travel(back, speed)]
    return commands, f"a person walks, turns around to the {word} and walks back"


def _circle(side: float, rng: np.random.Generator) -> tuple[list[Command], str]:
    speed, radius = rng.uniform(0.8, 1.0), rng.uniform(0.72, 0.84)
    turns = rng.uniform(0.88, 0.98)
    return [circle(radius, speed, turns=side * turns)], f"a person walks in a {_HANDS[side]} circle"


def _start_stop(rng: np.random.Generator) -> tuple[list[Command], str]:
    first, second = rng.uniform(0.7, 1.2), rng.uniform(0.7, 1.2)
    there, pause = travel(rng.uniform(0.9, 1.5), first), stand(rng.uniform(0.3, 0.8))
    return [there, pause, travel(rng.uniform(0.9, 1.5), second)], "a person walks forward, stops and walks on"


@dataclass(frozen=True)
class Category:
    """One kind of locomotion-v1."""

    name: str
    """Name, which its clips have as category."""
    test: int
    """Clips in the test split; training has four times as many."""
    draw: Draw
    """Random commands and the sentence that describes them."""


CATEGORIES: tuple[Category, ...] = (
    Category("walk slow", 5, partial(_walk, " slowly", (0.3, 0.6), (4.2, 5.4))),
    Category("walk medium", 11, partial(_walk, "", (0.7, 1.2), (2.6, 4.6))),
    Category("walk fast", 6, partial(_walk, " fast", (1.25, 1.75), (1.8, 3.4))),
    Category("run", 6, _run),
    Category("gradual turn left", 5, partial(_bend, 1.0)),
    Category("gradual turn right", 5, partial(_bend, -1.0)),
    Category("turn in place left", 5, partial(_turn, 1.0)),
    Category("turn in place right", 5, partial(_turn, -1.0)),
    Category("circle clockwise", 4, partial(_circle, -1.0)),
    Category("circle counter-clockwise", 4, partial(_circle, 1.0)),
    Category("walk backward", 2, _backward),
    Category("start and stop", 2, _start_stop),
)
"""Numbers follow the KIT clips of KINESIS by name, with left and right made equal."""


def locomotion_v1(split: Split, body: BodyModel) -> list[MotionClip]:
    """240 training or 60 test clips of walking, turning and running, or 12 of the latter.

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
    drawn = "train" if split == "train" else "test"
    clips = []
    for index, category in enumerate(CATEGORIES):
        for k in range({"train": _TRAIN_PER_TEST * category.test, "test": category.test, "demo": 1}[split]):
            rng = np.random.default_rng([_LOCOMOTION_SEED, drawn == "test", index, k])
            commands, label = category.draw(rng)
            name = f"{category.name.replace(' ', '_')}_{drawn}_{k:03d}"
            clip = synthesise(commands, body, style=GaitStyle.sample(rng), name=name)
            clips.append(clip.with_(label=label, category=category.name, source="locomotion-v1"))
    return clips


BRISK = {"turn": 90, "about": 70, "in place": 40, "circle": 50, "fast": 60, "run": 30, "change": 40, "backward": 20}
"""Clips of each kind of brisk-v1."""


def brisk_v1(body: BodyModel) -> list[MotionClip]:
    """400 clips of qpos at 30 frames/s, from standing to standing.

    Args:
        body: whose coordinates are wanted.
    """
    clips = []
    for index, (kind, count) in enumerate(BRISK.items()):
        for k in range(count):
            rng = np.random.default_rng([_BRISK_SEED, index, k])
            commands, category, label = _brisk(kind, rng)
            name = f"brisk_{kind.replace(' ', '_')}_{k:03d}"
            clip = synthesise(commands, body, style=_anyone(rng), name=name)
            clips.append(clip.with_(label=label, category=category, source="brisk-v1"))
    return clips


def _anyone(rng: np.random.Generator) -> GaitStyle:
    """Any of many people."""
    width = float(rng.uniform(0.08, 0.21))
    return GaitStyle(
        lead="r" if rng.random() < 0.5 else "l",
        cadence=float(np.exp(np.clip(rng.normal(0.0, 0.1), -0.2, 0.2))),
        step_width=width,
        stance_width=max(width, float(rng.uniform(0.14, 0.26))),
        toe_out=float(np.radians(rng.uniform(-2.0, 16.0))),
        lift=float(np.exp(rng.normal(0.0, 0.08))),
        lean=float(np.radians(rng.normal(0.0, 3.0))),
        onset=float(rng.uniform(0.2, 0.5)),
        haste=float(rng.uniform(1.0, 2.0)),
    )


def _brisk(kind: str, rng: np.random.Generator) -> tuple[list[Command], str, str]:
    """Commands, category and sentence of a random clip of a kind."""
    side = 1.0 if rng.random() < 0.5 else -1.0
    word, hand = _SIDES[side], _HANDS[side]
    there, back = (travel(rng.uniform(0.4, 1.4), rng.uniform(0.5, 1.3)) for _ in range(2))
    if kind == "turn":
        arc = _arc(side * rng.uniform(60, 120), rng.uniform(60, 180), rng.uniform(0.15, 0.8))
        return [there, arc, back], f"turn {word}", f"a person walks and quickly turns {word}"
    if kind == "about":
        about = _arc(side * rng.uniform(150, 200), rng.uniform(100, 250), rng.uniform(0.05, 0.35))
        label = f"a person walks, quickly turns around to the {word} and walks back"
        return [there, about, back], f"turn {word}", label
    if kind == "in place":
        spin = turn_in_place(side * np.radians(rng.uniform(60, 360)), np.radians(rng.uniform(80, 240)))
        return [spin], f"turn in place {word}", f"a person quickly turns {word} on the spot"
    if kind == "circle":
        radius = rng.uniform(0.45, 0.85)
        speed = min(rng.uniform(0.7, 1.15), 1.7 * radius)
        round_ = circle(radius, speed, turns=side * rng.uniform(0.5, 1.1))
        return [round_], f"circle {hand}", f"a person walks in a narrow {hand} circle"
    if kind == "fast":
        walk = Command(seconds=rng.uniform(0.8, 2.4), speed=rng.uniform(1.1, 1.8))
        return [walk], "walk fast", "a person suddenly walks fast and stops"
    if kind == "run":
        run = Command(seconds=rng.uniform(0.8, 1.8), speed=rng.uniform(1.8, 2.6), gait="run")
        return [run], "run", "a person suddenly runs and stops"
    if kind == "change":
        walks = [Command(seconds=rng.uniform(0.7, 1.6), speed=rng.uniform(0.2, 1.7)) for _ in range(3)]
        return walks, "walk medium", "a person walks, now faster, now slower"
    walk = Command(seconds=rng.uniform(1.5, 3.5), speed=rng.uniform(0.3, 0.9), direction=np.pi)
    return [walk], "walk backward", "a person walks backward"


def _arc(degrees: float, rate: float, speed: float) -> Command:
    """A turn by an angle at a rate in degrees per second, on the way at a speed in m/s."""
    seconds = abs(degrees) / rate
    return Command(seconds=seconds, speed=speed, turn_rate=float(np.radians(degrees) / seconds))


def steered_v1(body: BodyModel) -> list[MotionClip]:
    """60 clips of qpos of 12 s at 30 frames/s: a person who stands is ordered about.

    Orders are to stop, or to walk at 0.5 to 1.3 m/s in one of eight directions of the world, each for 1.5 to 6 s.

    Args:
        body: whose coordinates are wanted.
    """
    return [_steered(body, np.random.default_rng([_STEERED_SEED, k]), f"steered_{k:03d}") for k in range(60)]


def _steered(body: BodyModel, rng: np.random.Generator, name: str) -> MotionClip:
    planner = GaitPlanner(body, style=GaitStyle.sample(rng))
    rows, change = [planner.qpos(0)], rng.uniform(0.3, 1.0)
    for frame in range(round(12.0 * FPS)):
        if frame >= change * FPS:
            planner.order(_order(rng), frame)
            change += rng.uniform(1.5, 6.0)
        elif planner.due(frame):
            planner.order(planner.current, frame)
        rows.append(planner.qpos(frame + 1).copy())
    label = "a person walks in changing directions"
    return MotionClip(name=name, fps=FPS, qpos=np.stack(rows), label=label, category="steered", source="steered-v1")


def _order(rng: np.random.Generator) -> Order:
    if rng.random() < 0.15:
        return STOP
    return Travel(speed=rng.uniform(0.5, 1.3), direction=2 * np.pi * rng.integers(8) / 8)
