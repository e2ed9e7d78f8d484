"""From coordinates to what follows from them: velocities, body poses, muscle lengths."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import lru_cache

import mujoco
import numpy as np
from mujoco.batch import Batch
from numpy.typing import NDArray

from kinesis_trl.body.catalog import compile_skeleton
from kinesis_trl.body.model import BodyModel
from kinesis_trl.motion.clip import MotionClip
from kinesis_trl.motion.resample import sample_angular_velocity, sample_curve

Array = NDArray[np.float64]

_CHAIN = {"Hip": "femur", "Knee": "tibia", "Ankle": "talus", "Toe": "toes"}
"""Joints by SMPL's names, and the body whose origin each is."""
_ROWS = 256  # frames evaluated together; bounds memory at about 60 MB


@dataclass(frozen=True)
class Kinematics:
    """What T states of a body look like; world frame."""

    body_pos: Array
    """(T, 7, 3) origins of the tracked bodies in metres."""
    body_vel: Array
    """(T, 7, 3) velocities of these origins in m/s."""
    muscle_length: Array
    """(T, nu) muscle–tendon lengths in metres."""
    foot_height: Array
    """(T,) lowest point of the feet's collision geoms in metres; negative under the floor."""


def velocities(qpos: Array, fps: float, body: BodyModel) -> Array:
    """Velocities of a motion in MuJoCo's convention, from splines through its frames.

    Args:
        qpos: (T, nq) coordinates, dependent joints included.
        fps: frames per second.
        body: gives the couplings.

    Returns:
        (T, nv): root linear velocity (world axes, m/s), root angular velocity (root's axes, rad/s), joint
        velocities; those of dependent joints follow from the slope of their coupling.
    """
    times = np.arange(len(qpos)) / fps
    linear = sample_curve(qpos[:, :3], fps, times, 1)
    angular = sample_angular_velocity(qpos[:, 3:7], fps, times)
    joints = sample_curve(qpos[:, 7:], fps, times, 1)
    return body.couplings.apply_velocity(qpos, np.concatenate([linear, angular, joints], axis=1))


def forward_kinematics(body: BodyModel, qpos: Array, qvel: Array) -> Kinematics:
    """Tracked bodies, muscle lengths and foot height at states qpos (T, nq), qvel (T, nv)."""
    poses = Poses.of(body, muscles=True)
    total, tracked = len(qpos), body.tracked_ids
    root = body.model.body_rootid[tracked]
    body_pos, body_vel = np.empty((total, len(tracked), 3)), np.empty((total, len(tracked), 3))
    muscle_length, foot_height = np.empty((total, body.model.nu)), np.empty(total)
    for start in range(0, total, _ROWS):
        part = slice(start, min(start + _ROWS, total))
        field = poses.evaluate(qpos[part], qvel[part])
        body_pos[part] = field["xpos"][:, tracked]
        spin, linear = np.split(field["cvel"][:, tracked], 2, axis=-1)
        arm = body_pos[part] - field["subtree_com"][:, root]  # MuJoCo's velocities are about the centre of mass
        body_vel[part] = linear + np.cross(spin, arm)
        muscle_length[part] = field["actuator_length"]
        foot_height[part] = poses.foot_points(field).min(1)
    return Kinematics(body_pos, body_vel, muscle_length, foot_height)


def body_places(body: BodyModel, qpos: Array) -> Array:
    """(T, nbody, 3) origins of all bodies at qpos (T, nq), world frame, in metres."""
    parts = [Poses.of(body).evaluate(qpos[k : k + _ROWS])["xpos"].copy() for k in range(0, len(qpos), _ROWS)]
    return np.concatenate(parts)


def joint_clip(body: BodyModel, qpos: Array, *, fps: float, name: str) -> MotionClip:
    """A motion (T, nq) as places of its joints under SMPL's names, which a body of another size can follow."""
    ids = [body.model.body(f"{part}_{side}".lower()).id for part in _CHAIN.values() for side in "LR"]
    return MotionClip(
        name=name,
        fps=fps,
        positions=body_places(body, qpos)[:, [body.model.body(body.entry.root).id, *ids]],
        joint_names=("Pelvis", *(f"{side}_{joint}" for joint in _CHAIN for side in "LR")),
        pelvis_quat=qpos[:, 3:7],
    )


