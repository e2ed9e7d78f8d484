"""Files that people reported as misread or refused: the small inputs in shared/fail, and the same faults elsewhere."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from scipy.spatial.transform import Rotation

from kinesis_trl.body.model import BodyModel
from kinesis_trl.commands.prepare import PrepareConfig, prepare
from kinesis_trl.motion.clip import ClipFormatError, MotionClip
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
        ("a.npz", b"\x89HDF\r\n\x1a\n", "is an HDF5 file"),
        ("a.fbx", b"", "ending '.fbx' is not read; export it as BVH"),
        ("a.c3d", b"", "it holds markers"),
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
    bent = poses.copy()
    bent[30, 12] += 1.5  # one knee in one frame
    assert "a foot jumps" in quality(walk, path, body, poses=bent)[0]
    turned = poses.copy()
    turned[30:, :3] = (Rotation.from_euler("z", np.pi) * Rotation.from_rotvec(poses[30:, :3])).as_rotvec()
    assert "the pelvis turns at" in quality(walk, path, body, poses=turned)[0]
