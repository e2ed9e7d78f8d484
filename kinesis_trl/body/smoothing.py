"""Smooth motion: coordinates, velocities and accelerations from one smoothing spline."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.linalg import solveh_banded

from kinesis_trl.body.couplings import Couplings

Array = NDArray[np.float64]

LEAST_FRAMES = 3
"""Frames without which a motion has no accelerations."""


@dataclass(frozen=True)
class SmoothMotion:
    """A motion with its derivatives, in MuJoCo's convention for velocities."""

    qpos: Array
    """(T, nq) coordinates."""
    qvel: Array
    """(T, nv) velocities: root linear (world axes), root angular (root's axes), joints."""
    qacc: Array
    """(T, nv) their rates of change."""


def smooth_motion(qpos: Array, fps: float, couplings: Couplings, cutoff: float) -> SmoothMotion:
    """Motion and derivatives without noise above `cutoff` Hz; couplings hold exactly in all three.

    A cubic smoothing spline passes frequency f with gain 1 / (1 + (f/cutoff)⁴), as a second-order Butterworth
    filter run forth and back does, and starts and ends unaccelerated.
    The root's quaternions are smoothed as four numbers and normalised; its angular velocity and acceleration are
    the exact derivatives of that curve.

    Args:
        qpos: (T, nq), T ≥ 3; root quaternions of either sign.
        fps: frames per second.
        couplings: the body's.
        cutoff: frequency of half gain in Hz.
    """
    values = np.array(qpos, dtype=np.float64)
    quat = values[:, 3:7] / np.linalg.norm(values[:, 3:7], axis=1, keepdims=True)
    turns = np.einsum("ti,ti->t", quat[1:], quat[:-1]) < 0
    values[:, 3:7] = quat * np.concatenate([[1.0], np.cumprod(np.where(turns, -1.0, 1.0))])[:, None]
    value, rate, second = _smoothing_spline(values, fps, cutoff)
    spin, spin_rate = _angular_rates(value[:, 3:7], rate[:, 3:7], second[:, 3:7])
    value[:, 3:7] /= np.linalg.norm(value[:, 3:7], axis=1, keepdims=True)
    smooth = couplings.apply(value)
    qvel = couplings.apply_velocity(smooth, np.concatenate([rate[:, :3], spin, rate[:, 7:]], axis=1))
    qacc = np.concatenate([second[:, :3], spin_rate, second[:, 7:]], axis=1)
    qacc = couplings.apply_velocity(smooth, qacc)
    driver = qvel[:, couplings.independent_dof]
    qacc[:, couplings.dependent_dof] += _curvature(couplings, smooth) * driver**2
    return SmoothMotion(smooth, qvel, qacc)


def _smoothing_spline(values: Array, fps: float, cutoff: float) -> tuple[Array, Array, Array]:
    """Value, first and second derivative (T, n) at its knots of the natural cubic smoothing spline of values (T, n).

    With R and Q of Green and Silverman 1994, section 2.3.3 (after Reinsch 1967), the second derivatives γ solve
    (R + λ QᵀQ) γ = Qᵀ y and the curve passes through y − λ Q γ; λ = 1 / (fps⁻¹ ω⁴) at angular cut-off ω.

    The curve of SciPy's `make_smoothing_spline`, which needs five frames and, before SciPy 1.16, a call per column.
    """
    step, inner = 1 / fps, len(values) - 2
    stiffness = fps / (2 * np.pi * cutoff) ** 4
    bands = np.zeros((3, inner))  # upper form; R is tridiagonal, QᵀQ pentadiagonal
    bands[0], bands[1], bands[2] = np.array([1.0, -4.0, 6.0])[:, None] * stiffness / step**2
    bands[1:] += np.array([step / 6, 2 * step / 3])[:, None]
    second = np.zeros_like(values)
    second[1:-1] = solveh_banded(bands[-min(inner, 3) :], np.diff(values, 2, axis=0) / step)
    push = np.zeros_like(values)  # Qγ
    push[1:-1] = np.diff(second, 2, axis=0) / step
    push[[0, -1]] = second[[1, -2]] / step
    value = values - stiffness * push
    rate = CubicSpline(np.arange(len(values)) * step, value, bc_type="natural")(np.arange(len(values)) * step, 1)
    return value, rate, second


def _angular_rates(quat: Array, rate: Array, second: Array) -> tuple[Array, Array]:
    """Angular velocity and acceleration (T, 3) in the rotating frame of q/|q|, from q (T, 4), its rate and its second.

    ω = 2 Im(q̄ q̇)/|q|², and ω̇ = 2 Im(q̄ q̈)/|q|² − 2 ω (q·q̇)/|q|², since q̄̇ q̇ is real.
    """
    square = np.einsum("ti,ti->t", quat, quat)[:, None]
    spin = 2 * _relative(quat, rate) / square
    growth = np.einsum("ti,ti->t", quat, rate)[:, None] / square
    return spin, 2 * _relative(quat, second) / square - 2 * growth * spin


def _relative(a: Array, b: Array) -> Array:
    """Vector part (T, 3) of ā b for quaternions (T, 4) wxyz."""
    return a[:, :1] * b[:, 1:] - b[:, :1] * a[:, 1:] - np.cross(a[:, 1:], b[:, 1:])


def _curvature(couplings: Couplings, qpos: Array) -> Array:
    """d²y/dx² (T, K) of the couplings."""
    x = qpos[:, couplings.independent_qpos] - couplings.reference[:, 1]
    c = couplings.polynomial
    return 2 * c[:, 2] + x * (6 * c[:, 3] + x * 12 * c[:, 4])
