"""Motions made fit to be followed, and static optimisation of many of them on several processes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.body.contact_model import ContactModelConfig
from kinesis_trl.body.inverse import InverseConfig, InverseSolution, solve
from kinesis_trl.body.model import BodyModel, load_body
from kinesis_trl.body.residuals import ResidualConfig, reduce_residuals
from kinesis_trl.motion.clip import ClipFormatError
from kinesis_trl.motion.retarget.footing import FootingConfig, Planted, planted
from kinesis_trl.processes import WorkerDiedError, every_part

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class SolveConfig:
    """How a motion is made fit to be followed, and solved."""

    footing: FootingConfig | None = field(default_factory=FootingConfig)
    """How feet are made to carry; None leaves them as they are."""
    residuals: ResidualConfig = field(default_factory=ResidualConfig)
    """How far the root may move to make the motion dynamically consistent, and how its residuals are found; in the
    end on whole feet, whatever their inset."""
    rolling: InverseConfig = field(
        default_factory=lambda: InverseConfig(contacts=ContactModelConfig(margin=0.01, fastest=0.5))
    )
    """How forces are found, and residuals reduced, where feet roll without sliding from the first: only what is on the
    floor and at rest presses."""


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

    Raises:
        ClipFormatError: one of them has no solution.
    """
    for found in try_motions(body, motions, fps, config, workers=workers):
        if isinstance(found, ClipFormatError):
            raise found
        yield found


def try_motions(
    body: BodyModel, motions: Sequence[Array], fps: float, config: SolveConfig, *, workers: int = 1
) -> Iterator[InverseSolution | ClipFormatError]:
    """As `solve_motions`; where one has no solution, the error that says why stands in its place."""
    here = workers <= 1 or len(motions) <= 1
    work = partial(_try, body if here else body.name, fps, config)
    for found in every_part(work, motions, workers):
        yield ClipFormatError(str(found)) if isinstance(found, WorkerDiedError) else found


def _try(body: BodyModel | str, fps: float, config: SolveConfig, qpos: Array) -> InverseSolution | ClipFormatError:
    try:
        solution = _solve(_body(body) if isinstance(body, str) else body, qpos, fps, config)
    except (ArithmeticError, IndexError, MemoryError, ValueError) as error:
        return ClipFormatError(f"has no inverse solution ({type(error).__name__}: {error!s:.200}); cut or smooth it.")
    arrays = (solution.qpos, solution.target_length, solution.activation, solution.moment_arm)
    if not all(array is not None and np.isfinite(array).all() for array in arrays):
        return ClipFormatError("has an inverse solution that is not finite; cut or smooth it.")
    return solution


def _solve(body: BodyModel, qpos: Array, fps: float, config: SolveConfig) -> InverseSolution:
    footing = config.footing
    feet = Planted(qpos, rolled=False) if footing is None else planted(body, qpos, fps, footing)
    residuals = replace(config.residuals, inverse=config.rolling) if feet.rolled else config.residuals
    moved = reduce_residuals(body, feet.qpos, fps, residuals)
    whole = replace(residuals.inverse.contacts, inset=0.0)
    return solve(body, moved, fps, replace(residuals.inverse, contacts=whole, moment_arms=True))


@lru_cache(maxsize=1)
def _body(name: str) -> BodyModel:
    return load_body(name)
