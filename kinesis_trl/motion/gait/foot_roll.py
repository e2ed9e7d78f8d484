"""How a foot rolls over the floor without sliding: from the heel, over the flat sole, to the toes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from kinesis_trl.body.leg import Leg, LegPose, rotation_about
from kinesis_trl.body.model import BodyModel

Array = NDArray[np.float64]

HEEL_LIMIT, TOE_LIMIT = np.radians(35.0), np.radians(-85.0)
"""Range of the roll angle in radians: positive with the toes up, negative with the heel up."""
_STEP = np.radians(0.25)
_SOFT = 0.8e-3  # metres over which neighbouring contact points share the load
_TOES_GIVE = 0.45  # rad, the most the toes bend back


_COUNTER = 0.3  # the toes tilt askew against the oblique metatarsal axis, which keeps the heel in line


@dataclass(frozen=True)
class FootRoll:
    """Poses of one foot as a function of the roll angle.

    Frame of the footprint: on the floor, x along the foot, y left, origin where the root is above when the body
    stands upright, with y at the heel's middle.
    """

    angle: Array
    """(K,) roll angles in radians, rising."""
    position: Array
    """(K, 3) origin of the calcaneus in metres."""
    rotation: Array
    """(K, 3, 3) orientation of the calcaneus."""
    toes: Array
    """(K,) angle of the metatarsophalangeal joint in radians."""

    def at(self, angle: Array) -> tuple[Array, Array, Array]:
        """Position (N, 3), orientation (N, 3, 3) and toe angle (N,) at roll angles (N,), interpolated."""
        place = np.clip((angle - self.angle[0]) / _STEP, 0, len(self.angle) - 1.000001)
        low = place.astype(int)
        part = (place - low)[:, None]
        position = (1 - part) * self.position[low] + part * self.position[low + 1]
        flat = (1 - part) * self.rotation[low].reshape(-1, 9) + part * self.rotation[low + 1].reshape(-1, 9)
        toes = (1 - part[:, 0]) * self.toes[low] + part[:, 0] * self.toes[low + 1]
        return position, _orthonormal(flat.reshape(-1, 3, 3)), toes

    @classmethod
    def of(cls, body: BodyModel, leg: Leg) -> FootRoll:
        """Roll the foot's collision shapes over the floor from flat, in small steps without sliding."""
        foot = _FlatFoot.of(body, leg)
        heel = foot.roll(np.arange(0.0, HEEL_LIMIT + _STEP / 2, _STEP))
        toe = foot.roll(np.arange(0.0, TOE_LIMIT - _STEP / 2, -_STEP))
        angle, position, rotation, toes = (np.concatenate([t[:0:-1], h]) for t, h in zip(toe, heel, strict=True))
        return cls(angle, position, rotation, toes)


@dataclass(frozen=True)
class Sole:
    """The balls that make up the ends of a foot's collision capsules, to find its lowest point."""

    centre: tuple[Array, Array]
    """Centres (B, 3) in the frames of calcaneus and toes, metres."""
    radius: tuple[Array, Array]
    """(B,) in metres."""

    @classmethod
    def of(cls, body: BodyModel, leg: Leg) -> Sole:
        """Read the foot of `leg`."""
        model = body.model
        centres, radii = [], []
        for part in ("calcn", "toes"):
            segment = model.body(f"{part}_{leg.side}").id
            ids = [
                g
                for g in body.foot_geoms
                if model.geom_bodyid[g] == segment and model.geom_type[g] == mujoco.mjtGeom.mjGEOM_CAPSULE
            ]  # the ellipsoid of the sole lies above the capsules
            turn = [Rotation.from_quat(model.geom_quat[g], scalar_first=True).as_matrix()[:, 2] for g in ids]
            half = np.array(turn) * model.geom_size[ids, 1:2]
            centres.append(np.concatenate([model.geom_pos[ids] - half, model.geom_pos[ids] + half]))
            radii.append(np.tile(model.geom_size[ids, 0], 2))
        return cls((centres[0], centres[1]), (radii[0], radii[1]))

    def height(self, pose: LegPose) -> Array:
        """Height (N,) of the lowest point of the foot at poses of the leg."""
        parts = []
        for segment, centre, radius in zip((3, 4), self.centre, self.radius, strict=True):
            up = pose.rotation[:, segment, 2]
            parts.append(pose.position[:, segment, 2, None] + up @ centre.T - radius)
        return np.concatenate(parts, axis=1).min(1)


