"""The same walk as BVH of many tools: other names, axes, rest poses, units and feet must give the same motion."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from kinesis_trl.body.model import BodyModel
from kinesis_trl.motion.clip import MotionClip
from kinesis_trl.motion.readers import read_motion
from kinesis_trl.motion.retarget.onto_body import retarget
from kinesis_trl.motion.retarget.quality import verdict
from kinesis_trl.motion.retarget.skeleton import REST_JOINTS, SMPL_JOINTS, SMPL_PARENTS, smpl_kinematics

Y_UP = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
"""From x forward, y left, z up to the usual axes of BVH: x left, y up, z forward."""
_TO_SMPL = [1, 2, 0]  # axis-angle from x forward, y left, z up to SMPL's x left, y up, z forward


def walk(frames: int = 40, fps: float = 30.0) -> tuple[np.ndarray, np.ndarray]:
    """Made-up walking: rotation vectors (T, 24, 3) of every joint relative to its parent, x forward, y left, z up, and
    the way of the pelvis (T, 3) in metres. Feet do not stand exactly; the joints turn about all axes."""
    time = np.arange(frames) / fps
    turns = np.zeros((frames, 24, 3))
    for side, phase in (("L", 0.0), ("R", np.pi)):
        swing = np.sin(2 * np.pi * 0.9 * time + phase)
        sign = 1.0 if side == "L" else -1.0
        turns[:, SMPL_JOINTS.index(f"{side}_Hip"), 1] = -0.15 - 0.35 * swing
        turns[:, SMPL_JOINTS.index(f"{side}_Hip"), 0] = 0.03 * sign
        turns[:, SMPL_JOINTS.index(f"{side}_Hip"), 2] = 0.08 * swing
        turns[:, SMPL_JOINTS.index(f"{side}_Knee"), 1] = 0.45 + 0.35 * np.sin(2 * np.pi * 0.9 * time + phase + 0.9)
        turns[:, SMPL_JOINTS.index(f"{side}_Ankle"), 1] = 0.15 * np.cos(2 * np.pi * 0.9 * time + phase)
        turns[:, SMPL_JOINTS.index(f"{side}_Shoulder"), 1] = -0.3 * swing
    turns[:, 0, 2] = 0.15 * time
    turns[:, 0, 1] = 0.05 + 0.02 * np.sin(2 * np.pi * 1.8 * time)
    turns[:, SMPL_JOINTS.index("Torso"), 0] = 0.05 * np.sin(2 * np.pi * 0.9 * time)
    pelvis = np.stack([1.1 * time, 0.1 * np.sin(0.5 * time), 0.92 + 0.02 * np.sin(2 * np.pi * 1.8 * time)], axis=1)
    return turns, pelvis


def reference(turns: np.ndarray, pelvis: np.ndarray, fps: float = 30.0) -> MotionClip:
    """The walk as the SMPL readers give it."""
    pose = turns[..., _TO_SMPL].copy()
    whole = Rotation.from_rotvec(turns[:, 0]).as_matrix() @ np.eye(3)[_TO_SMPL].T  # from SMPL's axes into the world
    pose[:, 0] = Rotation.from_matrix(whole).as_rotvec()
    positions, quat = smpl_kinematics(pose, pelvis)
    return MotionClip(name="walk", fps=fps, positions=positions, joint_names=SMPL_JOINTS, pelvis_quat=quat)


@dataclass(frozen=True, kw_only=True)
class Style:
    """How a tool would write the walk."""

    names: dict[str, str]
    """Name in the file by SMPL name; joints that are not in it are left out with what hangs on them."""
    frames: dict[str, np.ndarray] = field(default_factory=dict)
    """(3, 3) rotation by SMPL name that turns a joint's axes at rest; '' for all others."""
    world: np.ndarray = field(default_factory=lambda: Y_UP)
    """(3, 3) from x forward, y left, z up to the file's world."""
    scale: float = 100.0
    """Units per metre."""
    order: str = "ZXY"
    """Channels of rotation."""
    rest: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    """Offsets in metres from the parent, x forward, y left, z up, instead of SMPL's."""
    ends: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    """The same of End Sites; others are at their joint."""


