"""Body mass from the plates, and the pelvis moved by millimetres so that the body accelerates as the plates say.

The whole body is moved, so that no joint angle changes: the first step of what OpenSim calls residual reduction
(Delp et al. 2007, IEEE Trans Biomed Eng 54:1940). What is left is the residual force that the report states.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solveh_banded
from scipy.ndimage import label

from kinesis_trl.body.inverse_dynamics import Dynamics
from kinesis_trl.body.measured_floor import MeasuredFloor
from kinesis_trl.body.model import BodyModel
from kinesis_trl.body.smoothing import smooth_motion

Array = NDArray[np.float64]

_FORCE, _SHIFT = 10.0, 0.02
_ROUNDS = 3
_LEAST_SECONDS = 0.5


@dataclass(frozen=True)
class Consistent:
    """A motion whose accelerations agree better with the plates."""

    qpos: Array
    """(T, nq)."""
    shift: Array
    """(T, 3) how far the body was moved, in metres."""
    before: float
    """Residual force at the root before, root mean square over the frames in which both feet's forces are known, as a
    share of body weight (length of the vector)."""


def mass_from_plates(body: BodyModel, qpos: Array, rate: float, floor: MeasuredFloor, cutoff: float) -> float | None:
    """Body mass in kg: vertical impulse over g T + Δv, in the longest time in which both feet's forces are known.

    Δv is the change of the centre of mass's vertical velocity. None: such a time is shorter than half a second.
    """
    runs, count = label(floor.known.all(1) & (floor.force[..., 2].sum(1) > 1.0))
    if not count:
        return None
    rows = np.flatnonzero(runs == 1 + np.argmax(np.bincount(runs)[1:]))
    if len(rows) < _LEAST_SECONDS * rate:
        return None
    motion = smooth_motion(qpos, rate, body.couplings, cutoff)
    lift = np.concatenate(
        [demand.force[:, 2] for _, demand in Dynamics.of(body).evaluate(motion.qpos, motion.qvel, motion.qacc)]
    )
    own = float(body.model.body_mass.sum())
    return float(own * floor.force[rows, :, 2].sum() / lift[rows].sum())


def root_residual(body: BodyModel, qpos: Array, rate: float, floor: MeasuredFloor, cutoff: float) -> Array:
    """(T, 3) force at the root in newtons, world, that neither inertia nor gravity nor the known forces explain."""
    motion = smooth_motion(qpos, rate, body.couplings, cutoff)
    out = np.empty((len(qpos), 3))
    for part, demand in Dynamics.of(body).evaluate(motion.qpos, motion.qvel, motion.qacc):
        out[part] = demand.force[:, :3] - (floor.force[part] * floor.known[part][..., None]).sum(1)
    return out


def made_consistent(body: BodyModel, qpos: Array, rate: float, floor: MeasuredFloor, cutoff: float) -> Consistent:
    """The motion with its root moved so that m δ̈ takes up the residual force, at δ of millimetres."""
    mass = float(body.model.body_mass.sum())
    known: NDArray[np.bool_] = np.asarray(floor.known.all(1))
    shift = np.zeros((len(qpos), 3))
    residual = root_residual(body, qpos, rate, floor, cutoff)
    weight = mass * float(np.linalg.norm(body.model.opt.gravity))
    before = float(np.sqrt(np.square(residual[known]).sum(1).mean()) / weight) if known.any() else np.nan
    for _ in range(_ROUNDS):
        # deviations are those of the whole shift: a round adds to what earlier ones did
        shift = shift + _step(residual, known, shift, mass, rate)
        moved = qpos.copy()
        moved[:, :3] += shift
        residual = root_residual(body, moved, rate, floor, cutoff)
    return Consistent(moved, shift, before)


def _step(residual: Array, known: NDArray[np.bool_], shift: Array, mass: float, rate: float) -> Array:
    """(T, 3) minimiser of Σ (m D²d + r)²/F² over known frames + Σ (s + d)²/S² + a little of D²(s + d) elsewhere."""
    total = len(residual)
    bend = mass * rate**2
    weights = np.where(known[1:-1], _FORCE**-2, 1e-2 * _FORCE**-2)
    bands = np.zeros((3, total))  # lower form of Bᵀ W B + 1/S², B the second differences times m
    stencil = (1.0, -2.0, 1.0)
    for a in range(3):
        for b in range(a + 1):
            bands[a - b, b : b + total - 2] += bend**2 * weights * stencil[a] * stencil[b]
    bands[0] += _SHIFT**-2
    right = -shift / _SHIFT**2
    goal = np.where(known[1:-1, None], residual[1:-1], bend * np.diff(shift, 2, axis=0))
    for a in range(3):
        right[a : a + total - 2] -= bend * stencil[a] * weights[:, None] * goal
    return np.asarray(solveh_banded(bands, right, lower=True))
