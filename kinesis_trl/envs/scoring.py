"""What a policy step earns, whose episode ends, and what is logged: the terms that a config names, put together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from kinesis_trl.envs.config import AdaptiveEffortConfig, EnvConfig
from kinesis_trl.envs.step import Step
from kinesis_trl.envs.terms.rewards import REWARDS
from kinesis_trl.envs.terms.terminations import TERMINATIONS

Metric = Callable[[Any, Any], Tensor]
"""(N,) of a step and the task's config, logged by the function's name."""


@dataclass(frozen=True)
class StepResult:
    """What a task says of the step just made; (N,), and metrics (N, m)."""

    reward: Tensor
    terminated: Tensor
    truncated: Tensor
    metrics: Tensor


class Scoring:
    """The terms of a task.

    Attributes:
        names: of the metrics (m), in their order: reward terms, costs, and what else is logged.
    """

    def __init__(self, config: EnvConfig, metrics: tuple[Metric, ...]) -> None:
        """Look the terms up.

        Args:
            config: of the task.
            metrics: what is logged besides the reward terms.

        Raises:
            ValueError: a name that is not declared.
        """
        if unknown := [name for name in config.terminations if name not in TERMINATIONS]:
            raise ValueError(f"no termination {unknown[0]!r}; choose of {', '.join(TERMINATIONS)}.")
        self._config, self._metrics = config, metrics
        self._terms = [(REWARDS[name], weight) for name, weight in config.reward.weights().items()]
        self._ends = [TERMINATIONS[name] for name in config.terminations]
        self.names = (*(term.metric for term, _ in self._terms), *(metric.__name__ for metric in metrics))

    def __call__(self, step: Step, factor: float = 1.0) -> StepResult:
        """The result of a step; costs count `factor` times."""
        values = [term.compute(step, self._config.reward) for term, _ in self._terms]
        total = torch.zeros_like(step.effort)
        for (term, weight), value in zip(self._terms, values, strict=True):
            total = total + (-factor * weight if term.cost else weight) * value
        ends = {True: torch.zeros_like(total, dtype=torch.bool)}
        ends[False] = ends[True]
        for end in self._ends:
            ends[end.truncates] = ends[end.truncates] | end.compute(step, self._config)
        logged = [*values, *(metric(step, self._config) for metric in self._metrics)]
        return StepResult(
            reward=total,
            terminated=ends[False],
            truncated=ends[True] & ~ends[False],
            metrics=torch.stack([value.double() for value in logged], dim=-1).float(),
        )


class AdaptiveEffort:
    """How much the costs count: more while bodies are where they should be, less while they are not.

    Attributes:
        factor: what all costs are multiplied by.
        score: smoothed share of the bodies that are where they should be.
    """

    def __init__(self, config: AdaptiveEffortConfig) -> None:
        self.config, self.factor, self.score = config, config.start, config.threshold

    def adapt(self, near: Tensor) -> None:
        """Move the factor by which bodies (N,) are within 0.15 m of their reference."""
        config = self.config
        if not config.threshold:
            return
        self.score = config.smoothing * self.score + (1 - config.smoothing) * float(near.double().mean())
        change = 1 + config.rate if self.score >= config.threshold else 1 / (1 + config.rate)
        self.factor = min(max(self.factor * change, config.least), config.largest)

    def get_state(self) -> dict[str, Any]:
        """What learning goes on from."""
        return {"effort": torch.tensor([self.factor, self.score], dtype=torch.float64)}

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore what `get_state` returned."""
        self.factor, self.score = torch.as_tensor(state["effort"]).tolist()
