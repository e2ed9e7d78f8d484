"""Moment arms of the muscles about the independent joints of many bodies at once."""

from __future__ import annotations

from functools import lru_cache

import mujoco
import numba
import numpy as np
from mujoco.batch import Batch
from numpy.typing import NDArray

from kinesis_trl.body.model import BodyModel

Array = NDArray[np.float64]

_POSES = 64
_NONE = 1e-9  # metres per radian below which a muscle does not move a joint


class MomentArms:
    """dl/dq of M muscles about J independent joints, from MuJoCo's sparse rows; knee couplings are followed."""

    def __init__(self, body: BodyModel) -> None:
        model, couplings = body.model, body.couplings
        self.body = body
        independent = couplings.independent_dofs(model.nv)
        self.joints = len(independent) - 6
        joint = np.full(model.nv, -1, dtype=np.int64)
        joint[independent[6:]] = np.arange(self.joints)
        joint[couplings.dependent_dof] = joint[couplings.independent_dof]
        coupling = np.full(model.nv, -1, dtype=np.int64)
        coupling[couplings.dependent_dof] = np.arange(len(couplings.dependent_dof))
        data = mujoco.MjData(model)  # where the rows' entries belong is the same in every state
        data.qpos[:] = body.standing_qpos
        mujoco.mj_fwdPosition(model, data)
        column = np.array(data.moment_colind, dtype=np.int64)
        self._entries = np.repeat(np.arange(model.nu), data.moment_rownnz), column, joint[column], coupling[column]

    def evaluate(self, moment: Array, qpos: Array, qvel: Array) -> tuple[Array, Array]:
        """Moment arms (N, M, J) in metres per radian and muscle–tendon velocities (N, M) in m/s.

        Args:
            moment: (N, nJmom) MuJoCo's actuator_moment.
            qpos: (N, nq) coordinates, for the couplings.
            qvel: (N, nv) velocities.
        """
        arm = np.empty((len(qpos), self.body.model.nu, self.joints))
        velocity = np.empty((len(qpos), self.body.model.nu))
        _gather(moment, *self._entries, self.body.couplings.slope(qpos), qvel, arm, velocity)
        return arm, velocity


@numba.njit(nogil=True, cache=True)
def _gather(moment, muscle, dof, joint, coupling, slope, qvel, arm, velocity):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    for n in range(len(moment)):
        arm[n], velocity[n] = 0.0, 0.0
        for i in range(len(muscle)):
            m, j, value = muscle[i], joint[i], moment[n, i]
            velocity[n, m] += value * qvel[n, dof[i]]
            if j >= 0:
                arm[n, m, j] += value if coupling[i] < 0 else value * slope[n, coupling[i]]


@lru_cache(maxsize=4)
def crosses(body: BodyModel) -> NDArray[np.bool_]:
    """(M, J) which independent joints each muscle moves anywhere within the joints' ranges."""
    model, rng = body.model, np.random.default_rng(0)
    batch = Batch(model, _POSES, 1)
    moment = batch.bind("actuator_moment")
    qpos = np.tile(body.standing_qpos, (_POSES, 1))
    low, high = np.where(model.jnt_limited[1:, None] > 0, body.joint_range, [[-0.5, 0.5]]).T
    qpos[1:, 7:] = rng.uniform(low, high, (_POSES - 1, len(low)))
    qpos = body.couplings.apply(qpos)
    batch.bind("qpos")[:] = qpos
    batch.forward(stage=mujoco.mjtStage.mjSTAGE_POS)
    arm, _ = MomentArms(body).evaluate(moment, qpos, np.zeros((_POSES, model.nv)))
    return np.asarray((np.abs(arm) > _NONE).any(0))


@lru_cache(maxsize=4)
def joint_strength(body: BodyModel) -> Array:
    """(J,) moment in N m about each independent joint: mean of both directions, all muscles at peak force, standing."""
    data = mujoco.MjData(body.model)
    data.qpos[:] = body.standing_qpos
    mujoco.mj_fwdPosition(body.model, data)
    arm, _ = MomentArms(body).evaluate(data.actuator_moment[None], data.qpos[None], np.zeros((1, body.model.nv)))
    return np.asarray(0.5 * np.abs(arm[0]).T @ body.muscles.peak_force)
