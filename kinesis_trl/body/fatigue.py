"""Muscle fatigue: how much of each muscle is active, rested and fatigued, for many bodies at once.

Three-compartment controller model (Xia and Frey Law 2008, J. Biomech. 41:3046) with faster recovery at rest (3CC-r,
Looft, Herkert and Frey Law 2018, J. Biomech. 77:16), whose activation and deactivation follow MuJoCo's muscles. The
shares active MA, resting MR and fatigued MF add up to 1; the muscle is driven with MA in place of its own activation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from tyro.constructors import PrimitiveConstructorSpec

from kinesis_trl.settings import from_yaml

if TYPE_CHECKING:
    import mujoco

Array = NDArray[np.float64]

PARAMETERS: dict[str, tuple[float, float, float]] = {
    "myosuite": (0.00912, 0.000094, 150.0),
    "kinesis": (0.0, 0.02, 20.0),
}
"""Rates of fatigue and of recovery in 1/s, and how many times faster a muscle at rest recovers, by name."""


@dataclass(frozen=True, kw_only=True)
class FatigueConfig:
    """How muscles tire."""

    parameters: Literal["myosuite", "kinesis"] = "myosuite"
    """Rates by name: MyoSuite's, of studies of elbow torque, or those of KINESIS 2.0."""
    fatigue: float | None = None
    """Rate in 1/s at which active muscle tires; None: as `parameters` says."""
    recovery: float | None = None
    """Rate in 1/s at which tired muscle recovers; None: as `parameters` says."""
    rest: float | None = None
    """Times faster that a muscle recovers which is asked for no more than it gives; None: as `parameters` says."""
    start: Literal["rested", "random", "kept"] = "rested"
    """Muscles as an episode begins: none fatigued, each by a share drawn at random, or as the episode before left
    them."""
    fatigued: tuple[float, ...] = ()
    """Fatigued share of each muscle as an episode begins (start kept: the first one), or one for all; else rested."""

    def __post_init__(self) -> None:
        if not (self.rates[0] >= 0 and self.rates[1] >= 0 and self.rates[2] >= 0 and np.isfinite(self.rates).all()):
            raise ValueError(f"fatigue, recovery and rest must not be negative, got {self.rates}.")
        if self.fatigued and self.start == "random":
            raise ValueError("give fatigued shares or start random, not both.")
        if not all(0 <= share <= 1 for share in self.fatigued):
            raise ValueError(f"fatigued shares lie between 0 and 1, got {self.fatigued}.")

    @property
    def rates(self) -> tuple[float, float, float]:
        """Rates of fatigue and recovery in 1/s, and the factor at rest."""
        own = (self.fatigue, self.recovery, self.rest)
        named = zip(own, PARAMETERS[self.parameters], strict=True)
        return tuple(usual if value is None else value for value, usual in named)  # type: ignore[return-value]


@dataclass(frozen=True)
class FatigueDynamics:
    """The model for M muscles; time constants (M,) in seconds."""

    rise: Array
    """Time constants of activation."""
    fall: Array
    """Time constants of deactivation."""
    rates: tuple[float, float, float]
    """Rates of fatigue and recovery in 1/s, and the factor at rest."""
    step: float
    """Physics step in seconds."""

    def __post_init__(self) -> None:
        fatigue, recovery, rest = self.rates
        if max(fatigue, recovery, recovery * rest) * self.step > 1:
            raise ValueError(f"rates {self.rates} empty a compartment within a physics step of {self.step:.2g} s.")

    def after(self, active: Array, fatigued: Array, load: Array) -> tuple[Array, Array]:
        """Active and fatigued shares (N, M) one physics step later, by Euler's rule; the rest of each muscle rests.

        Args:
            active: MA (N, M).
            fatigued: MF (N, M), with MA + MF at most 1.
            load: share (N, M) of the muscle that is asked for, in [0, 1]; the excitation.
        """
        tiring, recovery, rest = self.rates
        resting = np.maximum(1 - active - fatigued, 0)
        ease = 0.5 + 1.5 * active
        short = load > active
        wanted = np.where(
            short, np.minimum(load - active, resting) / (self.rise * ease), (load - active) * ease / self.fall
        )
        tired = tiring * self.step * active
        recovered = np.where(short, recovery, rest * recovery) * self.step * fatigued
        # no more becomes active than rests, and no more is relaxed than stays active
        moved = np.clip(wanted * self.step, tired - active, resting + recovered)
        fatigued = np.clip(fatigued + tired - recovered, 0, 1)
        return np.clip(active + moved - tired, 0, 1 - fatigued), fatigued


