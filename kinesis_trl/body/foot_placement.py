"""Legs that follow a moved trunk while the feet stay where they are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from kinesis_trl.body.leg import CALCN, STEADY, Leg
from kinesis_trl.body.model import BodyModel

Array = NDArray[np.float64]


def place_feet(body: BodyModel, qpos: Array, reference: Array) -> Array:
    """Copy of qpos (T, nq) whose leg joints put the hindfeet where `reference` (T, nq) has them.

    Joints keep within their limits; feet that the legs cannot reach come as near as they do. Toe joints and what is
    above the hips stay.
    """
    out = np.array(qpos)
    (position, rotation), (wanted_root, wanted_turn) = _root(qpos), _root(reference)
    for leg in (Leg.of(body, "r"), Leg.of(body, "l")):
        wanted = leg.forward(reference[:, leg.qpos], wanted_root, wanted_turn)
        found = leg.inverse(
            position,
            rotation,
            wanted.position[:, CALCN],
            wanted.rotation[:, CALCN],
            qpos[:, leg.qpos],
            damping=STEADY,
            tolerance=1e-4,
        )
        out[:, leg.qpos[:-1]] = found[:, :-1]
    return body.couplings.apply(out)


def _root(qpos: Array) -> tuple[Array, Array]:
    """Position (T, 3) and orientation (T, 3, 3) of the root."""
    return qpos[:, :3], Rotation.from_quat(qpos[:, 3:7], scalar_first=True).as_matrix()
