"""Coordination: joint moments shared among muscles at least effort, many bodies at once.

For each body, activations x minimise ½ ‖(A x − b) / s‖² + effort(x) with floor ≤ x ≤ ceiling, where column m of A is
the moment of muscle m at full activation, b the moments wanted and s the moment error that costs 1. Effort is
Σ w x² / 2 (Crowninshield and Brand 1981, J. Biomech. 14:11, with activations weighted by muscle volume), Σ w x³ / 3, or
the metabolic power of Bhargava et al. 2004 (`body.metabolics`), Σ p x + w x² / 20, whose small square, which power does
not have, keeps the optimum a continuous function of the moments.
Joints that no muscle couples are separate problems: the two legs, for example. Every body is computed by itself, so
results do not depend on threads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.body.dual_newton import share

Array = NDArray[np.float64]
Indices = NDArray[np.int64]
_SQUARE = 0.1  # weight of squared activation beside metabolic power


@dataclass(frozen=True, kw_only=True)
class SharingConfig:
    """What a moment and an activation cost."""

    objective: Literal["square", "cube", "bhargava"] = "square"
    """Effort as squared or as cubed activation, weighted by the muscles' volumes, or as metabolic power."""
    volume_power: float = 1.0
    """Power of the muscle's volume that weighs its activation: 1 volume, 0.5 its square root, 0 none."""
    effort: float = 0.1
    """Square root of the cost of one fully active muscle of mean volume."""
    joint_moment: float = 5.0
    """Moment that lacks at a joint, in N m, that costs 1."""

    def __post_init__(self) -> None:
        if not (self.effort > 0 and self.joint_moment > 0):
            raise ValueError(f"effort and joint_moment must be positive, got {self.effort} and {self.joint_moment}.")
        if self.objective not in ("square", "cube", "bhargava"):
            raise ValueError(f"objective is {self.objective!r}; choose square, cube or bhargava.")
        if not 0 <= self.volume_power <= 2:
            raise ValueError(f"volume_power is {self.volume_power}; expected 0 to 2.")


@dataclass(frozen=True, kw_only=True)
class Shared:
    """Activations of N bodies."""

    activation: Array
    """(N, M), from the floor to 1; the floor in rows that are not finite."""
    lacking: Array
    """(N, J) moments wanted minus made, N m; large where muscles cannot make them."""
    iterations: Indices
    """(N,) Newton steps of the slowest group; 60 where one did not converge."""


class Sharing:
    """Shares the moments of J joints among M muscles; `solve` is a pure function of what it is given."""

    def __init__(self, crosses: NDArray[np.bool_], volume: Array, config: SharingConfig) -> None:
        """For one body.

        Args:
            crosses: (M, J) which joints each muscle moves.
            volume: (M,) volumes of the muscles, in any unit.
            config: costs.

        Raises:
            ValueError: shapes that do not fit, a volume that is not positive, or a joint without muscles.
        """
        muscles, joints = crosses.shape
        if volume.shape != (muscles,) or not (volume > 0).all():
            raise ValueError(f"expected {muscles} positive muscle volumes, got shape {volume.shape}.")
        if not crosses.any(0).all():
            raise ValueError(f"joint {int((~crosses.any(0)).argmax())} of {joints} is moved by no muscle.")
        self.config, self.crosses = config, crosses
        self.groups = coupled(crosses)
        weight = volume**config.volume_power
        self._cost = config.effort**2 * weight / weight.mean()
        if config.objective == "bhargava":
            self._cost *= _SQUARE
        self._muscles, self._muscle_start = _flat([m for m, _ in self.groups])
        self._joints, self._joint_start = _flat([j for _, j in self.groups])

    def solve(
        self,
        moment: Array,
        wanted: Array,
        floor: Array | float = 0.0,
        dual: Array | None = None,
        ceiling: Array | None = None,
        power: Array | None = None,
    ) -> Shared:
        """Activations whose moments come nearest to those wanted at least effort.

        Args:
            moment: (N, M, J) moment in N m of each muscle at full activation.
            wanted: (N, J) moments in N m.
            floor: (M,) or one least activation, in [0, 1).
            dual: (N, J) where to start, overwritten by where it ended; None: from zero. The result is the same.
            ceiling: (N, M) largest activations, in [0, 1]; None: 1. Where it is lower, the floor is lowered to it.
            power: (N, M) metabolic power of each muscle per unit of activation, in that of a mean muscle; for the
                objective bhargava, and only for it.

        Raises:
            ValueError: shapes that do not fit, a floor outside [0, 1), or power that is missing or of no use.
        """
        muscles, joints = self.crosses.shape
        count = len(wanted)
        if moment.shape != (count, muscles, joints) or wanted.shape != (count, joints):
            raise ValueError(
                f"expected moments (N, {muscles}, {joints}) and (N, {joints}), got {moment.shape} and {wanted.shape}."
            )
        least = np.ascontiguousarray(np.broadcast_to(np.asarray(floor, dtype=np.float64), (muscles,)))
        if not ((least >= 0) & (least < 1)).all():
            raise ValueError("least activations must lie in [0, 1).")
        most = np.ones((1, muscles)) if ceiling is None else np.ascontiguousarray(ceiling)
        if ceiling is not None and (most.shape != (count, muscles) or not ((most >= 0) & (most <= 1)).all()):
            raise ValueError(f"expected largest activations ({count}, {muscles}) in [0, 1], got shape {most.shape}.")
        if (power is None) == (self.config.objective == "bhargava"):
            raise ValueError(f"objective {self.config.objective} {'needs' if power is None else 'takes no'} power.")
        if power is not None and power.shape != (count, muscles):
            raise ValueError(f"expected powers ({count}, {muscles}), got shape {power.shape}.")
        linear = None if power is None else self.config.effort**2 * power
        dual = np.zeros((count, joints)) if dual is None else dual
        activation, lacking = np.empty((count, muscles)), np.empty((count, joints))
        iterations = np.zeros(count, dtype=np.int64)
        fixed = (self._cost, linear, least, self.config.joint_moment, self.config.objective == "cube")
        groups = (self._muscles, self._muscle_start, self._joints, self._joint_start)

        share(moment, wanted, *fixed, most, *groups, dual, activation, lacking, iterations)
        return Shared(activation=activation, lacking=lacking, iterations=iterations)


def coupled(crosses: NDArray[np.bool_]) -> list[tuple[Indices, Indices]]:
    """Groups (muscles, joints) that no muscle connects, by their first joint; muscles that move nothing are in none."""
    touches = crosses.T.astype(np.int64) @ crosses.astype(np.int64) > 0
    groups, left = [], np.ones(crosses.shape[1], dtype=bool)
    while left.any():
        member = np.zeros_like(left)
        member[left.argmax()] = True
        while True:
            grown = touches[member].any(0) | member
            if (grown == member).all():
                break
            member = grown
        groups.append((np.flatnonzero(crosses[:, member].any(1)), np.flatnonzero(member)))
        left &= ~member
    return groups


def _flat(lists: list[Indices]) -> tuple[Indices, Indices]:
    return np.concatenate(lists).astype(np.int64), np.cumsum([0] + [len(x) for x in lists]).astype(np.int64)
