"""Strange and hostile trials: each ends in one clear line, or in what the sound trial gives."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kinesis_trl.motion.clip import ClipFormatError
from kinesis_trl.motion.markers.c3d import read_c3d
from kinesis_trl.motion.markers.fit import FitConfig
from kinesis_trl.motion.markers.labelled import labelled
from kinesis_trl.motion.markers.person import person_of_markers
from kinesis_trl.motion.markers.recorded import Emg, TrialError
from kinesis_trl.motion.markers.trc import read_trc
from kinesis_trl.trial.emg import EmgConfig, envelopes
from kinesis_trl.trial.files import TrialFiles
from kinesis_trl.trial.plates import plate_wrenches
from kinesis_trl.trial.study import StudyConfig, study
from kinesis_trl.trial.tables import read_emg, read_forces

QUICK = FitConfig(frames=12, iterations=12)


@pytest.fixture(scope="module")
def lines(walk) -> list[str]:
    """Header and 0.9 s of the trial's markers."""
    text = (walk / "marker_trajectories.trc").read_text().splitlines()
    return [*text[:5], *[line for line in text[5:] if line.strip()][40:130]]


@pytest.fixture
def write(lines, tmp_path):
    """Writes the markers with labels, header or numbers (T, K, 3) in mm changed."""

    def trc(*, label=str, values=lambda array: array, header=str, rows=lambda rows: rows) -> Path:
        head = lines[:5]
        names = head[3].split("\t")
        labels = "\t".join(label(n) if n.strip() else n for n in names)
        head = [header(head[0]), head[1], header(head[2]), labels, head[4]]
        cells = [line.split("\t") for line in rows(lines[5:])]
        count = sum(bool(n.strip()) for n in names[2:])
        numbers = np.array([[float(c) if c.strip() else np.nan for c in row[2 : 2 + 3 * count]] for row in cells])
        numbers = values(numbers.reshape(len(cells), count, 3))
        written = [[f"{v:.3f}" for v in row.ravel()] for row in numbers]
        body = ["\t".join([*row[:2], *new]) for row, new in zip(cells, written, strict=True)]
        path = tmp_path / "Größe µ 1.trc"
        path.write_text("\n".join([*head, *body]), encoding="utf-8")
        return path

    return trc


def exchanged(*labels):
    pairs = dict(zip(labels, reversed(labels), strict=True))
    return lambda label: pairs.get(label, label)


def other_side(label):
    return {"R": "L", "L": "R"}.get(label[0], label[0]) + label[1:] if label[1:2] == "." else label


def spiked(values):
    values[10:80:9, :, 1] += 1e30
    return values


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"label": lambda n: f"Subject 7:{n.upper()}"}, ""),
        ({"label": lambda n: n.lower().replace(".", "_")}, ""),
        ({"header": lambda line: line.replace("mm", "in"), "values": lambda v: v / 25.4}, ""),
        ({"header": lambda line: line.replace("mm", ""), "values": lambda v: v / 10}, ""),
        ({"values": lambda v: v @ np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])}, ""),
        ({"values": lambda v: v * [1, -1, -1]}, ""),
        ({"values": spiked}, "jumps of more than 15 cm, taken as gaps"),
        ({"label": exchanged("R.Knee", "L.Knee")}, "R.Knee, L.Knee: right and left are swapped, and left out"),
        (
            {"label": lambda n: "R.Knee" if n == "R.TH1" else n},
            "one name and are left out: R.Knee",
        ),
    ],
)
def test_the_same_person_comes_out(write, lines, change, said):
    marked = labelled(read_trc(write(**change)))
    assert said in " ".join(marked.problems) and bool(said) == bool(marked.problems)
    seen = marked.markers.position[..., 2]
    plain = labelled(read_trc(write())).markers.position[..., 2]
    used = [k for k, name in enumerate(marked.markers.names) if name in {place.label for place in marked.places}]
    assert np.nanmax(np.abs(seen - plain)[:, used]) < 1e-4  # heights in metres, whatever unit and axes


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"label": other_side}, "right and left are swapped, or the laboratory's axes are left-handed"),
        ({"values": lambda v: v * [1, 1, -1]}, "right and left are swapped, or the laboratory's axes are left-handed"),
        ({"values": lambda v: v @ np.array([[1, 0, 0], [0, 0.7, 0.7], [0, -0.7, 0.7]])}, "no axis .* is vertical"),
        ({"values": lambda v: v * 7}, "m above the feet; expected 0.5 to 1.4 m|above the feet; expected"),
        ({"values": lambda v: v * np.nan}, "never seen|no marker"),
        ({"rows": lambda rows: rows[::-1]}, "times do not rise"),
        ({"rows": lambda rows: rows[:5]}, "has 5 frames"),
        ({"label": lambda n: f"x{n}"}, "no marker set knows enough"),
    ],
)
def test_one_clear_line(write, change, said):
    with pytest.raises(ClipFormatError, match=said) as refused:
        labelled(read_trc(write(**change)))
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 500


