"""Options of networks and policies; importable without PyTorch, so that `--help` need not wait for it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal, get_args

from kinesis_trl.settings import FileOnly

Activation = Literal["silu", "elu", "relu", "tanh"]
_LARGEST_LAYER = 65_536
_MOST_LAYERS = 64


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """Hidden layers of a perceptron and the scale of its output."""

    hidden: tuple[int, ...] = (512, 256)
    """Units of each hidden layer."""
    activation: FileOnly[Activation] = "silu"
    """Nonlinearity after every hidden layer."""
    output_scale: FileOnly[float] = 0.1
    """Factor on the initial weights of the output layer; its bias starts at zero."""

    def __post_init__(self) -> None:
        if not self.hidden or len(self.hidden) > _MOST_LAYERS:
            raise ValueError(f"{len(self.hidden)} hidden layers; expected 1 to {_MOST_LAYERS}.")
        if not all(1 <= units <= _LARGEST_LAYER for units in self.hidden):
            raise ValueError(f"hidden layers {self.hidden}; expected 1 to {_LARGEST_LAYER} units in each.")
        if self.activation not in get_args(Activation):
            raise ValueError(f"activation {self.activation!r}; expected one of {', '.join(get_args(Activation))}.")
        if not 0.0 < self.output_scale <= 10.0:
            raise ValueError(f"output_scale {self.output_scale}; expected a number in (0, 10].")


LAPTOP = NetworkConfig(hidden=(512, 256))
WORKSTATION = NetworkConfig(hidden=(1024, 512, 512))
PAPER = NetworkConfig(hidden=(2048, 1536, 1024, 1024, 512, 512))
"""That of KINESIS (arXiv 2503.14637)."""
GATE = NetworkConfig(hidden=(1024, 512, 256))
"""Hidden layers of a mixture's gate, as in KINESIS."""


@dataclass(frozen=True, kw_only=True)
class PolicyConfig:
    """What all policies with Gaussian noise share."""

    network: NetworkConfig = LAPTOP
    """Hidden layers; the last one is the latent state of a Lattice policy."""
    normalise: bool = True
    """Whether observations are normalised by their running mean and standard deviation."""
    symmetric: bool = False
    """Whether the policy is symmetric between left and right by construction; costs a second forward pass."""
    min_log_std: FileOnly[float] = -5.0
    """Smallest natural logarithm of a standard deviation."""
    max_log_std: FileOnly[float] = 2.0
    """Largest natural logarithm of a standard deviation."""
    noise_memory: float = 0.0
    """AR(1) coefficient of the exploration noise from one policy step to the next; 0: white noise."""

    def __post_init__(self) -> None:
        initial = {f.name: getattr(self, f.name) for f in fields(self) if f.name.endswith("log_std")}
        low, high = initial.pop("min_log_std"), initial.pop("max_log_std")
        if not low < high:
            raise ValueError(f"min_log_std {low} and max_log_std {high}; expected min_log_std < max_log_std.")
        if not all(low <= value <= high for value in initial.values()):
            raise ValueError(f"initial log deviation {initial}; expected values in [{low}, {high}].")
        if not 0 <= self.noise_memory < 1:
            raise ValueError(f"noise_memory is {self.noise_memory}; expected 0 (white noise) to below 1.")


@dataclass(frozen=True, kw_only=True)
class GaussianConfig(PolicyConfig):
    """Diagonal Gaussian policy."""

    log_std: float = -2.0
    """Initial natural logarithm of the standard deviation, in units of the action."""


@dataclass(frozen=True, kw_only=True)
class LatticeConfig(PolicyConfig):
    """Lattice policy: noise on the actions and on the latent units that drive them together."""

    action_log_std: float = -2.0
    """Initial natural logarithm of the standard deviation of each action's own noise, in units of the action."""
    latent_log_std: float = -2.0
    """Initial natural logarithm of the standard deviation of each latent unit's noise, in units of its activation."""


@dataclass(frozen=True, kw_only=True)
class CriticConfig:
    """Value function."""

    network: NetworkConfig = LAPTOP
    """Hidden layers."""
    normalise: bool = True
    """Whether observations are normalised by a running mean and standard deviation; KINESIS gives them raw."""
    symmetric: bool = False
    """Whether a state and its mirror image have the same value by construction; costs a second forward pass."""


@dataclass(frozen=True, kw_only=True)
class MixtureConfig:
    """Gate over experts that are already trained."""

    gate: NetworkConfig = GATE
    """Hidden layers of the gate."""
    normalise: bool = True
    """Whether the gate's observations are normalised by a running mean and standard deviation of its own."""
    always_sample: bool = False
    """Whether the expert is drawn by its probability in evaluation too, instead of the most probable one."""
    finetune: bool = False
    """Whether the experts learn as well, with the log-probability of the whole mixture."""
    memory: bool = False
    """Whether the gate also sees which expert acted before, as in checkpoints of KINESIS 2.0; such a mixture plays, but
    is not trained here."""

    def __post_init__(self) -> None:
        if self.memory and self.finetune:
            raise ValueError("a mixture with memory is not trained here; leave out finetune.")
