"""The policy and the value function a run starts with: new ones, trained ones, or a mixture of trained ones."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import torch

from kinesis_trl.agents.actor import GaussianPolicy
from kinesis_trl.agents.checkpoint import PolicyCheckpoint, load_checkpoint
from kinesis_trl.agents.critic import Critic
from kinesis_trl.agents.fresh import new_actor, new_critic
from kinesis_trl.agents.gaussian import GaussianActor
from kinesis_trl.agents.lattice import LatticeActor
from kinesis_trl.agents.mixture import make_mixture
from kinesis_trl.agents.policy import Policy, make_actor
from kinesis_trl.agents.transfer import transfer
from kinesis_trl.body.catalog import kind_of
from kinesis_trl.body.model import load_body
from kinesis_trl.envs.base import MyoLegsEnv
from kinesis_trl.envs.goal import GoalEnv
from kinesis_trl.training.config import TrainConfig


class RunError(RuntimeError):
    """A run cannot be started or gone on with; the message says why and what to do."""


def make_agent(config: TrainConfig, env: MyoLegsEnv) -> tuple[Policy, Critic]:
    """New networks, or those of `config.warm_start`, or a gate over `config.experts`.

    A policy of another body is carried over (see `training.transfer`).

    Raises:
        CheckpointError: a policy that is missing, damaged, or of another body or task.
        RunError: policies that cannot be mixed, or a task with a goal and nothing to start from.
    """
    observation_width, action_width = env.observation_width, env.action_spec.shape[-1]

    def load(path: Path) -> PolicyCheckpoint:
        body = load_body(config.body).name
        return load_checkpoint(path, body=body, observation_width=observation_width, action_width=action_width)

    if config.experts:
        experts = [load(path).policy for path in config.experts]
        mixed = [path for path, e in zip(config.experts, experts, strict=True) if not isinstance(e, GaussianPolicy)]
        if mixed:
            raise RunError(f"{mixed[0]} is itself a mixture; give the experts it is made of.")
        if config.mixture.memory:
            raise RunError("a mixture with memory plays, but is not trained here; set mixture.memory to false.")
        return make_mixture(config.mixture, experts), new_critic(config.critic, env)  # type: ignore[arg-type]
    if isinstance(env, GoalEnv):
        if config.warm_start is None:
            raise RunError("a task with a goal starts from a policy that imitates; name it with --warm-start.")
        return load(config.warm_start).policy.train(), new_critic(config.critic, env)
    if config.warm_start is None:
        return new_actor(config.actor, env), new_critic(config.critic, env)
    other = load_checkpoint(config.warm_start)
    if other.body and kind_of(other.body) != kind_of(env.body.name):
        policy, critic = transfer(other, env)
        return _noisy((policy.train(), critic or new_critic(config.critic, env)), config)
    warm = load(config.warm_start)
    return _noisy((warm.policy.train(), warm.critic or new_critic(config.critic, env)), config)


def _noisy(agent: tuple[Policy, Critic], config: TrainConfig) -> tuple[Policy, Critic]:
    """The same agent with the run's exploration noise."""
    factor, memory, policy = config.warm_noise, config.actor.noise_memory, agent[0]
    if isinstance(policy, LatticeActor | GaussianActor) and memory != policy.config.noise_memory:
        other = make_actor(replace(policy.config, noise_memory=memory), policy.observation_width, policy.action_width)
        other.load_state_dict(policy.state_dict())
        agent = other.train(), agent[1]
    if factor != 1.0:
        if not isinstance(agent[0], LatticeActor | GaussianActor):
            raise RunError("warm_noise changes the noise of single policies; a mixture's experts keep theirs.")
        with torch.no_grad():
            agent[0].log_std.add_(math.log(factor))
    return agent
