"""What all stochastic policies share: keys, sampling by exploration type, normalised perceptrons."""

from __future__ import annotations

import math
from abc import abstractmethod

import torch
from tensordict import TensorDictBase
from tensordict.nn import TensorDictModuleBase
from torch import Tensor, nn
from torch.distributions import Distribution
from torchrl.envs.utils import ExplorationType, exploration_type

from kinesis_trl.agents.config import PolicyConfig
from kinesis_trl.agents.networks import NetworkConfig, hidden_layers, output_layer
from kinesis_trl.agents.normalisation import RunningNorm

NOISE = "noise"
"""Where the exploration noise of the step before is written."""


class StochasticModule(TensorDictModuleBase):
    """observation → distribution → sample and its log-probability.

    Samples under `ExplorationType.RANDOM`, as collectors set it; takes the most probable value otherwise
    (also where nothing is set, like TorchRL's own probabilistic modules). `ClipPPOLoss` reads `get_dist`,
    `dist_sample_keys` and `log_prob_keys`.
    """

    def __init__(self, *, sample_key: str, log_prob_key: str) -> None:
        super().__init__()
        self.in_keys = ["observation"]
        self.out_keys = [sample_key, log_prob_key]

    @property
    def dist_sample_keys(self) -> list[str]:
        """Where the sample is written."""
        return self.out_keys[:1]

    @property
    def log_prob_keys(self) -> list[str]:
        """Where the log-probability of the sample is written."""
        return self.out_keys[1:2]

    @property
    def trained(self) -> StochasticModule:
        """The module whose log-probabilities a policy loss must use."""
        return self

    @abstractmethod
    def distribution(self, observation: Tensor) -> Distribution:
        """Distribution of the sample given observations (…, width)."""

    def most_probable(self, dist: Distribution) -> Tensor:
        """The sample to take when not exploring."""
        return dist.mode

    @abstractmethod
    def choose(self, observation: Tensor) -> Tensor:
        """The sample to take when not exploring, from observations (…, width) without the distribution about it.

        What is exported: it has no branch that depends on numbers.
        """

    @abstractmethod
    def update_norm(self, observation: Tensor) -> None:
        """Merge observations (…, width) into the running statistics, if there are any.

        Call it between updates of the policy, never between collecting a batch and learning from it.
        """

    def get_dist(self, tensordict: TensorDictBase) -> Distribution:
        """Distribution given a TensorDict with `observation`."""
        return self.distribution(tensordict.get("observation"))

    def forward(self, tensordict: TensorDictBase) -> TensorDictBase:
        """Write the sample and its log-probability; in a graph that is exported, the most probable sample alone."""
        if torch.compiler.is_exporting():
            return tensordict.set(self.out_keys[0], self.choose(tensordict.get("observation")))
        dist = self.get_dist(tensordict)
        explore = exploration_type() == ExplorationType.RANDOM
        sample = dist.sample() if explore else self.most_probable(dist)
        tensordict.set(self.out_keys[0], sample)
        tensordict.set(self.out_keys[1], dist.log_prob(sample))
        return tensordict


class Mirror(nn.Module):
    """A permutation with signs: the mirror image of `width` numbers is `sign · x[index]`; the identity until `set`."""

    index: Tensor
    sign: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("index", torch.arange(width))
        self.register_buffer("sign", torch.ones(width))

    def set(self, index: Tensor, sign: Tensor) -> None:
        """Take over a map (width,)."""
        self.index.copy_(index)
        self.sign.copy_(sign)

    def forward(self, x: Tensor) -> Tensor:
        """Mirror image of x (…, width)."""
        return x[..., self.index] * self.sign


class NormalisedMLP(nn.Module):
    """Optional running norm, hidden layers, linear output: (…, in) → (…, out).

    Where `symmetric`, the mean of what the layers make of the observation and the mirror image of what they make of its
    mirror image, once `set_mirror` has said what that is: every step then counts for both sides.
    """

    def __init__(
        self, width: int, out: int, config: NetworkConfig, *, normalise: bool, symmetric: bool = False
    ) -> None:
        super().__init__()
        self.norm = RunningNorm(width) if normalise else None
        self.hidden = hidden_layers(width, config)
        self.head = output_layer(out, config)
        self.seen = Mirror(width) if symmetric else None
        self.made = Mirror(out) if symmetric else None

    def set_mirror(self, seen: tuple[Tensor, Tensor], made: tuple[Tensor, Tensor] | None = None) -> None:
        """Say how observations and outputs look in a mirror, index and sign each; None: as they are."""
        if self.seen is None or self.made is None:
            return
        self.seen.set(*seen)
        if made is not None:
            self.made.set(*made)

    def forward(self, observation: Tensor) -> Tensor:
        """Output of the linear layer."""
        if self.seen is None or self.made is None:
            return self._layers(observation)
        here, there = self._layers(torch.stack([observation, self.seen(observation)])).unbind(0)
        return 0.5 * (here + self.made(there))

    def _layers(self, observation: Tensor) -> Tensor:
        x = observation if self.norm is None else self.norm(observation)
        return self.head(self.hidden(x))

    def update_norm(self, observation: Tensor) -> None:
        """Merge observations into the norm, where there is one."""
        if self.norm is not None:
            self.norm.update(observation)


