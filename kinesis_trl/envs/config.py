"""Options of environments and tasks; importable without PyTorch, so that `--help` need not wait for it."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import ClassVar, Literal

from kinesis_trl.body.simulator import PhysicsConfig
from kinesis_trl.envs.control.config import ControlArgument, LengthConfig, control_named
from kinesis_trl.envs.sampling import StartConfig
from kinesis_trl.envs.terminations import STRICT, DistanceRule
from kinesis_trl.settings import FileOnly


@dataclass(frozen=True, kw_only=True)
class DisturbanceConfig:
    """Horizontal pushes at the pelvis, from any side, unannounced."""

    force: float = 0.0
    """Strongest push in newtons; each has a force from 0 to this. 0: none."""
    shortest: FileOnly[float] = 0.1
    """Shortest push in seconds."""
    longest: FileOnly[float] = 0.4
    """Longest push in seconds."""
    pause: FileOnly[float] = 1.5
    """Mean time between two pushes in seconds."""

    def __post_init__(self) -> None:
        if not (self.force >= 0 and 0 < self.shortest <= self.longest and self.pause > 0):
            raise ValueError(
                f"force {self.force} must not be negative, pause {self.pause} must be positive, and shortest "
                f"{self.shortest} must lie above 0 and not above longest {self.longest}."
            )


BODY_TERMS = ("root_height", "root_tilt", "body_pos", "body_rot", "body_linvel", "body_angvel", "foot_touch")
"""Observation of the body that KINESIS has."""
TRACKING_TERMS = ("position_error", "velocity_error", "reference_position")
"""Observation of the reference that KINESIS has."""
JOINT_TERMS = ("joint_error", "joint_rate_error")
"""How far the joints, and their rates, are from the reference."""
MUSCLE_TERMS = ("muscle_length", "muscle_velocity", "muscle_force")
"""What muscles and tendons tell."""


@dataclass(frozen=True, kw_only=True)
class ObservationConfig:
    """What is observed."""

    terms: tuple[str, ...] = BODY_TERMS + TRACKING_TERMS
    """Names of the terms, in their order (`envs/terms/observations.py` says what each one is)."""
    reference_steps: tuple[int, ...] = ()
    """Policy steps after the next one of which the term later_references tells."""

    def __post_init__(self) -> None:
        twice = sorted({name for name in self.terms if self.terms.count(name) > 1})
        if twice or not self.terms:
            raise ValueError(f"terms name {', '.join(twice) or 'nothing'}; give each term once, and at least one.")
        if min(self.reference_steps, default=0) < 0 or bool(self.reference_steps) != ("later_references" in self.terms):
            raise ValueError(
                f"reference_steps {self.reference_steps} go together with the term later_references, and are not "
                "negative."
            )

    def plus(self, *names: str, reference_steps: tuple[int, ...] = ()) -> ObservationConfig:
        """With further terms at the end; `reference_steps` come before them, as later references."""
        later = ("later_references",) if reference_steps else ()
        return replace(self, terms=self.terms + later + names, reference_steps=reference_steps or self.reference_steps)

    def without(self, *names: str) -> ObservationConfig:
        """Without some terms."""
        return replace(self, terms=tuple(name for name in self.terms if name not in names))


@dataclass(frozen=True, kw_only=True)
class EnvConfig:
    """What all tasks share."""

    num_envs: int = 64
    """Number of environments stepped together."""
    control: ControlArgument = field(default_factory=LengthConfig)
    """Action as target lengths of a length controller (pd), as excitations (direct), as a correction of the target
    lengths that static optimisation found for the reference (feedforward, imitation only), or as joint moments shared
    among the muscles (coordinated). In Python a name stands for the control with its usual parameters."""
    observation: ObservationConfig = field(default_factory=ObservationConfig)
    """What is observed."""
    physics: PhysicsConfig = field(default_factory=PhysicsConfig)
    """How the body is simulated."""
    seed: int = 0
    """Seed of the environment's own random numbers."""

    def __post_init__(self) -> None:
        if isinstance(self.control, str):
            object.__setattr__(self, "control", control_named(self.control))
        if self.num_envs < 1:
            raise ValueError(f"num_envs must be at least 1, got {self.num_envs}.")


@dataclass(frozen=True, kw_only=True)
class CalmConfig:
    """Weights of the costs that make movement calm; a cost of weight 0 is not computed."""

    action_weight: float = 0.0
    """Weight of the mean squared action."""
    change_weight: float = 0.0
    """Weight of the mean squared change of the action from one policy step to the next."""
    bend_weight: float = 0.0
    """Weight of the mean squared second change of the action."""
    activation_weight: float = 0.0
    """Weight of the squared activation of the muscles, averaged by their volumes."""
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

    @property
    def names(self) -> tuple[str, ...]:
        """Costs that count: action, change, bend, activation, load, scuff, limit."""
        named = (spec.name.removesuffix("_weight") for spec in fields(self) if spec.name.endswith("_weight"))
        return tuple(name for name in named if getattr(self, f"{name}_weight") > 0)


