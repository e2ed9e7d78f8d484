"""How commands end."""

import sys
from dataclasses import dataclass

import pytest

from kinesis_trl.commands import run_command


@dataclass(frozen=True)
class Settings:
    """What to do."""

    times: int = 1
    """How often."""


def run(act, monkeypatch, *options):
    monkeypatch.setattr(sys, "argv", ["any", *options])
    run_command(Settings, act, name="any", description="Does something.", stopped="stopped here")


def test_settings_are_parsed_and_acted_on(monkeypatch):
    seen = []
    run(lambda config, console: seen.append(config.times), monkeypatch, "--times", "3")
    assert seen == [3]


def test_an_expected_error_is_one_line_and_code_1(monkeypatch, capsys):
    def fail(config, console):
        raise FileNotFoundError("no [such] folder; make it")

    with pytest.raises(SystemExit) as ended:
        run(fail, monkeypatch)
    assert ended.value.code == 1
    assert " ".join(capsys.readouterr().out.split()) == "FileNotFoundError: no [such] folder; make it"


def test_a_fault_of_ours_keeps_its_trace(monkeypatch):
    def fail(config, console):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(fail, monkeypatch)


def test_ctrl_c_says_what_is_left(monkeypatch, capsys):
    def stop(config, console):
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as ended:
        run(stop, monkeypatch)
    assert ended.value.code == 130
    assert "stopped here" in capsys.readouterr().out


@pytest.mark.parametrize(
    "option, now",
    [
        ("--rehearse", "--optimise"),
        ("--lookahead.futures=12", "--planner.samples"),
        ("--lookahead.steps", "--planner.steps"),
        ("--search.choice", "--search.inverse-temperature"),
        ("--student.network.hidden", "--learner.network.hidden"),
    ],
)
def test_an_option_that_was_renamed_is_named_as_it_is_now(monkeypatch, capsys, option, now):
    with pytest.raises(SystemExit) as ended:
        run(None, monkeypatch, option, "3")
    assert ended.value.code == 1
    assert f"{option.split('=')[0]} is now {now}; see --help." in " ".join(capsys.readouterr().out.split())


def test_a_command_that_was_renamed_says_so():
    from kinesis_trl.rehearse import main

    with pytest.raises(SystemExit, match=r"is now kinesis_trl\.optimise"):
        main()
