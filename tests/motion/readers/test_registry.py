"""The list of readers: complete, documented, tested, and open to a format in one new file."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import numpy as np
import pytest

from kinesis_trl.motion.clip import ClipFormatError, MotionClip
from kinesis_trl.motion.readers import registry
from kinesis_trl.motion.readers.dispatch import SUFFIXES, read_file
from kinesis_trl.motion.readers.registry import MotionFile, ReadOptions, reader, reader_of, readers

UNITS = re.compile(r"metres|degrees|radians|unit")


def test_every_reader_says_its_units_and_has_a_test() -> None:
    folder = Path(__file__).parent
    for entry in readers():
        assert UNITS.search(inspect.getdoc(entry.read) or ""), entry.name
        module = entry.read.__module__.rpartition(".")[2]
        assert (folder / f"test_{module}.py").is_file(), module
        assert entry.suffixes and all(suffix in SUFFIXES for suffix in entry.suffixes)


def test_files_go_to_the_reader_that_knows_their_content(tmp_path: Path) -> None:
    cases = {
        "AMASS": {"poses": np.zeros((3, 72)), "trans": np.zeros((3, 3))},
        "MyoLegs": {"qpos": np.zeros((3, 35)), "fps": 30.0},
    }
    for name, arrays in cases.items():
        np.savez(tmp_path / "a.npz", **arrays)
        assert reader_of(MotionFile(tmp_path / "a.npz")).name.startswith(name)
    shapes = {(3, 22, 3): "joints", (3, 263): "HumanML3D", (3, 35): "MyoLegs"}
    for shape, name in shapes.items():
        np.save(tmp_path / "a.npy", np.zeros(shape))
        assert reader_of(MotionFile(tmp_path / "a.npy")).name.startswith(name)
    for columns, name in (
        ("root_x,root_z", "MyoLegs"),
        ("knee_angle_r,knee_angle_l,hip_flexion_r,hip_flexion_l", "Op"),
    ):
        (tmp_path / "a.csv").write_text(f"{columns}\n{','.join('0' * len(columns.split(',')))}\n")
        assert reader_of(MotionFile(tmp_path / "a.csv")).name.startswith(name)
    np.save(tmp_path / "a.npy", np.zeros((3, 7)))
    with pytest.raises(ClipFormatError, match=r"an array of shape \(3, 7\) and type float64; expected HumanML3D .* or"):
        reader_of(MotionFile(tmp_path / "a.npy"))


def test_a_new_format_is_one_function(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, march: MotionClip) -> None:
    monkeypatch.setattr(registry, "_READERS", list(registry._READERS))
    registry.readers.cache_clear()
    try:

        @reader("ours", ".npz", recognises=lambda file: "ours" in file.arrays)
        def ours(file: MotionFile, options: ReadOptions) -> list[MotionClip | ClipFormatError]:
            return [march.with_(name="first\x1b[31m\n"), ClipFormatError("second: is empty.")]

        np.savez(tmp_path / "a.npz", ours=1)
        monkeypatch.setattr(registry._READERS[-1].read, "__module__", "a")  # before AMASS, which takes what is left
        content = read_file(tmp_path / "a.npz")
    finally:
        registry.readers.cache_clear()
    assert [clip.name for clip in content.clips] == ["first�[31m�"]  # nothing that moves a terminal's cursor
    assert [str(error) for error in content.refused] == [f"{tmp_path / 'a.npz'}: second: is empty."]
