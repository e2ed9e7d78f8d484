"""Skeletons: joint names of many tools, the pelvis's axes, and kinematics under a turned world."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from kinesis_trl.motion.clip import ClipFormatError
from kinesis_trl.motion.readers.rig import REQUIRED_JOINTS, Rig, leg_length, map_joints, pelvis_axes

OFFSETS = np.array(
    [
        [0, 0, 0],
        *([0.1, -0.1, 0], [0, -0.4, 0], [0, -0.42, 0], [0, -0.05, 0.1]),
        *([-0.1, -0.1, 0], [0, -0.4, 0], [0, -0.42, 0], [0, -0.05, 0.1]),
        [0, 0.2, 0],
    ]
)
PARENTS = (-1, 0, 1, 2, 3, 0, 5, 6, 7, 0)
STYLES = {
    "CMU": "Hips LeftUpLeg LeftLeg LeftFoot LeftToeBase RightUpLeg RightLeg RightFoot RightToeBase Spine",
    "Mixamo": "mixamorig:Hips mixamorig:LeftUpLeg mixamorig:LeftLeg mixamorig:LeftFoot mixamorig:LeftToeBase "
    "mixamorig:RightUpLeg mixamorig:RightLeg mixamorig:RightFoot mixamorig:RightToeBase mixamorig:Spine",
    "Bandai": "Hips UpperLeg_L LowerLeg_L Foot_L Toes_L UpperLeg_R LowerLeg_R Foot_R Toes_R Spine",
    "SNU": "Character1_Hips Character1_LeftUpLeg Character1_LeftLeg Character1_LeftFoot Character1_LeftToeBase "
    "Character1_RightUpLeg Character1_RightLeg Character1_RightFoot Character1_RightToeBase Character1_Spine",
    "plain": "pelvis left_hip left_knee left_ankle left_toe right_hip right_knee right_ankle right_toe spine",
    "thighs": "pelvis LThigh LShin LFoot LToe RThigh RShin RFoot RToe abdomen",
    "Acclaim": "root lfemur ltibia lfoot ltoes rfemur rtibia rfoot rtoes lowerback",
}


@pytest.mark.parametrize("style", STYLES)
def test_names_of_many_tools(style: str) -> None:
    joints = map_joints(Rig(tuple(STYLES[style].split()), PARENTS, OFFSETS))
    expected = ["Pelvis", *(f"{s}_{j}" for s in "LR" for j in ("Hip", "Knee", "Ankle", "Toe")), "Torso"]
    assert joints.names == tuple(expected)
    assert tuple(joints.index.values()) == tuple(range(10))


def test_collar_and_shoulder_are_told_apart() -> None:
    names = (*STYLES["CMU"].split(), "LeftShoulder", "LeftArm", "LeftForeArm", "RightCollar", "RightShoulder")
    joints = map_joints(Rig(names, (*PARENTS, 9, 10, 11, 9, 13), np.zeros((15, 3))))
    assert (joints.index["L_Shoulder"], joints.index["L_Elbow"], joints.index["R_Shoulder"]) == (11, 12, 14)


def test_a_foots_end_stands_in_for_the_toe_and_missing_joints_are_named() -> None:
    names = STYLES["CMU"].replace("LeftToeBase", "LeftFoot_end").split()
    joints = map_joints(Rig(tuple(names), PARENTS, OFFSETS))
    assert joints.index["L_Toe"] == 4 and joints.guessed == ("L_Toe taken as the end of the foot",)
    with pytest.raises(ClipFormatError, match="no joint for R_Knee among Hips"):
        map_joints(Rig(tuple(STYLES["CMU"].replace("RightLeg", "Wing").split()), PARENTS, OFFSETS))
    assert set(REQUIRED_JOINTS) <= set(joints.names)


@pytest.mark.parametrize("axes", [np.eye(3), [[0, 1, 0], [0, 0, 1], [1, 0, 0]], [[0, -1, 0], [1, 0, 0], [0, 0, 1]]])
def test_the_pelvis_axes_are_found_in_any_frame(axes) -> None:
    turn = np.array(axes, dtype=float)
    rig = Rig(tuple(STYLES["CMU"].split()), PARENTS, OFFSETS @ turn.T)
    found = pelvis_axes(rig, map_joints(rig))
    np.testing.assert_allclose(found @ turn @ [1, 0, 0], [0, 1, 0])  # the left
    np.testing.assert_allclose(found @ turn @ [0, 1, 0], [0, 0, 1])  # up
    np.testing.assert_allclose(found @ turn @ [0, 0, 1], [1, 0, 0])  # ahead
    assert leg_length(rig, map_joints(rig)) == pytest.approx(0.82)


def test_turning_the_world_turns_the_pose() -> None:
    rng = np.random.default_rng(0)
    rig = Rig(tuple(STYLES["CMU"].split()), PARENTS, OFFSETS)
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
