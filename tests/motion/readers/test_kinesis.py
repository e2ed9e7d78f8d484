"""KINESIS pickles: the pelvis where the original has it, initial-pose qpos, and wrong content."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from kinesis_trl.motion.clip import ClipFormatError
from kinesis_trl.motion.pickles import load_pickle
from kinesis_trl.motion.readers import read_motion


def test_text_to_motion_pickles(motions: Path, recorded, gait) -> None:
    files = sorted(motions.glob("kinesis_t2m/*.pkl"))
    assert len(files) == 25
    for path in files:
        (clip,) = read_motion(path)
        assert clip.name == path.stem
        fps, seconds, forward, left, turn = recorded[path.name]
        seen = gait(clip)
        assert (clip.fps, seen.seconds) == (fps, pytest.approx(seconds, abs=0.01))
        assert seen.forward == pytest.approx(forward, abs=0.05), path  # the table is smoothed differently
        assert seen.left == pytest.approx(left, abs=0.03), path
        assert seen.turn == pytest.approx(turn, abs=2), path
        assert 0.85 < seen.height.min() < seen.height.max() < 1.1, path
        toes = clip.positions[:, [clip.joint_names.index(name) for name in ("L_Toe", "R_Toe")], 2]
        assert -0.02 < toes.min() < 0.06, path
        upright = Rotation.from_quat(clip.pelvis_quat, scalar_first=True)
        assert upright.apply([0, 0, 1])[:, 2].min() > 0.9, path
        heading = np.unwrap(upright.as_euler("ZYX")[:, 0])
        assert np.degrees(heading[-1] - heading[0]) == pytest.approx(turn, abs=6), path


def test_the_pelvis_is_the_stored_root(motions: Path, tmp_path: Path) -> None:
    path = motions / "kinesis_t2m" / "mdm_turn_left_0.pkl"
    stored = load_pickle(path)["0"]
    (clip,) = read_motion(path)
    np.testing.assert_allclose(clip.positions[:, 0], stored["root_trans_offset"], atol=1e-12)
    without = {key: value for key, value in stored.items() if key != "root_trans_offset"}
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"walk": without}))
    (again,) = read_motion(tmp_path / "a.pkl")  # only the model's translation: the rest pelvis is added
    assert np.abs(again.positions[:, 0] - clip.positions[:, 0]).max() < 0.05


def test_initial_poses(motions: Path, recorded, gait) -> None:
    clips = read_motion(motions / "kinesis_kit_qpos10hz" / "initial_pose_test_open.pkl")
    assert len(clips) == len({clip.name for clip in clips}) == 58
    rows = {
        name.split("(")[1].rstrip(")").replace("KIT ", "0-KIT_") + "_poses": v
        for name, v in recorded.items()
        if "(" in name
    }
    assert len(rows) == 58
    for clip in clips:
        fps, seconds, forward, left, turn = rows[clip.name]
        seen = gait(clip)
        assert clip.fps == fps and clip.qpos.shape[1] == 35
        assert seen.seconds == pytest.approx(seconds, abs=0.051), clip.name
        assert seen.forward == pytest.approx(forward, abs=0.03), clip.name
        assert seen.left == pytest.approx(left, abs=0.02), clip.name
        assert seen.turn == pytest.approx(turn, abs=1), clip.name
        assert 0.8 < seen.height.min() < seen.height.max() < 1.05, clip.name
    labels = {clip.name: clip.label for clip in clips}
    assert labels["0-KIT_7_WalkInClockwiseCircle07_poses"] == "walk in clockwise circle"


def motion(frames: int = 4) -> dict:
    pose = np.zeros((frames, 72))
    pose[:, :3] = Rotation.from_matrix([[0, 0, 1], [1, 0, 0], [0, 1, 0]]).as_rotvec()
    root = np.array([[0.0, 0.0, 0.95]] * frames)
    return {"pose_aa": pose, "trans_orig": root, "root_trans_offset": root, "fps": 30, "gender": "male"}


def broken(**changes) -> dict:
    return {key: value for key, value in (motion() | changes).items() if value is not None}


def test_many_keys_and_nesting(tmp_path: Path) -> None:
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps({"x": motion(), "group": {"y": motion(5)}, "version": 3}))
    clips = read_motion(path)
    assert [(clip.name, clip.frames) for clip in clips] == [("x", 4), ("y", 5)]
    assert clips[0].extra["gender"] == "male" and clips[0].joint_names[0] == "Pelvis"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "expected a non-empty dict"),
        ([1, 2], "holds list"),
        ({"a": {"poses": np.zeros((3, 72))}}, "no motion in it; found the keys a"),
        ({"a": broken(fps=None)}, "motion 'a': has no frame rate 'fps'; pass --fps"),
        ({"a": broken(fps=0)}, "frame rate 0.0 is not between"),
        ({"a": broken(pose_aa=np.zeros((4, 70)))}, r"pose has shape \(4, 70\)"),
        ({"a": broken(pose_aa=np.zeros((5, 72)))}, r"root translation has shape \(4, 3\), expected \(5, 3\)"),
        ({"a": broken(pose_aa=np.full((4, 72), np.nan))}, "pose is not finite in 4 of 4 frames"),
        ({"a": motion(1)}, "is a single pose"),
        ({"a": broken(trans_orig=None, root_trans_offset=None)}, "neither root_trans_offset nor trans_orig"),
        ({0: {0.0: np.zeros(34), 0.1: np.zeros(34)}}, r"has \[34\] coordinates a frame, expected 35"),
        ({0: {0.0: np.ones(35), 0.1: np.ones(35), 0.5: np.ones(35)}}, "equal steps"),
        ({0: {0.0: np.ones(35), 0.1: np.ones(35)}}, "root quaternions .* another order"),
        ({0: {0.0: np.full(35, np.inf), 0.1: np.eye(35)[3]}}, "qpos is not finite in 1 of 2 frames"),
    ],
)
def test_wrong_content_is_refused_with_its_name(tmp_path: Path, content, message: str) -> None:
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps(content))
    with pytest.raises(ClipFormatError, match=rf"a\.pkl: .*{message}"):
        read_motion(path)
