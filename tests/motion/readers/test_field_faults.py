"""Files that people reported as misread or refused: the small inputs in shared/fail, and the same faults elsewhere."""

from __future__ import annotations

import io
import json
import pickle
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from scipy.spatial.transform import Rotation

from kinesis_trl.body.model import BodyModel
from kinesis_trl.commands.prepare import PrepareConfig, prepare
from kinesis_trl.motion.clip import ClipFormatError, MotionClip
from kinesis_trl.motion.pickles import load_pickle
from kinesis_trl.motion.readers import read_motion
from kinesis_trl.motion.readers.dispatch import read_file
from kinesis_trl.motion.retarget.onto_body import retarget
from kinesis_trl.motion.retarget.quality import shortcomings, verdict

LEGS = ("Pelvis", *(f"{side}_{part}" for side in "LR" for part in ("Hip", "Knee", "Ankle", "Toe")))


@pytest.fixture(scope="module")
def fail(shared: Path) -> Path:
    """Folder of the inputs."""
    return shared / "fail"


@pytest.fixture(scope="module")
def reference(fail: Path) -> MotionClip:
    (clip,) = read_motion(fail / "smpl-named-bvh" / "reference.pkl")
    return clip


@pytest.mark.parametrize(
    "file",
    [
        "bvh-names/names_biped.bvh",
        "bvh-names/names_soma.bvh",
        "bvh-names/ns_Armature-.bvh",
        "bvh-rest-turned/restyaw20.bvh",
        "bvh-syntax/brace_same.bvh",
        "bvh-syntax/frames_nospace.bvh",
        "bvh-syntax/wrapped.bvh",
        "smpl-named-bvh/names_smpl2bvh.bvh",
    ],
)
def test_the_motion_of_the_reference(fail: Path, reference: MotionClip, file: str) -> None:
    (clip,) = read_motion(fail / file)
    assert clip.positions is not None and reference.positions is not None and clip.doubts == ()
    for joint in LEGS:
        seen, wanted = (c.positions[:, c.joint_names.index(joint)] for c in (clip, reference))
        np.testing.assert_allclose(seen - clip.positions[0, 0], wanted - reference.positions[0, 0], atol=1e-3)
    apart = Rotation.from_quat(reference.pelvis_quat, scalar_first=True).inv()
    apart *= Rotation.from_quat(clip.pelvis_quat, scalar_first=True)
    assert np.degrees(apart.magnitude().max()) < 1.0


def same_motion(found: MotionClip, wanted: MotionClip) -> None:
    assert found.positions is not None and wanted.positions is not None and found.doubts == ()
    for joint in LEGS:
        seen, due = (c.positions[:, c.joint_names.index(joint)] for c in (found, wanted))
        np.testing.assert_allclose(seen, due, atol=1e-6)


@pytest.fixture(scope="module")
def whole(fail: Path) -> str:
    """A figure with Mixamo's names, as text."""
    return (fail / "bvh-names" / "ns_Armature-.bvh").read_text().replace("Armature|", "")


@pytest.mark.parametrize(
    ("sides", "legs"),
    [
        (("Left", "Right"), ("{}LegUpper", "{}LegLower", "{}FootAnkle", "{}FootBall")),
        (("Left", "Right"), ("{}UpperLeg", "{}LowerLeg", "{}FootAnkle", "{}FootBall")),
        ("lr", ("b_{}_upleg", "b_{}_leg", "b_{}_talocrural", "b_{}_ball")),
        ("lr", ("{}_upleg", "{}_lowleg", "{}_foot", "{}_ball")),
        ("lr", ("{}_thigh", "{}_shin", "{}_foot", "{}_metatarsal")),
        (("lf", "rt"), ("{}_thigh_01_jnt", "{}_shin_01_jnt", "{}_foot_01_jnt", "{}_toe_01_jnt")),
    ],
)
def test_names_of_further_tools(whole: str, tmp_path: Path, sides: str, legs: tuple[str, ...]) -> None:
    renamed = whole
    for old, new in zip(("Left", "Right"), sides, strict=True):
        for part, name in zip(("UpLeg", "Leg", "Foot", "ToeBase"), legs, strict=True):
            renamed = renamed.replace(f"JOINT {old}{part}\n", f"JOINT {name.format(new)}\n")
    (tmp_path / "whole.bvh").write_text(whole)
    (tmp_path / "renamed.bvh").write_text(renamed)
    assert renamed != whole
    same_motion(read_motion(tmp_path / "renamed.bvh")[0], read_motion(tmp_path / "whole.bvh")[0])


