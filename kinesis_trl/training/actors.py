"""A new policy and a new value function for an environment."""

from __future__ import annotations

import torch

from kinesis_trl.agents.critic import Critic, CriticConfig
from kinesis_trl.agents.lattice import LatticeActor
from kinesis_trl.agents.policy import Actor, ActorConfig, make_actor
from kinesis_trl.envs.base import MyoLegsEnv
from kinesis_trl.envs.imitation import ImitationEnv

_FRAMES = 500
"""Frames over which moment arms are averaged; they change by a few millimetres between poses."""


def new_actor(config: ActorConfig, env: ImitationEnv) -> Actor:
    """A policy with random weights, whose noise starts along the moment arms where the config asks for that.

    Raises:
        ValueError: moment arms are asked for where actions are not corrections of the muscles' target lengths.
    """
    actor = make_actor(config, env.observation_width, int(env.action_spec.shape[-1]))
    mirror = env.sample_mirror()
    actor.net.set_mirror((mirror.observation.index, mirror.observation.sign), (mirror.action.index, mirror.action.sign))
    if isinstance(actor, LatticeActor) and actor.config.directions == "moment-arms":
        feedforward = env.feedforward if env.settings.control == "feedforward" else None
        if feedforward is None or feedforward.config.space != "muscles":
            raise ValueError(
                "noise along the moment arms needs --env.control feedforward --env.feedforward.space muscles."
            )
        frames = torch.linspace(0, len(env.library.qpos) - 1, _FRAMES).long()
        actor.align(torch.from_numpy(feedforward.directions(frames)))
    return actor


def new_critic(config: CriticConfig, env: MyoLegsEnv) -> Critic:
    """A value function with random weights."""
    critic = Critic(config, env.observation_width)
    if config.symmetric:
        mirror = env.sample_mirror().observation
        critic.net.set_mirror((mirror.index, mirror.sign))
    return critic
