"""Forces of the floor that were measured, as part of the equations of motion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.body.inverse_dynamics import Demand
from kinesis_trl.body.model import BodyModel

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class MeasuredFloor:
    """What force plates say of right and left foot in T frames; world frame, z up."""

    force: Array
    """(T, 2, 3) in newtons; 0 in the air."""
    point: Array
    """(T, 2, 3) centre of pressure in metres; any finite number in the air."""
    moment: Array
    """(T, 2, 3) moment about it in N m."""
    known: NDArray[np.bool_]
    """(T, 2) whether the force on that foot is known; a foot in the air is known."""

    def part(self, frames: slice) -> MeasuredFloor:
        """The same for some of the frames."""
        return MeasuredFloor(
            force=self.force[frames], point=self.point[frames], moment=self.moment[frames], known=self.known[frames]
        )

    def generalised(self, body: BodyModel, demand: Demand) -> Array:
        """(n, I) generalised force of the known forces, which act on the hindfoot as in OpenSim's external loads."""
        hindfoot = np.array([_geom_of(body, f"calcn_{side}") for side in "rl"])
        linear, angular = demand.jacobians(body, self.point, hindfoot)
        known = self.known[..., None]
        each = linear @ (self.force * known)[..., None] + angular @ (self.moment * known)[..., None]
        return np.asarray((demand.projection.swapaxes(-1, -2) @ each.sum(1))[..., 0])

    def instead_of(self, force: Array, point: Array, moment: Array) -> tuple[Array, Array, Array]:
        """The arrays (n, 2, 3) of a prediction, with what is known in its place."""
        known = self.known[..., None]
        pressed = known & (self.force[..., 2:] > 0)
        return (
            np.where(known, self.force, force),
            np.where(pressed, self.point, point),
            np.where(known, self.moment, moment),
        )


def _geom_of(body: BodyModel, name: str) -> int:
    """A geom that is fixed to a part of the body."""
    return int(np.flatnonzero(body.model.geom_bodyid == body.model.body(name).id)[0])
