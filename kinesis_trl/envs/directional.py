"""Directional control: go the way that is commanded, at the speed that is commanded, or stand."""

from __future__ import annotations

from dataclasses import dataclass
from math import atan2, pi

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kinesis_trl.body.model import BodyModel
from kinesis_trl.envs.base import Rows
from kinesis_trl.envs.config import EnvConfig
from kinesis_trl.envs.goal import GoalEnv
from kinesis_trl.envs.goal_config import FASTEST, SLOWEST, SPEED_STEP, DirectionalConfig
from kinesis_trl.envs.scene import Tracked
from kinesis_trl.envs.scoring import Metric, StepResult
from kinesis_trl.envs.step import DirectionalStep
from kinesis_trl.envs.terms.metrics import episode_steps, velocity_error

DIRECTIONS: dict[str, float] = {
    name: atan2(left, ahead)
    for name, (ahead, left) in {
        "away": (1, 0), "away left": (1, 1), "left": (0, 1), "towards left": (-1, 1),
        "towards": (-1, 0), "towards right": (-1, -1), "right": (0, -1), "away right": (1, -1),
    }.items()
}  # fmt: skip
"""Eight directions of the world by name, seen by a viewer who looks along +x, in radians from +x towards +y."""
COMMANDS = (*DIRECTIONS, "stop", "slower", "faster")
"""Everything that can be commanded."""


class UnknownCommandError(ValueError):
    """A command that the directional task does not have; the message lists those it has."""


@dataclass(frozen=True, kw_only=True)
class Heading:
    """What is commanded: a direction and a speed; `obey` gives what it is after a command."""

    direction: float | None = None
    """Of the world in radians, None: stand."""
    speed: float = 1.0
    """In m/s, kept while standing."""

    def __post_init__(self) -> None:
        if not SLOWEST - 1e-9 <= self.speed <= FASTEST + 1e-9:
            raise ValueError(f"a speed of {self.speed:g} m/s; expected {SLOWEST:g} to {FASTEST:g}.")

    def obey(self, command: str) -> Heading:
        """After a command of `COMMANDS`.

        Raises:
            UnknownCommandError: another one.
        """
        if command in DIRECTIONS:
            return Heading(direction=DIRECTIONS[command], speed=self.speed)
        if command == "stop":
            return Heading(speed=self.speed)
        if command in ("slower", "faster"):
            change = SPEED_STEP if command == "faster" else -SPEED_STEP
            speed = round(min(max(self.speed + change, SLOWEST), FASTEST), 6)
            return Heading(direction=self.direction, speed=speed)
        raise UnknownCommandError(f"no command {command!r}; choose one of {', '.join(COMMANDS)}.")

    @property
    def velocity(self) -> NDArray[np.float64]:
        """(2,) commanded velocity in the world, m/s."""
        if self.direction is None:
            return np.zeros(2)
        return self.speed * np.array([np.cos(self.direction), np.sin(self.direction)])


def draw_heading(config: DirectionalConfig, rng: np.random.Generator) -> Heading:
    """A command drawn at random: to stop, or one of eight directions at a speed of `config.speeds`."""
    if rng.random() < config.stop_share:
        return Heading()
    return Heading(direction=float(rng.integers(0, 8)) * pi / 4, speed=float(rng.uniform(*config.speeds)))


class DirectionalEnv(GoalEnv):
    """N bodies that are commanded; commands change at random, or as `command` says.

    Attributes:
        velocity: (N, 2) commanded velocity on the floor in m/s; zero: stand.
    """

    settings: DirectionalConfig

    def __init__(self, body: BodyModel, config: DirectionalConfig | None = None) -> None:
        """Environment on a body. Arguments as of `GoalEnv`."""
        super().__init__(body, config or DirectionalConfig())
        n = self.settings.num_envs
        self.velocity = self.state["velocity"] = torch.zeros(n, 2, dtype=torch.float64)
        self._left = self.state["left"] = torch.zeros(n, dtype=torch.int64)
        self._commanded = False

    @classmethod
    def metrics(cls, config: EnvConfig) -> tuple[Metric, ...]:
        """As the base class."""
        return velocity_error, episode_steps

    def command(self, heading: Heading) -> None:
        """Command all bodies; from now on nothing changes at random."""
        self._commanded = True
        self.velocity[:] = torch.from_numpy(heading.velocity)
        self._set_goals()

    def _set_goals(self) -> None:
        self.goal[:] = self.place + self.settings.ahead * self.velocity

    def _place_goals(self, rows: Rows) -> None:
        self._draw(rows)
        self._set_goals()

    def _draw(self, rows: Rows) -> None:
        """New commands for `rows` (R,)."""
        if self._commanded or not len(rows):
            return
        rng, count, index = self.generator, len(rows), torch.from_numpy(rows)
        headings = [draw_heading(self.settings, rng) for _ in range(count)]
        self.velocity[index] = torch.from_numpy(np.stack([heading.velocity for heading in headings]))
        self._left[index] = torch.from_numpy(np.rint(rng.uniform(*self.settings.hold, count) / self.policy_dt)).long()

    def _advance_time(self) -> None:
        super()._advance_time()
        self._left -= 1

    def _result(self, state: Tracked, effort: Tensor) -> StepResult:
        result = self.scoring(DirectionalStep(**self._step_made(state, effort), velocity=self.velocity))
        self.place[:] = state.position[:, 0, :2]
        self._draw(np.flatnonzero((self._left <= 0).numpy()))
        self._set_goals()
        return result
