"""What a session simulates: a body that follows a clip, goes to a goal, or obeys commands as they come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.agents.baselines import Policy
from kinesis_trl.envs.directional import DIRECTIONS, Heading
from kinesis_trl.envs.imitation import ImitationEnv
from kinesis_trl.envs.live import LiveEnv, order_for
from kinesis_trl.envs.rollout import rollout
from kinesis_trl.evaluation.ghosts import ghost
from kinesis_trl.motion.library import FPS

Array = NDArray[np.float64]
Outcome = Literal["on", "fell", "ended", "broken"]

_FIRST_SPEED = 0.8  # m/s
_APART = 6  # frames between plans: each takes a while, and the planner needs to have begun the one before


class Simulation(Protocol):
    """One body doing one thing, step by step."""

    title: str
    seconds: float | None
    """How long an episode lasts at most; None: until it falls."""

    def begin(self) -> None:
        """Start a new episode."""

    def step(self) -> Outcome:
        """One policy step of 1/30 s."""

    def pose(self) -> tuple[Array, Array, Array | None]:
        """Coordinates (nq,), activations (M,) and reference (nq,) now; copies."""

    def fatigued(self) -> Array | None:
        """(M,) fatigued shares of the muscles, a copy; None where they do not tire."""

    @property
    def goal(self) -> Array | None:
        """(2,) where it shall go on the floor, in metres, world frame; None where it has no goal."""

    def result(self) -> str:
        """What to say of an episode that is over, besides how it ended."""

    def push(self, force: Array, seconds: float) -> None:
        """Push the pelvis with `force` (3,) newtons, world frame, for so long from the next step on."""

    def weaken(self, strength: Array) -> None:
        """Give every muscle a share (M,) of its strength, 0 cuts it; holds until changed."""

    def save(self) -> Any:
        """Everything needed to go on from here."""

    def restore(self, saved: Any) -> None:
        """Go back to what `save` returned."""

    def command(self, name: str) -> None:
        """Obey a command by name; a simulation that takes none raises ValueError."""


class ClipSimulation:
    """A policy that imitates one clip of a library, from its first frame."""

    def __init__(self, env: ImitationEnv, policy: Policy, clip: int) -> None:
        """Follow clip `clip` in an environment of one body whose episodes start at the beginning."""
        self.env, self.policy, self._steps = env, policy, rollout(env, policy)
        self._entry = env.library.clips[clip]
        self.title = self._entry.name
        self.seconds: float | None = (self._entry.frames - 1) / FPS
        env.assign([clip])
        self._force, self._pushes = np.zeros(3), 0

    def begin(self) -> None:
        """Start at the clip's first frame."""
        self.env.reset()
        self.push(np.zeros(3), 0.0)

    def step(self) -> Outcome:
        """One policy step; it fell when the mean distance passes 0.5 m."""
        failures = len(self.env.physics.failures)
        self.env.physics.push((self._force if self._pushes > 0 else np.zeros(3))[None])
        self._pushes -= 1
        after = next(self._steps)
        if len(self.env.physics.failures) > failures:
            self.env.physics.failures.clear()  # a full queue would not grow any more
            return "broken"
        if after["terminated"].item():
            return "fell"
        return "ended" if after["truncated"].item() else "on"

    def pose(self) -> tuple[Array, Array, Array | None]:
        """Coordinates (nq,), activations (M,) and the clip as it was prepared (nq,) now."""
        physics = self.env.physics
        return physics.qpos[0].copy(), physics.activation[0].copy(), self._reference()

    def fatigued(self) -> Array | None:
        """(M,) fatigued shares of the muscles; None where they do not tire."""
        fatigue = self.env.physics.fatigue
        return None if fatigue is None else fatigue.fatigued[0].copy()

    @property
    def goal(self) -> Array | None:
        """A clip has none."""
        return None

    def result(self) -> str:
        """Nothing to add."""
        return ""

    def push(self, force: Array, seconds: float) -> None:
        """Push the pelvis with `force` (3,) newtons, world frame, from the next step on."""
        self._force, self._pushes = force.copy(), round(seconds * FPS)

    def weaken(self, strength: Array) -> None:
        """Give every muscle a share (M,) of its strength."""
        self.env.physics.weaken(strength)

    def save(self) -> Any:
        """The environment's state."""
        return self.env.get_state()

    def restore(self, saved: Any) -> None:
        """Go back to a saved state."""
        self.env.set_state(saved)
        self.env.reset()
        self.push(np.zeros(3), 0.0)

    def command(self, name: str) -> None:
        """A clip takes no commands."""
        raise ValueError(f"{name!r} is for the directional task; the body follows a clip now.")

    def _reference(self) -> Array:
        frame = int(self.env.library.frame_index(self.env.clip, self.env.time)[0])
        return ghost(self.env.library, int(self.env.clip[0]), frame - self._entry.start)


