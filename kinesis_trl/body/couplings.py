"""Joint couplings: knee and patella coordinates that follow the knee angle by a polynomial."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Couplings:
    """The model's joint equalities, y − y0 = Σ_k c_k (x − x0)^k, one row per dependent joint.

    `x` is the independent joint (the knee angle), `y` the dependent one. MuJoCo enforces these softly;
    references must fulfil them exactly.
    """

    dependent_qpos: NDArray[np.int64]
    """(K,) index of y in qpos."""
    independent_qpos: NDArray[np.int64]
    """(K,) index of x in qpos."""
    dependent_dof: NDArray[np.int64]
    """(K,) index of y in qvel."""
    independent_dof: NDArray[np.int64]
    """(K,) index of x in qvel."""
    polynomial: NDArray[np.float64]
    """(K, 5) coefficients c_0 … c_4."""
    reference: NDArray[np.float64]
    """(K, 2) the model's y0 and x0."""

    @classmethod
    def of(cls, model: mujoco.MjModel) -> Couplings:
        """Read the joint equalities of a compiled model."""
        rows = [i for i in range(model.neq) if model.eq_type[i] == mujoco.mjtEq.mjEQ_JOINT and model.eq_obj2id[i] >= 0]
        y, x = model.eq_obj1id[rows], model.eq_obj2id[rows]
        y_qpos, x_qpos = model.jnt_qposadr[y].astype(np.int64), model.jnt_qposadr[x].astype(np.int64)
        return cls(
            dependent_qpos=y_qpos,
            independent_qpos=x_qpos,
            dependent_dof=model.jnt_dofadr[y].astype(np.int64),
            independent_dof=model.jnt_dofadr[x].astype(np.int64),
            polynomial=model.eq_data[rows, :5].copy(),
            reference=np.stack([model.qpos0[y_qpos], model.qpos0[x_qpos]], axis=1),
        )

    def apply(self, qpos: NDArray[np.float64]) -> NDArray[np.float64]:
        """Copy of `qpos` (…, nq) with every dependent coordinate set from its independent one."""
        out = np.array(qpos, dtype=np.float64)
        x = out[..., self.independent_qpos] - self.reference[:, 1]
        c = self.polynomial
        y = c[:, 0] + x * (c[:, 1] + x * (c[:, 2] + x * (c[:, 3] + x * c[:, 4])))
        out[..., self.dependent_qpos] = y + self.reference[:, 0]
        return out

    def slope(self, qpos: NDArray[np.float64]) -> NDArray[np.float64]:
        """dy/dx (…, K) at `qpos` (…, nq)."""
        x = qpos[..., self.independent_qpos] - self.reference[:, 1]
        c = self.polynomial
        return c[:, 1] + x * (2 * c[:, 2] + x * (3 * c[:, 3] + x * 4 * c[:, 4]))

    def apply_velocity(self, qpos: NDArray[np.float64], qvel: NDArray[np.float64]) -> NDArray[np.float64]:
        """Copy of `qvel` (…, nv) with every dependent velocity set from its independent one."""
        out = np.array(qvel, dtype=np.float64)
        out[..., self.dependent_dof] = self.slope(qpos) * out[..., self.independent_dof]
        return out

    def independent_dofs(self, nv: int) -> NDArray[np.int64]:
        """Indices (nv − K,) of the degrees of freedom that do not follow another, root included."""
        return np.setdiff1d(np.arange(nv), self.dependent_dof)

    def projection(self, qpos: NDArray[np.float64], nv: int) -> NDArray[np.float64]:
        """B (…, nv, nv − K) with qvel = B · independent velocities at `qpos` (…, nq)."""
        independent = self.independent_dofs(nv)
        column = np.searchsorted(independent, self.independent_dof)
        out = np.zeros((*qpos.shape[:-1], nv, len(independent)))
        out[..., independent, np.arange(len(independent))] = 1.0
        out[..., self.dependent_dof, column] = self.slope(qpos)
        return out
