"""Typed configs to YAML and back, strictly: an unknown field or a wrong type is an error, never ignored."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

import yaml
from cattrs import Converter, ForbiddenExtraKeysError, transform_error
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn

T = TypeVar("T")
_TYPE = "_type"

REMOVED: Mapping[str, str] = {
    "compact": "observations are no longer shortened; leave it out",
    "directions": "the noise always starts at random; leave it out",
    "relapse": "episodes no longer start before earlier failures; leave it out",
    "space": "a correction is one number a joint; leave it out",
    "muscle_scale": "a correction is one number a joint; leave it out",
    "excitation_scale": "a correction is one number a joint; leave it out",
}
"""Fields that files of older versions have, and what to do about them."""


class SettingsError(ValueError):
    """A settings file does not fit the config; the message names the field and what it takes."""


def to_yaml(config: Any) -> str:
    """A config dataclass, with any nesting, as YAML; `from_yaml` gives it back equal."""
    return yaml.safe_dump(_converter.unstructure(config), sort_keys=False, allow_unicode=True)


def from_yaml(kind: type[T], text: str, *, where: str = "settings") -> T:
    """A config of type `kind` from YAML; fields left out keep their defaults.

    Args:
        kind: the dataclass.
        text: YAML.
        where: name of the file, for messages.

    Raises:
        SettingsError: not YAML, an unknown field, or a value of a wrong type; names all that does not fit.
    """
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SettingsError(f"{where}: not YAML ({error}).") from error
    try:
        return _converter.structure(content, kind)
    except Exception as error:  # cattrs gathers what hooks raise in groups
        raise SettingsError("; ".join(transform_error(error, where, _say))) from error


def _say(error: BaseException, _: type | None) -> str:
    if not isinstance(error, ForbiddenExtraKeysError):
        return str(error).rstrip(".")
    names = [f.name for f in dataclasses.fields(error.cl)]
    said = []
    for key in sorted(map(str, error.extra_fields)):
        close = difflib.get_close_matches(key, names, n=1)
        meant = f"did you mean {close[0]!r}?" if close else f"{error.cl.__name__} has {', '.join(names)}"
        said.append(f"no field {key!r}; {REMOVED.get(key, meant)}")
    return ", ".join(said)


# -- how cattrs reads and writes each kind of field -------------------------------------------------------


def _exact(value: Any, kind: type) -> Any:
    """A number, text or truth value that is already of its type; a whole number may stand for another."""
    if type(value) is not kind and not (kind is float and type(value) is int):
        raise SettingsError(f"expected {kind.__name__}, found {value!r}")
    return kind(value)


def _tuple(value: Any, kind: Any) -> Any:
    kinds = get_args(kind)
    if not isinstance(value, list):
        raise SettingsError(f"expected a list, found {value!r}")
    if kinds[1:] == (...,):
        return tuple(_converter.structure(value, list[kinds[0]]))  # type: ignore[valid-type]
    if len(kinds) != len(value):
        raise SettingsError(f"expected {len(kinds)} values, found {len(value)}")
    return tuple(_converter.structure(v, k) for v, k in zip(value, kinds, strict=True))


def _reads_dataclass(kind: Any) -> Callable[[Any, Any], Any]:
    fill = make_dict_structure_fn(kind, _converter, _cattrs_forbid_extra_keys=True)

    def read(value: Any, _: Any) -> Any:
        if not isinstance(value, Mapping):
            raise SettingsError(f"expected the fields of {kind.__name__}, found {value!r}")
        named = value.get(_TYPE, kind.__name__)
        if named != kind.__name__:
            raise SettingsError(f"expected {kind.__name__}, found {named!r}")
        return fill({key: v for key, v in value.items() if key != _TYPE}, kind)

    return read


def _writes_dataclass(kind: Any) -> Callable[[Any], dict[str, Any]]:
    plain = make_dict_unstructure_fn(kind, _converter)
    return lambda value: {_TYPE: kind.__name__, **plain(value)}


def _is_choice(kind: Any) -> bool:
    """Whether it is a union of dataclasses, with or without None."""
    return get_origin(kind) in (Union, UnionType) and sum(map(dataclasses.is_dataclass, get_args(kind))) > 1


def _choice(value: Any, kind: Any) -> Any:
    """The dataclass that `_type` names; without a name, the first."""
    kinds = [k for k in get_args(kind) if k is not NoneType]
    if value is None and NoneType in get_args(kind):
        return None
    named = value.get(_TYPE, kinds[0].__name__) if isinstance(value, Mapping) else kinds[0].__name__
    chosen = next((k for k in kinds if k.__name__ == named), None)
    if chosen is None:
        raise SettingsError(f"expected one of {', '.join(k.__name__ for k in kinds)}, found {named!r}")
    return _converter.structure(value, chosen)


_converter = Converter()
for _kind in (int, float, str, bool):
    _converter.register_structure_hook(_kind, _exact)
_converter.register_structure_hook(Path, lambda value, _: Path(_exact(value, str)))
_converter.register_unstructure_hook(Path, str)
_converter.register_structure_hook_func(lambda kind: get_origin(kind) is tuple, _tuple)
_converter.register_structure_hook_func(_is_choice, _choice)
_converter.register_structure_hook_factory(dataclasses.is_dataclass, _reads_dataclass)
_converter.register_unstructure_hook_factory(dataclasses.is_dataclass, _writes_dataclass)
