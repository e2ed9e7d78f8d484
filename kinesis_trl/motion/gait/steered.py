"""steered-v1: walks under orders that change at any moment, as in directional control, made by the gait planner."""

from __future__ import annotations

import numpy as np

from kinesis_trl.body.model import BodyModel
from kinesis_trl.motion.clip import MotionClip
from kinesis_trl.motion.gait.footsteps import GaitStyle
from kinesis_trl.motion.gait.planner import GaitPlanner
from kinesis_trl.motion.gait.steering import STOP, Order, Travel
from kinesis_trl.motion.library import FPS

_SEED = 20242
_CLIPS = 60
_SECONDS = 12.0
_STOPS = 0.15  # share of the orders
_DIRECTIONS = 8


def steered_v1(body: BodyModel) -> list[MotionClip]:
    """60 clips of 12 s, the same every time: a person who stands is ordered about.

    Orders are to stop, or to walk at 0.5 to 1.3 m/s in one of eight directions of the world, each for 1.5 to 6 s.

    Args:
        body: whose coordinates are wanted.

    Returns:
        Clips of qpos at 30 frames/s.
    """
    return [_ride(body, np.random.default_rng([_SEED, k]), f"steered_{k:03d}") for k in range(_CLIPS)]


def _ride(body: BodyModel, rng: np.random.Generator, name: str) -> MotionClip:
    planner = GaitPlanner(body, style=GaitStyle.sample(rng))
    rows, change = [planner.qpos(0)], rng.uniform(0.3, 1.0)
    for frame in range(round(_SECONDS * FPS)):
        if frame >= change * FPS:
            planner.order(_order(rng), frame)
            change += rng.uniform(1.5, 6.0)
        elif planner.due(frame):
            planner.order(planner.current, frame)
        rows.append(planner.qpos(frame + 1).copy())
    return MotionClip(
        name=name,
        fps=FPS,
        qpos=np.stack(rows),
        label="a person walks in changing directions",
        category="steered",
        source="steered-v1",
    )


def _order(rng: np.random.Generator) -> Order:
    if rng.random() < _STOPS:
        return STOP
    return Travel(speed=rng.uniform(0.5, 1.3), direction=2 * np.pi * rng.integers(_DIRECTIONS) / _DIRECTIONS)