@dataclass(frozen=True)
class _FlatFoot:
    """Calcaneus and toes with their collision shapes as balls, in the flat foot's footprint frame."""

    calcn_pos: Array
    calcn_rot: Array
    toes_pos: Array
    mtp_axis: Array
    extension: float
    """Sign of the joint's angle when the toes bend back."""
    calcn_balls: tuple[Array, Array]
    toe_balls: tuple[Array, Array]

    @classmethod
    def of(cls, body: BodyModel, leg: Leg) -> _FlatFoot:
        model = body.model
        data = mujoco.MjData(model)
        data.qpos[:] = body.standing_qpos
        mujoco.mj_kinematics(model, data)
        calcn, toes = data.body(f"calcn_{leg.side}"), data.body(f"toes_{leg.side}")
        origin = np.array([data.qpos[0], calcn.xpos[1], 0.0])
        joint = model.joint(f"mtp_angle_{leg.side}").id
        axis = data.xaxis[joint].copy()

        sole = Sole.of(body, leg)

        def balls(part: int, segment: Any) -> tuple[Array, Array]:
            return sole.centre[part] @ segment.xmat.reshape(3, 3).T + segment.xpos - origin, sole.radius[part]

        return cls(
            calcn_pos=calcn.xpos - origin,
            calcn_rot=calcn.xmat.reshape(3, 3).copy(),
            toes_pos=data.xanchor[joint] - origin,
            mtp_axis=axis,
            extension=-1.0 if axis[1] > 0 else 1.0,
            calcn_balls=balls(0, calcn),
            toe_balls=balls(1, toes),
        )

    def roll(self, angles: Array) -> tuple[Array, Array, Array, Array]:
        """Angles, calcaneus position, orientation and toe joint angle along a roll from flat."""
        pitch = np.array([0.0, -1.0, 0.0])  # positive turns about −y, towards the heel
        give = np.where(angles < 0, _TOES_GIVE * (1.0 - np.exp(angles / _TOES_GIVE)), 0.0)
        oblique = (1.0 + _COUNTER) * pitch + _COUNTER * np.sign(self.mtp_axis[1]) * self.mtp_axis
        tilt = pitch if angles[-1] > 0 else oblique / np.linalg.norm(oblique)
        toes_turn = rotation_about(tilt, angles + give)  # toes tilt by what the joint does not take
        joint = self.extension * give
        bend = rotation_about(self.mtp_axis, -joint)  # of the calcaneus, relative to the toes
        calcn_turn = toes_turn @ bend
        centre_toes, radius_toes = self.toe_balls
        centre_calcn, radius_calcn = self.calcn_balls
        arms = np.concatenate(
            [
                np.einsum("kij,bj->kbi", toes_turn, centre_toes - self.toes_pos),
                np.einsum("kij,bj->kbi", calcn_turn, centre_calcn - self.toes_pos),
            ],
            axis=1,
        )
        on_toes = np.arange(arms.shape[1]) < len(radius_toes)
        bottom = arms - np.concatenate([radius_toes, radius_calcn])[None, :, None] * np.array([0.0, 0.0, 1.0])
        low = bottom[..., 2]
        load = np.exp(-(low - low.min(1, keepdims=True)) / _SOFT)
        load /= load.sum(1, keepdims=True)
        # A ball's lowest point is at rest when its centre moves by spin × radius: what its arm moves besides is slid.
        origin = np.zeros((len(angles), 3))
        for k in range(1, len(angles)):
            slid = np.zeros(3)
            for turn, share in ((toes_turn, on_toes), (calcn_turn, ~on_toes)):
                change = turn[k] @ turn[k - 1].T
                material = bottom[k - 1] @ change.T - bottom[k - 1]
                slid += (load[k] * share) @ material
            origin[k] = origin[k - 1] - slid
        origin[:, 2] = -low.min(1)
        origin[:, :2] += self.toes_pos[:2] - origin[0, :2]
        position = origin + np.einsum("kij,j->ki", calcn_turn, self.calcn_pos - self.toes_pos)
        return angles, position, calcn_turn @ self.calcn_rot, joint


def _orthonormal(rotation: Array) -> Array:
    """Nearest rotation to matrices that are almost one, by one Newton step of the polar decomposition."""
    return 0.5 * (3.0 * rotation - rotation @ np.swapaxes(rotation, 1, 2) @ rotation)
