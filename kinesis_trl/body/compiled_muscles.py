"""The formulas of `body.muscles` compiled by Numba, many bodies at once: what control needs at every physics substep.

N bodies, M muscles, J independent joints. Each body is computed by itself and without the interpreter's lock, so that
rows can be divided among threads and results do not depend on how.
"""

from __future__ import annotations

import mujoco
import numba
import numpy as np
from numpy.typing import NDArray

from kinesis_trl.body.muscles import DAMPING, STIFFNESS, MuscleParameters

Array = NDArray[np.float64]
_MIN = mujoco.mjMINVAL


def constants(p: MuscleParameters) -> Array:
    """(8, M) what the compiled formulas need of the muscles' parameters."""
    fields = (
        p.length_scale,
        p.length_offset,
        p.velocity_scale,
        p.peak_force,
        p.shortest,
        p.longest,
        p.passive_peak,
        p.eccentric_peak,
    )
    return np.ascontiguousarray(np.stack(np.broadcast_arrays(*fields)), dtype=np.float64)


@numba.njit(nogil=True, cache=True, inline="always")
def _gain(length, velocity, p, m):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """`muscles.active_gain` of muscle m."""
    normal = p[0, m] * length + p[1, m]
    rising = (normal - p[4, m]) / max(_MIN, 0.5 * (1 - p[4, m]))
    falling = (p[5, m] - normal) / max(_MIN, 0.5 * (p[5, m] - 1))
    t = min(max(min(rising, falling), 0.0), 2.0)
    over = max(t - 1, 0.0)
    v = p[2, m] * velocity
    saturation = p[7, m] - 1
    shortening = min(max(v, -1.0), 0.0) + 1
    left = saturation - min(max(v, 0.0), saturation)
    lengthening = saturation - left * left / max(_MIN, saturation)
    return -p[3, m] * (0.5 * t * t - over * over) * (shortening * shortening + lengthening)


@numba.njit(nogil=True, cache=True, inline="always")
def _bias(length, p, m):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """`muscles.passive_bias` of muscle m."""
    x = max(p[0, m] * length + p[1, m] - 1, 0.0) / max(_MIN, 0.5 * (p[5, m] - 1))
    over = max(x - 1, 0.0)
    return -p[3, m] * p[6, m] * 0.5 * (x * x - over * over)


@numba.njit(nogil=True, cache=True)
def length_controller(length, velocity, target, p, strength, out):  # type: ignore[no-untyped-def]  # pragma: no cover
    """`muscles.length_controller` of arrays (N, M), times `strength` (M,), into `out` (N, M)."""
    for n in range(len(length)):
        for m in range(length.shape[1]):
            now, rate, kp = length[n, m], velocity[n, m], STIFFNESS * p[3, m]
            force = min(max(kp * (target[n, m] - now) - DAMPING * kp * rate, -p[3, m]), 0.0)
            wanted = (force - _bias(now, p, m)) / min(_gain(now, rate, p, m), -1.0)
            out[n, m] = min(max(wanted, 0.0), 1.0) * strength[m]


@numba.njit(nogil=True, cache=True)
def excite(wanted, strength, out, lost):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """Excitations `wanted` (N, M), within [0, 1], times `strength` (M,), into `out` (N, M).

    Rows with a number that is not finite are `lost` (N,) from then on; lost ones get zeros.
    """
    for n in range(len(wanted)):
        for m in range(wanted.shape[1]):
            if not np.isfinite(wanted[n, m]):
                lost[n] = True
        for m in range(wanted.shape[1]):
            out[n, m] = 0.0 if lost[n] else min(max(wanted[n, m], 0.0), 1.0) * strength[m]


@numba.njit(nogil=True, cache=True)
def add_effort(excitation, out):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """Add `muscles.effort_reward` of excitations (N, M), none below 0, to `out` (N,)."""
    for n in range(len(excitation)):
        total, squares = 0.0, 0.0
        for m in range(excitation.shape[1]):
            total += excitation[n, m]
            squares += excitation[n, m] * excitation[n, m]
        out[n] += np.exp(-0.05 * (total + np.sqrt(squares)))


@numba.njit(nogil=True, cache=True)
def to_moments(arm, velocity, length, age, p, least, passive):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Turn moment arms into the moments that muscles make: fully active in the place of the arms, at rest in `passive`.

    Args: moment arms (N, M, J) in m/rad, changed to N m; velocities (N, M) in m/s; lengths (N, M) in metres that are
    `age` (N,) seconds old; `constants`; newtons, negative, that every muscle makes at least when fully active; passive
    moments (N, J) in N m, to be written.
    """
    for n in range(len(arm)):
        passive[n] = 0.0
        for m in range(arm.shape[1]):
            rate = velocity[n, m]
            now = length[n, m] + age[n] * rate
            gain, bias = min(_gain(now, rate, p, m), least), _bias(now, p, m)
            for j in range(arm.shape[2]):
                lever = arm[n, m, j]
                passive[n, j] += lever * bias
                arm[n, m, j] = lever * gain


@numba.njit(nogil=True, cache=True)
def excitation_for(activation, wanted, rise, fall, step, out):  # type: ignore[no-untyped-def]  # pragma: no cover
    """`ActivationDynamics.excitation_for` of arrays (N, M), into `out` (N, M)."""
    for n in range(len(activation)):
        for m in range(activation.shape[1]):
            a = activation[n, m]
            ease, change = 0.5 + 1.5 * min(max(a, 0.0), 1.0), wanted[n, m] - a
            rate = step / (rise[m] * ease) if change > 0 else step / fall[m] * ease
            out[n, m] = min(max(a + change / rate, 0.0), 1.0)
