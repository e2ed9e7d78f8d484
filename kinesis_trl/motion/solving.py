"""Motions made fit to be followed, and static optimisation of many of them on several processes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.body.inverse import InverseSolution, solve
from kinesis_trl.body.model import BodyModel, load_body
from kinesis_trl.body.residuals import ResidualConfig, reduce_residuals
from kinesis_trl.motion.retarget.footing import FootingConfig, plant_feet
from kinesis_trl.processes import in_processes

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class SolveConfig:
    """How a motion is made fit to be followed, and solved."""

    footing: FootingConfig | None = field(default_factory=FootingConfig)
    """How feet are made to carry; None leaves them as they are."""
    residuals: ResidualConfig = field(default_factory=ResidualConfig)
    """How far the root may move to make the motion dynamically consistent, and how forces are found."""


def solve_motions(
    body: BodyModel, motions: Sequence[Array], fps: float, config: SolveConfig, *, workers: int = 1
) -> Iterator[InverseSolution]:
    """Smoothed motion with feet that carry and less unsuppliable force at the root, and its muscles, of each in turn.

    Args:
        body: the body.
        motions: qpos (T, nq) each.
        fps: frames per second.
        config: how to solve.
        workers: processes; 1 stays in this one. With more, the body must be one that its name finds again.
    """
    if workers <= 1 or len(motions) <= 1:
        for qpos in motions:
            yield _solve(body, qpos, fps, config)
        return
    yield from in_processes(partial(_solve_named, body.name, fps, config), motions, workers)


def _solve(body: BodyModel, qpos: Array, fps: float, config: SolveConfig) -> InverseSolution:
    planted = qpos if config.footing is None else plant_feet(body, qpos, fps, config.footing)
    moved = reduce_residuals(body, planted, fps, config.residuals)
    return solve(body, moved, fps, replace(config.residuals.inverse, moment_arms=True))


def _solve_named(name: str, fps: float, config: SolveConfig, qpos: Array) -> InverseSolution:
    return _solve(load_body(name), qpos, fps, config)
