"""What is logged of a policy step besides its reward terms: functions of the step and the task's config.

An environment lists those of its task in `metrics`; they are logged by their names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kinesis_trl.envs.terms.terminations import STRICT, fallen, time_over

if TYPE_CHECKING:
    from torch import Tensor

    from kinesis_trl.envs.step import DirectionalStep, ImitationStep, PointGoalStep, Step


def episode_steps(step: Step, config: Any) -> Tensor:
    """Policy steps made in the episode: (N,)."""
    return step.episode_steps


def mean_error(step: ImitationStep, config: Any) -> Tensor:
    """Mean distance of the tracked bodies from their references: (N,) metres."""
    return step.distance.mean(-1)


def largest_error(step: ImitationStep, config: Any) -> Tensor:
    """Largest distance of a tracked body from its reference: (N,) metres."""
    return step.distance.amax(-1)


def clip(step: ImitationStep, config: Any) -> Tensor:
    """Clip that is followed, as its place in the library: (N,)."""
    return step.clip


def close(step: ImitationStep, config: Any) -> Tensor:
    """Whether every tracked body is within 0.15 m of its reference: (N,)."""
    return step.distance.amax(-1) < STRICT.distance


def effort_factor(step: ImitationStep, config: Any) -> Tensor:
    """What all costs are multiplied by: (N,)."""
    return step.effort.new_full(step.effort.shape, step.effort_factor)


def lacking_moment(step: ImitationStep, config: Any) -> Tensor:
    """Largest moment at any joint that muscles could not make, of a control that asks for moments: (N,) N m."""
    assert step.lacking is not None
    return step.lacking


def distance(step: PointGoalStep, config: Any) -> Tensor:
    """Distance on the floor from the root to the goal: (N,) metres."""
    return step.distance


def success(step: PointGoalStep, config: Any) -> Tensor:
    """Whether the time is over, the goal near, and the body on its feet: (N,)."""
    return step.near & time_over.compute(step, config) & ~fallen.compute(step, config)


def velocity_error(step: DirectionalStep, config: Any) -> Tensor:
    """Error of the root's velocity on the floor: (N,) m/s."""
    return step.velocity_error.sqrt()
