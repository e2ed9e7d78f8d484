"""The command `kinesis`: one file here is one subcommand, and everything that goes wrong ends in one line.

A subcommand is a module with a docstring for `--help` and a function `main(arguments)`. It imports PyTorch, MuJoCo and
the like only where they are used, so that `--help` opens at once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from rich.console import Console
    from tyro.constructors import ConstructorRegistry

    from kinesis_trl.body.model import BodyModel
    from kinesis_trl.motion.library import MotionLibrary
    from kinesis_trl.motion.solving import SolveConfig

_Config = TypeVar("_Config")

ALIASES = {"aim": "dashboard"}
"""Further names of subcommands."""
FORMER = {"rehearse": "optimise", "weak_spots": "failure_map"}
"""Names of subcommands in earlier versions, which go on working."""
STOPPED = "stopped; nothing was written"
RENAMED = {
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
    "--goal.": "--env.",
    "--persons": "--walkers",
    "--solved": "--static-optimisation",
    "--no-solved": "--no-static-optimisation",
}
"""Options of earlier versions and their names now; a dot at the end stands for all options that begin so."""


def names() -> tuple[str, ...]:
    """All subcommands, in the order of the alphabet."""
    return tuple(sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py")))


def main(command: str | None = None) -> None:
    """Run a subcommand with the arguments of the command line; the first one names it unless `command` does."""
    from kinesis_trl.failures import explained, prepare_process

    prepare_process()
    with explained(STOPPED):
        arguments = sys.argv[1:]
        if command is None:
            command, arguments = _chosen(arguments)
        _check_renamed(arguments)
        import_module(f"kinesis_trl.commands.{command}").main(arguments)


def _check_renamed(arguments: Sequence[str]) -> None:
    """Raise ValueError with the new name where an option has another one now."""
    for option in (word.split("=")[0] for word in arguments):
        for old, new in RENAMED.items():
            if option == old or (old.endswith(".") and option.startswith(old)):
                raise ValueError(f"{option} is now {new}{option.removeprefix(old)}; see --help.")


def _chosen(arguments: list[str]) -> tuple[str, list[str]]:
    """The subcommand that the first argument names, and the arguments that are left; exits where it names none."""
    from difflib import get_close_matches

    word, rest = (arguments[0], arguments[1:]) if arguments else ("--help", [])
    if word in ("-h", "--help"):
        sys.stdout.write(overview())
        sys.exit(0)
    if word == "--version":
        from kinesis_trl import __version__

        sys.stdout.write(f"kinesis {__version__}\n")
        sys.exit(0)
    name = word.replace("-", "_")
    name = (ALIASES | FORMER).get(name, name)
    if name not in names():
        close = get_close_matches(name, (*names(), *ALIASES), n=1)
        meant = f"did you mean {close[0]}? " if close else ""
        sys.stderr.write(f"kinesis: no command {word!r}; {meant}kinesis --help lists all.\n")
        sys.exit(2)
    return name, rest


def overview() -> str:
    """What `kinesis --help` says: every subcommand with the first sentence of its docstring."""
    lines = ["usage: kinesis COMMAND ...", ""]
    lines += ["Train, evaluate and study controllers for the human musculoskeletal body.", ""]
    for name in names():
        text = " ".join((import_module(f"kinesis_trl.commands.{name}").__doc__ or "").split("\n\n")[0].split())
        others = [other for other, meant in ALIASES.items() if meant == name]
        lines.append(f"  {', '.join((name, *others)):<17} {text}")
    lines += ["", "kinesis COMMAND --help explains a command's options. KINESIS_TRACE=1 shows where an error arose."]
    return "\n".join(lines) + "\n"


def make_console() -> Console:
    """Where commands speak. Names are shown as they are: no markup is read in them."""
    from rich.console import Console

    console = Console(markup=False, emoji=False, highlight=False)
    if not console.is_terminal:  # tables in a file or pipe need room
        console = Console(markup=False, emoji=False, highlight=False, width=max(console.width, 120))
    return console


def parse_options(
    config: type[_Config],
    arguments: Sequence[str] | None,
    *,
    name: str,
    description: str | None,
    default: _Config | None = None,
) -> _Config:
    """Settings from options, as `tyro.cli`, with each explanation in --help as one paragraph; see `run_command`."""
    import tyro

    return tyro.cli(
        config,
        args=arguments,
        description=description,
        prog=f"kinesis {name}",
        default=tyro.MISSING_NONPROP if default is None else default,
        registry=_explained_in_paragraphs(),
    )


def _explained_in_paragraphs() -> ConstructorRegistry:
    """tyro's own rule for dataclasses, without the line breaks of our source in explanations."""
    from dataclasses import is_dataclass, replace

    from tyro.constructors import ConstructorRegistry, StructConstructorSpec, StructFieldSpec, StructTypeInfo

    registry, asked = ConstructorRegistry(), False

    def joined(field: StructFieldSpec) -> str | None:
        text = field.helptext() if callable(field.helptext) else field.helptext
        return None if text is None else " ".join(text.split())

    @registry.struct_rule
    def rule(info: StructTypeInfo) -> StructConstructorSpec | None:
        nonlocal asked
        if asked or not is_dataclass(info.type):
            return None
        asked = True  # of tyro's own rules
        try:
            spec = ConstructorRegistry.get_struct_spec(info)
        finally:
            asked = False
        if not isinstance(spec, StructConstructorSpec):
            return None
        return replace(spec, fields=tuple(replace(f, helptext=partial(joined, f)) for f in spec.fields))

    return registry


