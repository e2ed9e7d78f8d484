"""Policy with independent noise on every action."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.distributions import Independent, Normal

from kinesis_trl.agents.actor import GaussianPolicy, check_log_std, check_noise_memory, clamp_log_std
from kinesis_trl.agents.networks import LAPTOP, NetworkConfig


@dataclass(frozen=True, kw_only=True)
class GaussianConfig:
    """Diagonal Gaussian policy."""

    network: NetworkConfig = LAPTOP
    """Hidden layers."""
    normalise: bool = True
    """Whether observations pass a running norm."""
    symmetric: bool = False
    """Whether what the policy does in a mirror is the mirror image of what it does; costs a second pass."""
    log_std: float = -2.0
    """Initial natural logarithm of the deviation, in units of the action."""
    min_log_std: float = -5.0
    """Smallest log-deviation."""
    max_log_std: float = 2.0
    """Largest log-deviation."""
    noise_memory: float = 0.0
    """Autoregressive coefficient of the exploration noise from one policy step to the next; 0: white noise."""

    def __post_init__(self) -> None:
        check_log_std(initial=(self.log_std,), low=self.min_log_std, high=self.max_log_std)
        check_noise_memory(self.noise_memory)


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
