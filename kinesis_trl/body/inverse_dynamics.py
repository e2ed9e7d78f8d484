"""What a motion demands of muscles and floor: the equations of motion in independent coordinates, many frames at once.

Coordinates that follow the knee by a coupling are eliminated: with velocities q̇ = B v, the equations
M q̈ + bias = passive + muscles + contact are multiplied by Bᵀ, which the coupling's own forces do not survive.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import mujoco
import numpy as np
from mujoco.batch import Batch
from numpy.typing import NDArray

from kinesis_trl.body.model import BodyModel
from kinesis_trl.body.muscles import active_gain, passive_bias

Array = NDArray[np.float64]

_STEP = 1e-3  # radians
_ROWS = 256  # frames evaluated together; bounds memory at about 100 MB


@dataclass(frozen=True)
class Demand:
    """The equations of motion of n frames; I independent coordinates, the root's six first."""

    force: Array
    """(n, I) generalised force that muscles and floor must supply, Bᵀ(M q̈ + bias − passive)."""
    passive: Array
    """(n, I) passive generalised force of the joints themselves, Bᵀ passive."""
    projection: Array
    """(n, nv, I) B."""
    moment_arm: Array
    """(n, nu, I) dl/dq of the muscle–tendon lengths, in metres per radian (m/m for the root)."""
    muscle_length: Array
    """(n, nu) in metres."""
    muscle_velocity: Array
    """(n, nu) in m/s, positive when lengthening."""
    gain: Array
    """(n, nu) muscle force per unit of activation in newtons, not positive."""
    bias: Array
    """(n, nu) passive muscle force in newtons, not positive."""
    geom_position: Array
    """(n, ngeom, 3) world, in metres."""
    geom_rotation: Array
    """(n, ngeom, 3, 3) geom axes in the columns, world."""
    twist_axes: Array
    """(n, nv, 6) angular and linear velocity at `centre` per unit of each velocity, world axes."""
    centre: Array
    """(n, 3) centre of mass of the body in metres, world."""
    root_rotation: Array
    """(n, 3, 3) axes of the root in the columns, world."""

    def jacobians(self, body: BodyModel, point: Array, geoms: NDArray[np.int64]) -> tuple[Array, Array]:
        """Linear and angular velocity (n, P, nv, 3) of points (n, P, 3) fixed to geoms (P,), per unit of velocity."""
        moves = np.stack([moving_dofs(body, int(body.model.geom_bodyid[g])) for g in geoms])[..., None]
        angular, linear = self.twist_axes[:, None, :, :3], self.twist_axes[:, None, :, 3:]
        arm = point - self.centre[:, None]
        return (linear + np.cross(angular, arm[:, :, None])) * moves, angular * moves


