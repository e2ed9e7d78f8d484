"""Smooth curves in time as linear least squares: what a curve should do is a list of weighted rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solveh_banded

Array = NDArray[np.float64]

_BAND = 3


@dataclass(frozen=True)
class Rows:
    """Wishes for a curve x (T,): Σ_k stencil[:, k] x[i + k − offset] should be `target`, with `weight`."""

    stencil: Array
    """(R, S) coefficients, S ≤ 4; row i refers to frames i … i + S − 1 (shifted by the constructor)."""
    target: Array
    """(R, …) wanted values."""
    weight: Array
    """(R,) weights of the squared errors."""


def value(target: Array, weight: Array | float) -> Rows:
    """The curve should pass `target` (T, …)."""
    return Rows(np.ones((len(target), 1)), target, np.broadcast_to(np.asarray(weight, float), len(target)))


def derivative(frames: int, order: int, dt: float, target: Array | float, weight: Array | float) -> Rows:
    """The derivative of `order` 1 to 3 (between the frames it spans) should be `target`."""
    stencil = {1: [-1.0, 1.0], 2: [1.0, -2.0, 1.0], 3: [-1.0, 3.0, -3.0, 1.0]}[order]
    rows = frames - order
    wanted = np.asarray(target, dtype=np.float64)
    wanted = np.broadcast_to(wanted, rows) if wanted.ndim == 0 else wanted
    return Rows(
        np.tile(np.array(stencil) / dt**order, (rows, 1)),
        wanted,
        np.broadcast_to(np.asarray(weight, dtype=np.float64), rows),
    )


def fit(frames: int, wishes: list[Rows]) -> Array:
    """The curve (T, …) of T = `frames` values that fulfils the wishes best; all targets have the same width."""
    shape = next(w.target.shape[1:] for w in sorted(wishes, key=lambda w: -w.target.ndim))
    band = np.zeros((_BAND + 1, frames))
    right = np.zeros((frames, int(np.prod(shape, dtype=int))))
    for wish in wishes:
        count, span = wish.stencil.shape
        target = wish.target.reshape(count, -1)
        for a in range(span):
            scaled = wish.weight * wish.stencil[:, a]
            right[a : a + count] += scaled[:, None] * target
            for b in range(a, span):
                band[b - a, a : a + count] += scaled * wish.stencil[:, b]
    return solveh_banded(band, right, lower=True, check_finite=False).reshape(frames, *shape)
