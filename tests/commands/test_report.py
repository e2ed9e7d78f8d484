"""The report command, as a user calls it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import tyro
import yaml
from rich.console import Console

from kinesis_trl.commands.report import ReportConfig, report
from kinesis_trl.physiology.recording import Recording
from kinesis_trl.planning.config import MppiConfig


def run(config):
    console = Console(record=True, width=160, file=open(os.devnull, "w"))  # noqa: SIM115
    return report(config, console), console.export_text()


@pytest.fixture(scope="module")
def motions(library, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report") / "march"
    library.save(folder)
    return str(folder)


def test_a_policy_that_falls_still_gets_a_report(motions, tmp_path):
    """Zero excitation falls at once: no stride, said in every section; page, figures and recordings are there."""
    asked = ReportConfig(
        policy="zero", motions=motions, clips=("march",), out=tmp_path / "a", threads=1, static_optimisation=False
    )
    figures, said = run(asked)
    assert json.loads((tmp_path / "a" / "report.json").read_text()) == figures
    assert figures["runs"][0]["strides"] == [0, 0] and figures["runs"][0]["fell"] == 1
    assert "report.html" in said and "Cannot be said" in said
    folder = tmp_path / "a" / "policy" / "000_march"
    assert figures["recordings"] == ["policy/000_march"]
    assert Recording.load(folder / "recording.npz").clip == "march"
    assert (folder / "coordinates.mot").is_file() and (folder / "states.sto").is_file()
    assert "emg_assets" in figures["sections"]["muscles"]["emg"]["reason"]  # how to get the data
    html = (tmp_path / "a" / "report.html").read_text()
    assert "no gait cycle" in html and "sparse-checkout" in html

    again = ReportConfig(
        policy="zero", motions=motions, clips=("march",), out=tmp_path / "b", threads=1, static_optimisation=False,
        lesion=("soleus_r",), strength=0.5, since=tmp_path / "a", emg=(tmp_path / "nothing.csv",),
    )  # fmt: skip
    figures, _ = run(again)
    html = (tmp_path / "b" / "report.html").read_text()
    assert "Left out: recorded muscle activity: no file at" in html
    assert "no stride" in figures["sections"]["comparison"]["sentence"] + figures["runs"][0]["reason"]
    assert "no file at" in figures["sections"]["muscles"]["emg"]["reason"]
    assert figures["config"]["lesion"] == ["soleus_r"]
    assert [run["title"] for run in figures["runs"]] == ["muscles cut", "healthy"]
    assert "made no stride to compare" in figures["sections"]["lesion"]["sentence"]


def test_planner_and_regulator_are_further_columns_and_what_was_played_is_exported(motions, tmp_path):
    """The shipped policy alone and about MPPI; both become rollouts where mm-evalkit is installed."""
    pytest.importorskip("mm_evalkit")
    asked = ReportConfig(
        motions=motions, clips=("march",), planner=MppiConfig(samples=4, steps=2), rollouts=tmp_path / "rollouts",
        static_optimisation=False, threads=1, out=tmp_path / "out",
    )  # fmt: skip
    figures, said = run(asked)
    assert [r["title"] for r in figures["runs"]] == ["policy", "MPPI"]
    paths = [Recording.load(tmp_path / "out" / title / "000_march" / "recording.npz") for title in ("policy", "MPPI")]
    assert not np.allclose(paths[0].qpos[-1], paths[1].qpos[-1])  # the planner does something
    policies = yaml.safe_load((tmp_path / "rollouts" / "policies.yaml").read_text())["policies"]
    assert [p["id"] for p in policies] == ["policy", "mppi"] and "mm-evalkit evaluate wang" in said
    with np.load(policies[1]["trajectory_data_path"]) as archive:
        assert int(archive["n_episodes"]) == 1


def test_recorded_walks_that_lead_nowhere_are_refused_before_anything_is_played(motions, tmp_path):
    with pytest.raises(ValueError, match="none of its 3 clips leads straight ahead"):
        run(ReportConfig(policy="zero", motions=motions, recorded=Path(motions), out=tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_standing_with_a_table_of_ones_own(tmp_path):
    """A motion without a stride, EMG with an unknown muscle and a recording that is too short, controls that are none:
    each is said on the page and on the terminal, and the page and the recordings are there."""
    percent = range(0, 101, 4)
    rows = [f"anna,{p},{1 + p * (100 - p)},1" for p in percent] + [f"short,{p},1,1" for p in list(percent)[:5]]
    (tmp_path / "own.csv").write_text("subject,percent,soleus,elbow wiggler\n" + "\n".join(rows))
    asked = ReportConfig(
        policy="motion", text="stand still for 2 seconds", walkers=2, threads=1, out=tmp_path / "out",
        emg=(tmp_path / "own.csv",), controls=(tmp_path / "own.csv",),
    )  # fmt: skip
    figures, said = run(asked)
    html = (tmp_path / "out" / "report.html").read_text()
    assert len(figures["runs"][0]["clips"]) == 2 and figures["runs"][0]["strides"] == [0, 0]
    for text in ("elbow wiggler", "subject short left out", "expected a header line with a column"):
        assert text in html and text in " ".join(said.split())
    assert "no gait cycle" in html and html.count("no verdict") >= 6
    assert len(list((tmp_path / "out").glob("static_optimisation/*/recording.npz"))) == 2


def test_options_that_make_no_sense_are_refused():
    assert tyro.cli(ReportConfig, args=["--checkpoint", "runs/x/policy"]).policy == "runs/x/policy"
    with pytest.raises(ValueError, match="walkers must lie between 1 and 100, got 0"):
        ReportConfig(walkers=0)
    with pytest.raises(ValueError, match="not both"):
        ReportConfig(motions="a", text="b")
    with pytest.raises(ValueError, match="nothing is played with --policy motion; leave out --lesion"):
        ReportConfig(policy="motion", lesion=("soleus_r",))
    with pytest.raises(ValueError, match="slowest and the fastest stride"):
        ReportConfig(speeds=(2.0, 1.0))


def test_names_that_are_not_there_are_refused(motions, tmp_path):
    with pytest.raises(ValueError, match=r"no clip is called nothing; there are march, in place, turning"):
        run(ReportConfig(policy="zero", motions=motions, clips=("nothing",), out=tmp_path))
    with pytest.raises(ValueError, match="did you mean"):
        run(ReportConfig(policy="zero", motions=motions, lesion=("soleuss_r",), out=tmp_path))
    assert not list(tmp_path.iterdir())


def test_another_report_that_is_none_is_refused_before_anything_is_played(motions, tmp_path):
    (tmp_path / "report.json").write_text('{"format": "a shopping list"}')
    asked = ReportConfig(policy="zero", motions=motions, since=tmp_path / "report.json", out=tmp_path / "out")
    with pytest.raises(
        ValueError, match="is 'a shopping list' version None, expected 'kinesis_trl physiology report' 1"
    ):
        run(asked)
    assert not (tmp_path / "out").exists()
