"""Newton's method on the dual of coordination's problem, compiled by Numba without the interpreter's lock.

With one dual variable per joint the optimum is the root of a monotone, piecewise smooth function, which Newton's
method with an exact line search finds (Li and Swetits 1997, SIAM J. Optim. 7:3). A linear cost of activation shifts the
pulls; without one (None) the compiled code has no trace of it.
"""

from __future__ import annotations

import numba
import numpy as np

_TOLERANCE = 1e-10  # of the optimality condition, relative to the moments wanted
_ITERATIONS = 60
_HALVINGS = 40
_ROUNDING = 0.01  # share of the quadratic term in cubed effort, which keeps its slope at rest above zero
_REASSOCIATE = {"contract", "reassoc", "nsz"}  # never nnan: rows that are not finite must be found


@numba.njit(nogil=True, cache=True, inline="always")
def _activation(pull: float, cost: float, least: float, most: float, cube: bool) -> tuple[float, float]:
    """Activation at which effort rises as fast as `pull`, within bounds, and its slope."""
    if cube:
        x = 0.5 * (np.sqrt(_ROUNDING * _ROUNDING + 4.0 * max(pull, 0.0) / cost) - _ROUNDING)
        slope = 1.0 / (cost * (_ROUNDING + 2.0 * x))
    else:
        x = pull / cost
        slope = 1.0 / cost
    if x >= most:
        return most, 0.0
    if x <= least:
        return least, 0.0
    return x, slope


@numba.njit(nogil=True, cache=True, fastmath=_REASSOCIATE)
def share(  # type: ignore[no-untyped-def]
    moment,
    wanted,
    cost,
    linear,
    floor,
    unit,
    cube,
    ceiling,
    muscles,
    muscle_start,
    joints,
    joint_start,
    dual,
    activation,
    lacking,
    used,
):  # pragma: no cover  compiled
    """Newton's method on the dual of each group of each body."""
    widest, longest = np.max(np.diff(joint_start)), np.max(np.diff(muscle_start))
    a, b = np.empty((widest, longest)), np.empty(widest)
    r, gap, step = np.empty(widest), np.empty(widest), np.empty(widest)
    curve = np.empty((widest, widest))
    pull, change, x = np.empty(longest), np.empty(longest), np.empty(longest)
    for n in range(len(wanted)):
        most = ceiling[n if len(ceiling) > 1 else 0]
        for c in range(activation.shape[1]):
            activation[n, c] = min(floor[c], most[c])
        used[n] = 0
        for g in range(len(joint_start) - 1):
            across = joints[joint_start[g] : joint_start[g + 1]]
            group = muscles[muscle_start[g] : muscle_start[g + 1]]
            m, k = len(across), len(group)
            if not _gathered(moment[n], wanted[n], dual[n], linear, n, unit, across, group, a, b, r):
                for j in across:
                    dual[n, j] = 0.0
                    lacking[n, j] = wanted[n, j]
                continue
            size = 1.0
            for i in range(m):
                size = max(size, 1.0 + abs(b[i]))
            iteration = 0
            while True:
                worst = _dual_slope(a, b, r, m, group, cost, linear, n, floor, most, cube, gap, curve, pull, x)
                if worst <= _TOLERANCE * size or iteration == _ITERATIONS:
                    break
                iteration += 1
                _solve_positive(curve, gap, step, m)
                length = _step_length(a, b, r, m, group, cost, floor, most, cube, step, pull, change)
                for i in range(m):
                    r[i] -= length * step[i]
            used[n] = max(used[n], iteration)
            for c in range(k):
                activation[n, group[c]] = x[c]
            for i in range(m):
                made = 0.0
                for c in range(k):
                    made += a[i, c] * x[c]
                dual[n, across[i]] = r[i]
                lacking[n, across[i]] = unit * (b[i] - made)


