"""Which policies are worth having, by hand; and folders that do not hold what they should."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
from rich.console import Console

from kinesis_trl.commands.pareto import ParetoConfig, pareto
from kinesis_trl.physiology.analysis import analyse
from kinesis_trl.physiology.emg_data import EmgData
from kinesis_trl.physiology.pareto import Point, ReportError, front, read_point, read_report
from kinesis_trl.physiology.strides import Run, collect


def test_the_front_by_hand():
    a, b, c = Point("a", 100, 0.2, 10), Point("b", 90, 0.5, 5), Point("c", 90, 0.4, 6)
    assert front([a, b, c]) == [a, b] and c.dominated_by(b) and not a.dominated_by(b)
    twin = Point("twin", 90, 0.5, 5)
    assert front([twin, b]) == [twin, b]  # the same is not better
    assert front([a, Point("d", 100, 0.2, 9)]) == [Point("d", 100, 0.2, 9)]


@pytest.fixture(scope="module")
def report(body, walk):
    strides, _ = collect(Run(title="w", recordings=(walk,)))
    own = strides.pool(lambda r: r.activation[:, [walk.muscle("soleus_l")]], 1).mean(0)
    emg = EmgData(
        source="x", population="y", muscles=("soleus",), subjects=("a",), speeds=strides.speeds(0)[:1],
        percent=np.linspace(0, 100, 101), mean=own[None, None],
    )  # fmt: skip
    return analyse([Run(title="policy", recordings=(walk,))], body, emg=emg) | {"config": {"policy": "runs/x"}}


def folder(path, report, coverage, policy="runs/x"):
    path.mkdir()
    (path / "report.json").write_text(json.dumps(report, default=str))
    evaluation = {"config": {"policy": policy}, "summary": {"strict": {"coverage": {"mean": coverage}}}}
    (path / "eval.json").write_text(json.dumps(evaluation))
    return path


def test_a_picture_of_two(report, tmp_path):
    folders = (folder(tmp_path / "one", report, 0.9), folder(tmp_path / "two", report, 0.8))
    config = ParetoConfig(folders=folders, chosen="two", picture=tmp_path / "p.svg", json=tmp_path / "p.json")
    console = Console(record=True, width=140, file=open(os.devnull, "w"))  # noqa: SIM115
    figures = pareto(config, console)
    assert figures["front"] == ["one"] and "two is not one of them: one is nowhere worse" in console.export_text()
    assert json.loads((tmp_path / "p.json").read_text()) == figures
    assert "<svg" in (tmp_path / "p.svg").read_text() and figures["points"][0]["coverage"] == 90
    assert figures["points"][0]["cost"] > 1 and -1 <= figures["points"][0]["likeness"] <= 1


def test_what_is_not_a_policys_folder_is_refused(report, tmp_path):
    other = folder(tmp_path / "other", report, 0.9, policy="runs/y")
    with pytest.raises(ReportError, match="on policy 'runs/x', the evaluation on 'runs/y'"):
        read_point(other)
    (other / "eval.json").unlink()
    with pytest.raises(ReportError, match=r"no file at .*eval.json; kinesis eval --json makes it"):
        read_point(other)
    bare = dict(report, sections=dict(report["sections"], effort={"runs": {}}))
    with pytest.raises(ReportError, match="lacks"):
        read_point(folder(tmp_path / "bare", bare, 0.9))
    with pytest.raises(ValueError, match="two folders at least"):
        ParetoConfig(folders=(other,))
    with pytest.raises(ValueError, match="chosen is 'x'"):
        ParetoConfig(folders=(other, tmp_path / "bare"), chosen="x")


@pytest.mark.parametrize("text", ["{}", "[" * 100_000, "[1, 2]", '{"format": "other", "version": 1}', "\x00"])
def test_a_foreign_file_is_no_report(text, tmp_path):
    (tmp_path / "report.json").write_text(text)
    with pytest.raises(ReportError, match="kinesis report makes"):
        read_report(tmp_path)
    with pytest.raises(ReportError, match="no file at"):
        read_report(tmp_path / "nothing")