def bvh(turns: np.ndarray, pelvis: np.ndarray, style: Style, fps: float = 30.0) -> str:
    """The walk as BVH text. A joint with axes G is written with rotation R Gᵀ, and its children's offsets with G."""
    count = len(turns)
    own = {
        name: style.world @ np.asarray(style.frames.get(name, style.frames.get("", np.eye(3)))) for name in SMPL_JOINTS
    }
    kept = [name for name in SMPL_JOINTS if name in style.names]
    columns: list[np.ndarray] = [pelvis @ style.world.T * style.scale]
    lines = ["HIERARCHY"]

    def offset(name: str, parent: str, table: dict[str, tuple[float, float, float]], default: np.ndarray) -> str:
        metres = np.array(table.get(name, default))
        return "OFFSET " + " ".join(f"{v:.8f}" for v in own[parent] @ metres * style.scale)

    def write(name: str, parent: str | None) -> None:
        index = SMPL_JOINTS.index(name)
        local = Rotation.from_rotvec(turns[:, index]).as_matrix()
        above = style.world if parent is None else own[parent]
        rotation = Rotation.from_matrix(above @ local @ own[name].T)
        columns.append(rotation.as_euler(style.order, degrees=True))
        lines.append(f"{'ROOT' if parent is None else 'JOINT'} {style.names[name]}")
        lines.append("{")
        if parent is None:
            lines.append("OFFSET 0 0 0")
        else:
            plain = REST_JOINTS[index] - REST_JOINTS[SMPL_JOINTS.index(parent)]
            lines.append(offset(name, parent, style.rest, plain))
        turning = " ".join(f"{axis}rotation" for axis in style.order)
        lines.append(
            f"CHANNELS 6 Xposition Yposition Zposition {turning}" if parent is None else f"CHANNELS 3 {turning}"
        )
        children = [c for c in kept if SMPL_PARENTS[SMPL_JOINTS.index(c)] == index]
        for child in children:
            write(child, name)
        if not children:
            lines.extend(["End Site", "{", offset(name, name, style.ends, np.zeros(3)), "}"])
        lines.append("}")

    write("Pelvis", None)
    rows = np.concatenate(columns, axis=1)
    assert len(rows) == count
    head = ["MOTION", f"Frames: {count}", f"Frame Time: {1 / fps:.9g}"]
    return "\n".join([*lines, *head, *(" ".join(f"{v:.7f}" for v in row) for row in rows)]) + "\n"


def sided(trunk: str, leg: str, arm: str, pattern: str, left: str = "Left", right: str = "Right") -> dict[str, str]:
    """Names of a whole skeleton: the trunk from pelvis to head (6 words), leg (4) and arm (5) from the body outwards;
    pattern: how a side '{s}' and a word '{w}' make a name; a trunk word is taken as it is."""
    names = dict(zip(("Pelvis", "Torso", "Spine", "Chest", "Neck", "Head"), trunk.split(), strict=True))
    for side, mark in (("L", left), ("R", right)):
        for parts, words in (
            (("Hip", "Knee", "Ankle", "Toe"), leg),
            (("Thorax", "Shoulder", "Elbow", "Wrist", "Hand"), arm),
        ):
            for part, word in zip(parts, words.split(), strict=True):
                if word != "-":
                    names[f"{side}_{part}"] = pattern.format(s=mark, w=word.replace("+", " "))
    return names


