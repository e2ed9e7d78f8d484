"""Left–right mirror maps: how a state, an action or an observation looks in a mirror on the x–z plane."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

REFLECTION = np.array([1.0, -1.0, 1.0])
"""Sign of each world axis under reflection in the x–z plane."""
_QUAT = np.array([1.0, -1.0, 1.0, -1.0])
_TWIST = np.array([-1.0, 1.0, -1.0])  # angular velocity is a pseudovector


def other_side(name: str) -> str:
    """Name of the counterpart: a trailing _r, _l or a leading r_, l_ changes sides; else the same name."""
    for right, left in (("_r", "_l"), ("_l", "_r")):
        if name.endswith(right):
            return name[:-2] + left
        if "_r_" in name or "_l_" in name:
            continue
    for right, left in (("r_", "l_"), ("l_", "r_")):
        if name.startswith(right):
            return left + name[2:]
    for right, left in (("_r_", "_l_"), ("_l_", "_r_")):
        if right in name:
            return name.replace(right, left)
    return name


@dataclass(frozen=True)
class MirrorMap:
    """Permutations and signs for one body; indices say where the mirrored value is taken from."""

    joint_qpos: NDArray[np.int64]
    """(nq − 7,) source index within the joint part of qpos."""
    joint_sign: NDArray[np.float64]
    """(nq − 7,) sign of each joint coordinate under reflection (joints have one degree of freedom each)."""
    muscles: NDArray[np.int64]
    """(nu,) source index of each muscle."""
    observed: NDArray[np.int64]
    """(B,) source index of each observed body."""
    tracked: NDArray[np.int64]
    """(K,) source index of each tracked body."""
    touch: NDArray[np.int64]
    """(S,) source index of each touch sensor."""
    frame_sign: NDArray[np.float64]
    """(B, 3) reflection of each observed body's own axes: R_mirrored = diag(1,−1,1) R_source diag(frame_sign)."""

    def qpos(self, qpos: NDArray[np.float64]) -> NDArray[np.float64]:
        """Mirrored coordinates, (…, nq)."""
        joints = qpos[..., 7:][..., self.joint_qpos] * self.joint_sign
        return np.concatenate([qpos[..., :3] * REFLECTION, qpos[..., 3:7] * _QUAT, joints], axis=-1)

    def qvel(self, qvel: NDArray[np.float64]) -> NDArray[np.float64]:
        """Mirrored velocities, (…, nv): root linear (world), root angular (root frame), joints."""
        joints = qvel[..., 6:][..., self.joint_qpos] * self.joint_sign
        return np.concatenate([qvel[..., :3] * REFLECTION, qvel[..., 3:6] * _TWIST, joints], axis=-1)


def _indices(names: list[str], what: str) -> NDArray[np.int64]:
    missing = [n for n in names if other_side(n) not in names]
    if missing:
        raise ValueError(f"no left–right counterpart for {what} {missing}; a body needs both sides.")
    return np.array([names.index(other_side(n)) for n in names])


def mirror_map(
    model: mujoco.MjModel,
    upright: NDArray[np.float64],
    observed: list[str],
    tracked: list[str],
    touch: list[str],
) -> MirrorMap:
    """Mirror maps of a model that stands upright, facing +x, at qpos `upright` (nq,).

    Signs come from the joint axes in the world: reflection turns a hinge axis a into (−ax, ay, −az) and a
    slide axis into (ax, −ay, az).
    """
    data = mujoco.MjData(model)
    data.qpos[:] = upright
    mujoco.mj_kinematics(model, data)
    joints = [model.joint(j).name for j in range(1, model.njnt)]
    source = _indices(joints, "joint")
    sign = np.empty(len(joints))
    for j, s in enumerate(source + 1, start=1):
        hinge = model.jnt_type[j] == mujoco.mjtJoint.mjJNT_HINGE
        reflected = data.xaxis[s] * (_TWIST if hinge else REFLECTION)
        sign[j - 1] = np.sign(np.dot(reflected, data.xaxis[j]))
    seen = _indices(observed, "observed body")
    rotation = np.stack([data.body(n).xmat.reshape(3, 3) for n in observed])
    frames = np.swapaxes(rotation[seen], -1, -2) @ (REFLECTION[:, None] * rotation)
    return MirrorMap(
        joint_qpos=source,
        joint_sign=sign,
        muscles=_indices([model.actuator(i).name for i in range(model.nu)], "muscle"),
        observed=seen,
        tracked=_indices(tracked, "tracked body"),
        touch=_indices(touch, "touch sensor"),
        frame_sign=np.sign(np.diagonal(frames, axis1=-2, axis2=-1)),
    )