class Dynamics:
    """Equations of motion of one body on many frames; a batch of simulations serves as a vectorised MuJoCo."""

    def __init__(self, body: BodyModel) -> None:
        """Prepare for motions of `body`; `of` shares one instance per body."""
        off = mujoco.mjtDisableBit
        model = copy.copy(body.model)
        model.opt.disableflags |= int(off.mjDSBL_CONTACT | off.mjDSBL_CONSTRAINT | off.mjDSBL_SENSOR)
        self.body = body
        self._batch = Batch(model, _ROWS, 1)
        names = ("M", "qfrc_bias", "qfrc_passive", "actuator_moment", "actuator_length", "actuator_velocity")
        places = ("moment_rownnz", "moment_colind", "geom_xpos", "geom_xmat", "cdof", "subtree_com", "xmat")
        self._field = {name: self._batch.bind(name) for name in (*names, *places)}
        self._mass_row = np.repeat(np.arange(model.nv), model.M_rownnz)
        self._mass_column = np.array(model.M_colind)
        self._root = body.model.body(body.entry.root).id

    @staticmethod
    @lru_cache(maxsize=2)
    def of(body: BodyModel) -> Dynamics:
        """The shared instance for a body; not to be used from several threads at once."""
        return Dynamics(body)

    def evaluate(self, qpos: Array, qvel: Array, qacc: Array) -> Iterator[tuple[slice, Demand]]:
        """Demands of a motion (T, ·), in pieces of at most 256 frames with their places.

        Geometry in them (geoms, twist axes, centre, root) is overwritten by the next piece.
        """
        for start in range(0, len(qpos), _ROWS):
            part = slice(start, min(start + _ROWS, len(qpos)))
            yield part, self._piece(qpos[part], qvel[part], qacc[part])

    def _piece(self, qpos: Array, qvel: Array, qacc: Array) -> Demand:
        count, body = len(qpos), self.body
        self._batch.bind("qpos")[:count] = qpos
        self._batch.bind("qvel")[:count] = qvel
        self._batch.forward(ids=np.arange(count), stage=mujoco.mjtStage.mjSTAGE_VEL)
        field = {name: array[:count] for name, array in self._field.items()}
        projection = body.couplings.projection(qpos, body.model.nv)
        reduce = projection.swapaxes(-1, -2)
        length, velocity = field["actuator_length"].copy(), field["actuator_velocity"].copy()
        inertial = (self._mass_matrix(field["M"]) @ qacc[..., None])[..., 0]
        passive = (reduce @ field["qfrc_passive"][..., None])[..., 0]
        return Demand(
            force=(reduce @ (inertial + field["qfrc_bias"])[..., None])[..., 0] - passive,
            passive=passive,
            projection=projection,
            moment_arm=self._moment(field) @ projection,
            muscle_length=length,
            muscle_velocity=velocity,
            gain=active_gain(length, velocity, body.muscles),
            bias=passive_bias(length, body.muscles),
            geom_position=field["geom_xpos"],
            geom_rotation=field["geom_xmat"].reshape(count, -1, 3, 3),
            twist_axes=field["cdof"],
            centre=field["subtree_com"][:, self._root],
            root_rotation=field["xmat"][:, self._root].reshape(count, 3, 3),
        )

    def _mass_matrix(self, lower: Array) -> Array:
        """Dense (n, nv, nv) from the stored lower triangle."""
        nv = self.body.model.nv
        out = np.zeros((len(lower), nv, nv))
        out[:, self._mass_row, self._mass_column] = lower
        out[:, self._mass_column, self._mass_row] = lower
        return out

    def _moment(self, field: dict[str, NDArray]) -> Array:
        """Dense (n, nu, nv) dl/dq from MuJoCo's sparse rows, whose pattern may differ between frames."""
        stored, filled = field["moment_rownnz"], field["actuator_moment"]
        count, nu = stored.shape
        total = stored.sum(1)
        if (total != total[0]).any() or (stored != stored[0]).any():
            row = np.concatenate([np.repeat(np.arange(nu), s) for s in stored])
        else:
            row = np.tile(np.repeat(np.arange(nu), stored[0]), count)
        used = np.arange(filled.shape[1]) < total[:, None]
        out = np.zeros((count, nu, self.body.model.nv))
        out[np.nonzero(used)[0], row, field["moment_colind"][used]] = filled[used]
        return out


def moving_dofs(body: BodyModel, body_id: int) -> NDArray[np.bool_]:
    """(nv,) which velocities move a body."""
    model, out = body.model, np.zeros(body.model.nv, dtype=bool)
    while body_id > 0:
        start = model.body_dofadr[body_id]
        out[start : start + model.body_dofnum[body_id]] = model.body_dofnum[body_id] > 0
        body_id = int(model.body_parentid[body_id])
    return out


@lru_cache(maxsize=4)
def toppling(body: BodyModel) -> Array:
    """(J,) N m per radian by which gravity bends each joint that carries the trunk further, standing; 0 for others.

    A joint's stiffness must exceed it for the trunk to stay upright.
    """
    dofs = body.couplings.independent_dofs(body.model.nv)[6:]
    carries = moving_dofs(body, body.model.body(body.entry.trunk[0]).id)[dofs]
    out, data = np.zeros(len(dofs)), mujoco.MjData(body.model)
    for joint in np.flatnonzero(carries):
        moments = []
        for step in (_STEP, -_STEP):
            qpos = body.standing_qpos.copy()
            qpos[dofs[joint] + 1] += step
            data.qpos[:] = body.couplings.apply(qpos)
            mujoco.mj_fwdPosition(body.model, data)
            mujoco.mj_fwdVelocity(body.model, data)
            moments.append((data.qfrc_bias @ body.couplings.projection(data.qpos, body.model.nv))[6 + joint])
        out[joint] = max((moments[1] - moments[0]) / (2 * _STEP), 0.0)
    return out