FOOTED = ("Pelvis", *(f"{side}_{part}" for side in "LR" for part in ("Hip", "Knee", "Ankle")))
WHOLE = (*FOOTED, "L_Toe", "R_Toe")
ARM = "Shoulder Arm ForeArm Hand HandEnd"
CMU = sided("Hips Spine Spine1 Spine2 Neck Head", "UpLeg Leg Foot ToeBase", ARM, "{s}{w}")
UPPER = "Clavicle UpperArm Forearm Hand Finger0"
BODY = "Collar Shoulder Elbow Wrist Hand"
TOOLS: dict[str, dict[str, str]] = {
    "Mixamo": {joint: f"mixamorig:{name}" for joint, name in CMU.items()},
    "Blender": {joint: f"Armature|{name}" for joint, name in CMU.items()},
    "Perception Neuron": {joint: f"Robot_{name}" for joint, name in CMU.items()},
    "MotionBuilder": {joint: f"Character1_{name}" for joint, name in CMU.items()},
    "Maya": {joint: f"{name}_JNT" for joint, name in CMU.items()},
    "a person's name": {joint: f"Anna_{name}" for joint, name in CMU.items()},
    "capitals": {joint: name.upper() for joint, name in CMU.items()},
    "Biped": sided("Pelvis Spine Spine1 Spine2 Neck Head", "Thigh Calf Foot Toe0", UPPER, "Bip01 {s} {w}", "L", "R"),
    "SOMA": sided("Hips Spine1 Spine2 Chest Neck1 Head", "Leg Shin Foot ToeBase", ARM, "{s}{w}"),
    "VRM": sided(
        "Hips Spine Chest UpperChest Neck Head", "UpperLeg LowerLeg Foot ToeBase", UPPER, "J_Bip_{s}_{w}", "L", "R"
    ),
    "Unreal": sided(
        "pelvis spine_01 spine_02 spine_03 neck_01 head", "thigh calf foot ball", UPPER, "{w}_{s}", "l", "r"
    ),
    "Rokoko": sided("Hips Spine Spine2 Spine3 Neck Head", "Thigh Shin Foot Toe", ARM, "{s}{w}"),
    "Xsens": sided("Pelvis L5 L3 T12 Neck Head", "UpperLeg LowerLeg Foot Toe", ARM, "{s}{w}"),
    "Xsens joints": sided("jPelvis jL5S1 jL4L3 jL1T12 jC7 jC1Head", "Hip Knee Ankle BallFoot", BODY, "j{s}{w}"),
    "Rigify": sided(
        "DEF-spine DEF-spine.001 DEF-spine.002 DEF-spine.003 DEF-spine.004 DEF-spine.005",
        "thigh shin foot toe",
        "shoulder upper_arm forearm hand palm",
        "DEF-{w}.{s}",
        "L",
        "R",
    ),
    "OptiTrack": sided("Hip Ab Chest Neck0 Neck Head", "Thigh Shin Foot Toe", ARM, "Skeleton1_{s}{w}", "L", "R"),
    "LAFAN1": sided("Hips Spine Spine1 Spine2 Neck Head", "UpLeg Leg Foot Toe", ARM, "{s}{w}"),
    "SMPL": sided("Pelvis Spine1 Spine2 Spine3 Neck Head", "Hip Knee Ankle Foot", BODY, "m_avg_{s}_{w}", "L", "R"),
    "SMPL-X": sided("pelvis spine1 spine2 spine3 neck head", "hip knee ankle foot", BODY, "{s}_{w}", "left", "right"),
    "Kinect": sided("SpineBase SpineMid S2 S3 Neck Head", "Hip Knee Ankle Foot", BODY, "{w}{s}"),
    "mocopi": sided("root torso_1 torso_2 torso_7 neck_1 head", "up_leg low_leg foot toes", ARM, "{s}_{w}", "l", "r"),
    "Acclaim": sided(
        "root lowerback upperback thorax lowerneck head", "femur tibia foot toes", ARM, "{s}{w}", "l", "r"
    ),
    "MakeHuman": sided(
        "spine05 spine04 spine03 spine01 neck01 head", "upperleg01 lowerleg01 foot toe1-1", UPPER, "{w}.{s}", "L", "R"
    ),
    "MikuMikuDance": sided(
        "センター 上半身 上半身2 上半身3 首 頭", "足 ひざ 足首 つま先", "肩 腕 ひじ 手首 指", "{s}{w}", "左", "右"
    ),
    "of two tools": sided("Hips Spine Spine1 Spine2 Neck Head", "Thigh Leg Foot Toe", ARM, "{s}{w}"),
}