def test_an_ankle_that_is_passed_over_is_a_doubt(whole: str, tmp_path: Path) -> None:
    renamed = whole
    for side in ("Left", "Right"):  # the ankle has no name, so that the toe's would do
        renamed = renamed.replace(f"JOINT {side}Foot\n", f"JOINT {side}X\n").replace(f"{side}ToeBase", f"{side}Foot")
    (tmp_path / "figure.bvh").write_text(renamed)
    (clip,) = read_motion(tmp_path / "figure.bvh")
    assert len(clip.doubts) == 2 and "lies beside thigh and shank" in clip.doubts[0]


def ragged(text: str) -> str:
    """The same numbers with a line break after every 17."""
    head, rows = text.split("Frame Time:")
    step, *values = rows.split()
    lines = [" ".join(values[k : k + 17]) for k in range(0, len(values), 17)]
    return f"{head}Frame Time: {step}\n" + "\n".join(lines)


@pytest.mark.parametrize(
    "change",
    [
        ragged,
        lambda text: text.replace("End Site", "EndSite"),
        lambda text: text.replace("\nFrame Time", " Frame Time"),
        lambda text: text.replace("Frames:", "Frames :").replace("\n", "\r\n"),
    ],
)
def test_dialects_of_bvh(whole: str, tmp_path: Path, change: Callable[[str], str]) -> None:
    (tmp_path / "whole.bvh").write_text(whole)
    (tmp_path / "other.bvh").write_text(change(whole))
    same_motion(read_motion(tmp_path / "other.bvh")[0], read_motion(tmp_path / "whole.bvh")[0])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("CHANNELS 3 Zrotation Xrotation Yrotation", "CHANNELS 2 Zrotation Xrotation", "frame 1 of 66 has 75 values"),
        ("  End Site", "  Nub Site", "has 'Nub' in its hierarchy, expected JOINT, End Site"),
    ],
)
def test_what_cannot_be_meant_is_refused(whole: str, tmp_path: Path, old: str, new: str, message: str) -> None:
    (tmp_path / "other.bvh").write_text(whole.replace(old, new))
    with pytest.raises(ClipFormatError, match=message):
        read_motion(tmp_path / "other.bvh")


def test_a_toe_joint_on_the_ankle_is_not_used(fail: Path) -> None:
    (clip,) = read_motion(fail / "bvh-toe-at-ankle" / "toezero.bvh")
    assert clip.positions is not None
    for side in "LR":
        toe, ankle = (clip.positions[:, clip.joint_names.index(f"{side}_{part}")] for part in ("Toe", "Ankle"))
        np.testing.assert_allclose(np.linalg.norm(toe - ankle, axis=1), 0.05, atol=1e-3)
    assert sum("lies on the ankle; taken as the end of the foot" in note for note in clip.notes) == 2


def test_a_planar_table_walks(fail: Path) -> None:
    (clip,) = read_motion(fail / "planar-opensim" / "planar_scone.sto")
    assert clip.qpos is not None
    assert np.linalg.norm(np.ptp(clip.qpos[:, :2], axis=0)) == pytest.approx(2.48, abs=0.01)
    pitch = Rotation.from_quat(clip.qpos[:, 3:7], scalar_first=True).as_euler("ZYX")[:, 1]
    assert pitch[0] == pytest.approx(-0.01656262, abs=1e-6)  # a positive tilt leans back
    assert "not in the file, taken as 0: pelvis_list, pelvis_rotation" in clip.notes


def test_rounded_times(fail: Path) -> None:
    (clip,) = read_motion(fail / "opensim-times" / "t3dec.mot")
    assert clip.fps == 30.0 and clip.frames == 98


