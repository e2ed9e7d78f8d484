"""Skeletons: kinematics under a turned world."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from kinesis_trl.motion.readers.rig import Rig

OFFSETS = np.array(
    [
        [0, 0, 0],
        *([0.1, -0.1, 0], [0, -0.4, 0], [0, -0.42, 0], [0, -0.05, 0.1]),
        *([-0.1, -0.1, 0], [0, -0.4, 0], [0, -0.42, 0], [0, -0.05, 0.1]),
        [0, 0.2, 0],
    ]
)
PARENTS = (-1, 0, 1, 2, 3, 0, 5, 6, 7, 0)
NAMES = "Hips LeftUpLeg LeftLeg LeftFoot LeftToeBase RightUpLeg RightLeg RightFoot RightToeBase Spine"


def test_turning_the_world_turns_the_pose() -> None:
    rng = np.random.default_rng(0)
    rig = Rig(tuple(NAMES.split()), PARENTS, OFFSETS)
    local = Rotation.random(40, random_state=rng).as_matrix().reshape(4, 10, 3, 3)
    root = rng.normal(size=(4, 3))
    positions, rotations = rig.pose(local, root)
    lengths = np.linalg.norm(positions[:, 1:] - positions[:, PARENTS[1:]], axis=-1)
    np.testing.assert_allclose(lengths, np.tile(np.linalg.norm(OFFSETS[1:], axis=1), (4, 1)))
    turn = Rotation.random(random_state=rng).as_matrix()
    local[:, 0] = turn @ local[:, 0]
    turned, turned_rotations = rig.pose(local, root @ turn.T)
    np.testing.assert_allclose(turned, positions @ turn.T, atol=1e-12)
    np.testing.assert_allclose(turned_rotations, turn @ rotations, atol=1e-12)
