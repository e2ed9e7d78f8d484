"""Multi-layer perceptrons and their sizes."""

from __future__ import annotations

import torch
from torch import nn

from kinesis_trl.agents.config import NetworkConfig

_ACTIVATIONS: dict[str, type[nn.Module]] = {"silu": nn.SiLU, "elu": nn.ELU, "relu": nn.ReLU, "tanh": nn.Tanh}


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
