"""A new policy and a new value function for an environment."""

from __future__ import annotations

from kinesis_trl.agents.critic import Critic, CriticConfig
from kinesis_trl.agents.policy import Actor, ActorConfig, make_actor
from kinesis_trl.envs.base import MyoLegsEnv


def new_actor(config: ActorConfig, env: MyoLegsEnv) -> Actor:
    """A policy with random weights."""
    actor = make_actor(config, env.observation_width, int(env.action_spec.shape[-1]))
    mirror = env.sample_mirror()
    actor.net.set_mirror((mirror.observation.index, mirror.observation.sign), (mirror.action.index, mirror.action.sign))
    return actor


def new_critic(config: CriticConfig, env: MyoLegsEnv) -> Critic:
    """A value function with random weights."""
    critic = Critic(config, env.observation_width)
    if config.symmetric:
        mirror = env.sample_mirror().observation
        critic.net.set_mirror((mirror.index, mirror.sign))
    return critic
