"""Typed configs to YAML and back, strictly: an unknown field or a wrong type is an error, never ignored."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import tyro
import yaml
from cattrs import Converter, ForbiddenExtraKeysError, transform_error
from cattrs.gen import make_dict_structure_fn

from kinesis_trl.failures import PrintableError
from kinesis_trl.reading import read_text

T = TypeVar("T")
FileOnly = tyro.conf.Suppress[tyro.conf.Fixed[T]]
"""Marks a field that a settings file sets, or a preset, but no option of the command line."""
_TYPE = "_type"
_LONGEST = 1 << 16
"""Characters of a settings file; ours have about 4,000."""
_DEEPEST = 32
"""Levels of nesting; ours have 5."""

REMOVED: Mapping[str, str] = {
    "compact": "observations are no longer shortened; leave it out",
    "directions": "the noise always starts at random; leave it out",
    "relapse": "episodes no longer start before earlier failures; leave it out",
    "space": "a correction is one number a joint; leave it out",
    "muscle_scale": "a correction is one number a joint; leave it out",
    "excitation_scale": "a correction is one number a joint; leave it out",
}
"""Fields that files of older versions have, and what to do about them."""


class SettingsError(PrintableError):
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
        SettingsError: not YAML, too long or too deep, an unknown field, or a value of a wrong type; names all that does
            not fit.
    """
    content = _plain(text, where)
    try:
        return _converter.structure(content, kind)
    except Exception as error:  # cattrs gathers what hooks raise in groups
        raise SettingsError("; ".join(transform_error(error, where, _say))) from error


def read_settings(kind: type[T], path: Path) -> T:
    """A config of type `kind` from a YAML file; see `from_yaml`.

    Raises:
        SettingsError: the file is missing, no regular file, cannot be read, or does not fit.
    """
    return from_yaml(kind, _text(path), where=str(path))


def read_yaml(path: Path) -> Any:
    """Plain content of a YAML file, with the limits of settings.

    Raises:
        SettingsError: the file is missing, no regular file, cannot be read, or is no such YAML.
    """
    return _plain(_text(path), str(path))


def _text(path: Path) -> str:
    try:
        return read_text(path, most=4 * _LONGEST)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read ({error}); expected a file of settings in YAML.") from error


