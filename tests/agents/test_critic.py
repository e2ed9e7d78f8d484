"""Value function: keys, shape, and the norm as an option."""

from __future__ import annotations

import torch
from tensordict import TensorDict

from kinesis_trl.agents.critic import Critic, CriticConfig
from kinesis_trl.agents.networks import NetworkConfig


def test_value_has_one_column_for_any_leading_shape() -> None:
    critic = Critic(CriticConfig(network=NetworkConfig(hidden=(8,))), 5)
    out = critic(TensorDict({"observation": torch.randn(3, 4, 5)}, [3, 4]))
    assert out["state_value"].shape == (3, 4, 1)


def test_only_a_normalising_critic_forgets_the_scale_of_its_input() -> None:
    observation = torch.randn(200, 5)
    scaled = 100 * observation + 30
    for normalise in (True, False):
        torch.manual_seed(0)
        config = CriticConfig(network=NetworkConfig(hidden=(8,)), normalise=normalise)
        critic, other = Critic(config, 5), Critic(config, 5)
        other.load_state_dict(critic.state_dict())
        critic.update_norm(observation)
        other.update_norm(scaled)
        same = torch.allclose(critic.net(observation), other.net(scaled), atol=1e-5)
        assert same is normalise


def test_to_a_symmetric_critic_a_mirror_image_is_worth_the_same() -> None:
    torch.manual_seed(0)
    critic = Critic(CriticConfig(network=NetworkConfig(hidden=(8,)), symmetric=True), 4)
    index, sign = torch.tensor([1, 0, 2, 3]), torch.tensor([1.0, 1.0, -1.0, 1.0])
    critic.net.set_mirror((index, sign))
    observation = torch.randn(6, 4)
    torch.testing.assert_close(critic.net(observation[:, index] * sign), critic.net(observation))
    assert not torch.allclose(critic.net(observation.flip(0)), critic.net(observation))
