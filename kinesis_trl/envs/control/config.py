"""Options of the controls, and the controls by name; importable without PyTorch, for a quick `--help`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from importlib import import_module
from math import isfinite
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from tyro.constructors import PrimitiveConstructorSpec

from kinesis_trl.settings import from_yaml

if TYPE_CHECKING:
    from kinesis_trl.body.model import BodyModel
    from kinesis_trl.envs.control.base import Control


@dataclass(frozen=True, kw_only=True)
class ControlConfig:
    """Which control, and its parameters."""

    name: ClassVar[str]
    """What configs, commands and checkpoints call it."""
    made_as: ClassVar[str]
    """Module and class of the `Control`, which is made of a body, the number of bodies and this config."""
    needs_reference: ClassVar[bool] = False
    """Whether it works only where bodies follow clips."""
    needs_inverse: ClassVar[bool] = False
    """Whether the clips need inverse solutions."""
    needs_moment_arms: ClassVar[bool] = False
    """Whether it needs the muscles' moment arms at every substep."""
    has_lengths: ClassVar[bool] = False
    """Whether an action stands for target lengths of the muscles (`Control.target_length`)."""

    def make(self, body: BodyModel, num: int) -> Control:
        """The control of `num` bodies."""
        module, _, name = self.made_as.partition(":")
        control: Control = getattr(import_module(f"kinesis_trl.envs.control.{module}"), name)(body, num, self)
        return control

    def describe(self) -> dict[str, Any]:
        """Name and parameters as JSON values; `control_named(**description)` gives the config back."""
        return {"name": self.name, **{f.name: getattr(self, f.name) for f in fields(self)}}


@dataclass(frozen=True, kw_only=True)
class LengthConfig(ControlConfig):
    """Target lengths, one number per muscle."""

    name = "pd"
    made_as = "lengths:LengthControl"
    has_lengths = True


@dataclass(frozen=True, kw_only=True)
class DirectConfig(ControlConfig):
    """Excitations, one number per muscle."""

    name = "direct"
    made_as = "direct:DirectControl"


@dataclass(frozen=True, kw_only=True)
class FeedforwardConfig(ControlConfig):
    """How an action, one number per independent joint, corrects the target lengths that static optimisation found."""

    name = "feedforward"
    made_as = "feedforward:FeedforwardControl"
    needs_reference = True
    needs_inverse = True
    has_lengths = True

    joint_scale: float = 3.0
    """Change of target lengths for an action of 1, in lengths that turning the joint by 1 rad would change."""
    activation: bool = True
    """Start episodes with the activations that static optimisation found, instead of relaxed."""

    def __post_init__(self) -> None:
        if not self.joint_scale > 0:
            raise ValueError(f"joint_scale must be positive, got {self.joint_scale}.")


@dataclass(frozen=True, kw_only=True)
class CoordinatedConfig(ControlConfig):
    """Joint moments, one number per independent joint, shared among the muscles."""

    name = "coordinated"
    made_as = "coordinated:CoordinatedControl"
    needs_inverse = True
    needs_moment_arms = True

    moment: float = 0.7
    """Moment for an action of 1, as a share of the joint's strength: all muscles of a side at peak force."""
    stiffness: float = 0.3
    """Moment per radian between joint and reference, as a share of the joint's strength; joints that carry the trunk
    have as much more, stiffness and damping, as gravity needs (`body.inverse_dynamics.toppling`)."""
    damping: float = 0.02
    """Moment per rad/s between joint and reference, as a share of the joint's strength, in seconds."""
    advance: float = 0.0
    """Seconds by which the moments of the inverse solution come earlier than the motion."""
    co_contraction: float = 0.0
    """Least activation of every muscle, or of those that move `co_contracted`."""
    co_contracted: tuple[str, ...] = ()
    """Independent joints, by name without side (knee_angle), whose muscles have a least activation; empty: all."""
    objective: Literal["square", "cube", "bhargava"] = "square"
    """Effort as squared or as cubed activation, weighted by the muscles' volumes, or as metabolic power
    (Bhargava et al. 2004) with a tenth of square."""
    volume_power: float = 1.0
    """Power of the muscle's volume that weighs its activation: 1 volume, 0.5 its square root, 0 none."""
    effort: float = 0.1
    """Square root of the cost of one fully active muscle of mean volume."""
    joint_moment: float = 5.0
    """Moment that lacks at a joint, in N m, that costs 1."""
    fatigue: bool = True
    """Ask no muscle for more than it has left, where muscles tire: others take over."""
    every: Literal["substep", "step"] = "substep"
    """How often moments are shared anew: at every physics substep or once a policy step."""
    activation: bool = True
    """Start episodes with the activations that static optimisation found, where there are any, instead of relaxed."""

    def __post_init__(self) -> None:
        if not (self.moment > 0 and self.stiffness >= 0 and self.damping >= 0 and 0 <= self.co_contraction < 1):
            raise ValueError(
                f"moment {self.moment} must be positive, stiffness {self.stiffness} and damping {self.damping} not "
                f"negative, co_contraction {self.co_contraction} in [0, 1)."
            )
        if self.every not in ("substep", "step"):
            raise ValueError(f"every is {self.every!r}; choose substep or step.")
        if not isfinite(self.advance):
            raise ValueError(f"advance must be finite, got {self.advance}.")
        if not (self.effort > 0 and self.joint_moment > 0):
            raise ValueError(f"effort {self.effort} and joint_moment {self.joint_moment} must be positive.")
        if self.objective not in ("square", "cube", "bhargava"):
            raise ValueError(f"objective is {self.objective!r}; choose square, cube or bhargava.")
        if not 0 <= self.volume_power <= 2:
            raise ValueError(f"volume_power is {self.volume_power}; expected 0 to 2.")


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
    known = {f.name: f for f in fields(CONTROLS[name])}
    if unknown := sorted(set(parameters) - set(known)):
        raise ValueError(f"control {name} has no {unknown[0]!r}; it has {', '.join(known) or 'no parameters'}.")
    lists = {key: tuple(value) for key, value in parameters.items() if isinstance(value, list)}
    return CONTROLS[name](**{**parameters, **lists})


def _from_words(words: Sequence[str]) -> ControlConfig:
    """`feedforward joint-scale=2` → a config."""
    if not words or words[0] not in CONTROLS:
        raise ValueError(f"no control {' '.join(words)!r}; choose one of {', '.join(CONTROLS)}.")
    pairs = (word.partition("=") for word in words[1:])
    text = "\n".join(f"{key.replace('-', '_')}: {value}" for key, _, value in pairs)
    return from_yaml(CONTROLS[words[0]], text or "{}", where=f"control {words[0]}")


def _to_words(control: ControlConfig) -> list[str]:
    return [control.name, *(f"{f.name}={_word(getattr(control, f.name))}" for f in fields(control))]


def _word(value: Any) -> str:
    return f"[{','.join(value)}]" if isinstance(value, tuple) else str(value)


if TYPE_CHECKING:
    ControlArgument = ControlConfig
    ControlName = str
else:
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