def about(axis: str, degrees: float) -> np.ndarray:
    return Rotation.from_euler(axis, degrees, degrees=True).as_matrix()


TURNED = {joint: Rotation.random(random_state=k).as_matrix() for k, joint in enumerate(SMPL_JOINTS)}
REST: dict[str, dict[str, np.ndarray]] = {
    "turned 20° about the vertical": {"": about("z", 20)},
    "turned 7° about the vertical": {"": about("z", 7)},
    "leaning 20°": {"": about("y", 20)},
    "rolled 45°": {"": about("x", 45)},
    "lying": {"": about("y", 90)},
    "anyhow": {"": Rotation.random(random_state=3).as_matrix()},
    "A-pose": {
        f"{s}_{p}": about("x", g * -50) for s, g in (("L", 1), ("R", -1)) for p in ("Shoulder", "Elbow", "Wrist")
    },
    "sitting": {f"{s}_{p}": about("y", 80) for s in "LR" for p in ("Hip", "Knee", "Ankle", "Toe")},
    "every joint its own axes": {joint: turn for joint, turn in TURNED.items() if joint != "Pelvis"},
}
WORLDS = {
    "z up": np.eye(3),
    "z up, y forward": about("z", 90),
    "y down": np.diag([1.0, -1.0, -1.0]) @ Y_UP,
    "x up": np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]),
}


@pytest.fixture
def read(tmp_path: Path) -> Callable[[Style], MotionClip]:
    def written(style: Style) -> MotionClip:
        path = tmp_path / "walk.bvh"
        path.write_text(bvh(*walk(), style), encoding="utf-8")
        (clip,) = read_motion(path)
        assert clip.doubts == ()
        return clip

    return written


def assert_same(clip: MotionClip, joints: tuple[str, ...] = WHOLE, turned: float = 0.0) -> None:
    """The clip is the walk, perhaps turned about the vertical by degrees: joints to 0.1 mm, the pelvis to 1°."""
    expected = reference(*walk())
    assert clip.positions is not None and expected.positions is not None
    turn = Rotation.from_euler("z", turned, degrees=True)
    for joint in joints:
        seen = clip.positions[:, clip.joint_names.index(joint)]
        wanted = turn.apply(expected.positions[:, expected.joint_names.index(joint)])
        np.testing.assert_allclose(seen, wanted, atol=1e-4, err_msg=joint)
    pelvis = (turn * Rotation.from_quat(expected.pelvis_quat, scalar_first=True)).inv()
    apart = (pelvis * Rotation.from_quat(clip.pelvis_quat, scalar_first=True)).magnitude()
    assert np.degrees(apart.max()) < 1.0


@pytest.mark.parametrize("tool", TOOLS)
def test_names_of_tools(read: Callable[[Style], MotionClip], tool: str) -> None:
    assert_same(read(Style(names=TOOLS[tool])))


@pytest.mark.parametrize("rest", REST)
def test_rest_poses(read: Callable[[Style], MotionClip], rest: str) -> None:
    assert_same(read(Style(names=CMU, frames=REST[rest])))


@pytest.mark.parametrize("scale", [1.0, 100.0, 1000.0, 1 / 0.0254, 0.45 / 0.0254, 1 / 0.3048])
def test_units(read: Callable[[Style], MotionClip], scale: float) -> None:
    assert_same(read(Style(names=CMU, scale=scale)))


@pytest.mark.parametrize(("world", "turned"), list(zip(WORLDS, (0.0, 90.0, 180.0, 0.0), strict=True)))
def test_worlds(read: Callable[[Style], MotionClip], world: str, turned: float) -> None:
    assert_same(read(Style(names=CMU, world=WORLDS[world])), turned=turned)


@pytest.mark.parametrize("order", ["XYZ", "YXZ", "ZYX", "YZX"])
def test_orders_of_channels(read: Callable[[Style], MotionClip], order: str) -> None:
    assert_same(read(Style(names=CMU, order=order)))


