"""Plain MyoLegs coordinates: arrays, tables, names in another order, and wrong widths."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kinesis_trl.body.model import load_body
from kinesis_trl.motion.clip import ClipFormatError
from kinesis_trl.motion.readers import read_motion
from kinesis_trl.motion.readers.qpos import ROOT_COLUMNS


def coordinates(frames: int = 6) -> np.ndarray:
    body = load_body()
    qpos = np.tile(body.standing_qpos, (frames, 1))
    qpos[:, 0] = np.linspace(0, 1, frames)
    qpos[:, 7 + body.joint_names.index("knee_angle_r")] = np.linspace(0, 1, frames)
    qpos[:, 7 + body.joint_names.index("hip_flexion_l")] = 0.3
    return body.couplings.apply(qpos)


def test_arrays_come_back(tmp_path: Path) -> None:
    qpos = coordinates()
    np.savez(tmp_path / "a.npz", qpos=qpos, fps=30)
    np.savez(tmp_path / "b.npz", qpos=qpos, time=np.arange(6) / 50)
    np.save(tmp_path / "c.npy", qpos)
    np.savetxt(tmp_path / "d.csv", qpos, delimiter=",", fmt="%.17g")
    rates = {"a.npz": (None, 30), "b.npz": (None, 50), "c.npy": (20, 20), "d.csv": (25, 25)}
    for name, (given, expected) in rates.items():
        (clip,) = read_motion(tmp_path / name, fps=given)
        assert clip.fps == expected
        np.testing.assert_allclose(clip.qpos, qpos, atol=1e-12)


def test_named_columns_in_any_order_without_the_dependent_ones(tmp_path: Path) -> None:
    body, qpos = load_body(), coordinates()
    names = np.array([*ROOT_COLUMNS, *body.joint_names])
    keep = np.setdiff1d(np.arange(35), body.couplings.dependent_qpos)
    order = np.random.default_rng(0).permutation(keep)
    rows = np.column_stack([np.arange(6) / 30, qpos[:, order]])
    header = ",".join(["time", *names[order]])
    np.savetxt(tmp_path / "a.csv", rows, delimiter=",", header=header, comments="", fmt="%.17g")
    (clip,) = read_motion(tmp_path / "a.csv")
    assert clip.fps == 30
    np.testing.assert_allclose(clip.qpos, qpos, atol=1e-12)
    shuffled = 7 + np.random.default_rng(1).permutation(28)
    whole = np.concatenate([qpos[:, :7], qpos[:, shuffled]], axis=1)
    np.savez(tmp_path / "b.npz", qpos=whole, fps=30, joint_names=names[shuffled])
    np.testing.assert_allclose(read_motion(tmp_path / "b.npz")[0].qpos, qpos, atol=1e-12)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"qpos": np.zeros((5, 34)), "fps": 30}, r"qpos of shape \(5, 34\), expected \(frames, 35\)"),
        ({"qpos": coordinates()}, "neither 'fps' nor 'time'"),
        ({"qpos": coordinates() * np.nan, "fps": 30}, "qpos is not finite"),
        ({"qpos": np.roll(coordinates(), 1, axis=1) + 0.3, "fps": 30}, "another order"),
        ({"qpos": coordinates(), "fps": 0}, "frame rate 0.0"),
        ({"qpos": coordinates()[:1], "fps": 30}, "is a single pose"),
        ({"qpos": coordinates(), "fps": 30, "joint_names": ["elbow"] * 28}, "missing hip_flexion_r.*unknown elbow"),
    ],
)
def test_wrong_content_is_refused_with_its_name(tmp_path: Path, entries: dict, message: str) -> None:
    np.savez(tmp_path / "a.npz", **entries)
    with pytest.raises(ClipFormatError, match=rf"a.*{message}"):
        read_motion(tmp_path / "a.npz")


def test_npy_needs_a_rate(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", coordinates())
    with pytest.raises(ClipFormatError, match=r"a\.npy: .*no frame rate; pass --fps"):
        read_motion(tmp_path / "a.npy")
