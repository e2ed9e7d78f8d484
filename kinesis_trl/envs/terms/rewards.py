"""Reward terms: each is a function of a policy step, weighted by the field NAME_weight of its task's reward config.

A term of weight 0 is not computed; every other one is logged by its name. N bodies, K tracked bodies, J joints.
Formulas of position, velocity, upright and effort: KINESIS (arXiv 2503.14637).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from kinesis_trl.settings import FileOnly

if TYPE_CHECKING:
    from torch import Tensor

    from kinesis_trl.envs.step import BallStep, DirectionalStep, ImitationStep, PointGoalStep, Step

_WALKING_POWER = 2.5  # W/kg of people's muscles at 1.3 m/s: 2.9 J/kg/m less the body's rest of 1.2 W/kg
_AIR = 0.02  # metres above the floor from which on a foot is in the air


@dataclass(frozen=True)
class RewardTerm:
    """One entry of a reward."""

    name: str
    """What configs and logs call it."""
    compute: Callable[[Any, Any], Tensor]
    """(N,) of a policy step (see `envs.step`) and the reward config."""
    cost: bool
    """Whether it is taken off, times the factor of `AdaptiveEffortConfig`."""

    @property
    def metric(self) -> str:
        """What it is logged as, without its weight."""
        return f"{self.name}_{'cost' if self.cost else 'reward'}"


REWARDS: dict[str, RewardTerm] = {}
"""Every reward term by its name."""


def reward(compute: Callable[[Any, Any], Tensor]) -> RewardTerm:
    """Declare a function of a step and a config as the reward of its name."""
    return _declare(RewardTerm(compute.__name__, compute, cost=False))


def cost(compute: Callable[[Any, Any], Tensor]) -> RewardTerm:
    """Declare a function of a step and a config as the cost of its name."""
    return _declare(RewardTerm(compute.__name__, compute, cost=True))


def _declare(term: RewardTerm) -> RewardTerm:
    REWARDS[term.name] = term
    return term


# -- configs ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Weights:
    """Weights of reward terms, in fields NAME_weight."""

    more: FileOnly[dict[str, float]] = field(default_factory=dict)
    """Weights of further terms, such as those declared in a file of your own, by name."""

    def weights(self) -> dict[str, float]:
        """Terms that count, with their weights, costs last.

        Raises:
            ValueError: a term that is not declared.
        """
        found = {name: weight for name, weight in (_weights(self) | self.more).items() if weight}
        if unknown := [name for name in found if name not in REWARDS]:
            raise ValueError(f"no reward term {unknown[0]!r}; choose of {', '.join(REWARDS)}.")
        return dict(sorted(found.items(), key=lambda item: REWARDS[item[0]].cost))


def _weights(config: Any) -> dict[str, float]:
    """Terms and the values of the fields named after them."""
    named = [f.name.removesuffix("_weight") for f in fields(config) if f.name.endswith("_weight")]
    return {name: getattr(config, f"{name}_weight") for name in named}


@dataclass(frozen=True, kw_only=True)
class CalmConfig:
    """Weights of the costs that make movement calm."""

    action_weight: float = 0.0
    """Weight of the mean squared action."""
    change_weight: float = 0.0
    """Weight of the mean squared change of the action from one policy step to the next."""
    bend_weight: float = 0.0
    """Weight of the mean squared second change of the action."""
    activation_weight: float = 0.0
    """Weight of the squared activation of the muscles, averaged by their volumes."""
    metabolic_weight: float = 0.0
    """Weight of the muscles' metabolic power, in 2.5 W per kg of the body, about that of people who walk."""
    departure_weight: float = 0.0
    """Weight of the mean squared difference of the activations from those of the reference's inverse solution."""
    load_weight: float = 0.0
    """Weight of the squared force of the floor above `load_limit`, in body weights."""
    scuff_weight: float = 0.0
    """Weight of the floor's force, in body weights, on feet whose reference is in the air."""
    limit_weight: float = 0.0
    """Weight of the mean squared angle, in radians, by which joints pass their ranges."""
    load_limit: FileOnly[float] = 1.2
    """Force of the floor on both feet, in body weights, that costs nothing."""

    def __post_init__(self) -> None:
        for spec in fields(self):
            if not getattr(self, spec.name) >= 0:
                raise ValueError(f"{spec.name} must not be negative, got {getattr(self, spec.name)}.")


