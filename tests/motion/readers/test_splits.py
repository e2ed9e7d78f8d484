"""Train and test sets by name, whichever way a clip's key is written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kinesis_trl.motion.clip import ClipFormatError, MotionClip
from kinesis_trl.motion.readers import motion_files, read_keys, read_motion, select_split
from kinesis_trl.motion.readers.splits import canonical_key


def clip(name: str, key: str = "") -> MotionClip:
    return MotionClip(name=name, fps=30, qpos=np.zeros((2, 35)), extra={"key": key} if key else {})


def test_one_clip_has_one_canonical_key() -> None:
    ways = [
        "0-KIT_314_walking_slow05_poses",
        "KIT/314/walking_slow05_poses.npz",
        "KIT/314/walking_slow05_stageii",
        "KIT_314_walking_slow05",
        " KIT\\314\\walking_slow05_poses ",
    ]
    assert {canonical_key(way) for way in ways} == {"kit_314_walking_slow05"}
    assert canonical_key("0-KIT_6_RightTurn10_1_poses") != canonical_key("0-KIT_6_RightTurn10_poses")


def test_selection_keeps_the_lists_order_and_passes_over_missing(tmp_path: Path) -> None:
    clips = [clip("0-KIT_3_walk01_poses"), clip("walk02_poses", "KIT_3_walk02_poses"), clip("0-KIT_4_run_poses")]
    keys = tmp_path / "test.txt"
    keys.write_text("# v1\nKIT/3/walk02_poses\n\n0-KIT_9_absent_poses\n0-KIT_3_walk01_poses\n0-KIT_3_walk01_poses\n")
    chosen = select_split(clips, read_keys(keys))
    assert [c.name for c in chosen] == ["walk02_poses", "0-KIT_3_walk01_poses"]
    with pytest.raises(ClipFormatError, match="none of the 1 keys names a clip"):
        select_split(clips, ["KIT/1/other"])


def test_amass_folders(tmp_path: Path) -> None:
    folder = tmp_path / "amass" / "KIT" / "314"
    folder.mkdir(parents=True)
    pose = np.zeros((4, 156))
    pose[:, 0] = np.pi / 2
    np.savez(folder / "walking_slow05_poses.npz", poses=pose, trans=np.ones((4, 3)), mocap_framerate=100)
    clips = [c for path in motion_files(tmp_path) for c in read_motion(path)]
    assert [c.name for c in select_split(clips, ["0-KIT_314_walking_slow05_poses"])] == ["walking_slow05_poses"]


def test_the_recorded_kit_clips_by_their_keys(motions: Path) -> None:
    clips = read_motion(motions / "kinesis_kit_qpos10hz" / "initial_pose_test_open.pkl")
    lines = (motions / "kinesis_kit_qpos10hz" / "keys_open.csv").read_text().splitlines()[1:]
    keys = [line.split(",")[1].replace("0-KIT_", "KIT/") for line in lines]
    assert [c.name for c in select_split(clips, keys)] == [line.split(",")[1] for line in lines]


def test_bad_lists(tmp_path: Path) -> None:
    with pytest.raises(ClipFormatError, match=r"none\.txt: cannot be read"):
        read_keys(tmp_path / "none.txt")
    (tmp_path / "a.txt").write_text("# nothing\n")
    with pytest.raises(ClipFormatError, match=r"a\.txt: has no keys"):
        read_keys(tmp_path / "a.txt")
    (tmp_path / "b.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ClipFormatError, match=r"b\.txt: is not text"):
        read_keys(tmp_path / "b.txt")
