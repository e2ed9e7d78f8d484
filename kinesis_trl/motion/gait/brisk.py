"""brisk-v1: what locomotion-v1 does too calmly, for training: quick turns, narrow circles, sudden starts and stops.

People who are asked to turn around do it at up to 230°/s, and stop from a run within a second; the clips of
locomotion-v1 turn at 60 to 85°/s. Its people also differ more: in how wide they step, turn out their feet and lean.
"""

from __future__ import annotations

import numpy as np

from kinesis_trl.body.model import BodyModel
from kinesis_trl.motion.clip import MotionClip
from kinesis_trl.motion.gait.commands import Command, circle, travel, turn_in_place
from kinesis_trl.motion.gait.footsteps import GaitStyle
from kinesis_trl.motion.gait.synthesis import synthesise

SOURCE = "brisk-v1"
_SEED = 20243
_CLIPS = {"turn": 90, "about": 70, "in place": 40, "circle": 50, "fast": 60, "run": 30, "change": 40, "backward": 20}
_SIDES = {1.0: "left", -1.0: "right"}


def brisk_v1(body: BodyModel) -> list[MotionClip]:
    """400 clips of qpos at 30 frames/s, the same every time, from standing to standing.

    Args:
        body: whose coordinates are wanted.
    """
    clips = []
    for index, (kind, count) in enumerate(_CLIPS.items()):
        for k in range(count):
            rng = np.random.default_rng([_SEED, index, k])
            commands, category, label = _draw(kind, rng)
            name = f"brisk_{kind.replace(' ', '_')}_{k:03d}"
            style = _style(rng)
            clips.append(
                synthesise(commands, body, style=style, name=name, label=label, category=category, source=SOURCE)
            )
    return clips


def _style(rng: np.random.Generator) -> GaitStyle:
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


def _draw(kind: str, rng: np.random.Generator) -> tuple[list[Command], str, str]:
    """Commands, category and sentence of a random clip of a kind."""
    side = 1.0 if rng.random() < 0.5 else -1.0
    word = _SIDES[side]
    there, back = (travel(rng.uniform(0.4, 1.4), rng.uniform(0.5, 1.3)) for _ in range(2))
    if kind == "turn":
        arc = _arc(side * rng.uniform(60, 120), rng.uniform(60, 180), rng.uniform(0.15, 0.8))
        return [there, arc, back], f"turn {word}", f"a person walks and quickly turns {word}"
    if kind == "about":
        about = _arc(side * rng.uniform(150, 200), rng.uniform(100, 250), rng.uniform(0.05, 0.35))
        return (
            [there, about, back],
            f"turn {word}",
            f"a person walks, quickly turns around to the {word} and walks back",
        )
    if kind == "in place":
        spin = turn_in_place(side * np.radians(rng.uniform(60, 360)), np.radians(rng.uniform(80, 240)))
        return [spin], f"turn in place {word}", f"a person quickly turns {word} on the spot"
    if kind == "circle":
        hand = "counter-clockwise" if side > 0 else "clockwise"
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