@dataclass(frozen=True, kw_only=True)
class RewardConfig(Weights):
    """Weights and scales of the reward of imitation (KINESIS, arXiv 2503.14637)."""

    position_weight: float = 0.6
    """Weight of the position term."""
    position_scale: FileOnly[float] = 200.0
    """Scale of the mean squared position error, 1/m²."""
    far_weight: float = 0.0
    """Weight of a second, wider position term, which KINESIS does not have: it draws back bodies that are far off."""
    far_scale: FileOnly[float] = 15.0
    """Scale of the mean squared position error in it, 1/m²."""
    velocity_weight: float = 0.2
    """Weight of the velocity term."""
    velocity_scale: FileOnly[float] = 5.0
    """Scale of the mean squared velocity error, s²/m²."""
    orientation_weight: float = 0.0
    """Weight of the term for the root's orientation, which KINESIS does not have."""
    orientation_scale: FileOnly[float] = 20.0
    """Scale of the squared angle between the root and its reference, 1/rad²."""
    heading_weight: FileOnly[float] = 0.0
    """Weight of a second, wider term for the root's orientation: it draws back bodies that face elsewhere."""
    upright_weight: float = 0.1
    """Weight of the upright term."""
    upright_scale: FileOnly[float] = 3.0
    """Scale of the root's squared tilt, 1/rad²."""
    effort_weight: float = 0.1
    """Weight of the effort term."""
    survival: float = 0.0
    """Constant reward of every step, so that ending an episode early never pays."""
    calm: FileOnly[CalmConfig] = field(default_factory=CalmConfig)
    """What is taken off for restless actions, effort and heavy steps."""

    def weights(self) -> dict[str, float]:
        """As the base class, with survival, and with the costs of `calm`."""
        further = {"survival": self.survival} | _weights(self.calm)
        return super().weights() | {name: weight for name, weight in further.items() if weight}


# -- following a clip ---------------------------------------------------------------------------------------


@reward
def position(step: ImitationStep, config: RewardConfig) -> Tensor:
    """exp(−scale · mean squared error) of the tracked bodies' positions over bodies and axes: (N,)."""
    return _close(step.state.body_pos, step.ref_pos, config.position_scale)


@reward
def far(step: ImitationStep, config: RewardConfig) -> Tensor:
    """As `position`, with a wider scale: (N,)."""
    return _close(step.state.body_pos, step.ref_pos, config.far_scale)


@reward
def velocity(step: ImitationStep, config: RewardConfig) -> Tensor:
    """exp(−scale · mean squared error) of the tracked bodies' velocities over bodies and axes: (N,)."""
    return _close(step.state.body_vel, step.ref_vel, config.velocity_scale)


@reward
def orientation(step: ImitationStep, config: RewardConfig) -> Tensor:
    """exp(−scale · angle²) of the rotation between the root and its reference: (N,)."""
    return (-config.orientation_scale * step.root_turn.square().sum(-1)).exp()


@reward
def heading(step: ImitationStep, config: RewardConfig) -> Tensor:
    """(1 + cos angle) / 2, the angle in radians of the rotation between the root and its reference: (N,)."""
    return (1 + step.root_turn.norm(dim=-1).cos()) / 2


def _close(value: Tensor, reference: Tensor, scale: float) -> Tensor:
    """exp(−scale · mean squared error) over bodies and axes; (N, K, 3) × 2 → (N,)."""
    return (-scale * (value - reference).square().mean((-2, -1))).exp()


# -- in all tasks -------------------------------------------------------------------------------------------


