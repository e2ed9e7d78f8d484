"""Mixed files, folders and patterns: everything recorded is read, and one bad file does not stop the
others."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from kinesis_trl.motion.clip import ClipFormatError, MotionClip
from kinesis_trl.motion.readers import motion_files, read_motion
from kinesis_trl.motion.readers.conventions import MAX_CLIP_FRAMES

pytestmark = pytest.mark.slow

COMPANIONS = {"README.txt", "LICENSE-CC-BY-NC-4.0.txt", "amp_motions-acknowledgement.txt", "keys_open.csv"}
BODY = {"Pelvis", *(f"{side}_{joint}" for side in "LR" for joint in ("Hip", "Knee", "Ankle", "Toe"))}


def read(path: Path) -> list[MotionClip] | ClipFormatError:
    """The clips of a file, or the error that refuses it."""
    try:
        return read_motion(path)
    except ClipFormatError as error:
        return error


def test_every_recorded_file_is_read_or_is_no_motion(motions: Path) -> None:
    found = [(path, read(path)) for path in motion_files(motions)]
    refused = {path.name: str(result) for path, result in found if isinstance(result, ClipFormatError)}
    assert set(refused) == COMPANIONS
    assert all(name in message for name, message in refused.items())
    clips = [clip for _, result in found if not isinstance(result, ClipFormatError) for clip in result]
    assert len(clips) == 188
    for clip in clips:
        assert clip.source and clip.notes, clip.name
        assert clip.label or clip.name[0].isdigit()  # numbers are no words
        if clip.positions is not None:
            assert set(clip.joint_names) >= BODY, clip.name
            np.testing.assert_allclose(np.linalg.norm(clip.pelvis_quat, axis=1), 1.0, atol=1e-9)
            legs = [clip.joint_names.index(f"L_{joint}") for joint in ("Hip", "Knee", "Ankle")]
            shank = np.diff(clip.positions[:, legs], axis=1)
            assert 0.6 < np.linalg.norm(shank, axis=-1).sum(1).mean() < 1.0, clip.name


class Evil:
    def __reduce__(self):
        return os.system, ("true",)


def test_bad_files_do_not_stop_the_others(tmp_path: Path, motions: Path) -> None:
    (tmp_path / "a_cut.bvh").write_text("HIERARCHY\nROOT Hips\n{")
    (tmp_path / "b_evil.pkl").write_bytes(pickle.dumps({"walk": Evil()}))
    (tmp_path / "c_bomb.npz").write_bytes(b"PK\x03\x04 not a zip")
    (tmp_path / "d_empty.npy").write_bytes(b"")
    np.savez(tmp_path / "e_shape.npz", betas=np.zeros(10))
    good = motions / "snu_mass" / "walk.bvh"
    results = {path: read(path) for path in [*motion_files(tmp_path), good, tmp_path / "none.bvh", tmp_path / "new"]}
    errors = {path.name: str(result) for path, result in results.items() if isinstance(result, ClipFormatError)}
    assert set(errors) == {
        "a_cut.bvh", "b_evil.pkl", "c_bomb.npz", "d_empty.npy", "e_shape.npz", "none.bvh", "new",
    }  # fmt: skip
    assert all(name in message for name, message in errors.items())
    assert "nothing was run" in errors["b_evil.pkl"]
    assert "no such file" in errors["none.bvh"]
    assert len(results[good]) == 1


def test_an_empty_folder_holds_no_motion(tmp_path: Path) -> None:
    assert motion_files(tmp_path) == motion_files(str(tmp_path / "*.xyz")) == []
    with pytest.raises(ClipFormatError, match="is a folder"):
        read_motion(tmp_path)


def test_patterns_and_options(motions: Path) -> None:
    pattern = str(motions / "**" / "dataset-1_walk_*.bvh")
    (path,) = motion_files(pattern)
    (clip,) = read_motion(path, fps=60)
    assert path.name == "dataset-1_walk_normal_001.bvh" and clip.fps == 60


@pytest.mark.parametrize(
    "option", [{"up": "q"}, {"fps": 0.0}, {"fps": float("nan")}, {"unit": float("inf")}, {"unit": 0.0}]
)
def test_senseless_options_are_refused(motions: Path, option: dict) -> None:
    with pytest.raises(ClipFormatError):
        read_motion(motions / "snu_mass" / "walk.bvh", **option)


@pytest.mark.parametrize("suffix", [".npz", ".npy", ".amc", ".csv"])
def test_too_long_files_are_refused(tmp_path: Path, suffix: str) -> None:
    frames, path = MAX_CLIP_FRAMES + 1, tmp_path / f"a{suffix}"
    if suffix == ".npz":
        pose = np.broadcast_to(np.float32(0), (frames, 66))
        np.savez_compressed(path, poses=pose, trans=pose[:, :3], fps=30)
    elif suffix == ".npy":
        np.save(path, np.broadcast_to(np.float32(0), (frames, 22, 3)))
    elif suffix == ".csv":
        path.write_text(
            "hip_flexion_r,hip_flexion_l,knee_angle_r,knee_angle_l,ankle_angle_r,ankle_angle_l\n"
            + "0,0,0,0,0,0\n" * frames
        )
    else:
        (tmp_path / "a.asf").write_text(":bonedata\nbegin\nname x\nend\n:hierarchy\nroot x\n")
        path.write_text("1\nroot 0 0 0 0 0 0\n" * frames)
    with pytest.raises(ClipFormatError, match=rf"a{suffix}: .*(more than {MAX_CLIP_FRAMES}|no joint|expands past)"):
        read_motion(path)


def test_any_damage_to_a_pickle_or_array_ends_in_a_clear_error(motions: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    sources = [
        "kinesis_t2m/mdm_turn_left_0.pkl",
        "cmu_isaacgym_amp/amp_humanoid_walk.npy",
        "humanml3d/new_joints_012314.npy",
    ]
    for name in sources:
        data = (motions / name).read_bytes()
        path = tmp_path / Path(name).name
        for _ in range(40):
            damaged = bytearray(data)
            for place in rng.integers(0, min(len(data), 4000), 3):
                damaged[place] = rng.integers(256)
            path.write_bytes(damaged[: rng.integers(100, len(data))] if rng.random() < 0.3 else damaged)
            assert isinstance(read(path), (list, ClipFormatError))
