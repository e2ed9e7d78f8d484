"""The trunk of bodies whose spine bends: lumbar coordinates from recorded joints of the spine and the shoulders."""

from __future__ import annotations

from functools import lru_cache

import mujoco
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from kinesis_trl.body.model import BodyModel

Array = NDArray[np.float64]

COORDINATES = ("flex_extension", "lat_bending", "axial_rotation")
"""Independent joints of the lumbar spine, where a body has them."""
_UPPER = ("Neck", "Chest", "Spine")
_STEP = 1e-3  # radians


def trunk_joints(body: BodyModel) -> NDArray[np.int64]:
    """(3,) places of the lumbar coordinates in qpos; (0,) for a body with a rigid trunk."""
    names = body.joint_names
    return (
        np.array([7 + names.index(n) for n in COORDINATES], dtype=np.int64)
        if COORDINATES[0] in names
        else np.empty(0, int)
    )


def follow_spine(body: BodyModel, joint: dict[str, Array], orientation: Array) -> Array:
    """Lumbar coordinates (T, 3) in radians that turn the torso as recorded, within the joints' ranges.

    Args:
        body: a body with lumbar joints.
        joint: recorded joints (T, 3) by name; without neck, chest or spine the trunk stays upright, without shoulders
            it does not twist.
        orientation: (T, 4) wxyz of the pelvis.
    """
    upper = next((joint[name] for name in _UPPER if name in joint), None)
    if upper is None:
        return np.zeros((len(orientation), len(COORDINATES)))
    pelvis = Rotation.from_quat(orientation, scalar_first=True)
    up = _unit(upper - 0.5 * (joint["L_Hip"] + joint["R_Hip"]))
    known = "L_Shoulder" in joint and "R_Shoulder" in joint
    left = joint["L_Shoulder"] - joint["R_Shoulder"] if known else pelvis.apply([0.0, 1.0, 0.0])
    forward = _unit(np.cross(left, up))
    thorax = Rotation.from_matrix(np.stack([forward, np.cross(up, forward), up], axis=-1))
    turn = (pelvis.inv() * thorax).as_rotvec()
    low, high = body.joint_range[trunk_joints(body) - 7].T
    return np.clip(turn @ np.linalg.inv(_turn_per_coordinate(body)).T, low, high)


@lru_cache(maxsize=4)
def _turn_per_coordinate(body: BodyModel) -> Array:
    """(3, 3) rotation vector of the torso in the pelvis' axes per radian of each lumbar coordinate, standing."""
    data, torso = mujoco.MjData(body.model), body.model.body(body.entry.trunk[0]).id
    columns = []
    for place in trunk_joints(body):
        ends = []
        for step in (_STEP, -_STEP):
            qpos = body.standing_qpos.copy()
            qpos[place] += step
            data.qpos[:] = body.couplings.apply(qpos)
            mujoco.mj_kinematics(body.model, data)
            ends.append(Rotation.from_quat(data.xquat[torso].copy(), scalar_first=True))
        columns.append((ends[0] * ends[1].inv()).as_rotvec() / (2 * _STEP))
    return np.stack(columns, axis=1)


def _unit(vector: Array) -> Array:
    return vector / np.linalg.norm(vector, axis=-1, keepdims=True).clip(1e-9)
