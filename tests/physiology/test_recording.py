"""Recordings as files: complete, documented, and refused when damaged."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from kinesis_trl.physiology.recording import Recording, RecordingError, quantities


def test_a_saved_recording_is_read_back(struggle, tmp_path):
    struggle.save(tmp_path / "a.npz")
    back = Recording.load(tmp_path / "a.npz")
    for field in fields(Recording):
        mine, saved = getattr(struggle, field.name), getattr(back, field.name)
        if field.name not in quantities():
            assert mine == saved, field.name
        elif quantities()[field.name].kind == "<f8":
            np.testing.assert_array_equal(mine, saved)
        else:
            np.testing.assert_allclose(saved, mine, rtol=1e-6, atol=1e-30)


def test_the_file_says_what_it_holds(struggle, tmp_path):
    struggle.save(tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz", allow_pickle=False) as file:
        about = json.loads(str(file["about"]))
        assert set(file.files) - {"about"} == set(about["arrays"])
        for name, entry in about["arrays"].items():
            assert file[name].ndim == len(entry["shape"].split(",")) and entry["unit"] and entry["meaning"]
    assert about["muscle_names"] == list(struggle.muscle_names) and about["sides"] == ["right", "left"]


def test_columns_are_found_by_name(struggle, body):
    np.testing.assert_array_equal(
        struggle.angle("knee_angle_l"), struggle.qpos[:, 7 + body.joint_names.index("knee_angle_l")]
    )
    assert struggle.joint_names[struggle.joint("ankle_angle_r")] == "ankle_angle_r"
    np.testing.assert_array_equal(struggle.position("calcn_r"), struggle.body_position[:, 7])
    with pytest.raises(RecordingError, match="no muscle 'biceps'"):
        struggle.muscle("biceps")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"joint_moment": np.zeros((3, 14))}, "joint_moment has shape"),
        ({"mass": -1.0}, "mass must be positive"),
        ({"rate": 30.0}, "does not rise in steps of 1/30 s"),
        ({"muscle_names": ("a",)}, r"expected \(T,M\)"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(struggle, change, said):
    with pytest.raises(RecordingError, match=said):
        replace(struggle, **change)


def test_values_that_are_not_finite_are_refused(struggle):
    broken = struggle.muscle_force.copy()
    broken[3, 4] = np.nan
    with pytest.raises(RecordingError, match="muscle_force holds values that are not finite"):
        replace(struggle, muscle_force=broken)


def _rewritten(source, target, **changes):
    with np.load(source, allow_pickle=False) as file:
        content = {name: file[name] for name in file.files}
    about = json.loads(str(content["about"]))
    about.update(changes.pop("about", {}))
    content |= {"about": np.array(json.dumps(about))} | changes
    np.savez(target, **{name: array for name, array in content.items() if array is not None})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"about": {"version": 9}}, "version 9, expected"),
        ({"about": {"muscle_names": "soleus"}}, "muscle_names is not a list of names"),
        ({"about": {"mass": "heavy"}}, "mass is 'heavy'"),
        ({"qpos": None}, "has no qpos"),
        ({"ground_force": np.zeros((2, 2))}, "ground_force has shape"),
        ({"time": np.array(["now"])}, "could not convert"),
        ({"qacc": np.array([{}], dtype=object)}, "qacc|argument"),
    ],
)
def test_damaged_files_are_refused(struggle, tmp_path, change, said):
    struggle.save(tmp_path / "a.npz")
    _rewritten(tmp_path / "a.npz", tmp_path / "b.npz", **change)
    with pytest.raises(RecordingError, match=said):
        Recording.load(tmp_path / "b.npz")


def test_what_is_no_recording_is_refused(tmp_path):
    np.savez(tmp_path / "motion.npz", poses=np.zeros(3))
    (tmp_path / "text.npz").write_text("not a file of arrays")
    for name, said in (("motion", "is no recording"), ("text", "broken"), ("absent", "cannot be opened")):
        with pytest.raises(RecordingError, match=said):
            Recording.load(tmp_path / f"{name}.npz")


def test_every_array_is_documented():
    page = (Path(__file__).parents[2] / "docs" / "physiology.md").read_text()
    for name, quantity in quantities().items():
        row = f"| `{name}` | {quantity.shape.replace(',', ', ')} | {quantity.unit} | {quantity.meaning} |"
        assert row in page, f"docs/physiology.md lacks the row: {row}"
