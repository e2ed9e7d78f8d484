"""AMASS npz: recorded files, SMPL-H and SMPL-X widths, body shape, y-up data and missing entries."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from kinesis_trl.motion.clip import ClipFormatError
from kinesis_trl.motion.pickles import load_npz
from kinesis_trl.motion.readers import read_motion
from kinesis_trl.motion.retarget.skeleton import PELVIS_IN_MODEL

FACING_X = Rotation.from_matrix([[0, 0, 1], [1, 0, 0], [0, 1, 0]])


def content(width: int = 156, **changes) -> dict:
    poses = np.zeros((6, width))
    poses[:, :3] = FACING_X.as_rotvec()
    trans = np.stack([np.linspace(0, 1, 6), np.zeros(6), np.full(6, 1.2)], axis=1)
    entries = {"poses": poses, "trans": trans, "mocap_framerate": 120.0, "gender": "female", "betas": np.ones(16)}
    return {key: value for key, value in (entries | changes).items() if value is not None}


def save(path: Path, entries: dict) -> Path:
    np.savez(path, **entries)
    return path


def test_recorded_files(motions: Path, recorded, gait) -> None:
    files = sorted(motions.glob("asap_smpl_video/*.npz"))
    assert len(files) == 8
    for path in files:
        (clip,) = read_motion(path)
        fps, seconds, forward, left, turn = recorded[path.name]
        seen = gait(clip)
        assert (clip.fps, seen.seconds) == (fps, pytest.approx(seconds, abs=0.01))
        assert (seen.forward, seen.left) == pytest.approx((forward, left), abs=0.02), path
        assert seen.turn == pytest.approx(turn, abs=1), path
        toes = clip.positions[:, [clip.joint_names.index(name) for name in ("L_Toe", "R_Toe")], 2]
        assert toes.min() == pytest.approx(0.043, abs=0.002), path


@pytest.mark.parametrize("width", [66, 72, 156, 165])
def test_variants_of_smpl(tmp_path: Path, width: int) -> None:
    (clip,) = read_motion(save(tmp_path / "a.npz", content(width)))
    model = "smplx" if width == 165 else "smpl"
    np.testing.assert_allclose(clip.positions[0, 0], [0, 0, 1.2] + PELVIS_IN_MODEL[model])
    assert len(clip.joint_names) == (24 if width == 72 else 22)
    assert (clip.fps, clip.extra["gender"]) == (120.0, "female")
    np.testing.assert_allclose(np.abs(clip.pelvis_quat[:, 0]), 1.0)
    assert any("body shape not used" in note for note in clip.notes)


def test_newer_frame_rate_key_and_override(tmp_path: Path) -> None:
    entries = content(mocap_framerate=None, mocap_frame_rate=np.array(100))
    path = save(tmp_path / "a.npz", entries)
    assert read_motion(path)[0].fps == 100
    assert read_motion(path, fps=50)[0].fps == 50


def test_y_up_data_is_found_turned_and_said(tmp_path: Path) -> None:
    (z_up,) = read_motion(save(tmp_path / "z.npz", content()))
    to_y_up = Rotation.from_matrix([[0, 1, 0], [0, 0, 1], [1, 0, 0]])
    entries = content()
    entries["poses"][:, :3] = (to_y_up * FACING_X).as_rotvec()
    pelvis = entries["trans"] + PELVIS_IN_MODEL["smpl"]
    entries["trans"] = to_y_up.apply(pelvis) - PELVIS_IN_MODEL["smpl"]
    (y_up,) = read_motion(save(tmp_path / "y.npz", entries))
    assert any("up axis is y, though z is usual" in note for note in y_up.notes)
    np.testing.assert_allclose(y_up.positions, z_up.positions, atol=1e-9)
    np.testing.assert_allclose(np.abs(y_up.pelvis_quat), np.abs(z_up.pelvis_quat), atol=1e-9)
    (as_said,) = read_motion(tmp_path / "y.npz", up="z")
    assert np.ptp(as_said.positions[0, :, 2]) < 1.4  # lies down, as the user insisted


def test_body_shape_with_the_users_model(tmp_path: Path) -> None:
    from kinesis_trl.motion.retarget.smpl_model import SmplModel

    shown = []

    class Model(SmplModel):
        def posed(self, pose, trans, betas, turn):
            shown.append((pose.shape, trans, betas, turn))
            return np.zeros((len(pose), 24, 3)), np.full(len(pose), 0.01)

    model = Model(**{name: np.zeros(1) for name in SmplModel.__dataclass_fields__})
    (clip,) = read_motion(save(tmp_path / "a.npz", content()), smpl_model=model)
    (pose_shape, trans, betas, turn) = shown[0]
    assert pose_shape == (6, 24, 3) and len(clip.joint_names) == 24
    np.testing.assert_array_equal(trans, content()["trans"])
    np.testing.assert_array_equal(betas, np.ones(16))
    np.testing.assert_array_equal(turn, np.eye(3))
    np.testing.assert_array_equal(clip.extra["lowest_point"], 0.01)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mocap_framerate": None}, "has no 'mocap_framerate' .*pass --fps"),
        ({"trans": None}, "has no trans"),
        ({"poses": None}, "has no poses"),
        ({"trans": np.zeros((5, 3))}, r"root translation has shape \(5, 3\), expected \(6, 3\)"),
        ({"trans": np.full((6, 3), np.inf)}, "root translation is not finite in 6 of 6"),
        ({"poses": np.zeros((6, 10))}, r"pose has shape \(6, 10\)"),
        ({"poses": np.zeros((0, 72)), "trans": np.zeros((0, 3))}, "has 0 frames"),
        ({"mocap_framerate": np.nan}, "frame rate"),
        ({"poses": np.array("walk")}, "malformed content"),
        ({"mocap_framerate": np.array("fast")}, "malformed content"),
    ],
)
def test_wrong_content_is_refused_with_its_name(tmp_path: Path, changes: dict, message: str) -> None:
    with pytest.raises(ClipFormatError, match=rf"a.*{message}"):
        read_motion(save(tmp_path / "a.npz", content(**changes)))


def test_shared_files_hold_what_amass_says(motions: Path) -> None:
    arrays = load_npz(motions / "asap_smpl_video" / "video_walk_level1_filter_amass.npz")
    assert arrays["poses"].shape == (152, 72) and arrays["trans"].shape == (152, 3)
