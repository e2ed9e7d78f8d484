"""Controls that somebody recorded: the original's run, and a user's table checked line by line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kinesis_trl.physiology.activity import activity_of_controls, load_activity
from kinesis_trl.physiology.emg_data import EmgError
from kinesis_trl.physiology.recorded_controls import load_controls_csv, load_original_controls


def walking(path: Path, *, seconds: float = 6.0, fps: float = 50.0, **columns: np.ndarray) -> Path:
    """A table of a walk with a stride of 1.2 s, each foot standing 60 % of it, and of one muscle per leg."""
    time = np.arange(0, seconds, 1 / fps)
    phase = {"right": time / 1.2 % 1, "left": (time / 1.2 + 0.5) % 1}
    given = {
        "time": time,
        "right_contact": (phase["right"] < 0.6).astype(float),
        "left_contact": (phase["left"] < 0.6).astype(float),
        "speed": np.full(len(time), 1.2),
        "soleus_r": 0.5 + 0.4 * np.sin(2 * np.pi * phase["right"]),
        "soleus_l": 0.5 + 0.4 * np.sin(2 * np.pi * phase["left"]),
    } | columns
    lines = [",".join(given), *(",".join(f"{v:.6f}" for v in row) for row in zip(*given.values(), strict=True))]
    path.write_text("# made up\n" + "\n".join(lines) + "\n")
    return path


def test_original_controls(shared: Path) -> None:
    run = load_original_controls(shared / "data" / "physiology" / "kinesis_emg")
    assert run.excitation.shape == (1001, 80) and np.isfinite(run.excitation).all()
    assert 0.5 < run.contact.mean() < 0.7  # a foot stands 60 % of the time
    seconds = np.diff(run.published_cycles, axis=1) / run.fps
    assert len(seconds) > 15 and 1.2 < seconds.mean() < 1.4


def test_a_table_becomes_activity_over_the_cycle(tmp_path: Path) -> None:
    path = walking(tmp_path / "mine.csv")
    controls = load_controls_csv(path)
    assert controls.fps == pytest.approx(50) and controls.muscle_names == ("soleus_r", "soleus_l")
    activity = load_activity(path)
    assert activity.title == "mine" and activity.signal == "excitation" and activity.published is None
    assert activity.speed == pytest.approx(1.2) and activity.seconds == pytest.approx(1.2, abs=0.02)
    expected = 0.5 + 0.4 * np.sin(2 * np.pi * np.linspace(0, 1, 101))
    for side, column in (("r", 0), ("l", 1)):
        assert len(activity.profiles[side]) == len(activity.speeds[side]) >= 3
        assert np.abs(activity.profiles[side].mean(0)[:, column] - expected).max() < 0.08  # sampled at 50 Hz


def test_a_foot_that_never_strikes_twice_is_said(tmp_path: Path) -> None:
    path = walking(tmp_path / "short.csv", seconds=1.0)
    with pytest.raises(ValueError, match="no gait cycle in"):
        activity_of_controls(load_controls_csv(path))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"soleus_r": np.full(300, 1.7)}, r"line 3: soleus_r is 1.7; controls lie in 0 to 1"),
        ({"time": np.zeros(300)}, "time must rise in equal steps"),
        ({"speed": np.full(300, np.nan)}, "line 3: 'nan' is not a finite number"),
    ],
)
def test_unusable_tables(tmp_path: Path, change: dict[str, np.ndarray], says: str) -> None:
    with pytest.raises(EmgError, match=says):
        load_controls_csv(walking(tmp_path / "bad.csv", **change))


def test_missing_columns_are_named(tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text("time,right_contact,soleus_r\n0,1,0\n0.1,1,0\n")
    with pytest.raises(EmgError, match="no column left_contact, speed; found time, right_contact, soleus_r"):
        load_controls_csv(path)
    path.write_text("time,right_contact,left_contact,speed\n0,1,0,1\n0.1,1,0,1\n")
    with pytest.raises(EmgError, match="no column of a muscle"):
        load_controls_csv(path)


def test_recordings_are_activity_too(walk, tmp_path: Path) -> None:
    walk.save(tmp_path / "other" / "policy" / "000_walk" / "recording.npz")
    folder, file = (load_activity(tmp_path / "other" / "policy" / part) for part in (".", "000_walk/recording.npz"))
    assert folder.title == "other policy" and file.title == "000_walk"
    assert folder.signal == "activation" and len(folder.profiles["r"]) >= 2
    np.testing.assert_array_equal(folder.profiles["r"], file.profiles["r"])
    assert folder.published.shape[1:] == (101, 80)
    # what an older report left there does not count
    walk.save(tmp_path / "other" / "policy" / "007_old" / "recording.npz")
    (tmp_path / "other" / "report.json").write_text('{"recordings": ["policy/000_walk", "solved/007_old"]}')
    again = load_activity(tmp_path / "other" / "policy")
    np.testing.assert_array_equal(again.profiles["r"], file.profiles["r"])
    with pytest.raises(EmgError, match=r"no kinesis/gait.npy in"):
        load_activity(tmp_path)