@pytest.mark.parametrize(("rate", "name"), [(24e3 / 1001, "23.976"), (60e3 / 1001, "59.94"), (72.0, "72"), (35.0, "")])
@pytest.mark.parametrize("decimals", [2, 3, 6])
def test_rounded_times_of_any_rate(fail: Path, tmp_path: Path, rate: float, name: str, decimals: int) -> None:
    head, rows = (fail / "opensim-times" / "t3dec.mot").read_text().split("endheader")
    names, *lines = rows.split("\n")[1:-1]
    timed = [f"{12 + k / rate:.{decimals}f}\t" + line.split("\t", 1)[1] for k, line in enumerate(lines)]
    (tmp_path / "table.mot").write_text(f"{head}endheader\n{names}\n" + "\n".join(timed))
    (clip,) = read_motion(tmp_path / "table.mot")
    assert clip.fps == pytest.approx(rate, rel=1e-5 if decimals > 2 and name else 5e-3)


def test_tables_of_other_tools_and_countries(fail: Path, tmp_path: Path) -> None:
    text = (fail / "opensim-times" / "t3dec.mot").read_text()
    (wanted,) = read_motion(fail / "opensim-times" / "t3dec.mot")
    rows = text.split("endheader\n")[1]
    changed = {
        "german.csv": rows.replace("\t", ";").replace(".", ","),
        "german.mot": text.replace(".", ","),
        "notes.csv": "# made by hand, on Monday\n\n# again\n" + rows.replace("\t", ","),
        "large.mot": text.replace("hip_", "Hip_"),
    }
    for name, content in changed.items():
        (tmp_path / name).write_text(content)
        (clip,) = read_motion(tmp_path / name)
        np.testing.assert_allclose(clip.qpos, wanted.qpos, atol=1e-9)


def test_a_small_table_of_many_columns_asks_for_no_memory(fail: Path) -> None:
    with pytest.raises(ClipFormatError, match=r"small.mot: has \d+ columns under 2 names"):
        read_motion(fail / "table-memory" / "small.mot")


def test_one_bad_motion_of_three(fail: Path, tmp_path: Path) -> None:
    path = fail / "pickle-one-bad" / "three_one_nan.pkl"
    content = read_file(path)
    assert [clip.name for clip in content.clips] == ["walk_one", "walk_three"]
    (error,) = content.refused
    assert "motion 'walk_two': pose is not finite in 1 of 66 frames (first: 3)" in str(error)
    with pytest.raises(ClipFormatError, match="walk_two"):
        read_motion(path)


@pytest.mark.parametrize("of", [lambda motions: list(motions.values()), lambda motions: defaultdict(dict, motions)])
def test_motions_in_a_list_or_a_dict_with_defaults(
    fail: Path, tmp_path: Path, of: Callable[[dict[str, object]], object]
) -> None:
    motion = load_pickle(fail / "clip-name-markup" / "a.pkl")
    (tmp_path / "some.pkl").write_bytes(
        pickle.dumps(of({"one": dict(*motion.values()), "two": dict(*motion.values())}))
    )
    assert len(read_motion(tmp_path / "some.pkl")) == 2


def test_a_jump_is_refused_unless_accepted(fail: Path, tmp_path: Path) -> None:
    given = (str(fail / "silent-quality" / "teleport.npz"), str(fail / "clip-name-markup" / "a.pkl"))
    console = Console(file=io.StringIO())
    result = prepare(PrepareConfig(paths=given, out=tmp_path / "out", workers=1), console)
    ((name, reason),) = result.refused
    assert "teleport" in name and "the pelvis moves at 100 m/s" in reason and "--accept" in reason
    ((clip, _),) = result.clips
    assert clip.name == "walk [/b] fast"
    prepare(PrepareConfig(paths=given, out=tmp_path / "out", workers=1, accept=True), console)
    jump, good = json.loads((tmp_path / "out" / "quality.json").read_text())
    assert {"root_speed_m_s", "root_jump_m"} <= set(jump["shortcomings"]) and jump["verdict"].startswith("doubtful")
    assert good["verdict"] == "good" and good["name"] == "walk [/b] fast" and good["shortcomings"] == []
    assert "accepted though doubtful" in (tmp_path / "out" / "quality.md").read_text()


