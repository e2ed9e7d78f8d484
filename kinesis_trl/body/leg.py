"""One leg of a body, hip to toes: vectorised kinematics and inverse kinematics over many frames at once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import mujoco
import numpy as np
from numpy.typing import NDArray

from kinesis_trl.body.model import BodyModel

Array = NDArray[np.float64]

LEG_JOINTS = (
    "hip_flexion",
    "hip_adduction",
    "hip_rotation",
    "knee_angle",
    "ankle_angle",
    "subtalar_angle",
    "mtp_angle",
)
"""The independent joints of a leg, in the order of its coordinates."""
HIP, ADDUCTION, HIP_ROTATION, KNEE, ANKLE, SUBTALAR, MTP = range(7)
_SEGMENTS = ("femur", "tibia", "talus", "calcn", "toes")
_EMPHASIS = np.array([1.0, 1.0, 1.0, 0.05, 0.05, 0.05])  # out of reach, the foot tilts rather than slides
CALCN = _SEGMENTS.index("calcn")
STEADY = 5e-3
"""Damping in metres per radian for feet that may be out of reach."""


def rotation_about(axis: Array, angle: Array) -> Array:
    """Rotation matrices (…, 3, 3) about a fixed unit axis (3,) by angles (…)."""
    cross = np.array([[0.0, -axis[2], axis[1]], [axis[2], 0.0, -axis[0]], [-axis[1], axis[0], 0.0]])
    sin, cos = np.sin(angle)[..., None, None], np.cos(angle)[..., None, None]
    return np.eye(3) + sin * cross + (1.0 - cos) * (cross @ cross)


@dataclass(frozen=True)
class _Joint:
    column: int
    hinge: bool
    axis: Array
    anchor: Array
    coefficients: tuple[float, ...] | None
    """Polynomial of a dependent joint's coordinate in that of its independent joint, constant first."""

    def value(self, angle: Array) -> Array:
        """The joint's coordinate."""
        if self.coefficients is None:
            return angle
        a, b, c, d, e = self.coefficients
        return a + angle * (b + angle * (c + angle * (d + angle * e)))

    def slope(self, angle: Array) -> Array | float:
        """Its derivative."""
        if self.coefficients is None:
            return 1.0
        _, b, c, d, e = self.coefficients
        return b + angle * (2 * c + angle * (3 * d + angle * 4 * e))


@dataclass(frozen=True)
class LegPose:
    """Where the segments of a leg are in N frames, in the frame the root pose was given in."""

    position: Array
    """(N, 5, 3) origins of femur, tibia, talus, calcaneus and toes in metres."""
    rotation: Array
    """(N, 5, 3, 3) their orientations."""
    moves: list[tuple[_Joint, Array, Array]]
    """Joints from hip to subtalar with their axes (N, 3) and anchors (N, 3)."""


