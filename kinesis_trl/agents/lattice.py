"""Policy whose noise is correlated through the last layer of its network."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.distributions import MultivariateNormal

from kinesis_trl.agents.actor import GaussianPolicy, check_log_std, check_noise_memory, clamp_log_std
from kinesis_trl.agents.exceptions import CovarianceError
from kinesis_trl.agents.networks import LAPTOP, NetworkConfig

_JITTERS = (0.0, 1e-12, 1e-9, 1e-6)
"""Tried in turn on the diagonal, as fractions of its mean."""


@dataclass(frozen=True, kw_only=True)
class LatticeConfig:
    """Lattice policy: noise on the actions and on the latent units that drive them together."""

    network: NetworkConfig = LAPTOP
    """Hidden layers; the last one is the latent state."""
    normalise: bool = True
    """Whether observations pass a running norm."""
    symmetric: bool = False
    """Whether what the policy does in a mirror is the mirror image of what it does; costs a second pass."""
    action_log_std: float = -2.0
    """Initial natural logarithm of the deviation of each action's own noise, in units of the action."""
    latent_log_std: float = -2.0
    """Initial natural logarithm of the deviation of each latent unit's noise, in units of its activation."""
    min_log_std: float = -5.0
    """Smallest log-deviation, for both."""
    max_log_std: float = 2.0
    """Largest log-deviation, for both."""
    noise_memory: float = 0.0
    """Autoregressive coefficient of the exploration noise from one policy step to the next; 0: white noise."""

    def __post_init__(self) -> None:
        initial = (self.action_log_std, self.latent_log_std)
        check_log_std(initial=initial, low=self.min_log_std, high=self.max_log_std)
        check_noise_memory(self.noise_memory)


class LatticeActor(GaussianPolicy):
    """a ~ N(W x + b, diag σ_a² + W diag σ_x² Wᵀ), x = last hidden layer (Chiappa et al. 2023).

    The covariance is the same for all observations, so that one factorisation serves a whole batch. It is
    done in float64, and kept between calls without gradient until a weight it depends on differs.

    Attributes:
        log_std: (action_width + latent_width,), actions first.
    """

    def __init__(self, config: LatticeConfig, observation_width: int, action_width: int) -> None:
        super().__init__(config, observation_width, action_width)
        self.config: LatticeConfig = config
        action = torch.full((action_width,), config.action_log_std)
        latent = torch.full((config.network.hidden[-1],), config.latent_log_std)
        self.log_std = nn.Parameter(torch.cat([action, latent]))
        self._factored: tuple[Tensor, Tensor] | None = None
        self._factor: Tensor | None = None

    def covariance(self) -> Tensor:
        """Covariance of the action (action_width, action_width), float64."""
        config, weight = self.config, self.net.head.weight.double()
        log_std = clamp_log_std(self.log_std, config.min_log_std, config.max_log_std).double()
        action_var, latent_var = (2 * log_std).exp().split([self.action_width, weight.shape[1]])
        return (weight * latent_var) @ weight.T + action_var.diag()

    def scale_tril(self) -> Tensor:
        """Lower Cholesky factor of the covariance, in the network's precision.

        Raises CovarianceError when the weights have grown out of all bounds.
        """
        sources = (self.net.head.weight, self.log_std)
        if torch.is_grad_enabled():
            return _cholesky(self.covariance()).to(self.log_std.dtype)
        # Compared by value: version counters miss fused optimizers, `.data` and writes by another process.
        if self._factor is None or self._factored is None or not all(map(_same, self._factored, sources)):
            self._factor = _cholesky(self.covariance()).to(self.log_std.dtype)
            self._factored = (sources[0].detach().clone(), sources[1].detach().clone())
        return self._factor

    def around(self, mean: Tensor, share: float = 1.0) -> MultivariateNormal:
        factor = self.scale_tril() if share == 1.0 else share * self.scale_tril()
        # Validation would factorise the covariance once per observation.
        return MultivariateNormal(mean, scale_tril=factor, validate_args=False)


def _same(kept: Tensor, now: Tensor) -> bool:
    return kept.device == now.device and kept.dtype == now.dtype and torch.equal(kept, now)


def _cholesky(covariance: Tensor) -> Tensor:
    diagonal = covariance.diagonal()
    for jitter in _JITTERS:
        noise = (jitter * diagonal.mean()).expand_as(diagonal).diag()
        factor, info = torch.linalg.cholesky_ex(covariance + noise)
        if info == 0 and torch.isfinite(factor).all():
            return factor
    finite = bool(torch.isfinite(covariance).all())
    found = f"variances from {float(diagonal.min()):.3g} to {float(diagonal.max()):.3g}" if finite else "NaN"
    raise CovarianceError(
        f"the policy's covariance ({found}) is not positive definite; expected finite weights of the output "
        "layer and log-deviations. Go back to the last checkpoint and lower the learning rate, "
        "or raise min_log_std."
    )
