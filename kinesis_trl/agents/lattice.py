"""Policy whose noise is correlated through the last layer of its network."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.distributions import MultivariateNormal

from kinesis_trl.agents.actor import GaussianPolicy, clamp_log_std
from kinesis_trl.agents.config import LatticeConfig
from kinesis_trl.agents.exceptions import CovarianceError

_JITTERS = (0.0, 1e-12, 1e-9, 1e-6)
"""Tried in turn on the diagonal, as fractions of its mean."""


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
