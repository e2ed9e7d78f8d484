"""The plays of a session: a body that follows a clip, and one that obeys commands as they come."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torchrl.envs.utils import ExplorationType, set_exploration_type

from kinesis_trl.agents.baselines import Policy
from kinesis_trl.envs.directional import DIRECTIONS, Heading
from kinesis_trl.envs.imitation import ImitationEnv
from kinesis_trl.envs.live import LiveEnv, order_for
from kinesis_trl.evaluation.ghosts import ghost
from kinesis_trl.motion.library import FPS
from kinesis_trl.viewer.session import Outcome

Array = NDArray[np.float64]

_FIRST_SPEED = 0.8  # m/s
_APART = 6  # frames between plans: each takes a while, and the planner needs to have begun the one before


class ClipSimulation:
    """A policy that imitates one clip of a library, from its first frame."""

    def __init__(self, env: ImitationEnv, policy: Policy, clip: int) -> None:
        """Play clip `clip` in an environment of one body whose episodes start at the beginning."""
        self.env, self._policy = env, policy
        self._entry = env.library.clips[clip]
        self.title = self._entry.name
        self.seconds: float | None = (self._entry.frames - 1) / FPS
        env.assign([clip])
        self._next: Any = None

    def begin(self) -> None:
        """Start at the clip's first frame."""
        self._next = self.env.reset()

    def step(self) -> Outcome:
        """One policy step; it fell when the mean distance passes 0.5 m."""
        failures = len(self.env.physics.failures)
        with torch.no_grad(), set_exploration_type(ExplorationType.DETERMINISTIC):
            self._next = self.env.step(self._policy(self._next))["next"]
        if len(self.env.physics.failures) > failures:
            self.env.physics.failures.clear()  # a full queue would not grow any more
            return "broken"
        if self._next["terminated"].item():
            return "fell"
        return "ended" if self._next["truncated"].item() else "on"

    def pose(self) -> tuple[Array, Array, Array | None]:
        """Coordinates (nq,), activations (M,) and the clip as it was prepared (nq,) now."""
        physics = self.env.physics
        return physics.qpos[0].copy(), physics.activation[0].copy(), self._reference()

    def weaken(self, strength: Array) -> None:
        """Give every muscle a share (M,) of its strength."""
        self.env.physics.weaken(strength)

    def save(self) -> Any:
        """The environment's state."""
        return self.env.get_state()

    def restore(self, saved: Any) -> None:
        """Go back to a saved state."""
        self.env.set_state(saved)
        self._next = self.env.reset()

    def command(self, name: str) -> None:
        """A clip takes no commands."""
        raise ValueError(f"{name!r} is for the directional task; the body follows a clip now.")

    def _reference(self) -> Array:
        frame = int(self.env.library.frame_index(self.env.clip, self.env.time)[0])
        return ghost(self.env.library, int(self.env.clip[0]), frame - self._entry.start)


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
