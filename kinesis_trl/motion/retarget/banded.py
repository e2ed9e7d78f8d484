"""Normal equations of a least-squares problem over a trajectory: blocks along a band, and their solution.

T frames of n coordinates. H is stored as its diagonal blocks `diagonal` (T, n, n), the blocks `beside` (T, n, n)
that couple frame t + 1 (rows) to frame t (columns), and `smooth` (3, T, n): what smoothness adds to the diagonals
of the blocks at lags of 0, 1 and 2 frames.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, solveh_banded

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

_RAMP = 3  # frames


def inner_weight(stance: Mask) -> Array:
    """Weights (T, 4) that rise from 0 to 1 over the first frames of a stance and fall over its last."""
    weight = stance.astype(np.float64)
    padded = np.concatenate([stance[:1]] * _RAMP + [stance] + [stance[-1:]] * _RAMP)
    for shift in range(1, _RAMP + 1):
        for offset in (_RAMP - shift, _RAMP + shift):
            weight = np.where(padded[offset : offset + len(stance)], weight, np.minimum(weight, (shift - 0.5) / _RAMP))
    return weight * stance


def add_stance(normal: Array, gradient: Array, feet: Array, jacobian: Array, weight: Array) -> Array:
    """Stance foot parts should not move from frame t to t + 1: adds to `normal` and `gradient`, returns H[t + 1, t].

    feet (T, 4, 2) and jacobian (T, 4, 2, n) are the horizontal positions of the parts, weight (T, 4) is 0 in swing.
    """
    beside = np.zeros_like(normal)
    both = np.minimum(weight[1:], weight[:-1])
    for part in range(feet.shape[1]):
        at = np.flatnonzero(both[:, part])
        strength = both[at, part, None, None]
        before, after = strength * jacobian[at, part], strength * jacobian[at + 1, part]
        moved = strength[..., 0] * (feet[at + 1, part] - feet[at, part])
        normal[at] += np.swapaxes(before, 1, 2) @ before
        normal[at + 1] += np.swapaxes(after, 1, 2) @ after
        beside[at] -= np.swapaxes(after, 1, 2) @ before
        gradient[at] -= np.einsum("tij,ti->tj", before, moved)
        gradient[at + 1] += np.einsum("tij,ti->tj", after, moved)
    return beside


def add_smoothness(deviation: Array, tolerance: float, gradient: Array) -> Array:
    """Adds the gradient of the second-difference penalty in place; its Hessian's diagonals (3, T, n) by lag."""
    total, size = deviation.shape
    out = np.zeros((3, total, size))
    stiff = np.full(size, tolerance**-2)
    stiff[:3] = (0.1 * tolerance) ** -2
    bend = stiff * np.diff(deviation, n=2, axis=0)
    for lag, factor in enumerate((1.0, -2.0, 1.0)):
        gradient[lag : lag + len(bend)] += factor * bend
        out[0, lag : lag + len(bend)] += factor**2 * stiff
    out[1, : len(bend)] -= 2.0 * stiff
    out[1, 1 : 1 + len(bend)] -= 2.0 * stiff
    out[2, : len(bend)] += stiff
    return out


def solve_banded(diagonal: Array, beside: Array, smooth: Array, gradient: Array, held: Mask) -> Array:
    """−H⁻¹ gradient (T, n) for the banded H; coordinates that are `held` do not move."""
    total, size = gradient.shape
    free = ~held
    diagonal = diagonal * (free[:, :, None] & free[:, None, :])
    every = np.arange(size)
    diagonal[:, every, every] += np.where(held, 1.0, smooth[0])
    after = np.concatenate([free[1:], np.zeros((1, size), dtype=bool)])
    beside = beside * (after[:, :, None] & free[:, None, :])
    beside[:, every, every] += smooth[1] * (free & after)
    later = np.concatenate([free[2:], np.zeros((min(2, total), size), dtype=bool)])[:total]
    band = np.zeros((2 * size + 1, total, size))  # lower form: band[i − j, j] = H[i, j]
    for a in range(size):
        band[: size - a, :, a] = diagonal[:, a:, a].T
        band[size - a : 2 * size - a, :, a] += beside[:, :, a].T
    band[2 * size] = smooth[2] * free * later
    right = np.where(held, 0.0, -gradient)
    flat = band.reshape(2 * size + 1, -1)
    try:
        step = solveh_banded(flat, right.reshape(-1), lower=True, overwrite_ab=True, check_finite=False)
    except LinAlgError as error:
        raise FloatingPointError(
            "inverse kinematics lost positive definiteness; the targets are out of reach"
        ) from error
    return step.reshape(total, size)
