"""Options of environments and tasks; importable without PyTorch, so that `--help` need not wait for it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import TYPE_CHECKING, ClassVar, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.body.simulator import PhysicsConfig
from kinesis_trl.envs.control.config import ControlArgument, LengthConfig, control_named
from kinesis_trl.envs.sampling import StartConfig
from kinesis_trl.envs.terms.rewards import RewardConfig, Weights
from kinesis_trl.envs.terms.terminations import STRICT, DistanceRule
from kinesis_trl.settings import FileOnly

if TYPE_CHECKING:
    from kinesis_trl.body.model import BodyModel
    from kinesis_trl.envs.base import MyoLegsEnv
    from kinesis_trl.motion.library import MotionLibrary

_Task = TypeVar("_Task", bound="EnvConfig")


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


SHARED = ("num_envs", "control", "observation", "physics", "seed")
"""Fields that say the same in every task."""


@dataclass(frozen=True, kw_only=True)
class EnvConfig:
    """What all tasks share; each task has a subclass with what only it needs."""

    name: ClassVar[str] = ""
    """What commands and checkpoints call the task."""
    made_as: ClassVar[str] = ""
    """Module and class of its environment."""
    evaluated_as: ClassVar[str] = "kinesis_trl.evaluation.episodes"
    """Module whose `TASK` evaluates it (see `evaluation.task`)."""
    follows_clips: ClassVar[bool] = False
    """Whether its environment needs motions."""

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
    reward: Weights = field(default_factory=Weights)
    """Weights and scales of the reward."""
    terminations: FileOnly[tuple[str, ...]] = ()
    """Names of what ends an episode (`envs/terms/terminations.py` says what each one is)."""

    def __post_init__(self) -> None:
        if isinstance(self.control, str):
            object.__setattr__(self, "control", control_named(self.control))
        if self.num_envs < 1:
            raise ValueError(f"num_envs must be at least 1, got {self.num_envs}.")

    def make(self, body: BodyModel, library: MotionLibrary | None = None) -> MyoLegsEnv:
        """The task's environment on a body; with the motions that it follows, where it does."""
        module, _, name = self.made_as.partition(":")
        make = getattr(import_module(module), name)
        env: MyoLegsEnv = make(body, library, self) if self.follows_clips else make(body, self)
        return env

    def as_seen_in(self: _Task, other: EnvConfig) -> _Task:
        """This task, observed, controlled and simulated as another, so that the same policy acts in both."""
        return replace(self, **{name: getattr(other, name) for name in SHARED})


@dataclass(frozen=True, kw_only=True)
class AdaptiveEffortConfig:
    """All costs of the reward times a factor that rises while tracking is good and falls while it is not."""

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
class ImitationConfig(EnvConfig):
    """The imitation task; the defaults are the training rules."""

    name = "imitation"
    made_as = "kinesis_trl.envs.imitation:ImitationEnv"
    evaluated_as = "kinesis_trl.evaluation.rollout"
    follows_clips = True

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
    """When a body is lost."""
    terminations: FileOnly[tuple[str, ...]] = ("lost", "clip_over")
    """Names of what ends an episode."""
    reward: RewardConfig = field(default_factory=RewardConfig)
    """Weights and scales of the reward."""
    effort: FileOnly[AdaptiveEffortConfig] = field(default_factory=AdaptiveEffortConfig)
    """How much of the reward's costs counts, by how well bodies follow."""


@dataclass(frozen=True, kw_only=True)
class GoalRewardConfig(Weights):
    """What the rewards of tasks with a goal share (KINESIS, arXiv 2503.14637)."""

    effort_weight: float = 0.1
    """Weight of the effort term."""
    upright_weight: float = 0.1
    """Weight of the upright term."""
    upright_scale: FileOnly[float] = 3.0
    """Scale of the root's squared tilt, 1/rad²."""


@dataclass(frozen=True, kw_only=True)
class PointGoalRewardConfig(GoalRewardConfig):
    """The reward of target reaching."""

    progress_weight: float = 16.0
    """Reward per metre come nearer."""
    near_weight: float = 100.0
    """Reward of a step within the distance that counts as reached."""


@dataclass(frozen=True, kw_only=True)
class DirectionalRewardConfig(GoalRewardConfig):
    """The reward of directional control."""

    command_weight: float = 0.8
    """Weight of the term for the commanded velocity."""
    command_scale: FileOnly[float] = 4.0
    """Scale of the squared error of the root's velocity on the floor, s²/m²."""