class Poses:
    """MuJoCo's kinematics of one body on many frames at once.

    A batch of simulations serves as a vectorised `mj_kinematics`; contacts, constraints, forces and sensors are
    switched off in its copy of the model, which makes it 40 % faster. Without muscles it takes a third of the time.
    """

    _FIELDS = ("xpos", "xmat", "xanchor", "xaxis", "cvel", "subtree_com", "geom_xpos", "geom_xmat")

    def __init__(self, body: BodyModel, *, muscles: bool) -> None:
        """Prepare for frames of `body`; `of` shares one instance per body."""
        off = mujoco.mjtDisableBit
        model = copy.copy(body.model) if muscles else compile_skeleton(body.entry, body.model.opt.timestep)
        model.opt.disableflags |= int(
            off.mjDSBL_CONTACT | off.mjDSBL_CONSTRAINT | off.mjDSBL_ACTUATION | off.mjDSBL_SENSOR
        )
        self.body = body
        geoms = body.foot_geoms
        capsules = geoms[model.geom_type[geoms] == mujoco.mjtGeom.mjGEOM_CAPSULE]
        others = np.setdiff1d(geoms, capsules)
        self.foot_point_geoms = np.concatenate([others, capsules, capsules])
        self._capsule_end = np.repeat([0.0, 1.0, -1.0], [len(others), len(capsules), len(capsules)])
        self._batch = Batch(model, _ROWS, 1)
        self._qpos, self._qvel = self._batch.bind("qpos"), self._batch.bind("qvel")
        self._field = {name: self._batch.bind(name) for name in self._FIELDS + ("actuator_length",) * muscles}

    @staticmethod
    @lru_cache(maxsize=4)
    def of(body: BodyModel, *, muscles: bool = False) -> Poses:
        """The shared instance for a body; not to be used from several threads at once."""
        return Poses(body, muscles=muscles)

    def evaluate(self, qpos: Array, qvel: Array | None = None) -> dict[str, Array]:
        """Derived fields (n, …) at qpos (n, nq), n ≤ 256, by MuJoCo's names; views that the next call overwrites."""
        count = len(qpos)
        self._qpos[:count] = qpos
        self._qvel[:count] = 0.0 if qvel is None else qvel
        stage = mujoco.mjtStage.mjSTAGE_POS if qvel is None else mujoco.mjtStage.mjSTAGE_VEL
        self._batch.forward(ids=np.arange(count), stage=stage)
        return {name: array[:count] for name, array in self._field.items()}

    def foot_points(self, field: dict[str, Array]) -> Array:
        """Lowest height (n, G) of each foot geom, in the order of `body.foot_geoms`."""
        ids = self.body.foot_geoms
        rotation = field["geom_xmat"].reshape(-1, self.body.model.ngeom, 3, 3)[:, ids]
        return self.body.geom_bottom(field["geom_xpos"][:, ids], rotation, ids)

    def foot_contact_points(self, field: dict[str, Array]) -> Array:
        """Where (n, P, 3) the feet would touch the floor, world frame: `foot_point_geoms` says which geom's each is.

        The lowest point of each ellipsoid and sphere, and of the ball at either end of each capsule.
        """
        ids, end = self.foot_point_geoms, self._capsule_end
        size = self.body.model.geom_size[ids]
        rotation = field["geom_xmat"].reshape(-1, self.body.model.ngeom, 3, 3)[:, ids]
        down = -rotation[:, :, 2]  # the world's −z in each geom's frame
        ball = size[:, :1] * down
        ball[..., 2] += end * size[:, 1]
        ellipsoid = size**2 * down / np.linalg.norm(size * down, axis=-1, keepdims=True).clip(1e-12)
        is_ellipsoid = (self.body.model.geom_type[ids] == mujoco.mjtGeom.mjGEOM_ELLIPSOID)[:, None]
        local = np.where(is_ellipsoid, ellipsoid, ball)
        return field["geom_xpos"][:, ids] + np.einsum("ngij,ngj->ngi", rotation, local)