def _plain(text: str, where: str) -> Any:
    """What YAML of bounded length, without aliases, holds."""
    if len(text) > _LONGEST:
        raise SettingsError(f"{where}: {len(text):,} characters; expected settings of at most {_LONGEST:,}.")
    try:
        return yaml.load(text, _PlainLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise SettingsError(f"{where}: not YAML of plain settings ({reason:.300}).") from error


class _PlainLoader(yaml.SafeLoader):
    """YAML without aliases, which a few lines of may stand for millions of values, of limited depth, each name once."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not read")
        if self.depth == _DEEPEST:
            raise yaml.YAMLError(f"nested more than {_DEEPEST} levels deep")
        self.depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        found = super().construct_mapping(node, deep=deep)
        if len(found) != len(node.value):
            names = [key.value for key, _ in node.value]
            twice = next((name for name in names if names.count(name) > 1), "a name")
            raise yaml.YAMLError(f"{twice!r:.80} is given twice")
        return found


def _say(error: BaseException, _: type | None) -> str:
    if not isinstance(error, ForbiddenExtraKeysError):
        return str(error).rstrip(".")
    names = [f.name for f in dataclasses.fields(error.cl)]
    said = []
    for key in sorted(map(str, error.extra_fields)):
        close = difflib.get_close_matches(key, names, n=1)
        meant = f"did you mean {close[0]!r}?" if close else f"{error.cl.__name__} has {', '.join(names)}"
        now = getattr(error.cl, "FORMER", {}).get(key)
        said.append(f"no field {key!r:.80}; {f'it is now {now}' if now else REMOVED.get(key, meant)}")
    return ", ".join(said)


def file_only_fields(config: Any) -> set[str]:
    """Fields of a config, nested ones with dots, that only a file sets."""
    found = set()
    for name, hint in get_type_hints(type(config), include_extras=True).items():
        value = getattr(config, name)
        if _is_file_only(hint):
            found.add(name)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            found |= {f"{name}.{field}" for field in file_only_fields(value)}
    return found


def _is_file_only(hint: Any) -> bool:
    marker = get_args(FileOnly[int])[1:]
    return get_origin(hint) is Annotated and set(marker) <= set(hint.__metadata__)


# -- how cattrs reads and writes each kind of field -------------------------------------------------------


def _exact(value: Any, kind: type) -> Any:
    """A number, text or truth value that is already of its type; a whole number may stand for another."""
    if type(value) is not kind and not (kind is float and type(value) is int):
        raise SettingsError(f"expected {kind.__name__}, found {value!r:.80}")
    return float(value) if kind is float and isinstance(value, int | float) else value


def _literal(value: Any, kind: Any) -> Any:
    if value not in get_args(kind):
        raise SettingsError(f"choose one of {', '.join(map(repr, get_args(kind)))}, found {value!r:.80}")
    return value


def _tuple(value: Any, kind: Any) -> Any:
    kinds = get_args(kind)
    if not isinstance(value, list):
        raise SettingsError(f"expected a list, found {value!r:.80}")
    if kinds[1:] == (...,):
        return tuple(_converter.structure(value, list[kinds[0]]))  # type: ignore[valid-type]
    if len(kinds) != len(value):
        raise SettingsError(f"expected {len(kinds)} values, found {len(value)}")
    return tuple(_converter.structure(v, k) for v, k in zip(value, kinds, strict=True))


def _reads_dataclass(kind: Any) -> Callable[[Any, Any], Any]:
    """Reads a dataclass, or the subclass that `_type` names."""
    fill = make_dict_structure_fn(kind, _converter, _cattrs_forbid_extra_keys=True)

    def read(value: Any, _: Any) -> Any:
        if not isinstance(value, Mapping):
            raise SettingsError(f"expected the fields of {kind.__name__}, found {value!r:.80}")
        named = value.get(_TYPE, kind.__name__)
        kinds = {one.__name__: one for one in _family(kind)}
        if named not in kinds:
            raise SettingsError(f"expected {' or '.join(kinds)}, found {named!r:.80}")
        if kinds[named] is not kind:
            return _converter.structure(value, kinds[named])
        if (upgraded := getattr(kind, "upgraded", None)) is not None:
            value = upgraded(value)
        return fill({key: v for key, v in value.items() if key != _TYPE}, kind)

    return read


def _family(kind: Any) -> Iterator[Any]:
    """A class and all below it."""
    yield kind
    for one in kind.__subclasses__():
        yield from _family(one)


def _write_dataclass(value: Any) -> dict[str, Any]:
    fields = {f.name: _converter.unstructure(getattr(value, f.name)) for f in dataclasses.fields(value)}
    return {_TYPE: type(value).__name__, **fields}


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
        raise SettingsError(f"expected one of {', '.join(k.__name__ for k in kinds)}, found {named!r:.80}")
    return _converter.structure(value, chosen)


_converter = Converter()
for _kind in (int, float, str, bool):
    _converter.register_structure_hook(_kind, _exact)
_converter.register_structure_hook(Path, lambda value, _: Path(_exact(value, str)))
_converter.register_unstructure_hook(Path, str)
_converter.register_structure_hook_func(lambda kind: get_origin(kind) is Literal, _literal)
_converter.register_structure_hook_func(lambda kind: get_origin(kind) is tuple, _tuple)
_converter.register_structure_hook_func(_is_choice, _choice)
_converter.register_structure_hook_factory(dataclasses.is_dataclass, _reads_dataclass)
_converter.register_unstructure_hook_func(dataclasses.is_dataclass, _write_dataclass)
