"""Readers of recorded EMG: the published set is recognised, a user's table is checked line by line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kinesis_trl.physiology.emg_data import EmgError, load_emg_csv, load_wang2023


@pytest.fixture
def folder(shared: Path) -> Path:
    return shared / "data" / "physiology" / "kinesis_emg"


def table(path: Path, columns: dict[str, np.ndarray]) -> Path:
    rows = [",".join(columns), *(",".join(f"{v}" for v in row) for row in zip(*columns.values(), strict=True))]
    path.write_text("# made up\n" + "\n".join(rows) + "\n")
    return path


def bump(percent: np.ndarray, at: float) -> np.ndarray:
    return np.exp(-((percent - at) ** 2) / 200)


def test_published_set(folder: Path) -> None:
    data = load_wang2023(folder)
    assert load_wang2023(folder / "human_emg").muscles == data.muscles
    assert data.mean.shape == (6, 9, 100, 9)
    assert data.muscles[0] == "soleus" and data.muscles[6] == "vastus lateralis"
    np.testing.assert_allclose(data.speeds, [0.25, 0.5, 0.75, 1.0, 1.25, 1.5])
    assert data.nearest_speed(1.21) == 4
    raw = np.load(folder / "human_emg" / "EMG_subject_05_walk_45_avg.npy")
    np.testing.assert_array_equal(data.mean[4, data.subjects.index("05"), :, 3], raw[:, 4])


def test_missing_file_says_where_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(EmgError, match=r"EMG_labels.npy(.|\n)*10.5281/zenodo.7422031(.|\n)*git clone"):
        load_wang2023(tmp_path)


def test_changed_file_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "human_emg").mkdir()
    for file in (folder / "human_emg").iterdir():
        (tmp_path / "human_emg" / file.name).symlink_to(file)
    changed = tmp_path / "human_emg" / "EMG_subject_07_walk_45_avg.npy"
    content = bytearray(changed.read_bytes())
    changed.unlink()
    content[-1] ^= 1
    changed.write_bytes(content)
    with pytest.raises(EmgError, match=r"EMG_subject_07_walk_45_avg.npy is not the published file: sha256"):
        load_wang2023(tmp_path)


def test_a_file_of_wrong_length_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "human_emg").mkdir()
    for file in (folder / "human_emg").iterdir():
        (tmp_path / "human_emg" / file.name).symlink_to(file)
    short = tmp_path / "human_emg" / "EMG_subject_04_walk_45_avg.npy"
    values = np.load(short)
    short.unlink()
    np.save(short, values[:60])
    with pytest.raises(EmgError, match=r"EMG_subject_04_walk_45_avg.npy is not the published file(.|\n)*git clone"):
        load_wang2023(tmp_path)


def test_user_table(tmp_path: Path) -> None:
    percent = np.arange(0, 101, 2.0)
    one = {"percent": percent, "Medial_Gastrocnemius": bump(percent, 40), "TA": bump(percent, 5)}
    data = load_emg_csv(table(tmp_path / "mine.csv", one))
    assert data.muscles == ("gastrocnemius medialis", "tibialis anterior")
    assert data.mean.shape == (1, 1, 100, 2) and np.isnan(data.speeds).all()
    assert abs(data.percent[data.mean[0, 0, :, 0].argmax()] - 40) < 1.1
    assert not data.notes


def test_subjects_and_speeds(tmp_path: Path) -> None:
    percent = np.tile(np.arange(1, 101.0), 3)
    rows = {
        "subject": np.repeat(["a", "b", "b"], 100),
        "speed": np.repeat([1.0, 1.0, 1.5], 100),
        "percent": percent,
        "soleus": bump(percent, 45),
    }
    data = load_emg_csv(table(tmp_path / "mine.csv", rows))
    assert data.subjects == ("a", "b")
    assert data.recorded(data.nearest_speed(0.9))[0] == ("a", "b")
    assert data.recorded(data.nearest_speed(1.6))[0] == ("b",)


def test_what_cannot_be_used_is_said_and_the_rest_read(tmp_path: Path) -> None:
    percent = np.concatenate([np.linspace(0, 100, 51), np.linspace(0, 60, 31)])
    rows = {
        "subject": np.repeat(["whole", "half"], [51, 31]),
        "percent": percent,
        "soleuss": bump(percent, 45),
        "vastus medialis": bump(percent, 5),
    }
    data = load_emg_csv(table(tmp_path / "mine.csv", rows))
    assert data.muscles == ("vastus medialis",) and data.subjects == ("whole",)
    assert "did you mean soleus" in data.notes[0]
    assert "half" in data.notes[1] and "31 rows from 0 to 60 %" in data.notes[1]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("time,soleus\n0,1\n", "column 'percent'"),
        ("percent,biceps brachii\n0,1\n", "no column names a known muscle"),
        ("percent,soleus\n0,1\n1,nan\n", "line 3, column soleus: 'nan' is not a finite number"),
        ("percent,soleus\n0,1\n1\n", "line 3: 1 cells, but the header has 2"),
        ("percent,soleus\n0,1\n100,2\n", "no recording spans a gait cycle"),
        ("", "found nothing"),
        ('percent,soleus\n0,1\n4,"2\n', r"line 3, column 2 \(soleus\): unexpected end of data; look for a stray quote"),
        ('percent,"soleus\n0,1\n', r"line 1, column 2 \(soleus\)"),
        ('percent,subject,soleus\n0,"a"b,1\n', r"line 2, column 2 \(subject\)"),
        (f"percent,soleus\n0,{'1' * 140_000}\n", r"line 2, column 2 \(soleus\): field larger"),
    ],
)
def test_unusable_tables(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "bad.csv").write_text(text)
    with pytest.raises(EmgError, match=says):
        load_emg_csv(tmp_path / "bad.csv")
    (tmp_path / "bad.bin").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(EmgError, match="not text"):
        load_emg_csv(tmp_path / "bad.bin")
