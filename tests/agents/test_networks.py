"""Perceptrons: layer sizes, initial output, refused configs."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from kinesis_trl.agents.config import LAPTOP, PAPER, WORKSTATION, NetworkConfig
from kinesis_trl.agents.networks import hidden_layers, output_layer


@pytest.mark.parametrize(
    ("config", "hidden"),
    [(LAPTOP, [512, 256]), (WORKSTATION, [1024, 512, 512]), (PAPER, [2048, 1536, 1024, 1024, 512, 512])],
)
def test_presets_have_the_published_sizes(config: NetworkConfig, hidden: list[int]) -> None:
    layers = hidden_layers(9, config)
    assert [m.out_features for m in layers if isinstance(m, nn.Linear)] == hidden
    assert sum(isinstance(m, nn.SiLU) for m in layers) == len(hidden)


def test_output_starts_a_tenth_as_large_and_unbiased() -> None:
    config = NetworkConfig(hidden=(100,))
    layer = output_layer(50, config)
    assert not layer.bias.any()
    largest = float(layer.weight.detach().abs().max())  # uniform in ±1/√100, scaled by 0.1
    assert 0.008 < largest <= 0.01
    assert output_layer(50, NetworkConfig(hidden=(100,), output_scale=1.0)).weight.abs().max() > 0.08


def test_last_hidden_layer_is_activated() -> None:
    out = hidden_layers(4, NetworkConfig(hidden=(8, 8), activation="relu"))(torch.randn(50, 4))
    assert (out >= 0).all() and (out > 0).any()


@pytest.mark.parametrize(
    "fields",
    [{"hidden": ()}, {"hidden": (0,)}, {"hidden": (1 << 20,)}, {"activation": "cube"}, {"output_scale": 0.0}],
)
def test_senseless_configs_are_refused(fields: dict) -> None:
    with pytest.raises(ValueError, match="expected"):
        NetworkConfig(**fields)
