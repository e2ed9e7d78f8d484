"""Mixture of experts: a gate looks at the observation and chooses which expert acts."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import cast

import torch
from tensordict import TensorDictBase
from tensordict.nn import TensorDictModuleBase
from torch import Tensor, nn
from torch.distributions import Categorical, Distribution, MixtureSameFamily, MultivariateNormal

from kinesis_trl.agents.actor import GaussianPolicy, NormalisedMLP, StochasticModule
from kinesis_trl.agents.config import MixtureConfig
from kinesis_trl.agents.normalisation import RunningNorm


class Gate(StochasticModule):
    """Chooses an expert: observation → index `expert` (…,) and `expert_log_prob` (…,)."""

    def __init__(self, config: MixtureConfig, observation_width: int, experts: int) -> None:
        super().__init__(sample_key="expert", log_prob_key="expert_log_prob")
        self.always_sample = config.always_sample
        self.net = NormalisedMLP(observation_width, experts, config.gate, normalise=config.normalise)

    def distribution(self, observation: Tensor) -> Categorical:
        return Categorical(logits=self.net(observation), validate_args=False)

    def most_probable(self, dist: Distribution) -> Tensor:
        return dist.sample() if self.always_sample else dist.mode

    def update_norm(self, observation: Tensor) -> None:
        self.net.update_norm(observation)


class MixtureActor(TensorDictModuleBase):
    """The action is the mean of the chosen expert; only the gate learns.

    The experts are copies, without gradient and with frozen norms. A loss takes `trained`, the gate.
    """

    def __init__(self, config: MixtureConfig, experts: Sequence[GaussianPolicy]) -> None:
        super().__init__()
        self.config = config
        self.observation_width, self.action_width = _common_widths(experts)
        self.gate = Gate(config, self.observation_width, len(experts))
        self.experts = _copies(experts, frozen=True)
        self.in_keys = self.gate.in_keys
        self.out_keys = ["action", *self.gate.out_keys]

    @property
    def trained(self) -> Gate:
        """The module whose log-probabilities a policy loss must use."""
        return self.gate

    def train(self, mode: bool = True) -> MixtureActor:
        """Set the gate's mode; the experts stay in evaluation."""
        super().train(mode)
        self.experts.eval()
        return self

    def update_norm(self, observation: Tensor) -> None:
        """Merge observations (…, width) into the gate's running statistics, if there are any."""
        self.gate.update_norm(observation)

    def expert_actions(self, observation: Tensor) -> Tensor:
        """Mean action of every expert (…, experts, action_width)."""
        return torch.stack([expert.mean(observation) for expert in _members(self.experts)], -2)

    def forward(self, tensordict: TensorDictBase) -> TensorDictBase:
        """Write the expert's index, its log-probability, and its mean action."""
        self.gate(tensordict)
        observation, chosen = tensordict.get("observation"), tensordict.get("expert")
        action = observation.new_empty((*chosen.shape, self.action_width))
        for index, expert in enumerate(_members(self.experts)):
            rows = chosen == index
            if rows.any():
                action[rows] = expert.mean(observation[rows])
        return tensordict.set("action", action)


class FinetunedMixture(StochasticModule):
    """The action is drawn from the mixture density of gate and experts, all of which learn.

    Its weights have the names of `MixtureActor`'s, so that one loads into the other.
    """

    def __init__(self, config: MixtureConfig, experts: Sequence[GaussianPolicy]) -> None:
        super().__init__(sample_key="action", log_prob_key="action_log_prob")
        self.config = config
        self.observation_width, self.action_width = _common_widths(experts)
        self.gate = Gate(config, self.observation_width, len(experts))
        self.experts = _copies(experts, frozen=False)

    def update_norm(self, observation: Tensor) -> None:
        """Merge observations into the statistics of the gate and of every expert."""
        for module in (self.gate, *_members(self.experts)):
            module.update_norm(observation)

    def distribution(self, observation: Tensor) -> MixtureSameFamily:
        means = torch.stack([expert.mean(observation) for expert in _members(self.experts)], -2)
        factors = torch.stack([expert.scale_tril() for expert in _members(self.experts)])
        return MixtureSameFamily(
            self.gate.distribution(observation),
            MultivariateNormal(means, scale_tril=factors, validate_args=False),
            validate_args=False,
        )

    def most_probable(self, dist: Distribution) -> Tensor:
        """Mean of the expert that the gate chooses; the density's true mode has no closed form."""
        assert isinstance(dist, MixtureSameFamily)
        chosen = self.gate.most_probable(dist.mixture_distribution)
        means = dist.component_distribution.mean
        return means.take_along_dim(chosen[..., None, None], -2).squeeze(-2)


def make_mixture(config: MixtureConfig, experts: Sequence[GaussianPolicy]) -> MixtureActor | FinetunedMixture:
    """Mixture with a new gate over copies of the experts, whose networks may differ in size.

    Raises ValueError unless there are two or more, of the same observation and action width.
    """
    return (FinetunedMixture if config.finetune else MixtureActor)(config, experts)


def _common_widths(experts: Sequence[GaussianPolicy]) -> tuple[int, int]:
    widths = {(expert.observation_width, expert.action_width) for expert in experts}
    if len(experts) < 2 or len(widths) != 1:
        raise ValueError(
            f"{len(experts)} experts of (observation, action) widths {sorted(widths)}; expected two or more "
            "of the same widths. Train them on one task and body."
        )
    return widths.pop()


def _copies(experts: Sequence[GaussianPolicy], *, frozen: bool) -> nn.ModuleList:
    copies = nn.ModuleList(copy.deepcopy(list(experts))).requires_grad_(not frozen).eval()
    for module in copies.modules():
        if isinstance(module, RunningNorm):
            module.freeze(frozen)
    return copies


def _members(experts: nn.ModuleList) -> list[GaussianPolicy]:
    return [cast(GaussianPolicy, expert) for expert in experts]
