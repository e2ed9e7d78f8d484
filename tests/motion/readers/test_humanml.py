"""HumanML3D joints and features, MDM results, and their agreement with the SMPL route."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from kinesis_trl.motion.clip import ClipFormatError
from kinesis_trl.motion.pickles import load_npy
from kinesis_trl.motion.readers import read_motion
from kinesis_trl.motion.readers.humanml import vector_joints


def test_features_and_joints_of_the_same_clip_agree(motions: Path) -> None:
    joints = load_npy(motions / "humanml3d" / "new_joints_012314.npy")
    vectors = load_npy(motions / "humanml3d" / "new_joint_vecs_012314.npy")
    np.testing.assert_allclose(vector_joints(vectors), joints[: len(vectors)], atol=1e-5)


def test_features_by_hand() -> None:
    # Half a turn to the left in four frames (the stored rate is half the angle a frame), one metre ahead in each.
    vectors = np.zeros((5, 263))
    vectors[:, 0], vectors[:, 2], vectors[:, 3] = -np.pi / 8, 1.0, 0.9
    vectors[:, 4:7] = [0.1, 0.8, 0.0]  # the left hip in the heading frame
    joints = vector_joints(vectors)
    turned = np.pi / 4 * np.arange(5)
    steps = np.stack([np.sin(turned[1:]), np.cos(turned[1:])], axis=1)
    np.testing.assert_allclose(np.diff(joints[:, 0, [0, 2]], axis=0), steps, atol=1e-12)
    np.testing.assert_allclose(joints[:, 0, 1], 0.9)
    np.testing.assert_allclose(joints[4, 1] - joints[4, 0], [-0.1, -0.1, 0.0], atol=1e-12)


@pytest.mark.parametrize("name", ["mdm_walk_circle_6.pkl", "mdm_turn_left_4.pkl", "mdm_backward_8.pkl"])
def test_the_joint_route_agrees_with_the_smpl_route(motions: Path, tmp_path: Path, name: str) -> None:
    (smpl,) = read_motion(motions / "kinesis_t2m" / name)
    y_up = smpl.positions[:, :22] @ np.array([[0.0, 1, 0], [0, 0, 1], [1, 0, 0]]).T
    np.save(tmp_path / "joints.npy", y_up)
    (joints,) = read_motion(tmp_path / "joints.npy")
    assert joints.joint_names == smpl.joint_names[:22]
    assert joints.fps == smpl.fps
    np.testing.assert_allclose(joints.positions, smpl.positions[:, :22], atol=1e-9)
    between = Rotation.from_quat(joints.pelvis_quat, scalar_first=True).inv()
    between *= Rotation.from_quat(smpl.pelvis_quat, scalar_first=True)
    assert between.magnitude().max() < 1e-6


def test_recorded_files(motions: Path, recorded, gait) -> None:
    (mdm,) = read_motion(motions / "mdm_joints22" / "mdm_results_run_circle.npy")
    assert mdm.label == "A person is running in circle"
    for clip, key in (
        (mdm, "mdm_results_run_circle.npy[0]"),
        (read_motion(motions / "humanml3d" / "new_joints_012314.npy")[0], "new_joints_012314.npy"),
        (read_motion(motions / "humanml3d" / "new_joint_vecs_012314.npy")[0], "new_joints_012314.npy"),
    ):
        fps, seconds, forward, left, turn = recorded[key]
        seen = gait(clip)
        assert (clip.fps, seen.seconds) == (fps, pytest.approx(seconds, abs=0.06))
        assert (seen.forward, seen.left) == pytest.approx((forward, left), abs=0.03)
        assert seen.turn == pytest.approx(turn, abs=3)


def results(**changes) -> dict:
    rng = np.random.default_rng(0)
    motion = rng.normal(0, 0.01, (2, 22, 3, 8))
    motion[:, :, 1] += np.linspace(1, 0, 22)[None, :, None]
    entries = {"motion": motion, "text": ["walk", "run"], "lengths": np.array([8, 5])}
    return entries | changes


def save(path: Path, content) -> Path:
    np.save(path, np.array(content, dtype=object) if isinstance(content, dict) else content, allow_pickle=True)
    return path


def test_samples_have_their_own_length_and_text(tmp_path: Path) -> None:
    first, second = read_motion(save(tmp_path / "results.npy", results()))
    assert (first.name, first.frames, first.label) == ("results_0", 8, "walk")
    assert (second.name, second.frames, second.label) == ("results_1", 5, "run")


def test_captions_beside_the_data_set(tmp_path: Path) -> None:
    (tmp_path / "new_joints").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "000001.txt").write_text("a man walks.#a/DET man/NOUN#0.0#0.0\nsecond#x\n")
    (clip,) = read_motion(save(tmp_path / "new_joints" / "000001.npy", results()["motion"][0].transpose(2, 0, 1)))
    assert clip.label == "a man walks."


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (np.zeros((5, 21, 3)), r"has shape \(5, 21, 3\), expected \(frames, 22, 3\)"),
        (np.full((5, 22, 3), np.nan), "joints is not finite in 5 of 5"),
        (np.full((5, 263), np.nan), "features is not finite"),
        (np.zeros((0, 22, 3)), "has 0 frames"),
        (np.zeros((5, 7)), r"an array of shape \(5, 7\) .* expected HumanML3D features"),
        (np.array(["a"]), "type <U1; expected"),
        (results(motion=np.zeros((2, 20, 3, 8))), r"motion of shape \(2, 20, 3, 8\)"),
        (results(lengths=np.array([8])), "lengths .* for 2 samples"),
        (results(lengths=np.array([8, 99])), "lengths .* of 8 frames"),
        ({"other": 1}, "holds other"),
    ],
)
def test_malformed_content_is_refused_with_its_name(tmp_path: Path, content, message: str) -> None:
    with pytest.raises(ClipFormatError, match=rf"a\.npy: .*{message}"):
        read_motion(save(tmp_path / "a.npy", content))
