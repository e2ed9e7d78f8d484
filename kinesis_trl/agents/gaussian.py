"""Policy with independent noise on every action."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.distributions import Independent, Normal

from kinesis_trl.agents.actor import GaussianPolicy, clamp_log_std
from kinesis_trl.agents.config import GaussianConfig


class GaussianActor(GaussianPolicy):
    """a ~ N(mean(observation), diag σ²) with learnt log σ (action_width,)."""

    def __init__(self, config: GaussianConfig, observation_width: int, action_width: int) -> None:
        super().__init__(config, observation_width, action_width)
        self.config: GaussianConfig = config
        self.log_std = nn.Parameter(torch.full((action_width,), config.log_std))

    def std(self) -> Tensor:
        """Deviation of each action (action_width,)."""
        return clamp_log_std(self.log_std, self.config.min_log_std, self.config.max_log_std).exp()

    def scale_tril(self) -> Tensor:
        return self.std().diag()

    def around(self, mean: Tensor, share: float = 1.0) -> Independent:
        return Independent(Normal(mean, share * self.std(), validate_args=False), 1)
