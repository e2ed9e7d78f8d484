"""Typed configs to YAML and back, strictly: an unknown field or a wrong type is an error, never ignored."""

from __future__ import annotations

import dataclasses
import difflib
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, Union

import tyro
import yaml

T = TypeVar("T")
FileOnly = tyro.conf.Suppress[tyro.conf.Fixed[T]]
"""Marks a field that a settings file sets, or a preset, but no option of the command line."""
_TYPE = "_type"


class SettingsError(ValueError):
    """A settings file does not fit the config; the message names the field and what it takes."""


def to_yaml(config: Any) -> str:
    """A config dataclass, with any nesting, as YAML; `from_yaml` gives it back equal."""
    return yaml.safe_dump(_plain(config), sort_keys=False, allow_unicode=True)


def from_yaml(kind: type[T], text: str, *, where: str = "settings") -> T:
    """A config of type `kind` from YAML; fields left out keep their defaults.

    Args:
        kind: the dataclass.
        text: YAML.
        where: name of the file, for messages.

    Raises:
        SettingsError: not YAML, an unknown field, or a value of a wrong type.
    """
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SettingsError(f"{where}: not YAML ({error}).") from error
    return typing.cast(T, _typed(kind, content, where))


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return {_TYPE: type(value).__name__, **fields}
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(v) for v in value]
    return str(value) if isinstance(value, Path) else value


def _typed(kind: Any, value: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        return _typed(arguments[0], value, where)
    if origin in (Union, types.UnionType):
        return _one_of(arguments, value, where)
    if origin is Literal:
        if value not in arguments:
            raise SettingsError(f"{where} is {value!r}; choose one of {', '.join(map(repr, arguments))}.")
        return value
    if origin is tuple:
        if not isinstance(value, list):
            raise SettingsError(f"{where} is {value!r}; expected a list.")
        kinds = arguments[:1] * len(value) if arguments[1:] == (...,) else arguments
        if len(kinds) != len(value):
            raise SettingsError(f"{where} has {len(value)} values; expected {len(kinds)}.")
        return tuple(_typed(k, v, f"{where}[{i}]") for i, (k, v) in enumerate(zip(kinds, value, strict=True)))
    if dataclasses.is_dataclass(kind):
        return _dataclass(kind, value, where)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind is Path and isinstance(value, str):
        return Path(value)
    if kind is type(None) and value is None:
        return None
    if kind in (int, float, str, bool) and type(value) is kind:
        return value
    raise SettingsError(f"{where} is {value!r}; expected {getattr(kind, '__name__', kind)}.")


def _one_of(kinds: tuple[Any, ...], value: Any, where: str) -> Any:
    if isinstance(value, Mapping) and _TYPE in value:
        named = [k for k in kinds if getattr(k, "__name__", "") == value[_TYPE]]
        if not named:
            choices = ", ".join(getattr(k, "__name__", str(k)) for k in kinds)
            raise SettingsError(f"{where} is a {value[_TYPE]!r}; expected one of {choices}.")
        return _typed(named[0], value, where)
    problems = []
    for kind in kinds:
        try:
            return _typed(kind, value, where)
        except SettingsError as error:
            problems.append(str(error))
    raise SettingsError(problems[0])


def _dataclass(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, Mapping):
        raise SettingsError(f"{where} is {value!r}; expected the fields of {kind.__name__}.")
    named = value.get(_TYPE, kind.__name__)
    kinds = {one.__name__: one for one in (kind, *kind.__subclasses__())}
    if named not in kinds:
        raise SettingsError(f"{where} is a {named!r}; expected {' or '.join(kinds)}.")
    kind = kinds[named]
    hints = typing.get_type_hints(kind, include_extras=True)
    names = [f.name for f in dataclasses.fields(kind)]
    for key in value:
        if key != _TYPE and key not in names:
            if key in getattr(kind, "FORMER", {}):
                raise SettingsError(f"{where} has {key!r}, which is now {kind.FORMER[key]}.")
            close = difflib.get_close_matches(str(key), names, n=1)
            meant = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(names)}."
            raise SettingsError(f"{where} has no field {key!r}; {meant}")
    fields = {k: _typed(hints[k], v, f"{where}.{k}") for k, v in value.items() if k != _TYPE}
    try:
        return kind(**fields)
    except (TypeError, ValueError) as error:
        raise SettingsError(f"{where}: {error}") from error


def file_only_fields(kind: Any) -> set[str]:
    """Fields of a config dataclass, nested ones with dots, that only a file sets."""
    found = set()
    for name, hint in typing.get_type_hints(kind, include_extras=True).items():
        if _is_file_only(hint):
            found.add(name)
        for inner in _inside(hint):
            found |= {f"{name}.{field}" for field in file_only_fields(inner)}
    return found


def _is_file_only(hint: Any) -> bool:
    marker = typing.get_args(FileOnly[int])[1:]
    return typing.get_origin(hint) is typing.Annotated and set(marker) <= set(hint.__metadata__)


def _inside(hint: Any) -> list[Any]:
    """Dataclasses within a type."""
    if dataclasses.is_dataclass(hint):
        return [hint]
    return [kind for argument in typing.get_args(hint) for kind in _inside(argument)]