@dataclass(frozen=True)
class GoalRules:
    """When a body that goes to a place has fallen, and when it is there."""

    lowest: float
    """Height of the pelvis in metres below which it has fallen."""
    near: float
    """Distance from the goal in metres within which it is there."""


class GoalSimulation(ClipSimulation):
    """A policy that imitates a path which was laid to a place on the floor."""

    def __init__(self, env: ImitationEnv, policy: Policy, goal: Array, rules: GoalRules) -> None:
        """Go to `goal` (2,) metres ahead and to the left of the start, in an environment whose one clip is the path."""
        super().__init__(env, policy, 0)
        self._rules, self._ahead = rules, goal
        side = "left" if goal[1] >= 0 else "right"
        self.title = f"Go {goal[0]:.1f} m ahead and {abs(goal[1]):.1f} m to the {side}"
        self._goal = goal.copy()

    def begin(self) -> None:
        """Start standing; the goal is where it was asked for from there."""
        super().begin()
        self._goal = self.env.physics.qpos[0, :2] + self._ahead

    def step(self) -> Outcome:
        """One policy step; it fell when the pelvis is low, however far it is from its path."""
        outcome = super().step()
        return "fell" if outcome == "on" and self.env.physics.qpos[0, 2] < self._rules.lowest else outcome

    @property
    def goal(self) -> Array | None:
        """(2,) the place, world frame."""
        return self._goal

    def result(self) -> str:
        """How far from the goal it is."""
        distance = float(np.linalg.norm(self.env.physics.qpos[0, :2] - self._goal))
        return f"{100 * distance:.0f} cm from the goal: {'reached' if distance < self._rules.near else 'missed'}."


class CommandedSimulation(ClipSimulation):
    """A policy that imitates a gait planned while it walks; it obeys the commands of the directional task."""

    env: LiveEnv

    def __init__(self, env: LiveEnv, policy: Policy) -> None:
        """Stand, in an environment of one body."""
        super().__init__(env, policy, 0)
        self.seconds = None
        self._heading = self._planned = Heading(speed=_FIRST_SPEED)
        self._since = _APART
        self.title = _said(self._heading)

    def begin(self) -> None:
        """Stand at the origin; the speed stays as commanded."""
        super().begin()
        self._planned = Heading(speed=self._heading.speed)
        self._since = _APART
        self._set(self._planned)

    def step(self) -> Outcome:
        """One policy step; what was commanded meanwhile is planned before it."""
        self._since += 1
        if self._since >= _APART and order_for(self._heading) != order_for(self._planned):
            self.env.order(order_for(self._heading))
            self._planned, self._since = self._heading, 0
        return super().step()

    def command(self, name: str) -> None:
        """Obey from the next step on, or a fifth of a second after the command before.

        Raises:
            UnknownCommandError: not a command of the directional task.
            CommandError: faster than the gait generator goes.
        """
        heading = self._heading.obey(name)
        order_for(heading)
        self._set(heading)

    def save(self) -> Any:
        """The environment's state, and what was commanded and planned."""
        return self._heading, self._planned, self._since, super().save()

    def restore(self, saved: Any) -> None:
        """Go back to a saved state."""
        heading, self._planned, self._since, state = saved
        super().restore(state)
        self._set(heading)

    def _set(self, heading: Heading) -> None:
        self._heading = heading
        self.title = _said(heading)

    def _reference(self) -> Array:
        return self.env.reference_qpos.copy()


def _said(heading: Heading) -> str:
    if heading.direction is None:
        return f"Told to stand; speed {heading.speed:.1f} m/s"
    way = next(name for name, angle in DIRECTIONS.items() if angle == heading.direction)
    return f"Told to go {way} at {heading.speed:.1f} m/s"
