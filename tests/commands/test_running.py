"""How commands begin and end: names, --help without heavy libraries, one line and a code for what goes wrong."""

import csv
import errno
import io
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.console import Console

from kinesis_trl import commands
from kinesis_trl.commands import check_outputs, finish, main, names, overview, run_command
from kinesis_trl.failures import explanation, prepare_process

HEAVY = ("torch", "torchrl", "tensordict", "mujoco", "matplotlib", "scipy", "viser", "aim", "huggingface_hub")
LOOK = f"""
import sys
from kinesis_trl.commands import main
for line in sys.stdin.read().splitlines():
    sys.argv = ["kinesis", *line.split(), "--help"]
    try:
        main()
    except SystemExit as stop:
        assert stop.code == 0, line
    loaded = [name for name in {HEAVY!r} if name in sys.modules]
    assert not loaded, f"{{line}} loads {{loaded}}"
"""


@dataclass(frozen=True)
class Settings:
    """What to do."""

    times: int = 1
    """How often, in a sentence that has
    two lines."""


def run(act, monkeypatch, *options):
    monkeypatch.setattr(sys, "argv", ["any", *options])
    run_command(Settings, act, name="any", description="Does something.", stopped="stopped here")


def test_settings_are_parsed_and_acted_on(monkeypatch):
    seen = []
    run(lambda config, console: seen.append(config.times), monkeypatch, "--times", "3")
    assert seen == [3]


def failing(error):
    def act(config, console):
        raise error

    return act


@pytest.mark.parametrize(
    "error, says",
    [
        (FileNotFoundError("no [such] folder; make it"), "FileNotFoundError: no [such] folder; make it"),
        (OSError(errno.ENOSPC, "No space left on device", "runs/x"), "runs/x: No space left on device; free some"),
        (PermissionError(errno.EROFS, "Read-only file system", "out.json"), "out.json: Read-only file system; choose"),
        (ValueError("Error: mesh [/b] 'a.stl'\n  not found"), "ValueError: Error: mesh [/b] 'a.stl' not found"),
        (csv.Error("field larger than field limit (131072)"), "Error: field larger than field limit"),
        (RuntimeError("Could not determine home directory."), "set HOME"),
        (RuntimeError("invalid value for environment variable MUJOCO_GL: x"), "set MUJOCO_GL to egl"),
        (ModuleNotFoundError("No module named 'ray'"), "No module named 'ray'; install it"),
        (MemoryError(), "not enough memory"),
        (RecursionError("maximum recursion depth exceeded"), "nested too deeply"),
    ],
)
def test_an_expected_error_is_one_line_and_code_1(error, says, monkeypatch, capsys):
    with pytest.raises(SystemExit) as ended:
        run(failing(error), monkeypatch)
    said = capsys.readouterr()
    assert ended.value.code == 1
    assert says in said.out and said.out.count("\n") == 1 and "Traceback" not in said.out + said.err


@pytest.mark.parametrize("error", [ZeroDivisionError(), KeyError("clip"), RuntimeError("a fault of ours")])
def test_a_fault_of_ours_keeps_its_trace(error, monkeypatch):
    with pytest.raises(type(error)):
        run(failing(error), monkeypatch)


def test_our_own_errors_are_told_whatever_they_derive_from():
    from kinesis_trl.training.metrics_file import MetricsFileError

    assert explanation(MetricsFileError("line 3 is damaged; remove it")) == (
        "MetricsFileError: line 3 is damaged; remove it"
    )


def test_a_trace_is_shown_on_request(monkeypatch):
    monkeypatch.setenv("KINESIS_TRACE", "1")
    with pytest.raises(FileNotFoundError):
        run(failing(FileNotFoundError("x")), monkeypatch)


def test_ctrl_c_says_what_is_left(monkeypatch, capsys):
    with pytest.raises(SystemExit) as ended:
        run(failing(KeyboardInterrupt()), monkeypatch)
    assert ended.value.code == 130
    assert capsys.readouterr().out == "stopped here\n"