@dataclass(frozen=True, kw_only=True)
class GoalConfig(EnvConfig):
    """What tasks with a goal share (KINESIS, arXiv 2503.14637)."""

    height: float = 0.94
    """Height of the goal in metres."""
    lowest: float = 0.7
    """Height of the root in metres below which the body has fallen."""
    steps: int = 150
    """Policy steps of an episode."""
    terminations: FileOnly[tuple[str, ...]] = ("fallen", "time_over")
    """Names of what ends an episode."""
    reward: GoalRewardConfig = field(default_factory=GoalRewardConfig)
    """Weights and scales of the reward."""


@dataclass(frozen=True, kw_only=True)
class PointGoalConfig(GoalConfig):
    """The target-reaching task (KINESIS, arXiv 2503.14637)."""

    name = "point-goal"
    made_as = "kinesis_trl.envs.point_goal:PointGoalEnv"
    evaluated_as = "kinesis_trl.evaluation.point_goal"

    reach: float = 2.0
    """Goals are drawn from a square of twice this side around the start, in metres."""
    near: float = 0.1
    """Distance on the floor within which the goal counts as reached, in metres."""
    reward: PointGoalRewardConfig = field(default_factory=PointGoalRewardConfig)
    """Weights and scales of the reward."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.reach <= 0.0 or self.near <= 0.0 or self.steps < 1:
            raise ValueError(f"reach and near must be positive, steps at least 1: {self.reach}, {self.near}.")

    def draw(self, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """(count, 2) goals in metres ahead and to the left of the start."""
        return rng.uniform(-self.reach, self.reach, (count, 2))

    def stand(self, goals: NDArray[np.float64]) -> NDArray[np.float64]:
        """(G, 2) where a planner lets bodies stand for goals (G, 2)."""
        return goals


@dataclass(frozen=True, kw_only=True)
class BallRewardConfig(PointGoalRewardConfig):
    """The reward of the ball task."""

    effort_weight: float = 0.2
    """Weight of the effort term."""
    upright_weight: float = 10.0
    """Weight of the upright term."""
    progress_weight: float = 50.0
    """Reward per metre come nearer."""
    near_weight: float = 10.0
    """Reward of a step within the distance that counts as reached."""
    facing_weight: float = 100.0
    """Weight of the term for facing the ball there."""
    facing_scale: FileOnly[float] = 2.0
    """Scale of the angle between heading and way to the ball, 1/rad."""


@dataclass(frozen=True, kw_only=True)
class BallConfig(PointGoalConfig):
    """The ball task: stand at a ball and face it, within 4 s (MyoChallenge 2025, KINESIS 2.0)."""

    name = "ball"
    made_as = "kinesis_trl.envs.ball:BallEnv"
    evaluated_as = "kinesis_trl.evaluation.ball"

    reach: float = 4.0
    """Longest distance of the ball in metres."""
    near: float = 0.2
    """Distance on the floor within which the ball counts as reached, in metres."""
    steps: int = 120
    """Policy steps of an episode."""
    cone: FileOnly[float] = math.pi / 6
    """Largest angle in radians between the heading at the start and the way to the ball."""
    facing: FileOnly[float] = 0.5
    """Largest angle in radians between the heading at the end and that way which counts as facing the ball."""
    reward: BallRewardConfig = field(default_factory=BallRewardConfig)
    """Weights and scales of the reward."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (0 <= self.cone <= math.pi and 0 < self.facing <= math.pi):
            raise ValueError(f"cone {self.cone} and facing {self.facing} are angles of up to π radians.")

    def draw(self, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """(count, 2) balls, uniform on the floor within reach and cone."""
        distance, angle = self.reach * np.sqrt(rng.random(count)), rng.uniform(-self.cone, self.cone, count)
        return np.stack([distance * np.cos(angle), distance * np.sin(angle)], axis=1)

    def stand(self, goals: NDArray[np.float64]) -> NDArray[np.float64]:
        """(G, 2) half of `near` before the balls (G, 2)."""
        away = np.linalg.norm(goals, axis=1, keepdims=True)
        return goals * np.maximum(1 - 0.5 * self.near / np.maximum(away, 1e-9), 0)


SLOWEST, FASTEST, SPEED_STEP = 0.1, 3.0, 0.1
"""Range of speeds and what slower and faster change them by, in m/s."""


@dataclass(frozen=True, kw_only=True)
class DirectionalConfig(GoalConfig):
    """The directional task."""

    name = "directional"
    made_as = "kinesis_trl.envs.directional:DirectionalEnv"
    evaluated_as = "kinesis_trl.evaluation.directional"

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
    reward: DirectionalRewardConfig = field(default_factory=DirectionalRewardConfig)
    """Weights and scales of the reward."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (0.0 < self.hold[0] <= self.hold[1] and SLOWEST <= self.speeds[0] <= self.speeds[1] <= FASTEST):
            raise ValueError(f"hold {self.hold} and speeds {self.speeds} must be (low, high), the latter in 0.1 … 3.0.")