FEET = {side: (0.119, sign * 0.027, -0.055) for side, sign in (("L", 1.0), ("R", -1.0))}
TOELESS = {joint: name for joint, name in CMU.items() if "Toe" not in joint}
NOWHERE = (0.0, 0.0, 0.0)


def pointing(clip: MotionClip) -> np.ndarray:
    """(2,) median angle of each foot to the left of the pelvis's front, in degrees."""
    assert clip.positions is not None
    at = {name: clip.positions[:, k] for k, name in enumerate(clip.joint_names)}
    pelvis = Rotation.from_quat(clip.pelvis_quat, scalar_first=True)
    feet = [pelvis.apply(at[f"{s}_Toe"] - at[f"{s}_Ankle"], inverse=True) for s in "LR"]
    return np.array([np.degrees(np.median(np.arctan2(foot[:, 1], foot[:, 0]))) for foot in feet])


def test_an_end_site_in_front_of_the_ankle_is_the_toe(read: Callable[[Style], MotionClip]) -> None:
    ends = {f"{side}_Ankle": foot for side, foot in FEET.items()}
    clip = read(Style(names=TOELESS, ends=ends))
    assert_same(clip, FOOTED)
    np.testing.assert_allclose(pointing(clip), pointing(reference(*walk())), atol=2.0)
    rest = {f"{side}_Toe": NOWHERE for side in "LR"}  # the toe joint lies on the ankle, its End Site in front of it
    clip = read(Style(names=CMU, rest=rest, ends={f"{side}_Toe": foot for side, foot in FEET.items()}))
    assert any("LeftToeBase lies on the ankle" in note for note in clip.notes)
    np.testing.assert_allclose(pointing(clip), pointing(reference(*walk())), atol=2.0)


@pytest.mark.parametrize("frames", [{}, REST["every joint its own axes"]], ids=["plain", "own axes"])
@pytest.mark.parametrize(
    ("names", "rest", "ends"),
    [
        (TOELESS, {}, {}),
        (TOELESS, {}, {"L_Ankle": (0.0, 0.0, -0.08), "R_Ankle": (0.0, 0.0, -0.08)}),
        (TOELESS, {}, {"L_Ankle": (-0.07, 0.0, -0.08), "R_Ankle": (-0.07, 0.0, -0.08)}),
        (CMU, {"L_Toe": NOWHERE, "R_Toe": NOWHERE}, {}),
    ],
    ids=["no toe", "end below the ankle", "end at the heel", "toe and end on the ankle"],
)
def test_a_foot_without_a_front_gets_a_toe(
    read: Callable[[Style], MotionClip], names: dict, rest: dict, ends: dict, frames: dict
) -> None:
    """It points where the pelvis does, a little outwards, as feet do; SMPL's point outwards by 13°."""
    clip = read(Style(names=names, rest=rest, ends=ends, frames=frames))
    assert_same(clip, FOOTED)
    assert sum("_Toe" in note and "placed" in note for note in clip.notes) == 2
    np.testing.assert_allclose(pointing(clip), pointing(reference(*walk())), atol=11.0)


def test_a_turned_rest_pose_gives_the_joint_angles_of_the_original(
    read: Callable[[Style], MotionClip], body: BodyModel
) -> None:
    columns = [7 + body.joint_names.index(name) for name in body.independent_joints]
    expected = retarget(reference(*walk()), body)[0].qpos
    found = retarget(read(Style(names=TOOLS["SMPL"], frames=REST["anyhow"])), body)[0].qpos
    assert expected is not None and found is not None
    assert np.degrees(np.abs(found - expected)[:, columns]).max() < 1.0


def test_swapped_sides_are_doubtful(tmp_path: Path, body: BodyModel) -> None:
    other = {"Left": "Right", "Right": "Left"}
    for given in (CMU, TOELESS):
        names = {j: next((other[s] + n.removeprefix(s) for s in other if n.startswith(s)), n) for j, n in given.items()}
        (tmp_path / "walk.bvh").write_text(bvh(*walk(), Style(names=names)))
        (clip,) = read_motion(tmp_path / "walk.bvh")
        assert "left and right are swapped" in verdict(retarget(clip, body)[1])
