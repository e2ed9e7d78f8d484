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


def test_noise_with_a_memory_is_autoregressive_and_its_probabilities_are_known() -> None:
    actor = make(log_std=-1.0, noise_memory=0.8)
    batch = TensorDict({"observation": torch.randn(4000, 5)}, [4000])
    with torch.no_grad(), set_exploration_type(ExplorationType.RANDOM):
        first, second = actor(batch.clone()), actor(batch.clone())
        mean = actor.mean(batch["observation"])
        assert (first["noise"] == 0).all()
        one, two = first["action"] - mean, second["action"] - mean
        torch.testing.assert_close(second["noise"], one)
        fresh = (two - 0.8 * one) / math.exp(-1.0)
        assert fresh.std().item() == pytest.approx(0.6, rel=0.03)  # √(1 − 0.8²)
        assert abs((fresh * one).mean().item()) < 0.01
        torch.testing.assert_close(actor.get_dist(second).log_prob(second["action"]), second["action_log_prob"])
        density = torch.distributions.Normal(mean + 0.8 * one, 0.6 * math.exp(-1.0))
        torch.testing.assert_close(density.log_prob(second["action"]).sum(-1), second["action_log_prob"])
    with torch.no_grad(), set_exploration_type(ExplorationType.DETERMINISTIC):
        assert torch.equal(actor(batch.clone())["action"], mean)
    with pytest.raises(ValueError, match=r"noise_memory is 1\.0"):
        GaussianConfig(noise_memory=1.0)
