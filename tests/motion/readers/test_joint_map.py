"""Which joint is which: names of many tools, and the shape of the skeleton where names leave it open."""

from __future__ import annotations

import numpy as np
import pytest

from kinesis_trl.motion.clip import ClipFormatError
from kinesis_trl.motion.readers.joint_map import map_joints
from kinesis_trl.motion.readers.names import ARM, TOOLS, TRUNK, joint_name
from kinesis_trl.motion.readers.pelvis_axes import pelvis_axes
from kinesis_trl.motion.readers.rig import Rig
from kinesis_trl.motion.readers.rig_clip import leg_length

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
    assert joints.doubts == ()


@pytest.mark.parametrize(
    ("name", "side", "word"),
    [
        ("mixamorig1:LeftUpLeg", "L", "upleg"),
        ("Armature|RightToeBase", "R", "toebase"),
        ("/World/Hips/LeftFoot", "L", "foot"),
        ("Bip01 L Thigh", "L", "thigh"),
        ("ValveBiped.Bip01_R_Calf", "R", "calf"),
        ("DEF-shin.L.001", "L", "shin"),
        ("J_Bip_L_UpperLeg", "L", "upperleg"),
        ("CC_Base_R_ToeBase", "R", "toe"),
        ("lThighBend", "L", "thighbend"),
        ("rfemur", "R", "femur"),
        ("LHipJoint", "L", "hip"),
        ("KNEE_LEFT", "L", "knee"),
        ("RIGHTUPLEG", "R", "upleg"),
        ("jRightBallFoot", "R", "ballfoot"),
        ("upper_leg.R", "R", "upperleg"),
        ("右足首", "R", "足首"),
        ("Lab_RightUpLeg", "R", "upleg"),
        ("LowerBack", "", "lowerback"),
        ("Bip01 Spine", "", "spine"),
        ("LeftFoot_end", "L", ""),
        ("ik_foot_l", "L", ""),
        ("thigh_twist_01_l", "L", ""),
        ("L_Femur_RIGMESH", "L", ""),
        ("tail", "", ""),
        ("", "", ""),
    ],
)
def test_side_and_word_of_a_name(name: str, side: str, word: str) -> None:
    found = joint_name(name)
    assert (found.side, found.word) == (side, word)


def test_every_word_of_the_tables_is_found_by_itself_on_both_sides() -> None:
    words = {word for row in TOOLS.values() for column in row for word in column.split()}
    words |= {word for table in (ARM, TRUNK) for row in table.values() for word in row}
    for word in words:
        for name, side in ((f"Left_{word}", "L"), (f"{word}.R", "R"), (word, "")):
            found = joint_name(name)
            assert (found.side, found.word, found.doubt) == (side, word, 0), name


def chain(*joints: tuple[str, str, tuple[float, float, float]]) -> Rig:
    """Rig of (name, parent's name, offset with y up and z forward)."""
    names = [name for name, _, _ in joints]
    parents = tuple(names.index(parent) if parent else -1 for _, parent, _ in joints)
    return Rig(tuple(names), parents, np.array([offset for *_, offset in joints], dtype=float))


def both(*joints: tuple[str, str, tuple[float, float, float]]) -> list[tuple[str, str, tuple[float, float, float]]]:
    """The joints of the left leg, and mirrored those of the right one; '<' stands for the side."""
    sides = (("L", 1.0), ("R", -1.0))
    return [(n.replace("<", s), p.replace("<", s), (g * x, y, z)) for s, g in sides for n, p, (x, y, z) in joints]


def found(rig: Rig) -> dict[str, str]:
    joints = map_joints(rig)
    assert joints.doubts == ()
    return {name: rig.names[joint] for name, joint in joints.index.items()}


def test_the_pelvis_is_what_carries_both_hips() -> None:
    legs = both(
        ("<Thigh", "pelvis", (0.1, -0.1, 0)), ("<Shin", "<Thigh", (0, -0.4, 0)), ("<Foot", "<Shin", (0, -0.4, 0))
    )
    daz = chain(("hip", "", (0, 0, 0)), ("pelvis", "hip", (0, 0, 0)), *legs, ("abdomen", "hip", (0, 0.1, 0)))
    assert found(daz)["Pelvis"] == "pelvis" and found(daz)["Torso"] == "abdomen"
    np.testing.assert_allclose(pelvis_axes(daz, map_joints(daz)), [[0, 0, 1], [1, 0, 0], [0, 1, 0]])
    legs = [(name, parent.replace("pelvis", "Bip01 Spine"), offset) for name, parent, offset in legs]
    trunk = (("Bip01", "", (0, 0, 0)), ("Bip01 Pelvis", "Bip01", (0, 0, 0)), ("Bip01 Spine", "Bip01 Pelvis", (0, 0, 0)))
    biped = found(chain(*trunk, ("Bip01 Spine1", "Bip01 Spine", (0, 0.1, 0)), *legs))
    assert biped["Pelvis"] == "Bip01 Spine" and biped["Torso"] == "Bip01 Spine1"


