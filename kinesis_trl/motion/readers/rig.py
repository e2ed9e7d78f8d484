"""Skeletons of jointed figures (BVH, ASF, poselib, DeepMimic) and their kinematics."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.motion.readers.names import joint_name

Array = NDArray[np.float64]

VIRTUAL_TOE: Array = np.array([0.12, 0.0, -0.03])
"""Ball of the foot (3,) from the ankle in metres, x forward, z up, for figures whose foot has no toe
joint."""


@dataclass(frozen=True)
class Rig:
    """A tree of J joints in the file's own axes and unit; parents come before their children."""

    names: tuple[str, ...]
    """Names in the file."""
    parents: tuple[int, ...]
    """Index of each parent; −1 for a root."""
    offsets: Array
    """(J, 3) position in the parent's frame at rest."""

    def rest(self) -> Array:
        """(J, 3) positions with nothing turned, relative to the root."""
        rest = np.zeros((len(self.names), 3))
        for joint, parent in enumerate(self.parents):
            if parent >= 0:
                rest[joint] = rest[parent] + self.offsets[joint]
        return rest

    def pose(self, rotations: Array, root: Array, offsets: Array | None = None) -> tuple[Array, Array]:
        """World positions (T, J, 3) and rotations (T, J, 3, 3).

        rotations: (T, J, 3, 3) relative to the parent; root: (T, 3) position of the first joint; offsets:
        (T, J, 3) positions in the parent's frame instead of those at rest.
        """
        frames = len(root)
        turned = np.empty((frames, len(self.names), 3, 3))
        positions = np.empty((frames, len(self.names), 3))
        turned[:, 0], positions[:, 0] = rotations[:, 0], root
        for joint, parent in enumerate(self.parents[1:], start=1):
            offset = self.offsets[joint] if offsets is None else offsets[:, joint]
            turned[:, joint] = turned[:, parent] @ rotations[:, joint]
            positions[:, joint] = positions[:, parent] + (turned[:, parent] @ offset[..., None])[..., 0]
        return positions, turned


def add_virtual_toes(rig: Rig, axes: Array) -> tuple[Rig, tuple[str, ...]]:
    """The rig with a toe fixed to each foot that has none, appended last, and the sentence that says so.

    axes: (3, 3) rotation from the foot's own axes at rest to x forward, y left, z up. Offsets are in metres.
    """
    feet = [
        joint
        for joint, name in enumerate(rig.names)
        if joint not in rig.parents and joint_name(name).side and joint_name(name).word in ("foot", "ankle")
    ]
    if not feet:
        return rig, ()
    names = tuple(rig.names[foot].replace("foot", "toe").replace("ankle", "toe") for foot in feet)
    offsets = np.concatenate([rig.offsets, np.tile(axes.T @ VIRTUAL_TOE, (len(feet), 1))])
    forward, _, rise = VIRTUAL_TOE
    said = f"no toe joints: placed {forward:.2f} m ahead of and {-rise:.2f} m below the ankle, fixed to the foot"
    return Rig(rig.names + names, rig.parents + tuple(feet), offsets), (said,)