def test_the_true_cause(fail: Path, tmp_path: Path) -> None:
    with pytest.raises(ClipFormatError, match=r"torch_save.pkl: is a file of torch.save.*torch.load.*joblib.dump"):
        read_motion(fail / "torch-save-pkl" / "torch_save.pkl")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.pkl", b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.", "is a file of torch.save"),
        ("a.npz", b"version https://git-lfs.github.com/spec/v1\n", "pointer of Git LFS"),
        ("a.bvh", b"<!DOCTYPE html><html>", "is a web page"),
        ("a.bvh", b"Kaydara FBX Binary  \x00\x1a\x00", "is an FBX file"),
        ("a.mot", b"\x1f\x8b\x08\x00", "compressed by gzip"),
        ("a.npy", b"PK\x03\x04" + bytes(26) + b"poses.npy", "rename it to .npz"),
        ("a.csv", b"PK\x03\x04" + bytes(26) + b"xl/workbook.xml", "is a zip archive"),
        ("a.npz", b"PK\x03\x04" + bytes(26) + b"a/data.pkl", "is a file of torch.save"),
        ("a.npz", b"\x89HDF\r\n\x1a\n", "is an HDF5 file"),
        ("a.fbx", b"", "ending '.fbx' is not read; export it as BVH"),
        ("a.c3d", b"", "is empty"),
        ("a.xyz", b"", "ending '.xyz' is not read; known: .amc, .bvh"),
        ("a.json", b"[1, 2]", "no 'Frames'"),
        ("a.mot", b"", "is empty"),
        ("a.bvh", "HIERARCHY".encode("utf-16"), "save it as UTF-8"),
    ],
)
def test_what_a_file_is_instead(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ClipFormatError, match=rf"{name}: .*{message}") as refused:
        read_motion(tmp_path / name)
    assert len(str(refused.value).splitlines()) == 1


@pytest.fixture(scope="module")
def walk(fail: Path) -> dict[str, np.ndarray]:
    """The walk of the file with a jump, without it."""
    with np.load(fail / "silent-quality" / "teleport.npz") as file:
        arrays = dict(file)
    way = arrays["trans"].astype(float)
    jump = int(np.linalg.norm(np.diff(way, axis=0), axis=1).argmax())
    way[jump + 1 :] -= way[jump + 1] - 2 * way[jump] + way[jump - 1]
    return {**arrays, "trans": way}


def quality(walk: dict[str, np.ndarray], path: Path, body: BodyModel, **changes: np.ndarray) -> tuple[str, list[str]]:
    np.savez(path, **{**walk, **changes})
    (clip,) = read_motion(path)
    report = retarget(clip, body)[1]
    return verdict(report), shortcomings(report)


def test_what_a_person_cannot_do_is_doubtful(walk: dict[str, np.ndarray], tmp_path: Path, body: BodyModel) -> None:
    path, way, poses = tmp_path / "walk.npz", walk["trans"], walk["poses"]
    assert quality(walk, path, body) == ("good", [])
    found, _ = quality(walk, path, body, trans=way * [0, 0, 1])
    assert "glide over the floor at 1." in found and "as on a treadmill" in found
    found, _ = quality(walk, path, body, trans=way * 1000)
    assert "lengths are in another unit (--unit)" in found
    found, _ = quality(walk, path, body, trans=way * 0.4)
    assert "the root may be in another unit than the skeleton" in found
    spike = way.copy()
    spike[30, 1] += 0.25
    found, short = quality(walk, path, body, trans=spike)
    assert "jumps: 0.25 m off" in found and short == ["root_jump_m"]
    assert "pose may be in degrees" in quality(walk, path, body, poses=np.degrees(poses))[0]
    turn = Rotation.from_euler("y", 0.7)
    tilted = np.concatenate([(turn * Rotation.from_rotvec(poses[:, :3])).as_rotvec(), poses[:, 3:]], axis=1)
    assert "the body leans by 4" in quality(walk, path, body, poses=tilted)[0]
    bent = poses.copy()
    bent[30, 12] += 1.5  # one knee in one frame
    assert "a foot jumps" in quality(walk, path, body, poses=bent)[0]
    turned = poses.copy()
    turned[30:, :3] = (Rotation.from_euler("z", np.pi) * Rotation.from_rotvec(poses[30:, :3])).as_rotvec()
    assert "the pelvis turns at" in quality(walk, path, body, poses=turned)[0]
