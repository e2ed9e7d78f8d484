"""Multi-layer perceptrons and their sizes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

Activation = Literal["silu", "elu", "relu", "tanh"]

_ACTIVATIONS: dict[str, type[nn.Module]] = {"silu": nn.SiLU, "elu": nn.ELU, "relu": nn.ReLU, "tanh": nn.Tanh}
_LARGEST_LAYER = 65_536
_MOST_LAYERS = 64


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """Hidden layers of a perceptron and the scale of its output."""

    hidden: tuple[int, ...] = (512, 256)
    """Units of each hidden layer."""
    activation: Activation = "silu"
    """Nonlinearity after every hidden layer."""
    output_scale: float = 0.1
    """Factor on the initial weights of the output layer; its bias starts at zero."""

    def __post_init__(self) -> None:
        if not self.hidden or len(self.hidden) > _MOST_LAYERS:
            raise ValueError(f"{len(self.hidden)} hidden layers; expected 1 to {_MOST_LAYERS}.")
        if not all(1 <= units <= _LARGEST_LAYER for units in self.hidden):
            raise ValueError(f"hidden layers {self.hidden}; expected 1 to {_LARGEST_LAYER} units in each.")
        if self.activation not in _ACTIVATIONS:
            raise ValueError(f"activation {self.activation!r}; expected one of {', '.join(_ACTIVATIONS)}.")
        if not 0.0 < self.output_scale <= 10.0:
            raise ValueError(f"output_scale {self.output_scale}; expected a number in (0, 10].")


LAPTOP = NetworkConfig(hidden=(512, 256))
WORKSTATION = NetworkConfig(hidden=(1024, 512, 512))
PAPER = NetworkConfig(hidden=(2048, 1536, 1024, 1024, 512, 512))
"""That of KINESIS (arXiv 2503.14637)."""

GATE = NetworkConfig(hidden=(1024, 512, 256))
"""Hidden layers of a mixture's gate, as in KINESIS."""


def hidden_layers(width: int, config: NetworkConfig) -> nn.Sequential:
    """Linear layers, each followed by the activation: (…, width) → (…, config.hidden[-1])."""
    layers: list[nn.Module] = []
    for units in config.hidden:
        layers += [nn.Linear(width, units), _ACTIVATIONS[config.activation]()]
        width = units
    return nn.Sequential(*layers)


def output_layer(width: int, config: NetworkConfig) -> nn.Linear:
    """Linear layer (…, config.hidden[-1]) → (…, width) that starts small, without bias."""
    layer = nn.Linear(config.hidden[-1], width)
    with torch.no_grad():
        layer.weight.mul_(config.output_scale)
        layer.bias.zero_()
    return layer
