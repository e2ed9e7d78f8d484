"""Every command meets what people of this field report, and says it in one line."""

import csv
import errno
import os
import subprocess
import sys
from importlib import import_module

import numpy as np
import pytest

from kinesis_trl.commands import names

WORK = {
    "average": (["a", "b", "--out", "c"], "kinesis_trl.agents.averaging.average_policies"),
    "bench": ([], "kinesis_trl.training.bench.load_body"),
    "dashboard": ([], "kinesis_trl.training.dashboard.Dashboard"),
    "distil": (["--policy", "a", "--out", "b"], "kinesis_trl.training.distillation.load_body"),
    "eval": ([], "kinesis_trl.body.model.load_body"),
    "failure_map": ([], "kinesis_trl.body.model.load_body"),
    "fatigue": ([], "kinesis_trl.body.model.load_body"),
    "hub": (["pull", "me/walker"], "kinesis_trl.agents.hub.HfApi"),
    "improve": (
        ["--policy", "a", "--motions", "b", "--out", "c"],
        "kinesis_trl.training.improving.load_body",
    ),
    "mine": ([], "kinesis_trl.training.mining.load_run"),
    "optimise": (["--out", "b"], "kinesis_trl.body.model.load_body"),
    "pareto": (["a", "b"], "kinesis_trl.physiology.pareto.read_point"),
    "parity": (["--golden", "g"], "kinesis_trl.evaluation.parity.compare"),
    "prepare": (["walk.bvh", "--out", "b"], "kinesis_trl.body.model.load_body"),
    "report": ([], "kinesis_trl.body.model.load_body"),
    "results": ([], "kinesis_trl.commands.results.check_outputs"),
    "robustness": ([], "kinesis_trl.body.model.load_body"),
    "train": (["laptop", "--expert", "0"], "kinesis_trl.training.trainer.Trainer"),
    "trial": (["walk.c3d"], "kinesis_trl.trial.study.study"),
    "unite": (["--experts", "a=b", "c=d", "--out", "e"], "kinesis_trl.training.uniting.load_body"),
    "view": ([], "kinesis_trl.body.model.load_body"),
}
"""Arguments of each command, and the first thing of weight that it does."""
FAILURES = {
    "Ctrl-C": (KeyboardInterrupt(), 130, "topped"),
    "a full disk": (OSError(errno.ENOSPC, "No space left on device", "runs/[/b]"), 1, "runs/[/b]: No space left"),
    "a read-only folder": (PermissionError(errno.EROFS, "Read-only file system", "out"), 1, "out: Read-only"),
    "a missing mesh": (ValueError("Error: could not open\n 'skull [/b].stl'"), 1, "open 'skull [/b].stl'"),
    "no home": (RuntimeError("Could not determine home directory."), 1, "set HOME"),
    "overlong fields": (csv.Error("field larger than field limit (131072)"), 1, "field larger"),
}


def test_every_command_is_tried():
    assert sorted(WORK) == list(names())


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("command", names())
def test_a_failure_is_one_line_and_a_code(command, failure, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    error, code, says = FAILURES[failure]
    arguments, first = WORK[command]

    def fail(*anything, **options):
        raise error

    monkeypatch.setattr(first, fail)
    ended = 0
    try:
        import_module(f"kinesis_trl.commands.{command}").main(arguments)
    except SystemExit as stop:
        ended = stop.code
    out = capsys.readouterr()
    lines = out.out.splitlines()
    if (command, failure) not in {("view", "Ctrl-C"), ("dashboard", "Ctrl-C")}:  # which end that way when all is well
        assert ended == code
    assert says in lines[-1] and "Traceback" not in out.out + out.err
    assert len(lines) <= (2 if command in ("dashboard", "view") else 1)  # they say first what they begin with
    assert list(tmp_path.iterdir()) == []


def test_a_model_file_whose_mesh_is_missing(tmp_path, capsys):
    from kinesis_trl.commands.eval import main

    path = tmp_path / "body.xml"
    path.write_text(
        '<mujoco><asset><mesh name="skull" file="skull.stl"/></asset>'
        '<worldbody><body name="head"><freejoint/><geom type="mesh" mesh="skull"/></body></worldbody></mujoco>'
    )
    with pytest.raises(SystemExit) as stop:
        main(["--body", str(path)])
    said = capsys.readouterr()
    assert stop.value.code == 1 and "skull" in said.out and len(said.out.splitlines()) <= 5


def test_a_clip_whose_name_is_markup_is_shown_as_it_is(body, march, tmp_path, capsys):
    from kinesis_trl.commands.eval import main
    from kinesis_trl.motion.library import MotionLibrary

    name = "walk [/b] fast"
    short = march.with_(qpos=march.qpos[:6], name=name, category="[/x]")
    MotionLibrary.build([short], body).save(tmp_path / "[/b]")
    json = tmp_path / "[red].json"
    main(["--policy", "zero", "--motions", str(tmp_path / "[/b]"), "--json", str(json), "--threads", "1"])
    lines = capsys.readouterr().out.splitlines()
    assert "followed to the end" in lines[0] and any(name in line for line in lines)
    assert lines[-2] == f"results: {json}" and lines[-1].startswith("next: kinesis report --policy zero")
    assert not any("[20.7" in line for line in lines)  # one clip has no interval


def test_tables_show_markup_in_names_on_any_console(tmp_path):
    import io

    from rich.console import Console

    from kinesis_trl.commands.prepare import _refusals
    from kinesis_trl.evaluation.failure_map import failure_table
    from kinesis_trl.evaluation.tables import clip_table

    console = Console(file=io.StringIO(), width=200)
    score = {"success": True, "coverage": 1.0, "mpjpe": 3.0}
    row = {"name": "a [/b]", "category": "[/c]", "seconds": 1.0, "broken": False, "kinesis": score, "strict": score}
    spot = {"name": "a [/b]", "category": "[/c]", "steps": 9, "failures": 1, "failures_per_100_steps": 1.0}
    spot |= {"worst_s": None, "share_at_worst": 0.0}
    spots = {"summary": {"failures_per_100_steps": 1.0}, "clips": [spot]}
    console.print(clip_table({"clips": [row]}), failure_table(spots), _refusals([("a [/b]", "no [/c]")]))
    assert console.file.getvalue().count("a [/b]") == 3 and console.file.getvalue().count("[/c]") == 3


def run_python(code, **environment):
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env={**os.environ, **environment}, capture_output=True, check=False, timeout=120)