class Leg:
    """Kinematic chain of the right ("r") or left ("l") leg, read from the body's model."""

    def __init__(self, body: BodyModel, side: str) -> None:
        """Read the chain; raises KeyError when the body has no such leg."""
        model, couplings = body.model, body.couplings
        self.side = side
        names = [f"{name}_{side}" for name in LEG_JOINTS]
        ids = [model.joint(name).id for name in names]
        self.qpos = np.array([model.jnt_qposadr[j] for j in ids])
        """(7,) addresses of the independent joints in the body's qpos."""
        self.low, self.high = model.jnt_range[ids].T
        self._place: list[tuple[Array, Array | None]] = []
        self._joints: list[list[_Joint]] = []
        hips = None
        for segment, name in enumerate(_SEGMENTS):
            part = model.body(f"{name}_{side}")
            if segment == 0:
                hips = int(part.parentid[0])
            turned = abs(part.quat[0]) < 1.0 - 1e-12
            self._place.append((part.pos.copy(), _matrix(part.quat) if turned else None))
            self._joints.append([])
            for j in range(int(part.jntadr[0]), int(part.jntadr[0] + part.jntnum[0])):
                address = int(model.jnt_qposadr[j])
                coupled = np.flatnonzero(couplings.dependent_qpos == address)
                leader = int(couplings.independent_qpos[coupled[0]]) if len(coupled) else address
                polynomial = None
                if len(coupled):
                    polynomial = couplings.polynomial[coupled[0]].copy()
                    polynomial[0] += couplings.reference[coupled[0], 0]
                self._joints[-1].append(
                    _Joint(
                        column=int(np.flatnonzero(self.qpos == leader)[0]),
                        hinge=model.jnt_type[j] == mujoco.mjtJoint.mjJNT_HINGE,
                        axis=model.jnt_axis[j].copy(),
                        anchor=model.jnt_pos[j].copy(),
                        coefficients=None if polynomial is None else tuple(polynomial.tolist()),
                    )
                )
        assert hips is not None
        self._base_pos, self._base_rot = _fixed_offset(body, hips)
        self.hip_offset = self._base_pos + self._base_rot @ self._place[0][0]
        """(3,) hip joint in the root's frame, metres."""
        self._knees = np.linspace(self.low[KNEE], self.high[KNEE], 400)
        bent = np.zeros((len(self._knees), 7))
        bent[:, KNEE] = self._knees
        pose = self.forward(bent)
        self._lengths = np.linalg.norm(pose.position[:, 2] - pose.position[:, 0], axis=-1)

    @staticmethod
    @lru_cache(maxsize=8)
    def of(body: BodyModel, side: str) -> Leg:
        """The shared instance of a body's leg."""
        return Leg(body, side)

    def forward(self, joints: Array, root_pos: Array | None = None, root_rot: Array | None = None) -> LegPose:
        """Poses at joint angles (N, 7), with the root at root_pos (N, 3), root_rot (N, 3, 3); else in its frame."""
        count = len(joints)
        position = np.broadcast_to(self._base_pos, (count, 3))
        rotation = np.broadcast_to(self._base_rot, (count, 3, 3))
        if root_pos is not None and root_rot is not None:
            position = root_pos + root_rot @ self._base_pos
            rotation = root_rot @ self._base_rot
        positions, rotations = np.empty((count, 5, 3)), np.empty((count, 5, 3, 3))
        moves: list[tuple[_Joint, Array, Array]] = []
        for segment, (offset, turn) in enumerate(self._place):
            position = position + rotation @ offset
            if turn is not None:
                rotation = rotation @ turn
            for joint in self._joints[segment]:
                value = joint.value(joints[:, joint.column])
                axis = rotation @ joint.axis
                anchor = position + rotation @ joint.anchor
                if joint.hinge:
                    rotation = rotation @ rotation_about(joint.axis, value)
                    position = anchor - rotation @ joint.anchor
                else:
                    position = position + axis * value[:, None]
                if segment <= CALCN:
                    moves.append((joint, axis, anchor))
            positions[:, segment], rotations[:, segment] = position, rotation
        return LegPose(positions, rotations, moves)

    @staticmethod
    def _twist(joints: Array, pose: LegPose) -> Array:
        """(N, 6, 6) linear and angular velocity of the calcaneus per unit velocity of hip … subtalar joint."""
        out = np.zeros((len(joints), 6, 6))
        for joint, axis, anchor in pose.moves:
            scaled = axis * np.reshape(joint.slope(joints[:, joint.column]), (-1, 1))
            if joint.hinge:
                out[:, :3, joint.column] += np.cross(scaled, pose.position[:, CALCN] - anchor)
                out[:, 3:, joint.column] += scaled
            else:
                out[:, :3, joint.column] += scaled
        return out

    def reach(self, knee: Array) -> Array:
        """Distance in metres from hip to ankle joint at knee angles in radians."""
        return np.interp(knee, self._knees, self._lengths)

    def inverse(
        self,
        root_pos: Array,
        root_rot: Array,
        foot_pos: Array,
        foot_rot: Array,
        guess: Array,
        *,
        slack: float = 0.0,
        damping: float = 1e-5,
        iterations: int = 12,
        tolerance: float = 1e-6,
    ) -> Array:
        """Joint angles that bring the calcaneus to a pose, by Gauss–Newton on all frames at once.

        Args:
            root_pos, root_rot: (N, 3), (N, 3, 3) pose of the root.
            foot_pos, foot_rot: (N, 3), (N, 3, 3) wanted pose of the calcaneus.
            guess: (N, 7) where to start; the last column, the toes, is returned as it is.
            slack: how far the limits may be passed, in radians; the knee never bends backward.
            damping: metres per radian below which a joint does not help; keeps straight knees from snapping where a
                foot is out of reach.
            iterations: most steps.
            tolerance: largest error in metres and radians at which a frame is done.

        Returns:
            (N, 7), within the limits; as near as they allow where the pose is out of reach.
        """
        low, high = self.low - slack, self.high + slack
        low[KNEE] = self.low[KNEE]
        out = np.clip(guess, low, high)
        open_ = np.arange(len(out))
        best, least = out.copy(), np.full(len(out), np.inf)
        for _ in range(iterations + 1):
            pose = self.forward(out[open_], root_pos[open_], root_rot[open_])
            error = np.concatenate(
                [
                    foot_pos[open_] - pose.position[:, CALCN],
                    _log(foot_rot[open_] @ np.swapaxes(pose.rotation[:, CALCN], 1, 2)),
                ],
                axis=1,
            )
            size = np.square(error * _EMPHASIS).sum(1)
            better = size < least[open_]  # out of reach, later steps may be worse
            best[open_[better]], least[open_[better]] = out[open_[better]], size[better]
            far = np.abs(error).max(1) > tolerance
            if not far.any():
                break
            twist = self._twist(out[open_], pose)[far] * _EMPHASIS[:, None]
            error, open_ = error[far] * _EMPHASIS, open_[far]
            step = _step(twist, error, damping)
            blocked = (out[open_, :6] + step < low[:6]) | (out[open_, :6] + step > high[:6])
            if blocked.any():  # the other joints make up for those at their limits
                step = np.where(blocked, step, _step(np.where(blocked[:, None], 0.0, twist), error, damping))
            step *= np.minimum(1.0, 0.3 / np.abs(step).max(1).clip(1e-12))[:, None]
            out[open_, :6] = np.clip(out[open_, :6] + step, low[:6], high[:6])
        return best