def test_a_hip_joint_above_the_thigh_and_bones_in_two_parts_are_no_legs_joints() -> None:
    rig = chain(
        ("Hips", "", (0, 0, 0)),
        *both(
            ("<HipJoint", "Hips", (0, 0, 0)),
            ("<Hip", "<HipJoint", (0.1, -0.1, 0)),
            ("<Knee", "<Hip", (0, -0.4, 0)),
            ("<Ankle", "<Knee", (0, -0.4, 0)),
            ("<Toe", "<Ankle", (0, -0.06, 0.13)),
        ),
    )
    assert found(rig)["L_Hip"] == "LHip"
    rig = chain(
        ("spine", "", (0, 0, 0)),
        *both(
            ("DEF-thigh.<", "spine", (0.1, -0.05, 0)),
            ("DEF-thigh.<.001", "DEF-thigh.<", (0, -0.2, 0)),
            ("DEF-shin.<", "DEF-thigh.<.001", (0, -0.2, 0)),
            ("DEF-shin.<.001", "DEF-shin.<", (0, -0.2, 0)),
            ("DEF-foot.<", "DEF-shin.<.001", (0, -0.2, 0)),
            ("DEF-toe.<", "DEF-foot.<", (0, -0.06, 0.13)),
        ),
        ("spine.001", "spine", (0, 0.1, 0)),
    )
    legs = found(rig)
    assert [legs[f"R_{part}"] for part in ("Hip", "Knee", "Ankle")] == ["DEF-thigh.R", "DEF-shin.R", "DEF-foot.R"]
    assert legs["Pelvis"] == "spine" and legs["Torso"] == "spine.001"


def test_bones_that_steer_a_leg_beside_it_are_left_alone() -> None:
    rig = chain(
        ("pelvis", "", (0, 0, 0)),
        ("ik_foot_root", "pelvis", (0, -0.9, 0)),
        *both(
            ("ik_foot_<", "ik_foot_root", (0.1, 0, 0)),
            ("thigh_<", "pelvis", (0.1, -0.1, 0)),
            ("thigh_twist_01_<", "thigh_<", (0, -0.2, 0)),
            ("calf_<", "thigh_<", (0, -0.4, 0)),
            ("foot_<", "calf_<", (0, -0.4, 0)),
            ("ball_<", "foot_<", (0, -0.06, 0.13)),
        ),
    )
    assert found(rig)["L_Ankle"] == "foot_L" and found(rig)["L_Hip"] == "thigh_L"


def test_names_of_a_leg_without_its_proportions_are_doubted() -> None:
    offsets = OFFSETS.copy()
    offsets[[2, 6]] *= 0.3  # thighs of 12 cm
    (left, right) = map_joints(Rig(tuple(STYLES["CMU"].split()), PARENTS, offsets)).doubts
    assert "left leg: thigh of 0.12 and shank of 0.42" in left and "right" in right
    offsets = OFFSETS.copy()
    offsets[2] *= 0.7
    (unequal,) = map_joints(Rig(tuple(STYLES["CMU"].split()), PARENTS, offsets)).doubts
    assert "left thigh of 0.28 and right one of 0.4" in unequal


def test_collar_and_shoulder_are_told_apart() -> None:
    names = (*STYLES["CMU"].split(), "LeftShoulder", "LeftArm", "LeftForeArm", "RightCollar", "RightShoulder")
    joints = map_joints(Rig(names, (*PARENTS, 9, 10, 11, 9, 13), np.concatenate([OFFSETS, np.zeros((5, 3))])))
    assert (joints.index["L_Shoulder"], joints.index["L_Elbow"], joints.index["R_Shoulder"]) == (11, 12, 14)


def test_a_foots_end_stands_in_for_the_toe_and_missing_joints_are_named() -> None:
    names = STYLES["CMU"].replace("LeftToeBase", "LeftFoot_end").split()
    joints = map_joints(Rig(tuple(names), PARENTS, OFFSETS))
    assert joints.index["L_Toe"] == 4 and "L_Toe taken as the end of the foot" in joints.guessed
    offsets = OFFSETS.copy()
    offsets[[4, 8]] = 0
    joints = map_joints(Rig(tuple(STYLES["CMU"].split()), PARENTS, offsets))
    assert "L_Toe" not in joints.index and "R_Toe" not in joints.index
    with pytest.raises(ClipFormatError, match="no joint for R_Knee among Hips"):
        map_joints(Rig(tuple(STYLES["CMU"].replace("RightLeg", "Wing").split()), PARENTS, OFFSETS))
    with pytest.raises(ClipFormatError, match="R_Hip, R_Knee and R_Ankle are no chain"):
        map_joints(Rig(tuple(STYLES["CMU"].split()), (-1, 0, 1, 2, 3, 0, 0, 6, 7, 0), OFFSETS))


@pytest.mark.parametrize("axes", [np.eye(3), [[0, 1, 0], [0, 0, 1], [1, 0, 0]], [[0, -1, 0], [1, 0, 0], [0, 0, 1]]])
def test_the_pelvis_axes_are_found_in_any_frame(axes) -> None:
    turn = np.array(axes, dtype=float)
    rig = Rig(tuple(STYLES["CMU"].split()), PARENTS, OFFSETS @ turn.T)
    found = pelvis_axes(rig, map_joints(rig))
    np.testing.assert_allclose(found @ turn @ [1, 0, 0], [0, 1, 0])  # the left
    np.testing.assert_allclose(found @ turn @ [0, 1, 0], [0, 0, 1])  # up
    np.testing.assert_allclose(found @ turn @ [0, 0, 1], [1, 0, 0])  # ahead
    assert leg_length(rig, map_joints(rig)) == pytest.approx(0.82)
