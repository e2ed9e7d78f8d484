"""Broken trials: what cannot be used is said in one sentence, and the rest of the report still appears."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from io import StringIO

import numpy as np
import pytest
from rich.console import Console

from kinesis_trl.body.inverse import InverseConfig
from kinesis_trl.commands.trial import TrialConfig
from kinesis_trl.commands.trial import trial as run_trial
from kinesis_trl.motion.markers.recorded import TrialError
from kinesis_trl.trial.files import TrialFiles, read_trial
from kinesis_trl.trial.floor import FloorConfig
from kinesis_trl.trial.loads import loads_of


@pytest.fixture
def trc(walk, tmp_path):
    """Writes the trial's markers with a line of it changed."""

    def write(change):
        lines = (walk / "marker_trajectories.trc").read_text().splitlines()
        path = tmp_path / "walk.trc"
        path.write_text("\n".join(change(lines)))
        return path

    return write


def said(trial):
    return " ".join([*trial.problems, *trial.notes])


def test_a_cut_c3d_costs_only_the_forces(walk, c3d_walk, tmp_path):
    cut = tmp_path / "cut.c3d"
    cut.write_bytes(c3d_walk.read_bytes()[:700])
    trial = read_trial(TrialFiles(motion=walk / "marker_trajectories.trc", forces=cut))
    assert "cut.c3d cannot be read as a C3D file: it is cut, damaged or none" in said(trial)
    assert trial.markers is not None and trial.wrenches is None
    with pytest.raises(TrialError, match=r"cut\.c3d cannot be read as a C3D file"):
        read_trial(TrialFiles(motion=cut))


def test_half_a_c3d_is_read_as_far_as_it_goes(c3d_walk, tmp_path):
    half = tmp_path / "half.c3d"
    content = c3d_walk.read_bytes()
    half.write_bytes(content[: len(content) // 2])
    trial = read_trial(TrialFiles(motion=half))
    assert re.search(r"half\.c3d is cut: it announces 238 frames and holds 1\d\d\.", said(trial))
    markers = trial.markers.markers
    assert 100 <= len(markers.position) < 200
    assert trial.wrenches.time[-1] - trial.wrenches.time[0] == pytest.approx(len(markers.position) / 100, abs=0.02)


def test_unlabelled_markers_ask_for_a_map(trc):
    path = trc(lambda lines: [*lines[:3], lines[3].replace("R.", "*").replace("L.", "+"), *lines[4:]])
    with pytest.raises(TrialError, match=r"no marker set knows enough of the labels .*--marker-map"):
        read_trial(TrialFiles(motion=path))


def test_markers_that_are_never_seen_are_left_out(trc):
    def without(lines):
        column = lines[3].split("\t").index("R.TH2")
        rows = [line.split("\t") for line in lines[6:] if line.strip()]
        for row in rows:
            row[column : column + 3] = ["", "", ""]
        return [*lines[:6], *("\t".join(row) for row in rows)]

    trial = read_trial(TrialFiles(motion=trc(without)))
    assert "never seen, and left out: R.TH2" in said(trial)
    assert "R.TH2" not in {place.label for place in trial.markers.places}


def test_a_torn_cell_is_found(trc):
    with pytest.raises(TrialError, match="line 30: a cell is no number"):
        read_trial(TrialFiles(motion=trc(lambda lines: [*lines[:29], lines[29].replace("1", "x", 40), *lines[30:]])))


def test_millimetres_called_metres_are_recognised(trc):
    trial = read_trial(TrialFiles(motion=trc(lambda lines: [*lines[:2], lines[2].replace("mm", "m"), *lines[3:]])))
    assert "lengths are taken as mm" in said(trial)
    assert 0.5 < trial.markers.markers.place("R.ASIS")[0, 2] < 1.4


def test_forces_without_points_and_emg_without_channels(walk, tmp_path):
    forces, emg = tmp_path / "grf.mot", tmp_path / "emg.sto"
    lines = (walk / "grf_walk.mot").read_text().splitlines()
    forces.write_text("\n".join([*lines[:6], lines[6].replace("force_r_p", "force_r_q"), *lines[7:400]]))
    emg.write_text("emg\nendheader\ntime\n0.0\n0.1\n0.2\n")
    trial = read_trial(TrialFiles(motion=walk / "marker_trajectories.trc", forces=forces, emg=emg))
    assert "has no point of application" in said(trial) and "has no channel beside its times" in said(trial)


def test_forces_of_another_rate_or_unit_are_predicted_instead(found):
    wrenches = found.trial.wrenches
    late = replace(wrenches, time=wrenches.time * 10)
    loads = loads_of(found.motion, late, FloorConfig(), InverseConfig(cutoff=6.0))
    assert loads.floor is None and "predicted instead" in " ".join(loads.problems)
    far = replace(wrenches, moment=wrenches.moment * 1000)
    loads = loads_of(found.motion, far, FloorConfig(), InverseConfig(cutoff=6.0))
    assert "no force lies under a foot" in " ".join(loads.problems)
    assert np.isfinite(loads.solution.activation).all()


def test_everything_at_once_still_makes_a_report(make_c3d, tmp_path):
    path = make_c3d(
        frames=slice(30, 190),
        swap_plates=True,
        flat="soleus",
        gap=("R.Knee", slice(20, 60)),
        stated="m",
        labels={"R.Shoulder": "<script>alert(1)</script>"},
    )
    console = Console(file=StringIO(), width=200)
    figures = run_trial(TrialConfig(motion=path, out=tmp_path / "out", controller=False, threads=1), console)
    told = " ".join([*figures["reading"]["problems"], *figures["reading"]["notes"]])
    for sentence in (
        "lengths are taken as mm",
        "R.Knee 25 %",
        "channel R_soleus (soleus) left out: it is flat",
        "predicted instead",
    ):
        assert sentence in told, sentence
    page = (tmp_path / "out" / "report.html").read_text()
    assert "&lt;script&gt;alert" in page and "<script" not in page
    assert "R.Knee 25 %" in page and "1. What was read" in page and "4. Joints" in page
    assert json.loads((tmp_path / "out" / "report.json").read_text())["verdict"][0]["state"] != "good"
    assert "next: " in console.file.getvalue()
