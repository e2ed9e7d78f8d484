"""The controls by name, for configs, checkpoints and the command line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Annotated, Any

from tyro.constructors import PrimitiveConstructorSpec

from kinesis_trl.envs.control.base import ControlConfig
from kinesis_trl.envs.control.coordinated import CoordinatedConfig
from kinesis_trl.envs.control.direct import DirectConfig
from kinesis_trl.envs.control.feedforward import FeedforwardConfig
from kinesis_trl.envs.control.lengths import LengthConfig
from kinesis_trl.settings import from_yaml

CONTROLS: dict[str, type[ControlConfig]] = {
    kind.name: kind for kind in (LengthConfig, DirectConfig, FeedforwardConfig, CoordinatedConfig)
}
"""Every control by its name."""


def control_named(name: str, **parameters: Any) -> ControlConfig:
    """The config of a control.

    Raises:
        ValueError: an unknown name, or parameters that do not fit.
    """
    if name not in CONTROLS:
        raise ValueError(f"no control {name!r}; choose one of {', '.join(CONTROLS)}.")
    try:
        return CONTROLS[name](**parameters)
    except TypeError as error:
        known = [f.name for f in fields(CONTROLS[name])] or ["none"]
        raise ValueError(f"control {name} does not take {sorted(parameters)}; it has {', '.join(known)}.") from error


def _from_words(words: Sequence[str]) -> ControlConfig:
    """`feedforward joint-scale=2` → a config."""
    if not words or words[0] not in CONTROLS:
        raise ValueError(f"no control {' '.join(words)!r}; choose one of {', '.join(CONTROLS)}.")
    pairs = (word.partition("=") for word in words[1:])
    text = "\n".join(f"{key.replace('-', '_')}: {value}" for key, _, value in pairs)
    return from_yaml(CONTROLS[words[0]], text or "{}", where=f"control {words[0]}")


def _to_words(control: ControlConfig) -> list[str]:
    return [control.name, *(f"{f.name}={getattr(control, f.name)}" for f in fields(control))]


if TYPE_CHECKING:
    ControlArgument = ControlConfig
    ControlName = str
else:
    from typing import Literal

    ControlName = Literal[tuple(CONTROLS)]
    ControlArgument = Annotated[
        ControlConfig,
        PrimitiveConstructorSpec(
            nargs="*",
            metavar="{" + ",".join(CONTROLS) + "} [FIELD=VALUE ...]",
            instance_from_str=_from_words,
            is_instance=lambda value: isinstance(value, ControlConfig),
            str_from_instance=_to_words,
        ),
    ]
"""A control as a field of a config: on the command line its name, and parameters as FIELD=VALUE."""
