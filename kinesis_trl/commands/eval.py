"""Evaluate a policy: following clips, reaching goals, obeying commands, or doing what a sentence says.

Examples:
    kinesis eval --policy reference --motions locomotion-v1/test --json out.json --video out.mp4
    kinesis eval --task point-goal --goals 1000 --picture goals.png
    kinesis eval --task directional --picture commands.png
    kinesis eval --task text --text "walk in a circle, then walk backward"

Each task has options of its own: kinesis eval --task TASK --help.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from kinesis_trl.commands import check_outputs, finish, record, run_command
from kinesis_trl.commands.tasks import EvalConfig, player_of, task_module, task_names

if TYPE_CHECKING:
    from rich.console import Console


def evaluate(config: EvalConfig, console: Console) -> dict[str, Any]:
    """Carry out the task, print verdict and tables, write what was asked for; returns the report."""
    from kinesis_trl.atomic import write_text

    task = task_module(config.task)
    if getattr(config, "interactive", False):
        task.steer(config, console)
        return {}
    check_outputs(*config.outputs())
    body = config.load_body()
    player = player_of(config, body)
    report = record(config)
    report["config"] = {"task": config.task, **report["config"]}
    started = time.perf_counter()
    report |= task.run(config, body, player, console)
    report["seconds"] = time.perf_counter() - started
    if config.json:
        write_text(config.json, json.dumps(report, indent=1))
    finish(console, *config.outputs(), advice=task.advice(config))
    return report


def chosen_task(arguments: Sequence[str]) -> tuple[str, list[str]]:
    """The task that `--task NAME` names, or a first argument without it, and the arguments that are left.

    Raises:
        ValueError: no such task.
    """
    rest = list(arguments)
    name = "imitation"
    if rest and not rest[0].startswith("-"):
        name = rest.pop(0)
    for at, argument in enumerate(rest):
        if argument == "--task":
            name = rest[at + 1] if at + 1 < len(rest) else ""
            del rest[at : at + 2]
            break
        if argument.startswith("--task="):
            name = rest.pop(at).removeprefix("--task=")
            break
    name = name.replace("_", "-")
    if name not in task_names():
        close = get_close_matches(name, task_names(), n=1)
        meant = f"did you mean {close[0]}? " if close else ""
        raise ValueError(f"no task {name!r}; {meant}choose one of {', '.join(task_names())}.")
    return name, rest


def parse_task(arguments: Sequence[str]) -> tuple[type[EvalConfig], list[str], str]:
    """Options of the task, the arguments that are left for it, and what `--help` says."""
    name, rest = chosen_task(arguments)
    module = task_module(name)
    others = ", ".join(other for other in task_names() if other != name)
    return module.Options, rest, f"{module.__doc__}\nOther tasks: --task {others}; each has options of its own."


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the command line, evaluate, and report."""
    from kinesis_trl.failures import explained

    with explained(""):
        options, rest, text = parse_task(sys.argv[1:] if arguments is None else arguments)
    run_command(options, evaluate, rest, name=f"eval --task {options.task}", description=text)
