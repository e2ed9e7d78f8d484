"""Legs that follow a moved trunk while the feet stay where they are: inverse kinematics of many frames at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from kinesis_trl.body.inverse_dynamics import Demand, Dynamics
from kinesis_trl.body.model import BodyModel

Array = NDArray[np.float64]

_STEPS = 6
_STRIDE = 0.2  # largest change of a joint in one step, in radians
_ARM = 0.1  # metres of displacement that count as much as a radian of rotation
_DAMPING = 5e-3  # metres per radian below which a joint does not help: keeps straight knees from snapping


def place_feet(body: BodyModel, qpos: Array, reference: Array) -> Array:
    """Copy of qpos (T, nq) whose leg joints put the hindfeet where `reference` (T, nq) has them.

    Damped Gauss–Newton steps within the joints' limits, or where the reference passes them within the reference;
    feet that the legs cannot reach come as near as they do. Toe joints and what is above the hips stay.
    """
    feet = np.array([_hindfoot_geom(body, side) for side in "rl"])
    still = np.zeros((len(qpos), body.model.nv))
    dynamics = Dynamics.of(body)
    place = np.empty((len(qpos), 2, 3))
    turn = np.empty((len(qpos), 2, 3, 3))
    for part, demand in dynamics.evaluate(reference, still, still):
        place[part], turn[part] = demand.geom_position[:, feet], demand.geom_rotation[:, feet]
    joints = body.couplings.independent_dofs(body.model.nv)[6:] + 1  # a hinge's place in qpos is one after its velocity
    low = np.minimum(body.joint_range[joints - 7, 0], reference[:, joints])
    high = np.maximum(body.joint_range[joints - 7, 1], reference[:, joints])
    trial = body.couplings.apply(qpos)
    best, least = trial.copy(), np.full(len(qpos), np.inf)
    for _ in range(_STEPS):
        for part, demand in dynamics.evaluate(trial, still, still):
            miss, legs = _linearised(body, demand, place[part], turn[part], feet)
            size = np.linalg.norm(miss, axis=1)
            better = size < least[part]  # where feet are out of reach, later steps may be worse
            best[part][better], least[part][better] = trial[part][better], size[better]
            angle = trial[part, joints]
            step = _least_squares(legs, miss)
            free = ~(((angle <= low[part]) & (step < 0)) | ((angle >= high[part]) & (step > 0)))
            step = _least_squares(legs * free[:, None], miss)  # joints at their limits leave the rest to the others
            trial[part, joints] = np.clip(angle + np.clip(step, -_STRIDE, _STRIDE), low[part], high[part])
        trial = body.couplings.apply(trial)
    return best


def _hindfoot_geom(body: BodyModel, side: str) -> int:
    hindfoot = body.model.body(f"calcn_{side}").id
    return next(int(g) for g in body.foot_geoms if body.model.geom_bodyid[g] == hindfoot)


def _linearised(
    body: BodyModel, demand: Demand, place: Array, turn: Array, feet: NDArray[np.int64]
) -> tuple[Array, Array]:
    """What feet lack (n, 12) to be at place (n, 2, 3), turn (n, 2, 3, 3), and what each joint gives (n, 12, J)."""
    position, rotation = demand.geom_position[:, feet], demand.geom_rotation[:, feet]
    error = Rotation.from_matrix((turn @ rotation.swapaxes(-1, -2)).reshape(-1, 3, 3)).as_rotvec()
    miss = np.concatenate([place - position, _ARM * error.reshape(position.shape)], axis=-1)
    linear, angular = demand.jacobians(body, position, feet)
    moves = np.concatenate([linear, _ARM * angular], axis=-1).swapaxes(-1, -2) @ demand.projection[:, None]
    return miss.reshape(len(miss), 12), moves[..., 6:].reshape(len(miss), 12, -1)


def _least_squares(matrix: Array, goal: Array) -> Array:
    """Damped solutions (n, J) of matrix (n, 12, J) x = goal (n, 12)."""
    square = matrix @ matrix.swapaxes(-1, -2) + _DAMPING**2 * np.eye(matrix.shape[1])
    return (matrix.swapaxes(-1, -2) @ np.linalg.solve(square, goal[..., None]))[..., 0]
