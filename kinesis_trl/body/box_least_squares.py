"""Many small bounded least-squares problems at once, exactly, by a Newton method on their duals.

Each problem has far more unknowns (muscles, contact forces) than equations (degrees of freedom), so its dual,
with one variable per equation, is small: a strictly convex, piecewise quadratic function without constraints.
Newton's method with an exact line search ends after finitely many steps (Li and Swetits 1997, SIAM J. Optim. 7:3).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_TOLERANCE = 1e-9  # of the optimality condition, relative to the right-hand side
_HALVINGS = 40


class BoxLeastSquaresError(RuntimeError):
    """Problems did not converge; the message says how many."""


@dataclass(frozen=True)
class BoxSolution:
    """Minimisers of T problems."""

    x: Array
    """(T, n) unknowns, within their bounds."""
    residual: Array
    """(T, m) A x − b."""
    iterations: int
    """Newton steps of the slowest problem."""


def solve_box_least_squares(
    matrix: Array, goal: Array, weight: Array, upper: Array, *, iterations: int = 100
) -> BoxSolution:
    """Minimise ½‖A x − b‖² + ½ Σ w x² subject to 0 ≤ x ≤ u, for T problems.

    With r = A x − b the optimum has x = clip(−Aᵀr / w, 0, u), which leaves r as the only unknown of r = A x(r) − b.

    Args:
        matrix: A (T, m, n).
        goal: b (T, m).
        weight: w (T, n), positive.
        upper: u (T, n), not negative.
        iterations: most Newton steps before giving up.

    Raises:
        ValueError: a weight that is not positive.
        BoxLeastSquaresError: problems that did not converge, which only numbers of very different size cause.
    """
    if not (weight > 0).all() or not (upper >= 0).all():
        raise ValueError("weights must be positive and upper bounds not negative; the problem has no single solution.")
    x, residual = np.zeros(weight.shape), np.zeros(goal.shape)
    size = _TOLERANCE * (1 + np.abs(goal).max(-1))
    open_rows = np.arange(len(goal))
    for iteration in range(iterations + 1):
        a, b, w, u = matrix[open_rows], goal[open_rows], weight[open_rows], upper[open_rows]
        dual = residual[open_rows]
        pull = -np.einsum("tmn,tm->tn", a, dual)
        x[open_rows] = primal = np.clip(pull / w, 0, u)
        gap = dual + b - np.einsum("tmn,tn->tm", a, primal)
        going = np.abs(gap).max(-1) > size[open_rows]
        if not going.any():
            return BoxSolution(x, np.einsum("tmn,tn->tm", matrix, x) - goal, iteration)
        open_rows = open_rows[going]
        a, b, w, u, dual, pull, gap = (v[going] for v in (a, b, w, u, dual, pull, gap))
        free = a * np.sqrt(((pull > 0) & (pull < w * u)) / w)[:, None]
        curvature = free @ free.swapaxes(-1, -2) + np.eye(a.shape[1])
        step = -np.linalg.solve(curvature, gap[..., None])[..., 0]
        length = _exact_step(dual + b, step, a, pull, w, u)
        residual[open_rows] = dual + length[:, None] * step
    raise BoxLeastSquaresError(
        f"{len(open_rows)} of {len(goal)} problems did not converge in {iterations} steps; "
        "weights or bounds of very different size are the usual cause."
    )


def _exact_step(slope: Array, step: Array, a: Array, pull: Array, w: Array, u: Array) -> Array:
    """Length (T,) in (0, 1] at which the dual is least along `step`: the root of its rising slope, by bisection."""
    change = -np.einsum("tmn,tm->tn", a, step)
    start, rise = np.einsum("tm,tm->t", slope, step), np.einsum("tm,tm->t", step, step)
    low, high = np.zeros(len(step)), np.ones(len(step))

    def derivative(length: Array) -> Array:
        primal = np.clip((pull + length[:, None] * change) / w, 0, u)
        return start + length * rise + np.einsum("tn,tn->t", primal, change)

    whole = derivative(high) <= 1e-12 * np.abs(start)
    for _ in range(_HALVINGS):
        if whole.all():
            break
        middle = 0.5 * (low + high)
        rising = derivative(middle) > 0
        low, high = np.where(rising, low, middle), np.where(rising, middle, high)
        if (high - low).max() < 1e-3 * max(low.min(), 1e-6):
            break
    return np.where(whole, 1.0, np.maximum(low, 1e-12))