def _step(twist: Array, error: Array, damping: float) -> Array:
    """Damped least-squares steps (N, 6) for twists (N, 6, 6) and errors (N, 6)."""
    turned = np.swapaxes(twist, 1, 2)
    step = np.linalg.solve(turned @ twist + damping**2 * np.eye(6), turned @ error[..., None])[..., 0]
    return np.asarray(step, dtype=np.float64)


def _matrix(quat: Array) -> Array:
    out = np.empty(9)
    mujoco.mju_quat2Mat(out, quat)
    return out.reshape(3, 3)


def _fixed_offset(body: BodyModel, segment: int) -> tuple[Array, Array]:
    """Pose of a rigidly attached body in the frame of the root."""
    data = mujoco.MjData(body.model)
    data.qpos[3] = 1.0
    data.qpos[:3] = data.qpos[4:] = 0.0
    mujoco.mj_kinematics(body.model, data)
    return data.xpos[segment].copy(), data.xmat[segment].reshape(3, 3).copy()


def _log(rotation: Array) -> Array:
    """Rotation vectors (N, 3) of matrices less than half a turn from the identity."""
    skew = 0.5 * np.stack(
        [
            rotation[:, 2, 1] - rotation[:, 1, 2],
            rotation[:, 0, 2] - rotation[:, 2, 0],
            rotation[:, 1, 0] - rotation[:, 0, 1],
        ],
        axis=1,
    )
    sin: Array = np.sqrt(np.square(skew).sum(1))
    cos = 0.5 * (np.trace(rotation, axis1=1, axis2=2) - 1.0)
    angle: Array = np.arctan2(sin, cos)
    return skew * (angle / sin.clip(1e-12))[:, None]
