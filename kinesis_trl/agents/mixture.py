"""Mixture of experts: a gate looks at the observation and chooses which expert acts."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import cast

import torch
from tensordict import TensorDict, TensorDictBase
from tensordict.nn import TensorDictModuleBase
from torch import Tensor, nn
from torch.distributions import Categorical, Distribution, MixtureSameFamily, MultivariateNormal

from kinesis_trl.agents.actor import GaussianPolicy, NormalisedMLP, StochasticModule
from kinesis_trl.agents.config import MixtureConfig
from kinesis_trl.agents.normalisation import RunningNorm

PREVIOUS = "previous_expert"
"""Where a gate with memory reads which expert acted before."""


class Gate(StochasticModule):
    """Chooses an expert: observation → index `expert` (…,) and `expert_log_prob` (…,)."""

    def __init__(self, config: MixtureConfig, observation_width: int, experts: int) -> None:
        super().__init__(sample_key="expert", log_prob_key="expert_log_prob")
        self.always_sample = config.always_sample
        width = observation_width + (experts if config.memory else 0)
        self.net = NormalisedMLP(width, experts, config.gate, normalise=config.normalise)

    def distribution(self, observation: Tensor) -> Categorical:
        return Categorical(logits=self.net(observation), validate_args=False)

    def most_probable(self, dist: Distribution) -> Tensor:
        return dist.sample() if self.always_sample else dist.mode

    def choose(self, observation: Tensor) -> Tensor:
        return self.net(observation).argmax(-1)

    def update_norm(self, observation: Tensor) -> None:
        self.net.update_norm(observation)


class MixtureActor(TensorDictModuleBase):
    """The action is the mean of the chosen expert; only the gate learns.

    The experts are copies, without gradient and with frozen norms. A loss takes `trained`, the gate. With memory, the
    gate also sees PREVIOUS (…, experts), 1 at the expert that acted before; zeros where none did.
    """

    def __init__(self, config: MixtureConfig, experts: Sequence[GaussianPolicy]) -> None:
        super().__init__()
        self.config = config
        self.observation_width, self.action_width = _common_widths(experts)
        self.gate = Gate(config, self.observation_width, len(experts))
        self.experts = _copies(experts, frozen=True)
        self.in_keys = [*self.gate.in_keys, *([PREVIOUS] if config.memory else [])]
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

    def choose(self, observation: Tensor) -> Tensor:
        """The action when not exploring (…, action_width): the mean of the most probable expert."""
        return _of_expert(self.expert_actions(observation), self.gate.choose(self._seen(observation, None)))

    def _seen(self, observation: Tensor, previous: Tensor | None) -> Tensor:
        """What the gate sees (…, width): the observation, with memory also which expert acted before."""
        if not self.config.memory:
            return observation
        if previous is None:
            previous = observation.new_zeros((*observation.shape[:-1], len(self.experts)))
        return torch.cat([observation, previous], -1)

    def forward(self, tensordict: TensorDictBase) -> TensorDictBase:
        """Write the expert's index, its log-probability, and its mean action; see `StochasticModule` on export."""
        observation = tensordict.get("observation")
        seen = TensorDict(
            {"observation": self._seen(observation, tensordict.get(PREVIOUS, None))}, tensordict.batch_size
        )
        tensordict.update(self.gate(seen).select(*self.gate.out_keys, strict=False))
        chosen = tensordict.get("expert")
        if torch.compiler.is_exporting():
            return tensordict.set("action", _of_expert(self.expert_actions(observation), chosen))
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
        return _of_expert(dist.component_distribution.mean, chosen)

    def choose(self, observation: Tensor) -> Tensor:
        means = torch.stack([expert.mean(observation) for expert in _members(self.experts)], -2)
        return _of_expert(means, self.gate.choose(observation))


class Remembering:
    """Plays a mixture with memory in one environment: tells its gate which expert acted before in each episode."""

    def __init__(self, mixture: MixtureActor, steps: Callable[[], Tensor]) -> None:
        """`steps` says how many policy steps each row (N,) has made in its present episode."""
        self.mixture, self._steps = mixture, steps
        self._previous: Tensor | None = None

    def __call__(self, tensordict: TensorDictBase) -> TensorDictBase:
        """Add "action" to a TensorDict with the "observation" of all rows."""
        count = len(self.mixture.experts)
        if self._previous is None:
            self._previous = tensordict.get("observation").new_zeros((*tensordict.batch_size, count))
        self._previous[self._steps() == 0] = 0.0
        out = self.mixture(tensordict.set(PREVIOUS, self._previous))
        self._previous = torch.nn.functional.one_hot(out.get("expert"), count).to(self._previous.dtype)
        return out


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


def _of_expert(actions: Tensor, chosen: Tensor) -> Tensor:
    """The action (…, A) of the chosen expert (…,) among those of all (…, experts, A)."""
    index = chosen[..., None, None].expand(*chosen.shape, 1, actions.shape[-1])
    return actions.gather(-2, index).squeeze(-2)


def _members(experts: nn.ModuleList) -> list[GaussianPolicy]:
    return [cast(GaussianPolicy, expert) for expert in experts]
