"""Presets by name: values of `TrainConfig` found in `kinesis_trl.experiments` and in files of users' own."""

from __future__ import annotations

import pkgutil
from dataclasses import dataclass
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from kinesis_trl import experiments
from kinesis_trl.training.config import TrainConfig


class PresetError(ValueError):
    """No such preset, or a file without one; the message says which there are."""


@dataclass(frozen=True)
class Preset:
    """A run to begin with."""

    run: TrainConfig
    """Its settings."""
    description: str
    """What it is for, in a line."""


def preset(name: str) -> TrainConfig:
    """The run of a preset that ships.

    Raises:
        PresetError: there is none of that name.
    """
    found = shipped_presets()
    if name not in found:
        raise PresetError(f"no preset {name!r}; choose one of {', '.join(found)}.")
    return found[name].run


def shipped_presets() -> dict[str, Preset]:
    """All presets of `kinesis_trl.experiments`, by name; imitation first."""
    found: dict[str, Preset] = {}
    modules = sorted((info.name for info in pkgutil.iter_modules(experiments.__path__)), key=_imitation_first)
    for name in modules:
        found |= _listed(import_module(f"{experiments.__name__}.{name}"), name)
    return found


def presets_of(path: Path) -> dict[str, Preset]:
    """The presets of a Python file: its `PRESETS`, {name: (description, run)}, or else every run that it makes.

    A run made without `PRESETS` is called as its variable, in lower case with dashes. The file is executed.

    Raises:
        PresetError: the file fails, or makes no run.
    """
    spec = spec_from_file_location(f"_presets_{path.stem}", path)
    assert spec is not None and spec.loader is not None  # it ends with .py
    module = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        raise PresetError(f"{path}, line {error.lineno}: {error.msg}.") from error
    except Exception as error:  # whatever a user's file raises
        raise PresetError(f"{path}, line {_line(error, path)}: {type(error).__name__}: {error}") from error
    if hasattr(module, "PRESETS"):
        return _listed(module, str(path))
    known = [item.run for item in shipped_presets().values()]
    text = (module.__doc__ or "").split("\n\n")[0].strip() or f"of {path.name}"
    found = {
        name.lower().replace("_", "-"): Preset(value, text)
        for name, value in vars(module).items()
        if isinstance(value, TrainConfig) and not any(value is run for run in known)
    }
    if not found:
        raise PresetError(
            f"{path} makes no run; give it lines such as from kinesis_trl.experiments.imitation import LAPTOP and "
            'MINE = dataclasses.replace(LAPTOP, name="mine", total_steps=1_000_000).'
        )
    return found


def _imitation_first(name: str) -> tuple[bool, str]:
    return name != "imitation", name


def _listed(module: ModuleType, where: str) -> dict[str, Preset]:
    listed: Any = getattr(module, "PRESETS", None)
    try:
        found = {str(name): Preset(run, str(text)) for name, (text, run) in listed.items()}
    except (AttributeError, TypeError, ValueError) as error:
        raise PresetError(f"{where}: PRESETS must be {{name: (description, TrainConfig)}}.") from error
    wrong = [name for name, item in found.items() if not isinstance(item.run, TrainConfig)]
    if wrong or not found:
        raise PresetError(f"{where}: PRESETS has {wrong[0] if wrong else 'nothing'}, which is no TrainConfig.")
    return found


def _line(error: Exception, path: Path) -> int | str:
    """Line of a user's file that an error comes from."""
    trace, line = error.__traceback__, None
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return "?" if line is None else line