@pytest.mark.parametrize("command", names())
@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left", "x"), MemoryError()])
def test_every_command_ends_in_one_line_where_its_loading_fails(command, error, monkeypatch, capsys):
    """Loading takes seconds, in which Ctrl-C is pressed, and fails on a full or crippled machine."""

    def load(name):
        raise error

    monkeypatch.setattr(commands, "import_module", load)
    monkeypatch.setattr(sys, "argv", ["kinesis", command])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    assert ended.value.code == (130 if isinstance(error, KeyboardInterrupt) else 1)
    assert len(said.out.splitlines()) == 1 and "Traceback" not in said.err


def test_names_in_angle_and_square_brackets_are_shown_as_they_are(monkeypatch, capsys):
    run(lambda config, console: console.print("walk [/b] fast :smile: [red]x"), monkeypatch)
    assert capsys.readouterr().out == "walk [/b] fast :smile: [red]x\n"


def test_a_terminal_without_unicode_gets_what_it_can_show(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    prepare_process()
    with pytest.raises(SystemExit):
        run(failing(ValueError("5 mm ≤ 6 °")), monkeypatch)
    run(lambda config, console: console.print("1 … 2"), monkeypatch)
    stream.flush()
    assert stream.buffer.getvalue() == b"ValueError: 5 mm ? 6 ?\n1 ? 2\n"


def test_a_user_without_a_name_gets_one(monkeypatch):
    import getpass
    import pwd

    def unknown(number):
        raise KeyError(f"getpwuid(): uid not found: {number}")

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    prepare_process()
    assert getpass.getuser() == f"uid{os.getuid()}"
    monkeypatch.delenv("USER")


def test_the_last_lines_say_where_and_what_next():
    console = Console(file=io.StringIO(), width=40)
    finish(console, Path("a[/b].json"), None, Path("b" * 60), advice="kinesis eval [x]")
    assert console.file.getvalue() == f"results: a[/b].json, {'b' * 60}\nnext: kinesis eval [x]\n"


def test_outputs_that_cannot_be_written_are_refused_before_any_work(tmp_path, monkeypatch):
    check_outputs(None, tmp_path / "new" / "deep" / "out.json")
    (tmp_path / "old.json").write_text("{}")
    check_outputs(tmp_path / "old.json")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for wrong in ("folder", "pipe", "old.json/out.json"):
        with pytest.raises(OSError, match=r"regular file|choose another folder"):
            check_outputs(tmp_path / wrong)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(PermissionError, match="choose another folder"):
        check_outputs(tmp_path / "out.json")


def test_the_overview_names_every_command_and_unknown_ones_are_refused(monkeypatch, capsys):
    text = overview()
    assert all(f"\n  {name}" in text for name in names()) and "dashboard, aim" in text
    monkeypatch.setattr(sys, "argv", ["kinesis", "evall"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2 and "did you mean eval?" in capsys.readouterr().err


def test_every_module_that_was_a_command_still_is_one(monkeypatch):
    root = Path(commands.__file__).parents[1]
    called = []
    monkeypatch.setattr(commands, "main", called.append)
    newer = ("failure_map", "improve", "pareto", "results", "trial", "unite")
    old = [name for name in names() if name not in newer]
    for name in (*old, "rehearse", "weak_spots"):
        source = (root / f"{name}.py").read_text()
        exec(compile(source, name, "exec"), {"__name__": "__main__"})
    assert called == [*old, "optimise", "failure_map"]


@pytest.mark.parametrize(
    "old, new",
    [
        ("--lookahead.futures", "--planner.samples"),
        ("--lookahead.steps=8", "--planner.steps"),
        ("--goal.near", "--env.near"),
        ("--persons=2", "--walkers"),
    ],
)
def test_an_option_of_an_earlier_version_names_the_one_of_today(old, new, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["kinesis", "eval", old])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1 and f"{old.split('=')[0]} is now {new};" in capsys.readouterr().out


def test_an_explanation_is_one_paragraph(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "120")
    with pytest.raises(SystemExit):
        run(None, monkeypatch, "--help")
    assert "How often, in a sentence that has two lines." in capsys.readouterr().out


def test_help_opens_without_heavy_libraries():
    lines = ["", *names(), "train laptop", "train directional", "eval --task directional", "hub pull"]
    result = subprocess.run(
        [sys.executable, "-c", LOOK], input="\n".join(lines), capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("usage: kinesis") == len(lines)