@dataclass(frozen=True, kw_only=True)
class AdaptiveEffortConfig:
    """All costs of `CalmConfig` times a factor that rises while tracking is good and falls while it is not."""

    threshold: float = 0.0
    """Share of the bodies within 0.15 m of their reference, smoothed over time, above which the factor rises; 0: it
    stays at `start`."""
    start: float = 1.0
    """Factor as training begins."""
    least: float = 0.1
    """Smallest factor."""
    largest: float = 10.0
    """Largest factor."""
    rate: float = 1e-3
    """Share by which the factor changes at each policy step."""
    smoothing: float = 0.99
    """Share of the smoothed score that each policy step keeps."""

    def __post_init__(self) -> None:
        if not (0 < self.least <= self.start <= self.largest and 0 < self.rate < 1):
            raise ValueError(
                f"start {self.start} must lie between least {self.least} and largest {self.largest}, all above 0, "
                f"and rate {self.rate} in (0, 1)."
            )
        if not (0 <= self.threshold <= 1 and 0 <= self.smoothing < 1):
            raise ValueError(f"threshold {self.threshold} must lie in [0, 1], smoothing {self.smoothing} in [0, 1).")


@dataclass(frozen=True, kw_only=True)
class RewardConfig:
    """Weights and scales of the reward (KINESIS, arXiv 2503.14637)."""

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
    upright_weight: float = 0.1
    """Weight of the upright term."""
    upright_scale: FileOnly[float] = 3.0
    """Scale of the root's squared tilt, 1/rad²."""
    effort_weight: float = 0.1
    """Weight of the effort term."""
    survival: float = 0.0
    """Reward of every step, so that costs never make it pay to end an episode."""
    calm: FileOnly[CalmConfig] = field(default_factory=CalmConfig)
    """What is taken off for restless actions, effort and heavy steps."""


@dataclass(frozen=True, kw_only=True)
class ImitationConfig(EnvConfig):
    """The imitation task; the defaults are the training rules."""

    FORMER: ClassVar[dict[str, str]] = {
        "compact": "removed, as is what was trained with it",
        "relapse": "removed; leave it out",
        "feedforward": "part of control (_type: FeedforwardConfig)",
        "lookahead": "observation.reference_steps, with the term later_references",
        "observe_orientation": "the term turn_to_reference of observation.terms",
        "observe_joints": "the terms joint_error and joint_rate_error of observation.terms",
        "observe_moments": "the term moment_error of observation.terms",
        "muscle_observations": "the terms muscle_length, muscle_velocity and muscle_force of observation.terms",
    }
    """Fields that settings of earlier versions have, and what they are now."""

    start: FileOnly[Literal["random", "beginning"]] = "random"
    """Where in its clip an episode starts."""
    starts: FileOnly[StartConfig] = field(default_factory=StartConfig)
    """How random starts are drawn."""
    random_heading: bool = True
    """Turn each episode's clip by a random angle about the vertical."""
    disturbance: DisturbanceConfig = field(default_factory=DisturbanceConfig)
    """Pushes while training; evaluation has none."""
    rule: DistanceRule = STRICT
    """When an episode has failed."""
    reward: RewardConfig = field(default_factory=RewardConfig)
    """Weights and scales of the reward."""
    effort: FileOnly[AdaptiveEffortConfig] = field(default_factory=AdaptiveEffortConfig)
    """How much of the reward's costs counts, by how well bodies follow."""


@dataclass(frozen=True, kw_only=True)
class GoalConfig:
    """What the rules of tasks with a goal share (KINESIS, arXiv 2503.14637)."""

    height: float = 0.94
    """Height of the goal in metres."""
    lowest: float = 0.7
    """Height of the root in metres below which the body has fallen."""
    effort_weight: float = 0.1
    """Weight of the effort term of the reward."""
    upright_weight: float = 0.1
    """Weight of the upright term."""
    upright_scale: FileOnly[float] = 3.0
    """Scale of the root's squared tilt, 1/rad²."""


@dataclass(frozen=True, kw_only=True)
class PointGoalConfig(GoalConfig):
    """The target-reaching task (KINESIS, arXiv 2503.14637)."""

    reach: float = 2.0
    """Goals are drawn from a square of twice this side around the start, in metres."""
    steps: int = 150
    """Policy steps of an episode."""
    near: float = 0.1
    """Distance on the floor within which the goal counts as reached, in metres."""
    progress_weight: float = 16.0
    """Reward per metre come nearer."""
    near_reward: float = 100.0
    """Reward of a step within `near`."""

    def __post_init__(self) -> None:
        if self.reach <= 0.0 or self.near <= 0.0 or self.steps < 1:
            raise ValueError(f"reach and near must be positive, steps at least 1: {self.reach}, {self.near}.")


SLOWEST, FASTEST, SPEED_STEP = 0.1, 3.0, 0.1
"""Range of speeds and what slower and faster change them by, in m/s."""


@dataclass(frozen=True, kw_only=True)
class DirectionalConfig(GoalConfig):
    """The directional task."""

    ahead: float = 1.265
    """How far ahead of the body the goal is at 1 m/s, in metres; in proportion at other speeds."""
    steps: int = 300
    """Policy steps of an episode."""
    hold: tuple[float, float] = (2.0, 5.0)
    """Shortest and longest time between commands drawn at random, in seconds."""
    speeds: tuple[float, float] = (0.3, 1.5)
    """Range of speeds drawn at random, in m/s."""
    stop_share: float = 0.15
    """Share of commands drawn at random that stop."""
    velocity_weight: float = 0.8
    """Weight of the velocity term of the reward."""
    velocity_scale: FileOnly[float] = 4.0
    """Scale of the squared error of the root's velocity on the floor, s²/m²."""

    def __post_init__(self) -> None:
        if not (0.0 < self.hold[0] <= self.hold[1] and SLOWEST <= self.speeds[0] <= self.speeds[1] <= FASTEST):
            raise ValueError(f"hold {self.hold} and speeds {self.speeds} must be (low, high), the latter in 0.1 … 3.0.")
