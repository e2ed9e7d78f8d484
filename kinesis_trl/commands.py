"""What commands share: parse, act, and end with one line and an exit code where something is wrong."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import tyro
from rich.console import Console
from rich.markup import escape
from tyro import MISSING_NONPROP

from kinesis_trl.agents.exceptions import CheckpointError
from kinesis_trl.body.catalog import BodyError
from kinesis_trl.body.model import BodyModel
from kinesis_trl.motion.clip import ClipFormatError
from kinesis_trl.motion.library import MotionLibrary
from kinesis_trl.motion.solving import SolveConfig
from kinesis_trl.motion.sources import open_library
from kinesis_trl.progress import progress

_Config = TypeVar("_Config")

EXPECTED: tuple[type[Exception], ...] = (BodyError, CheckpointError, ClipFormatError, OSError, ValueError)
"""Errors whose message tells the user what to do; anything else is a fault of ours and keeps its trace."""

RENAMED: Mapping[str, str] = {
    "--rehearse": "--optimise",
    "--lookahead.futures": "--planner.samples",
    "--lookahead.persistence": "--planner.ar1",
    "--lookahead.pull": "--planner.distance-cost",
    "--lookahead.choice": "--planner.inverse-temperature",
    "--lookahead.": "--planner.",
    "--search.persistence": "--search.ar1",
    "--search.pull": "--search.distance-cost",
    "--search.choice": "--search.inverse-temperature",
    "--student.": "--learner.",
}
"""Options of version 0.1.0 and their names now; a dot at the end stands for all options that begin so."""


def check_renamed(arguments: Sequence[str]) -> None:
    """Raise ValueError with the new name where an option has another one now."""
    for option in (word.split("=")[0] for word in arguments):
        for old, new in RENAMED.items():
            if option == old or (old.endswith(".") and option.startswith(old)):
                raise ValueError(f"{option} is now {new}{option.removeprefix(old)}; see --help.")


def open_motions(
    source: str | Path, body: BodyModel, console: Console, *, inverse: SolveConfig | None = None, workers: int = 1
) -> MotionLibrary:
    """As `motion.sources.open_library`, with a bar while clips are prepared; says what was left out and why."""
    with progress(console, "preparing", None, "clips") as advance:
        library, refused = open_library(
            source, body, inverse=inverse, workers=workers, on_clip=lambda done, total: advance(1)
        )
    for item in refused:
        console.print(f"[yellow]left out[/] {escape(f'{item.name}: {item.reason}')}", highlight=False)
    return library


def run_command(
    config: type[_Config],
    act: Callable[[_Config, Console], Any],
    *,
    name: str,
    description: str | None,
    stopped: str = "stopped; nothing was written",
    default: _Config | None = None,
    expected: tuple[type[Exception], ...] = (),
) -> None:
    """Run a command from `sys.argv`.

    Args:
        config: its settings, made into options.
        act: what it does, with settings and the console to speak on.
        name: after `kinesis_trl.`, as a user calls it.
        description: for --help.
        stopped: said after Ctrl-C, which ends with code 130; expected errors end with 1.
        default: settings where the command line says nothing, instead of the config's own.
        expected: further errors whose message tells the user what to do.
    """
    console = Console()
    if not console.is_terminal:
        console = Console(width=max(console.width, 120))  # tables in a file or pipe need room
    try:
        check_renamed(sys.argv[1:])
        usual = MISSING_NONPROP if default is None else default
        act(tyro.cli(config, description=description, prog=f"kinesis_trl.{name}", default=usual), console)
    except EXPECTED + expected as error:
        console.print(f"[red]{type(error).__name__}[/]: {escape(str(error))}", highlight=False)
        sys.exit(1)
    except KeyboardInterrupt:
        console.print(stopped)
        sys.exit(130)
