"""How far a body's state is from another, as numbers that can be multiplied and added."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.body.model import BodyModel

Array = NDArray[np.float64]


def deviation(body: BodyModel, qpos: Array, qvel: Array, reference_qpos: Array, reference_qvel: Array) -> Array:
    """(N, 2 D) deviation of N states from references, of the D independent degrees of freedom; broadcasts.

    First positions (root in metres along the world's axes, its rotation vector in radians along its own axes as
    `mj_differentiatePos` has it, joints in radians), then their velocities as in qvel.
    """
    w0, v0 = reference_qpos[..., 3:4], reference_qpos[..., 4:7]
    w1, v1 = qpos[..., 3:4], qpos[..., 4:7]
    vector = w0 * v1 - w1 * v0 - np.cross(v0, v1)  # of conj(reference) ⊗ quaternion
    scalar = w0 * w1 + (v0 * v1).sum(-1, keepdims=True)
    vector, scalar = np.where(scalar < 0, -vector, vector), np.abs(scalar)
    sine = np.linalg.norm(vector, axis=-1, keepdims=True)
    factor = np.where(sine > 1e-12, 2 * np.arctan2(sine, scalar) / np.maximum(sine, 1e-12), 2.0)
    moved = np.concatenate(
        [qpos[..., :3] - reference_qpos[..., :3], factor * vector, qpos[..., 7:] - reference_qpos[..., 7:]], axis=-1
    )
    chosen = body.couplings.independent_dofs(body.model.nv)
    return np.concatenate([moved[..., chosen], (qvel - reference_qvel)[..., chosen]], axis=-1)