@reward
def upright(step: Step, config: Any) -> Tensor:
    """exp(−scale · (roll² + pitch²)) of the root's tilt: (N,)."""
    return (-config.upright_scale * step.state.tilt.square().sum(-1)).exp()


@reward
def survival(step: Step, config: Any) -> Tensor:
    """1: (N,)."""
    return step.effort.new_ones(step.effort.shape)


@reward
def effort(step: Step, config: Any) -> Tensor:
    """Energy term of the excitations (`body.muscles.effort_reward`), mean over the substeps: (N,)."""
    return step.effort


# -- going somewhere ----------------------------------------------------------------------------------------


@reward
def progress(step: PointGoalStep, config: Any) -> Tensor:
    """Metres that the root came nearer to its goal: (N,)."""
    return step.before - step.distance


@reward
def near(step: PointGoalStep, config: Any) -> Tensor:
    """1 within the distance that counts as reached, else 0: (N,)."""
    return step.near.double()


@reward
def facing(step: BallStep, config: Any) -> Tensor:
    """exp(−scale · angle between heading and way to the ball) within the distance that counts as reached: (N,)."""
    return step.near * (-config.facing_scale * step.turned).exp()


@reward
def command(step: DirectionalStep, config: Any) -> Tensor:
    """exp(−scale · squared error) of the root's velocity on the floor from the commanded one: (N,)."""
    return (-config.command_scale * step.velocity_error).exp()


# -- costs --------------------------------------------------------------------------------------------------


@cost
def action(step: Step, config: Any) -> Tensor:
    """Mean squared action: (N,)."""
    return step.actions[:, 0].square().mean(-1)


@cost
def change(step: Step, config: Any) -> Tensor:
    """Mean squared change of the action: (N,)."""
    return (step.actions[:, 0] - step.actions[:, 1]).square().mean(-1)


@cost
def bend(step: Step, config: Any) -> Tensor:
    """Mean squared second change of the action: (N,)."""
    return (step.actions[:, 0] - 2 * step.actions[:, 1] + step.actions[:, 2]).square().mean(-1)


@cost
def activation(step: Step, config: Any) -> Tensor:
    """Squared activations, averaged by the muscles' volumes: (N,)."""
    volume = step.anatomy.volume
    return (step.activation.square() * volume).sum(-1) / volume.sum()


@cost
def metabolic(step: Step, config: Any) -> Tensor:
    """Metabolic power of the muscles (Bhargava et al. 2004) at the end, as a share of 2.5 W per kg of body: (N,)."""
    muscles = step.excitation, step.activation, step.muscle_length, step.muscle_velocity
    return step.anatomy.metabolic_power(*muscles) / _WALKING_POWER


@cost
def departure(step: ImitationStep, config: Any) -> Tensor:
    """Mean squared difference of the activations (shares of 1) from those of the reference's inverse solution: (N,)."""
    return (step.activation - step.solution()).square().mean(-1)


@cost
def load(step: Step, config: RewardConfig) -> Tensor:
    """Squared excess of the floor's force on both feet over `load_limit`, in body weights: (N,)."""
    return (step.state.touch.sum(-1) / step.anatomy.weight - config.calm.load_limit).clamp(min=0).square()


@cost
def scuff(step: ImitationStep, config: Any) -> Tensor:
    """Force of the floor on both feet, in body weights, as far as their references are in the air: (N,)."""
    touch, clearance = step.anatomy.by_foot(step.state.touch), step.anatomy.clearance(step.ref_pos[..., 2])
    return (touch / step.anatomy.weight * (clearance / _AIR).clamp(0, 1)).sum(-1)


@cost
def limit(step: Step, config: Any) -> Tensor:
    """Mean squared angle by which joints pass their ranges, rad²: (N,)."""
    angle, bounds = step.limited_angle, step.anatomy.bounds
    return ((bounds[:, 0] - angle).clamp(min=0) + (angle - bounds[:, 1]).clamp(min=0)).square().mean(-1)
