"""The notebook that a clinician can follow runs from its first cell to its last."""

from __future__ import annotations

import json
from pathlib import Path

NOTEBOOK = Path(__file__).parents[2] / "docs" / "trial.ipynb"


def test_every_cell_runs(walk, found, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("kinesis_trl.trial.study.study", lambda files, config: found)  # studied once for all tests
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    names: dict[str, object] = {}
    for cell in cells:
        if cell["cell_type"] == "code":
            source = "".join(cell["source"]).replace('"my_trial"', repr(str(walk)))
            exec(compile(source.replace('"trial_report"', repr(str(tmp_path))), cell["id"], "exec"), names)
    said = capsys.readouterr().out
    assert "Was the trial read well? good" in said and "soleus, right" in said
    assert (tmp_path / "report.html").stat().st_size > 100_000
    assert names["files"].motion.is_file() and names["files"].emg.is_file()
