"""poselib SkeletonMotion: recorded humanoids, global rotations, and malformed trees."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from kinesis_trl.motion.clip import ClipFormatError
from kinesis_trl.motion.pickles import load_npy
from kinesis_trl.motion.readers import read_motion

NAMES = ["pelvis", "torso", "right_thigh", "right_shin", "right_foot", "left_thigh", "left_shin", "left_foot"]
PARENTS = [-1, 0, 0, 2, 3, 0, 5, 6]
OFFSETS = [[0, 0, 1], [0, 0, 0.2], [0, -0.1, 0], [0, 0, -0.4], [0, 0, -0.4], [0, 0.1, 0], [0, 0, -0.4], [0, 0, -0.4]]


def content(**changes) -> dict:
    rotation = np.tile([0.0, 0, 0, 1], (3, 8, 1))
    rotation[:, NAMES.index("left_shin")] = Rotation.from_euler("y", 90, degrees=True).as_quat()
    entries = {
        "rotation": {"arr": rotation},
        "root_translation": {"arr": np.array([[0.0, 0, 0.9], [0.1, 0, 0.9], [0.2, 0, 0.9]])},
        "skeleton_tree": {
            "node_names": NAMES,
            "parent_indices": {"arr": np.array(PARENTS)},
            "local_translation": {"arr": np.array(OFFSETS, dtype=float)},
        },
        "is_local": True,
        "fps": 30,
    }
    return {key: value for key, value in (entries | changes).items() if value is not None}


def save(path: Path, entries: dict) -> Path:
    np.save(path, np.array(entries, dtype=object), allow_pickle=True)
    return path


def at(clip, name: str) -> np.ndarray:
    return clip.positions[:, clip.joint_names.index(name)]


def test_geometry_by_hand(tmp_path: Path) -> None:
    (clip,) = read_motion(save(tmp_path / "a.npy", content()))
    np.testing.assert_allclose(at(clip, "R_Ankle"), [[x, -0.1, 0.1] for x in (0, 0.1, 0.2)], atol=1e-12)
    np.testing.assert_allclose(at(clip, "L_Ankle")[0], [-0.4, 0.1, 0.5], atol=1e-12)  # bent backwards
    np.testing.assert_allclose(at(clip, "R_Toe")[0], [0.12, -0.1, 0.07], atol=1e-12)
    np.testing.assert_allclose(at(clip, "L_Toe")[0], [-0.43, 0.1, 0.38], atol=1e-12)  # turns with the foot
    assert any("no toe joints" in note for note in clip.notes)


def test_global_rotations_mean_the_same(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    local = Rotation.random(3 * 8, random_state=rng).as_matrix().reshape(3, 8, 3, 3)
    world = local.copy()
    for joint, parent in enumerate(PARENTS[1:], start=1):
        world[:, joint] = world[:, parent] @ local[:, joint]
    clips = []
    for name, matrices in (("local", local), ("world", world)):
        quats = Rotation.from_matrix(matrices.reshape(-1, 3, 3)).as_quat().reshape(3, 8, 4)
        entries = content(rotation={"arr": quats}, is_local=name == "local")
        clips.append(read_motion(save(tmp_path / f"{name}.npy", entries), up="z")[0])
    np.testing.assert_allclose(clips[0].positions, clips[1].positions, atol=1e-12)


def test_recorded_files(motions: Path, recorded, gait) -> None:
    files = sorted([*motions.glob("ase_reallusion/*.npy"), *motions.glob("cmu_isaacgym_amp/*.npy")])
    assert len(files) == 6
    for path in files:
        (clip,) = read_motion(path)
        fps, seconds, forward, left, turn = recorded[path.name]
        seen = gait(clip)
        assert clip.fps == pytest.approx(fps, abs=0.01)
        assert seen.seconds == pytest.approx(seconds, abs=0.02), path
        assert (seen.forward, seen.left) == pytest.approx((forward, left), abs=0.05), path
        assert seen.turn == pytest.approx(turn, abs=3), path
        toes = np.minimum(at(clip, "L_Toe")[:, 2], at(clip, "R_Toe")[:, 2])
        assert -0.06 < toes.min() < 0.05, path
        stored = load_npy(path).item()["root_translation"]["arr"]
        np.testing.assert_allclose(at(clip, "Pelvis"), stored, atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fps": None}, "has no 'fps'; pass --fps"),
        ({"rotation": None}, "has no 'rotation'"),
        ({"rotation": {"arr": np.zeros((3, 7, 4))}}, r"rotations \(3, 7, 4\).*expected \(3, 8, 4\)"),
        ({"rotation": {"arr": np.zeros((3, 8, 4))}}, "quaternions that are not of unit length"),
        ({"rotation": {"arr": np.full((3, 8, 4), np.nan)}}, "rotation is not finite"),
        ({"rotation": 5}, "has no 'arr'"),
        ({"root_translation": {"arr": np.zeros((0, 3))}}, "expected|0 frames"),
        (
            {
                "skeleton_tree": content()["skeleton_tree"]
                | {"parent_indices": {"arr": np.array([-1, 5, 0, 2, 3, 0, 5, 6])}}
            },
            "parents first",
        ),
        ({"skeleton_tree": content()["skeleton_tree"] | {"node_names": ["a"] * 8}}, "no joint for L_Hip"),
    ],
)
def test_malformed_content_is_refused_with_its_name(tmp_path: Path, changes: dict, message: str) -> None:
    with pytest.raises(ClipFormatError, match=rf"a\.npy: .*({message})"):
        read_motion(save(tmp_path / "a.npy", content(**changes)))
