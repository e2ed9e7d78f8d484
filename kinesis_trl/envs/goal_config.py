"""Options of the tasks with a goal; importable without PyTorch, so that `--help` need not wait for it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.envs.config import EnvConfig
from kinesis_trl.envs.terms.rewards import Weights
from kinesis_trl.settings import FileOnly


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
