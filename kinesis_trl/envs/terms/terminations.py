"""Terminations: each is a function of a policy step that says whose episodes end, named in its task's config."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from torch import Tensor

    from kinesis_trl.envs.step import ImitationStep, Step


@dataclass(frozen=True, kw_only=True)
class DistanceRule:
    """An episode fails when the bodies are too far from their references."""

    over: Literal["any", "mean"] = "any"
    """Whether the largest distance of any tracked body counts, or the mean over them."""
    distance: float = 0.15
    """Largest distance allowed, in metres."""

    def failed(self, distance: Tensor) -> Tensor:
        """Which of N episodes failed (N,), from distances (N, K) in metres."""
        value = distance.mean(-1) if self.over == "mean" else distance.amax(-1)
        return value > self.distance


STRICT = DistanceRule(over="any", distance=0.15)
"""Training rule: any tracked body more than 0.15 m away."""
KINESIS = DistanceRule(over="mean", distance=0.5)
"""The original's evaluation rule: mean distance over 0.5 m."""
RULES = {"kinesis": KINESIS, "strict": STRICT}
"""Evaluation rules by name."""


@dataclass(frozen=True)
class Termination:
    """One way in which an episode ends."""

    name: str
    """What configs call it."""
    compute: Callable[[Any, Any], Tensor]
    """(N,) whose episodes end, of a policy step (see `envs.step`) and the task's config."""
    truncates: bool
    """Whether the episode is cut off, so that the value of what would follow counts, instead of failing."""


TERMINATIONS: dict[str, Termination] = {}
"""Every termination by its name."""


def fails(compute: Callable[[Any, Any], Tensor]) -> Termination:
    """Declare a function of a step and a config as the failure of its name."""
    return _declare(Termination(compute.__name__, compute, truncates=False))


def truncates(compute: Callable[[Any, Any], Tensor]) -> Termination:
    """Declare a function of a step and a config as the truncation of its name."""
    return _declare(Termination(compute.__name__, compute, truncates=True))


def _declare(term: Termination) -> Termination:
    TERMINATIONS[term.name] = term
    return term


@fails
def lost(step: ImitationStep, config: Any) -> Tensor:
    """The tracked bodies are too far from their references by `rule`: (N,)."""
    failed: Tensor = config.rule.failed(step.distance)
    return failed


@truncates
def clip_over(step: ImitationStep, config: Any) -> Tensor:
    """The clip's last frame is reached: (N,)."""
    return step.time >= step.duration - 1e-6


@fails
def fallen(step: Step, config: Any) -> Tensor:
    """The root is below `lowest` metres: (N,)."""
    return step.state.position[:, 0, 2] < config.lowest


@truncates
def time_over(step: Step, config: Any) -> Tensor:
    """The episode has lasted `steps` policy steps: (N,)."""
    return step.episode_steps >= config.steps