def check_shares(condition: FatigueConfig | None, muscles: int) -> None:
    """Raise ValueError where a condition has fatigued shares for another number of muscles."""
    if condition is not None and len(condition.fatigued) not in (0, 1, muscles):
        raise ValueError(
            f"{len(condition.fatigued)} fatigued shares; expected one, or one for each of {muscles} muscles."
        )


class Fatigue:
    """The muscles' fatigue of N simulations.

    Attributes:
        fatigued: (N, M) fatigued share MF of each muscle.
        dynamics: how it changes.
    """

    def __init__(self, model: mujoco.MjModel, num: int, config: FatigueConfig) -> None:
        """All muscles rested, or as the config says.

        Raises:
            ValueError: fatigued shares for another number of muscles.
        """
        check_shares(config, model.nu)
        self.config = config
        rise, fall = model.actuator_dynprm[:, :2].T.copy()
        self.dynamics = FatigueDynamics(rise, fall, config.rates, float(model.opt.timestep))
        self.fatigued = np.zeros((num, model.nu))
        self.fatigued[:] = config.fatigued or 0.0

    def start(self, rows: NDArray[np.int64], generator: np.random.Generator) -> None:
        """Muscles of `rows` (R,) as an episode begins."""
        if self.config.start == "kept":
            return
        if self.config.fatigued:
            self.fatigued[rows] = self.config.fatigued
        elif self.config.start == "random":
            self.fatigued[rows] = generator.random((len(rows), self.fatigued.shape[1]))
        else:
            self.fatigued[rows] = 0.0

    def advance(self, active: Array, load: Array) -> Array:
        """Active shares (N, M) one physics step after `active`, under excitations `load` (N, M)."""
        active, self.fatigued[:] = self.dynamics.after(active, self.fatigued, load)
        return active


# -- on the command line ---------------------------------------------------------------------------------

CONDITIONS = ("healthy", "fatigue")


def _from_words(words: Sequence[str]) -> FatigueConfig | None:
    """`fatigue parameters=kinesis start=random` → a config."""
    if list(words) == ["healthy"]:
        return None
    if not words or words[0] != "fatigue":
        raise ValueError(f"no condition {' '.join(words)!r}; choose one of {', '.join(CONDITIONS)}.")
    text = "\n".join(f"{key}: {value}" for key, _, value in (word.partition("=") for word in words[1:]))
    return from_yaml(FatigueConfig, text or "{}", where="condition fatigue")


def _to_words(condition: FatigueConfig | None) -> list[str]:
    if condition is None:
        return ["healthy"]
    values = {f.name: getattr(condition, f.name) for f in fields(condition)}
    return ["fatigue", *(f"{name}={_word(value)}" for name, value in values.items() if value not in (None, ()))]


def _word(value: Any) -> str:
    return f"[{','.join(map(str, value))}]" if isinstance(value, tuple) else str(value)


if TYPE_CHECKING:
    Condition = FatigueConfig | None
else:
    Condition = Annotated[
        FatigueConfig | None,
        PrimitiveConstructorSpec(
            nargs="*",
            metavar="{healthy,fatigue} [FIELD=VALUE ...]",
            instance_from_str=_from_words,
            is_instance=lambda value: value is None or isinstance(value, FatigueConfig),
            str_from_instance=_to_words,
        ),
    ]
"""Condition of the muscles as a field of a config: healthy, or fatigue with parameters as FIELD=VALUE."""
