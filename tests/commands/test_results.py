"""The page of results says what was measured, on what, and by which command."""

import json

import pytest
from rich.console import Console

from kinesis_trl.commands import conclude, record
from kinesis_trl.commands.results import ResultsConfig, run


@pytest.fixture
def config(tmp_path):
    return ResultsConfig(reports=tmp_path / "results", page=tmp_path / "page.md")


def write(config, name, **changes):
    report = record(config) | {"config": {"seed": 7}, "seconds": 61.4} | changes
    conclude(report, "88 of 100 goals | were\nreached.", Console(quiet=True))
    config.reports.mkdir(exist_ok=True)
    (config.reports / f"{name}.json").write_text(json.dumps(report))
    return report


def test_a_line_for_each_report_with_seed_machine_and_commit(config, monkeypatch):
    monkeypatch.setattr("sys.argv", ["/usr/bin/kinesis", "eval", "--text", "walk forward"])
    report = write(config, "point-goal")
    write(config, "directional", seconds=None, provenance={"git_commit": "0123456789" * 4})
    run(config, Console(quiet=True))
    lines = config.page.read_text().splitlines()
    rows = [line for line in lines if line.startswith("| ")][1:]
    assert [row.split(" | ")[0] for row in rows] == ["| directional", "| point goal"]
    assert rows[0].endswith("| 7 | – | – | 012345678901234567890 |")
    assert "88 of 100 goals / were reached. | 7 | 61 |" in rows[1] and report["provenance"]["machine"] in rows[1]
    assert lines[-2] == "kinesis eval --text 'walk forward'" and lines[-1] == "```"


@pytest.mark.parametrize(
    "text, says", [(None, "holds no figures"), ("[", "no file of figures"), ("{}", "no 'command'")]
)
def test_what_is_no_result_is_refused_and_the_page_stays(config, text, says):
    config.page.write_text("as it was")
    if text is not None:
        config.reports.mkdir()
        (config.reports / "x.json").write_text(text)
    with pytest.raises(ValueError, match=says):
        run(config, Console(quiet=True))
    assert config.page.read_text() == "as it was"
