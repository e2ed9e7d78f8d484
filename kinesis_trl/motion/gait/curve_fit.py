"""Smooth curves in time: linear least squares of weighted rows, and differences that die away."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solveh_banded

from kinesis_trl.motion.gait.gait_curves import smoothstep

Array = NDArray[np.float64]

_BAND = 3


@dataclass(frozen=True)
class Rows:
    """What a curve x (T,) should do: Σ_k stencil[:, k] x[i + k − offset] should be `target`, with `weight`."""

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
    stencil = np.array({1: [-1.0, 1.0], 2: [1.0, -2.0, 1.0], 3: [-1.0, 3.0, -3.0, 1.0]}[order]) / dt**order
    rows = frames - order
    target = np.asarray(target, dtype=np.float64)
    target = np.broadcast_to(target, rows) if target.ndim == 0 else target
    return Rows(np.tile(stencil, (rows, 1)), target, np.broadcast_to(np.asarray(weight, float), rows))


def fit(frames: int, parts: list[Rows]) -> Array:
    """The curve (T, …) of T = `frames` values of least squared error; all targets have the same width."""
    shape = max((part.target.shape[1:] for part in parts), key=len)
    band = np.zeros((_BAND + 1, frames))
    right = np.zeros((frames, int(np.prod(shape, dtype=int))))
    for part in parts:
        count, span = part.stencil.shape
        target = part.target.reshape(count, -1)
        for a in range(span):
            scaled = part.weight * part.stencil[:, a]
            right[a : a + count] += scaled[:, None] * target
            for b in range(a, span):
                band[b - a, a : a + count] += scaled * part.stencil[:, b]
    return solveh_banded(band, right, lower=True, check_finite=False).reshape(frames, *shape)


def dying(offset: Array, frames: int, fade: int) -> Array:
    """A difference that is given in the first frames, goes on at its last rate, and dies away.

    Args:
        offset: (P, …) earlier motion less later motion in the P ≥ 2 frames known of both.
        frames: T, length of the later motion.
        fade: frames in which the difference dies away.

    Returns:
        (T, …) to add to the later motion; continuous in value and rate at frame P − 1, zero from P − 1 + `fade` on.
    """
    since = np.arange(frames - len(offset)) + 1.0
    share = (1.0 - smoothstep(since / fade)).reshape(-1, *[1] * (offset.ndim - 1))
    rate = (offset[-1] - offset[-3]) / 2.0 if len(offset) > 2 else offset[-1] - offset[-2]
    later = (offset[-1] + rate * since.reshape(share.shape)) * share
    return np.concatenate([offset, later])