@numba.njit(nogil=True, cache=True, inline="always")
def _gathered(  # type: ignore[no-untyped-def]
    moment, wanted, dual, linear, n, unit, across, group, a, b, r
):  # pragma: no cover  compiled
    """Fill the moments `a`, those wanted `b` and the dual's start `r` of one group; whether they are finite."""
    finite, start_finite = True, True
    for i in range(len(across)):
        j = across[i]
        b[i], r[i] = wanted[j] / unit, dual[j]
        finite &= np.isfinite(b[i])
        start_finite &= np.isfinite(r[i])
        for c in range(len(group)):
            a[i, c] = moment[group[c], j] / unit
            finite &= np.isfinite(a[i, c])
    if linear is not None:
        for q in group:
            finite &= np.isfinite(linear[n, q])
    if not start_finite:
        r[: len(across)] = 0.0
    return finite


@numba.njit(nogil=True, cache=True, inline="always")
def _dual_slope(  # type: ignore[no-untyped-def]
    a, b, r, m, group, cost, linear, n, floor, most, cube, gap, curve, pull, x
):  # pragma: no cover  compiled
    """Slope `gap` and curvature (lower triangle of `curve`) of the dual at `r`, with activations there
    and their pulls, less linear costs.

    Returns the largest absolute slope.
    """
    for i in range(m):
        gap[i] = r[i] + b[i]
        for j in range(i + 1):
            curve[i, j] = 0.0
        curve[i, i] = 1.0
    for c in range(len(group)):
        p = 0.0
        for i in range(m):
            p -= a[i, c] * r[i]
        q = group[c]
        if linear is not None:
            p -= linear[n, q]
        v, slope = _activation(p, cost[q], floor[q], most[q], cube)
        pull[c], x[c] = p, v
        for i in range(m):
            gap[i] -= a[i, c] * v
        if slope > 0.0:
            for i in range(m):
                s = slope * a[i, c]
                if s != 0.0:
                    for j in range(i + 1):
                        curve[i, j] += s * a[j, c]
    worst = 0.0
    for i in range(m):
        worst = max(worst, abs(gap[i]))
    return worst


@numba.njit(nogil=True, cache=True, inline="always")
def _step_length(  # type: ignore[no-untyped-def]
    a, b, r, m, group, cost, floor, most, cube, step, pull, change
):  # pragma: no cover  compiled
    """How far to go along −step, at most 1: the root of the dual's rising slope."""
    start, rise = 0.0, 0.0
    for i in range(m):
        start -= (r[i] + b[i]) * step[i]
        rise += step[i] * step[i]
    whole = start + rise
    for c in range(len(group)):
        d = 0.0
        for i in range(m):
            d += a[i, c] * step[i]
        change[c] = d
        q = group[c]
        whole += _activation(pull[c] + d, cost[q], floor[q], most[q], cube)[0] * d
    length = 1.0
    if whole > 1e-12 * abs(start):
        low, high = 0.0, 1.0
        for _ in range(_HALVINGS):
            middle = 0.5 * (low + high)
            f = start + middle * rise
            for c in range(len(group)):
                q = group[c]
                pulled = pull[c] + middle * change[c]
                f += _activation(pulled, cost[q], floor[q], most[q], cube)[0] * change[c]
            if f > 0.0:
                high = middle
            else:
                low = middle
            if high - low < 1e-3 * high:
                break
        length = high
    return length


@numba.njit(nogil=True, cache=True, fastmath=_REASSOCIATE)
def _solve_positive(matrix, right, out, m):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """matrix · out = right by Cholesky's factors, which overwrite the lower triangle of a positive matrix (m, m)."""
    for i in range(m):
        for j in range(i + 1):
            total = matrix[i, j]
            for h in range(j):
                total -= matrix[i, h] * matrix[j, h]
            matrix[i, j] = np.sqrt(total) if i == j else total / matrix[j, j]
    for i in range(m):
        total = right[i]
        for h in range(i):
            total -= matrix[i, h] * out[h]
        out[i] = total / matrix[i, i]
    for back in range(m):
        i = m - 1 - back
        total = out[i]
        for h in range(i + 1, m):
            total -= matrix[h, i] * out[h]
        out[i] = total / matrix[i, i]
