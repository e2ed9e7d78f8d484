"""Options of environments and tasks; importable without PyTorch, so that `--help` need not wait for it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import TYPE_CHECKING, ClassVar, Literal, TypeVar

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
    """Reference frames that the term later_references observes, in policy steps after the next one."""

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
    """Factor on the costs of the reward, adapted to how well bodies track."""