def run_command(
    config: type[_Config],
    act: Callable[[_Config, Console], Any],
    arguments: Sequence[str] | None = None,
    *,
    name: str,
    description: str | None,
    stopped: str = STOPPED,
    default: _Config | None = None,
    simulates: bool = True,
) -> None:
    """Run a command.

    Args:
        config: its settings, made into options.
        act: what it does, with settings and the console to speak on.
        arguments: the options; None takes those of the command line.
        name: as a user calls it after `kinesis`.
        description: for --help.
        stopped: said after Ctrl-C, which ends with code 130; expected errors end with 1.
        default: settings where the command line says nothing, instead of the config's own.
        simulates: whether bodies are simulated, beside which threads of PyTorch would only be in the way.
    """
    from kinesis_trl.failures import explained

    with explained(stopped):
        settings = parse_options(config, arguments, name=name, description=description, default=default)
        if simulates:
            import torch

            torch.set_num_threads(1)
        act(settings, make_console())


def open_motions(
    source: str | Path, body: BodyModel, console: Console, *, inverse: SolveConfig | None = None, workers: int = 1
) -> MotionLibrary:
    """As `motion.sources.open_library`, with a bar while clips are prepared; says what was left out and why."""
    from kinesis_trl.motion.sources import open_library
    from kinesis_trl.progress import counting

    with counting(console, "preparing motions", "clips") as on_clip:
        library, refused = open_library(source, body, inverse=inverse, workers=workers, on_clip=on_clip)
    for item in refused:
        console.print(f"left out {item.name}: {item.reason}", style="yellow", markup=False, highlight=False)
    return library


def record(config: Any) -> dict[str, Any]:
    """What every file of figures begins with: the command, its settings, versions and machine; values for JSON."""
    from dataclasses import asdict
    from json import dumps, loads
    from shlex import join

    from kinesis_trl.agents.provenance import provenance

    name = Path(sys.argv[0]).stem
    said = ["kinesis", *([] if name in ("kinesis", "__main__") else [name]), *sys.argv[1:]]
    return {"command": join(said), "config": loads(dumps(asdict(config), default=str)), "provenance": provenance()}


def conclude(report: dict[str, Any], verdict: str, console: Console) -> None:
    """Say the result in words, and keep it in the report."""
    report["verdict"] = verdict
    console.print(verdict, markup=False, highlight=False)


def finish(console: Console, *written: Path | None, advice: str) -> None:
    """The last lines of a command: where results are, and what to do next."""
    places = [str(path) for path in written if path is not None]
    if places:
        console.print(f"results: {', '.join(places)}", markup=False, highlight=False, soft_wrap=True)
    console.print(f"next: {advice}", markup=False, highlight=False, soft_wrap=True)


def check_outputs(*paths: Path | None) -> None:
    """Refuse, before any work is done, files that could not be written.

    Raises:
        OSError: what is there is no regular file, or its folder takes no new file.
    """
    for path in (path for path in paths if path is not None):
        if path.exists() and not path.is_file():
            raise FileExistsError(0, "is no regular file; give another name", str(path))
        folder = next(parent for parent in path.absolute().parents if parent.exists())
        if not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
            raise PermissionError(0, "no file can be written there; choose another folder", str(folder))


@contextmanager
def stopping_on(*signals: int) -> Iterator[None]:
    """Let signals end the block as Ctrl-C does: also those of a closed terminal, and in a background job."""
    import signal

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
