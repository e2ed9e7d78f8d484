"""The report command, as a user calls it."""

from __future__ import annotations

import json
import os

import pytest
from rich.console import Console

from kinesis_trl.evaluation.physiology.recording import Recording
from kinesis_trl.report import ReportConfig, read_report, report


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
    asked = ReportConfig(policy="zero", motions=motions, clips=("march",), out=tmp_path / "a", threads=1, solved=False)
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
        policy="zero", motions=motions, clips=("march",), out=tmp_path / "b", threads=1, solved=False,
        lesion=("soleus_r",), strength=0.5, against=tmp_path / "a", emg=tmp_path / "nothing.csv",
    )  # fmt: skip
    figures, _ = run(again)
    assert "no stride" in figures["sections"]["comparison"]["sentence"] + figures["runs"][0]["reason"]
    assert "no file at" in figures["sections"]["muscles"]["emg"]["reason"]
    assert figures["config"]["lesion"] == ["soleus_r"]


def test_names_that_are_not_there_are_refused(motions, tmp_path):
    with pytest.raises(ValueError, match=r"no clip is called nothing; there are march, in place, turning"):
        run(ReportConfig(policy="zero", motions=motions, clips=("nothing",), out=tmp_path))
    with pytest.raises(ValueError, match="did you mean"):
        run(ReportConfig(policy="zero", motions=motions, lesion=("soleuss_r",), out=tmp_path))
    assert not list(tmp_path.iterdir())


def test_another_report_that_is_none_is_said(tmp_path):
    assert read_report(None) == ""
    assert "no report at" in read_report(tmp_path)
    (tmp_path / "report.json").write_text("{}")
    assert "make it anew" in read_report(tmp_path)
    (tmp_path / "report.json").write_text("[" * 100_000)
    assert "make it anew" in read_report(tmp_path)