class GaussianPolicy(StochasticModule):
    """Policy with a Gaussian action whose covariance does not depend on the observation.

    With `noise_memory` ρ > 0 exploration is an autoregressive process: the noise is ρ times the last one plus fresh
    noise of √(1 − ρ²) times the deviation. The action's distribution given the last noise, which is written beside the
    action as `noise`, is what log-probabilities are of, so that a policy loss is correct.
    """

    def __init__(self, config: PolicyConfig, observation_width: int, action_width: int) -> None:
        super().__init__(sample_key="action", log_prob_key="action_log_prob")
        self.config = config
        self.observation_width = observation_width
        self.action_width = action_width
        self.net = NormalisedMLP(
            observation_width, action_width, config.network, normalise=config.normalise, symmetric=config.symmetric
        )
        self.carried: Tensor | None = None
        if config.noise_memory:
            self.out_keys = [*self.out_keys, NOISE]

    @abstractmethod
    def around(self, mean: Tensor, share: float = 1.0) -> Distribution:
        """Distribution about `mean` (…, action_width) with `share` of the deviation."""

    def distribution(self, observation: Tensor) -> Distribution:
        return self.around(self.mean(observation))

    def get_dist(self, tensordict: TensorDictBase) -> Distribution:
        """Distribution given a TensorDict with `observation`, and with `noise` where the noise has a memory."""
        memory = self.config.noise_memory
        mean = self.mean(tensordict.get("observation"))
        if not memory:
            return self.around(mean)
        return self.around(mean + memory * tensordict.get(NOISE), math.sqrt(1 - memory**2))

    def forward(self, tensordict: TensorDictBase) -> TensorDictBase:
        """Write the sample, its log-probability and, where it has a memory, the last noise."""
        memory = self.config.noise_memory
        if not memory or torch.compiler.is_exporting():
            return super().forward(tensordict)
        mean = self.mean(tensordict.get("observation"))
        explore = exploration_type() == ExplorationType.RANDOM
        known = explore and self.carried is not None and self.carried.shape == mean.shape
        last = self.carried if known else torch.zeros_like(mean)
        assert last is not None
        dist = self.around(mean + memory * last, math.sqrt(1 - memory**2))
        sample = dist.sample() if explore else mean
        if explore:
            self.carried = (sample - mean).detach()
        for key, value in zip(self.out_keys, (sample, dist.log_prob(sample), last), strict=True):
            tensordict.set(key, value)
        return tensordict

    def mean(self, observation: Tensor) -> Tensor:
        """Mean action (…, action_width)."""
        return self.net(observation)

    def choose(self, observation: Tensor) -> Tensor:
        return self.mean(observation)

    @abstractmethod
    def scale_tril(self) -> Tensor:
        """Lower Cholesky factor (action_width, action_width) of the action's covariance."""

    def update_norm(self, observation: Tensor) -> None:
        self.net.update_norm(observation)


class _ClampInward(torch.autograd.Function):
    """clamp whose gradient still reaches a value outside the bounds when descent brings it back.

    A plain clamp has no gradient outside: a log-deviation that one step of Adam carried over the bound
    would stay there for good.
    """

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, x: Tensor, low: float, high: float) -> Tensor:
        ctx.save_for_backward(x)
        ctx.bounds = (low, high)  # type: ignore[attr-defined]
        return x.clamp(low, high)

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, *grads: Tensor) -> tuple[Tensor, None, None]:
        (x,) = ctx.saved_tensors  # type: ignore[attr-defined]
        low, high = ctx.bounds  # type: ignore[attr-defined]
        (grad,) = grads
        outward = ((x <= low) & (grad > 0)) | ((x >= high) & (grad < 0))
        return grad.masked_fill(outward, 0.0), None, None


def clamp_log_std(log_std: Tensor, low: float, high: float) -> Tensor:
    """log_std within [low, high]; the gradient never pushes further out, but does bring back in."""
    return _ClampInward.apply(log_std, low, high)
