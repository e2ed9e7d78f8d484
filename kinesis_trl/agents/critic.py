"""Value function."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torchrl.modules import ValueOperator

from kinesis_trl.agents.actor import NormalisedMLP
from kinesis_trl.agents.networks import LAPTOP, NetworkConfig


@dataclass(frozen=True, kw_only=True)
class CriticConfig:
    """Value function."""

    network: NetworkConfig = LAPTOP
    """Hidden layers."""
    normalise: bool = True
    """Whether observations pass a running norm of the critic's own; KINESIS gives them raw."""
    symmetric: bool = False
    """Whether a state and its mirror image are worth the same; costs a second pass."""


class Critic(ValueOperator):
    """observation (…, width) → state_value (…, 1)."""

    def __init__(self, config: CriticConfig, observation_width: int) -> None:
        net = NormalisedMLP(
            observation_width, 1, config.network, normalise=config.normalise, symmetric=config.symmetric
        )
        super().__init__(module=net, in_keys=["observation"])
        self.config = config
        self.observation_width = observation_width

    @property
    def net(self) -> NormalisedMLP:
        """The network behind the value."""
        return self.module

    def update_norm(self, observation: Tensor) -> None:
        """Merge observations (…, width) into the running statistics, if there are any."""
        self.net.update_norm(observation)
