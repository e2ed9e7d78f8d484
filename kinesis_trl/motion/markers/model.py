"""Where markers are on a body of any segment lengths, and how they move with its coordinates and those lengths.

Rotations of the segments do not depend on their lengths, and every offset within a segment is in proportion to its
length: one set of poses of the standard body serves all sizes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import mujoco
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from kinesis_trl.body.model import BodyModel
from kinesis_trl.body.scaling import SEGMENTS, segment_of_body
from kinesis_trl.motion.kinematics import Poses
from kinesis_trl.motion.markers.recorded import TrialError
from kinesis_trl.motion.markers.sets import MarkerPlace

Array = NDArray[np.float64]

_PIECE = 256


@dataclass(frozen=True)
class Places:
    """K markers at F frames, and what they depend on; world frame, metres."""

    position: Array
    """(F, K, 3)."""
    by_coordinate: Array
    """(F, K, 3, n) by root position, root rotation (own axes) and independent joints."""
    by_ratio: Array
    """(F, K, 3, 5) by the segments' ratios, in the order of `SEGMENTS`."""
    axes: Array
    """(F, K, 3, 3) axes of the part that carries each marker."""


class MarkerModel:
    """Markers on one body."""

    def __init__(self, body: BodyModel, places: Sequence[MarkerPlace]) -> None:
        """Prepare for `places`.

        Raises:
            TrialError: a marker on a part that the body does not have.
        """
        model = body.model
        names = [model.body(i).name for i in range(model.nbody)]
        for place in places:
            if place.part not in names:
                raise TrialError(f"marker {place.label} is on {place.part!r}, which the body has not; it has {names}.")
        self.body, self.poses = body, Poses.of(body)
        self.carrier = np.array([model.body(place.part).id for place in places], dtype=np.int64)
        self.home = np.array([place.at for place in places], dtype=np.float64).reshape(-1, 3)
        self.dofs = body.couplings.independent_dofs(model.nv)
        self.joint_qpos = self.dofs[6:] + 1
        self.limits = body.joint_range[self.joint_qpos - 7].T
        self._root = model.body(body.entry.root).id
        self.segment = segment_of_body(model)
        """(nbody,) segment of each part, as a place in `SEGMENTS`."""

    @cached_property
    def _chains(self) -> list[list[int]]:
        """Bodies from the root to each carrier."""
        chains = []
        for carrier in self.carrier:
            chain = [int(carrier)]
            while chain[0] != self._root:
                chain.insert(0, int(self.body.model.body_parentid[chain[0]]))
            chains.append(chain)
        return chains

    def evaluate(self, qpos: Array, ratio: Array, at: Array) -> Places:
        """Markers at `at` (K, 3), in standard size in their parts' frames, of a body of ratios (5,) at qpos (F, nq)."""
        parts = [self._piece(qpos[k : k + _PIECE], ratio, at) for k in range(0, len(qpos), _PIECE)]
        return Places(*(np.concatenate([getattr(p, name) for p in parts]) for name in Places.__dataclass_fields__))

    def _piece(self, qpos: Array, ratio: Array, at: Array) -> Places:
        model = self.body.model
        field = self.poses.evaluate(qpos)
        count, markers = len(qpos), len(self.carrier)
        turn = field["xmat"].reshape(count, -1, 3, 3)
        used = sorted({body for chain in self._chains for body in chain})
        scale = np.eye(len(SEGMENTS) + 1)[self.segment]  # by ratio; the last column is for what no ratio changes
        origin = {self._root: qpos[:, None, :3] * np.eye(len(SEGMENTS) + 1)[-1][:, None]}
        for body in used:
            if body != self._root:
                parent = int(model.body_parentid[body])
                offset = np.einsum("fji,fj->fi", turn[:, parent], field["xpos"][:, body] - field["xpos"][:, parent])
                step = np.einsum("fij,s,fj->fsi", turn[:, parent], scale[parent], offset)
                origin[body] = origin[parent] + step
        axes = turn[:, self.carrier]
        shares = scale[self.carrier]
        local = np.einsum("fkij,ks,kj->fksi", axes, shares, at)
        each = np.stack([origin[int(body)] for body in self.carrier], axis=1) + local
        size = np.r_[ratio, 1.0]
        position = np.einsum("fksi,s->fki", each, size)
        place = {body: np.einsum("fsi,s->fi", origin[body], size) for body in used}
        slopes = self._slopes(qpos, field, position, place, ratio[self.segment])
        by_ratio = np.moveaxis(each[:, :, :-1], 2, 3)
        assert slopes.shape == (count, markers, 3, len(self.dofs))
        return Places(position, slopes, by_ratio, axes)

    def _slopes(
        self,
        qpos: Array,
        field: dict[str, Array],
        position: Array,
        place: dict[int, Array],
        longer: Array,
    ) -> Array:
        model, couplings = self.body.model, self.body.couplings
        count, markers = position.shape[:2]
        out = np.zeros((count, markers, 3, len(self.dofs)))
        out[..., [0, 1, 2], [0, 1, 2]] = 1.0
        root = Rotation.from_quat(qpos[:, 3:7], scalar_first=True).as_matrix()
        arm = position - qpos[:, None, :3]
        for axis in range(3):
            out[..., 3 + axis] = np.cross(root[:, None, :, axis], arm)
        column = {int(dof): k for k, dof in enumerate(self.dofs)}
        leader = {
            int(y): (int(x), k)
            for k, (y, x) in enumerate(zip(couplings.dependent_dof, couplings.independent_dof, strict=True))
        }
        slope = couplings.slope(qpos)
        carried = np.array([[body in chain for chain in self._chains] for body in range(model.nbody)])
        for joint in range(1, model.njnt):
            dof, body = int(model.jnt_dofadr[joint]), int(model.jnt_bodyid[joint])
            if not carried[body].any():
                continue
            parent = int(model.body_parentid[body])
            along = field["xaxis"][:, joint]
            if model.jnt_type[joint] == mujoco.mjtJoint.mjJNT_HINGE:
                anchor = place[body] + longer[parent] * (field["xanchor"][:, joint] - field["xpos"][:, body])
                moved = np.cross(along[:, None], position - anchor[:, None])
            else:
                moved = np.repeat((along * longer[parent])[:, None], markers, axis=1)
            moved = moved * carried[body][:, None]
            if dof in column:
                out[..., column[dof]] += moved
            else:
                first, row = leader[dof]
                out[..., column[first]] += moved * slope[:, row, None, None]
        return out

    def move(self, qpos: Array, step: Array) -> Array:
        """Coordinates after a step (F, n), within the joints' limits and with their couplings."""
        out = np.array(qpos)
        out[:, :3] += step[:, :3]
        turned = Rotation.from_quat(qpos[:, 3:7], scalar_first=True) * Rotation.from_rotvec(step[:, 3:6])
        out[:, 3:7] = turned.as_quat(scalar_first=True)
        out[:, self.joint_qpos] = np.clip(out[:, self.joint_qpos] + step[:, 6:], *self.limits)
        return self.body.couplings.apply(out)
