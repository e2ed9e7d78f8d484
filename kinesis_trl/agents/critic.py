"""Value function."""

from __future__ import annotations

from torch import Tensor
from torchrl.modules import ValueOperator

from kinesis_trl.agents.actor import NormalisedMLP
from kinesis_trl.agents.config import CriticConfig


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
