"""The kinds of policy, and how a config becomes one."""

from __future__ import annotations

from kinesis_trl.agents.gaussian import GaussianActor, GaussianConfig
from kinesis_trl.agents.lattice import LatticeActor, LatticeConfig
from kinesis_trl.agents.mixture import FinetunedMixture, MixtureActor

ActorConfig = LatticeConfig | GaussianConfig
"""Config of a single policy (an expert)."""

Actor = LatticeActor | GaussianActor
"""A single policy."""

Policy = LatticeActor | GaussianActor | MixtureActor | FinetunedMixture
"""Any policy: writes `action` given `observation`; a loss takes its `trained` module."""


def make_actor(config: ActorConfig, observation_width: int, action_width: int) -> Actor:
    """New policy with random weights: observation (…, observation_width) → action (…, action_width)."""
    if isinstance(config, LatticeConfig):
        return LatticeActor(config, observation_width, action_width)
    return GaussianActor(config, observation_width, action_width)