def test_a_short_or_slow_trial_is_refused(write, walk):
    for rows in (lambda rows: rows[:12], lambda rows: rows[::5]):
        with pytest.raises(TrialError, match=r"frames at (100|20) a second; a study needs"):
            study(TrialFiles(motion=write(rows=rows)), StudyConfig(controller=False))


def test_a_static_trial_of_another_person_is_not_used(write):
    marked = labelled(read_trc(write()))
    other = labelled(read_trc(write(values=lambda v: np.repeat(v[17:18] * 0.8, len(v), axis=0))))
    alone, found = (person_of_markers(marked, "myolegs", static=s, config=QUICK) for s in (None, other))
    assert "is it of the same person" in found.problems[0] and "It is not used" in found.problems[0]
    assert found.size == alone.size


@pytest.fixture
def forces(walk, tmp_path):
    """Writes the trial's forces with their numbers (N, 2, 9), force, point and torque of each foot, changed."""

    def mot(change) -> Path:
        text = (walk / "grf_walk.mot").read_text().splitlines()
        rows = np.array([line.split() for line in text[707:2707]], dtype=float)
        values = change(rows[:, 1:].reshape(-1, 2, 3, 3).copy()).reshape(len(rows), -1)
        path = tmp_path / "grf.mot"
        table = np.column_stack([rows[:, 0], values])
        path.write_text("\n".join([*text[:7], *("\t".join(f"{v:.9g}" for v in row) for row in table)]))
        return path

    return mot


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda v: v[..., [0, 2, 1]] * [1, -1, 1], "z is taken as up"),
        (lambda v: v * np.array([-1, 1, -1])[:, None], "the force on the plates"),
        (lambda v: v * np.array([1, 1000, 1000])[:, None], "taken as mm"),
    ],
)
def test_forces_in_other_axes_signs_and_units_are_the_same(forces, change, said):
    plain = read_forces(forces(lambda v: v))
    found = read_forces(forces(change))
    assert said in " ".join(found.notes)
    assert np.abs(found.force - plain.force).max() < 1e-3
    assert np.abs(found.moment - plain.moment).max() < 1e-2


def test_one_bad_plate_costs_only_itself(c3d_walk):
    file = read_c3d(c3d_walk)
    first = file.plates[0]
    bad = replace(first, corners=first.corners * np.nan)
    found = plate_wrenches((bad, *file.plates[1:]), file.analog_time, unit=1e-3, turn=np.eye(3))
    assert found.names == ("plate 2", "plate 3") and found.force.shape[1] == 2
    assert "corners of plate 1" in found.problems[0]


def raw(rng, offset=0.0):
    time = np.arange(4000) / 2000
    drive = 0.05 + np.maximum(np.sin(2 * np.pi * time), 0.0)
    return Emg(names=("R soleus",), time=time, signal=(offset + drive * rng.normal(size=4000))[:, None])


def test_raw_emg_with_an_offset_is_still_raw():
    plain, off = (envelopes(raw(np.random.default_rng(0), k), EmgConfig()).activity for k in (0.0, 7.0))
    assert np.abs(plain - off).max() < 0.02


def test_channels_without_names_make_one_short_line(tmp_path):
    emg = Emg(names=tuple(f"Channel {k}" for k in range(16)), time=np.arange(400) / 200, signal=np.ones((400, 16)))
    with pytest.raises(TrialError, match="--emg-map") as refused:
        envelopes(emg, EmgConfig())
    assert len(str(refused.value)) < 500
    path = tmp_path / "map.yaml"
    path.write_text("Channel 99: soleus_r\n")
    one = raw(np.random.default_rng(0))
    assert "Channel 99, which no channel is called" in " ".join(envelopes(one, EmgConfig(), own=path).notes)


def test_two_channels_of_one_muscle_are_one():
    one = raw(np.random.default_rng(0))
    twice = Emg(names=("R soleus", "R_Soleus"), time=one.time, signal=np.repeat(one.signal, 2, axis=1))
    found = envelopes(twice, EmgConfig())
    assert found.channels == ("R soleus",) and "R_Soleus" in " ".join(found.notes)


@pytest.mark.parametrize("name", ["pipe.trc", "pipe.anc", "pipe.mot"])
def test_a_pipe_is_not_waited_for(tmp_path, name):
    path = tmp_path / name
    os.mkfifo(path)
    with pytest.raises(ClipFormatError, match="folder, pipe or device"):
        (read_trc if name.endswith("trc") else read_emg)(path)
