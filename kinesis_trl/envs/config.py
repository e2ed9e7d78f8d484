"""Options of environments and tasks; importable without PyTorch, so that `--help` need not wait for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from kinesis_trl.body.simulator import PhysicsConfig
from kinesis_trl.envs.sampling import StartConfig
from kinesis_trl.envs.terminations import STRICT, DistanceRule
from kinesis_trl.settings import FileOnly

if TYPE_CHECKING:
    from kinesis_trl.body.model import BodyModel


@dataclass(frozen=True, kw_only=True)
class FeedforwardConfig:
    """How an action corrects what static optimisation found."""

    space: Literal["joints", "muscles", "excitations"] = "joints"
    """joints: target lengths, one number per independent joint, spread over the muscles by their moment arms; muscles:
    target lengths, one number per muscle; excitations: added to the activations, without a length controller."""
    joint_scale: float = 3.0
    """Change of target lengths for an action of 1, in lengths that turning the joint by 1 rad would change."""
    muscle_scale: float = 0.1
    """Change of a target length for an action of 1, as a share of the muscle's longest length."""
    excitation_scale: float = 0.3
    """Change of an excitation for an action of 1; excitations lie in 0…1."""
    activation: bool = True
    """Start episodes with the activations that static optimisation found, instead of relaxed."""

    def __post_init__(self) -> None:
        for name in ("joint_scale", "muscle_scale", "excitation_scale"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}.")


@dataclass(frozen=True, kw_only=True)
class RelapseConfig:
    """Starts in states from which earlier episodes were lost."""

    share: float = 0.0
    """Share of the episodes that start in such a state."""
    shortest: int = 8
    """Fewest policy steps between such a state and the moment at which its episode was lost."""
    longest: int = 30
    """Most policy steps between the two."""
    memory: int = 4096
    """Newest states to draw from; one takes 1.2 kB."""

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError(f"share {self.share} must lie in 0…1.")
        if not (1 <= self.shortest <= self.longest and self.memory >= 1):
            raise ValueError(
                f"shortest {self.shortest} must be at least 1 and not above longest {self.longest}, and memory "
                f"{self.memory} at least 1."
            )


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


@dataclass(frozen=True, kw_only=True)
class EnvConfig:
    """What all tasks share."""

    num_envs: int = 64
    """Number of environments stepped together."""
    control: Literal["pd", "direct", "feedforward"] = "pd"
    """Action as target lengths of a length controller (pd), as excitations (direct), or as a correction of the target
    lengths that static optimisation found for the reference (feedforward, imitation only)."""
    compact: bool = False
    """Observe root, joints and touch instead of the poses and velocities of all segments, and of the reference only how
    far the body is from it: a third of the numbers, by which a policy cannot tell one clip from another."""
    muscle_observations: bool = False
    """Also observe length (m), velocity (m/s) and force (N) of every muscle."""
    physics: PhysicsConfig = field(default_factory=PhysicsConfig)
    """How the body is simulated."""
    seed: int = 0
    """Seed of the environment's own random numbers."""

    def __post_init__(self) -> None:
        if self.num_envs < 1:
            raise ValueError(f"num_envs must be at least 1, got {self.num_envs}.")


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


@dataclass(frozen=True, kw_only=True)
class ImitationConfig(EnvConfig):
    """The imitation task; the defaults are the training rules."""

    start: FileOnly[Literal["random", "beginning"]] = "random"
    """Where in its clip an episode starts."""
    starts: StartConfig = field(default_factory=StartConfig)
    """How random starts are drawn."""
    relapse: FileOnly[RelapseConfig] = field(default_factory=RelapseConfig)
    """Starts in states from which earlier episodes were lost; none where episodes start at the beginning."""
    random_heading: bool = True
    """Turn each episode's clip by a random angle about the vertical."""
    observe_orientation: bool = False
    """Also observe how the root must turn to its reference one policy step ahead."""
    observe_joints: bool = False
    """Also observe how far each independent joint is from its reference one policy step ahead (rad), and how much its
    velocity differs (rad/s)."""
    observe_moments: bool = False
    """Also observe by how much the muscles, as they are activated, turn each independent joint more than those of the
    inverse solution do now (N m; see `Feedforward.moment_error`): what earlier actions will still do."""
    lookahead: tuple[int, ...] = ()
    """Also observe where the tracked bodies shall be this many policy steps after the next one."""
    feedforward: FileOnly[FeedforwardConfig] = field(default_factory=FeedforwardConfig)
    """Corrections, with control feedforward."""
    disturbance: DisturbanceConfig = field(default_factory=DisturbanceConfig)
    """Pushes while training; evaluation has none."""
    rule: DistanceRule = STRICT
    """When an episode has failed."""
    reward: RewardConfig = field(default_factory=RewardConfig)
    """Weights and scales of the reward."""

    def task_width(self, body: BodyModel) -> int:
        """Numbers that an observation tells of the task, for `body`."""
        tracked = (9 - 3 * self.compact + 3 * len(self.lookahead)) * len(body.tracked_ids)
        joints = (2 * self.observe_joints + self.observe_moments) * len(body.independent_joints)
        return tracked + 3 * self.observe_orientation + joints


@dataclass(frozen=True, kw_only=True)
class GoalConfig:
    """What the rules of tasks with a goal share (KINESIS, arXiv 2503.14637)."""

    height: FileOnly[float] = 0.94
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

    ahead: FileOnly[float] = 1.265
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