def test_a_locale_without_unicode():
    code = "import sys; from kinesis_trl.commands import main; sys.argv = ['kinesis', 'eval', '--help']; main()"
    done = run_python(code, LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert done.returncode == 0, done.stderr
    assert b"usage: kinesis eval" in done.stdout and done.stdout.isascii()


@pytest.mark.skipif(sys.platform != "linux", reason="backends of Linux")
@pytest.mark.parametrize("backend", ["osmesa", "egl"])
def test_an_opengl_library_that_is_missing_costs_pictures_only(backend):
    code = """
import ctypes.util
ctypes.util.find_library = lambda name: None
import kinesis_trl
from kinesis_trl.body.model import load_body
from kinesis_trl.evaluation.rendering import BodyRenderer, RenderError
try:
    BodyRenderer(load_body())
except RenderError as error:
    print(error)
"""
    done = run_python(code, MUJOCO_GL=backend)
    assert done.returncode == 0, done.stderr
    said = done.stdout.decode()
    assert f"MUJOCO_GL={backend} needs is not installed" in said and "install Mesa" in said and said.count("\n") == 1


def test_a_table_with_overlong_fields(tmp_path):
    from kinesis_trl.physiology.emg_data import EmgError, load_emg_csv

    path = tmp_path / "emg.csv"
    path.write_text("percent,soleus\n0," + "9" * 140_000 + "\n")
    with pytest.raises(EmgError, match=r"emg\.csv, line 2, column 2 .*field larger than field limit"):
        load_emg_csv(path)


def test_mining_lists_the_worst_clips_and_says_what_to_do(monkeypatch, tmp_path, capsys):
    from kinesis_trl.commands.mine import main
    from kinesis_trl.evaluation.metrics import ClipScore, summarise
    from kinesis_trl.training import mining

    covered = np.linspace(0.1, 1.0, 13)
    scores = [ClipScore(success=bool(c == 1), coverage=float(c), mpjpe=9.0, reward=1.0) for c in covered]
    rows = [{"name": f"clip [/{k}]", "kinesis": vars(s), "strict": vars(s)} for k, s in enumerate(scores)]
    summary = {"kinesis": summarise(scores), "strict": summarise(scores)}
    report = {"clips": rows[::-1], "summary": summary, "by_category": {}}
    failed = tuple(row["name"] for row in rows if not row["kinesis"]["success"])
    monkeypatch.setattr(mining, "mine", lambda *a, **o: mining.Mined(failed, report))
    main(["--run", str(tmp_path / "expert2")])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "12 of 13 clips are not followed to their end (rule kinesis)."
    worst = [line for line in lines if "% of clip" in line]
    assert len(worst) == 10 and worst[0] == "   10.0 % of clip [/0]" and worst[1].endswith("clip [/1]")
    assert lines[-1] == f"next: kinesis train --config {tmp_path / 'expert2' / 'config.yaml'} --expert 3"
