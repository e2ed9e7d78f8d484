"""Diagonal policy: density, entropy, exploration, bounds."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from tensordict import TensorDict
from torchrl.envs.utils import ExplorationType, set_exploration_type

from kinesis_trl.agents.gaussian import GaussianActor, GaussianConfig
from kinesis_trl.agents.networks import NetworkConfig


def make(**fields: Any) -> GaussianActor:
    return GaussianActor(GaussianConfig(network=NetworkConfig(hidden=(16, 8)), **fields), 5, 3)


def test_log_probability_and_entropy_equal_hand_formulas() -> None:
    actor, observation, action = make(log_std=-1.0), torch.randn(4, 5), torch.randn(4, 3)
    with torch.no_grad():
        actor.log_std.copy_(torch.tensor([-1.0, 0.0, 0.5]))
        dist = actor.distribution(observation)
        z = (action - actor.mean(observation)) / actor.log_std.exp()
        expected = -(z.square() / 2 + actor.log_std + 0.5 * math.log(2 * math.pi)).sum(-1)
        entropy = (actor.log_std + 0.5 * math.log(2 * math.pi * math.e)).sum().expand(4)
        torch.testing.assert_close(dist.log_prob(action), expected)
        torch.testing.assert_close(dist.entropy(), entropy)
        torch.testing.assert_close(actor.scale_tril(), actor.log_std.exp().diag())


def test_exploration_type_decides_between_mean_and_sample() -> None:
    actor = make()
    batch = TensorDict({"observation": torch.randn(6, 5)}, [6])
    with torch.no_grad():
        with set_exploration_type(ExplorationType.DETERMINISTIC):
            mean = actor(batch.clone())["action"]
        with set_exploration_type(ExplorationType.RANDOM):
            sample = actor(batch.clone())
        assert torch.equal(mean, actor.mean(batch["observation"]))
        assert not torch.isclose(sample["action"], mean).any()
        expected = actor.get_dist(batch).log_prob(sample["action"])
    torch.testing.assert_close(sample["action_log_prob"], expected)


def test_deviation_stays_within_its_bounds() -> None:
    actor = make(min_log_std=-3.0, max_log_std=0.0)
    with torch.no_grad():
        actor.log_std.copy_(torch.tensor([-50.0, 50.0, -1.0]))
    torch.testing.assert_close(actor.std().log(), torch.tensor([-3.0, 0.0, -1.0]))
    with pytest.raises(ValueError, match="expected values in"):
        GaussianConfig(log_std=3.0)
    with pytest.raises(ValueError, match="min_log_std < max_log_std"):
        GaussianConfig(min_log_std=1.0, max_log_std=-1.0)
