"""What is observed of many bodies, gathered out of MuJoCo's arrays in one compiled pass."""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(nogil=True, cache=True)
def picked(values, rows, ids):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """(R, B, W) of `rows` (R,) and `ids` (B,) of values (N, ·, W)."""
    out = np.empty((len(rows), len(ids), values.shape[2]))
    for n in range(len(rows)):
        for b in range(len(ids)):
            for j in range(values.shape[2]):
                out[n, b, j] = values[rows[n], ids[b], j]
    return out


@numba.njit(nogil=True, cache=True)
def velocities(points, spatial, centre, rows, ids, root):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """Linear velocities of `points` (R, B, 3) on bodies `ids` (B,) and their angular velocities: (2, R, B, 3).

    `spatial` (N, ·, 6) velocities are taken at the tree's centre of mass `centre` (N, ·, 3)[root].
    """
    out = np.empty((2, len(rows), len(ids), 3))
    for n in range(len(rows)):
        for b in range(len(ids)):
            v, c = spatial[rows[n], ids[b]], centre[rows[n], root]
            x, y, z = points[n, b, 0] - c[0], points[n, b, 1] - c[1], points[n, b, 2] - c[2]
            out[0, n, b, 0] = v[3] + (v[1] * z - v[2] * y)
            out[0, n, b, 1] = v[4] + (v[2] * x - v[0] * z)
            out[0, n, b, 2] = v[5] + (v[0] * y - v[1] * x)
            out[1, n, b, 0], out[1, n, b, 1], out[1, n, b, 2] = v[0], v[1], v[2]
    return out
