"""A simulation that is watched and steered: run, pause, scrub, speed, weak muscles, episodes that begin anew.

Nothing here knows of a web page. One thread owns a session; only `change` hands work to another, so that a long
preparation does not stop the show.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.body.model import BodyModel
from kinesis_trl.body.muscles import lesion_mask
from kinesis_trl.motion.library import FPS
from kinesis_trl.viewer.frame_rate import FrameRate
from kinesis_trl.viewer.simulations import Outcome, Simulation

Array = NDArray[np.float64]

MOST_MOMENTS = 3600
"""Policy steps of an episode that can be scrubbed back to: two minutes."""
HOLD = 30
"""Frames that the end of an episode is shown before the next one begins."""
PUSH_SECONDS = 0.2
"""How long a push lasts."""
MOST_FORCE = 1000.0
"""Hardest push in newtons."""
SIDES: dict[str, tuple[float, float]] = {
    "behind": (1.0, 0.0),
    "front": (-1.0, 0.0),
    "left": (0.0, -1.0),
    "right": (0.0, 1.0),
}
"""Where a push comes from, and which way it goes: forward and to the left of the body, in its heading frame."""
SPEEDS = (0.1, 4.0)
"""Slowest and fastest playback, in simulated seconds per second."""

_log = logging.getLogger(__name__)

_SAID = {
    "on": "",
    "fell": "Fell after {:.1f} s.",
    "ended": "Reached the end at {:.1f} s.",
    "broken": "The simulation became non-finite after {:.1f} s.",
}


@dataclass(frozen=True)
class Moment:
    """What is seen at one policy step."""

    qpos: Array
    """(nq,) coordinates of the body, world frame."""
    activation: Array
    """(M,) muscle activations in [0, 1]."""
    reference: Array | None
    """(nq,) coordinates of the reference, world frame, where there is one."""
    seconds: float
    """Time since the episode began."""
    fatigued: Array | None
    """(M,) fatigued shares of the muscles in [0, 1]; None where they do not tire."""
    saved: Any
    """Everything needed to go on from here."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What to simulate."""

    task: Literal["imitation", "directional", "point-goal", "ball", "text"] = "imitation"
    """Which task."""
    policy: str = "reference"
    """Name of the policy, one of those on offer."""
    clip: str = ""
    """Name of the clip, for imitation."""
    sentence: str = ""
    """What to do, in words, for text."""
    goal: tuple[float, float] = (1.5, 0.5)
    """Where to go from the start, in metres ahead and to the left, for point-goal."""
    fatigue: bool = False
    """Whether muscles tire."""
    planner: bool = False
    """Whether each action is corrected by MPPI: samples simulated ahead about the policy."""


class Session:
    """What is simulated, and how.

    Attributes:
        choice: what is simulated.
        playing: whether time goes on.
        speed: simulated seconds per second.
        moments: the present episode, oldest first; bounded.
        cursor: index of the moment shown.
        outcome: how the present episode stands.
        message: the last thing that went wrong, for the user; empty if nothing did.
        verdict: how the last episode ended, in words.
        episodes, falls: counts since the choice.
        overall: share of strength left to all muscles.
        share: (M,) share left to each muscle besides.
    """

    def __init__(self, body: BodyModel, make: Callable[[Choice], Simulation]) -> None:
        """A session that shows nothing yet.

        Args:
            body: the body of all simulations.
            make: turns a choice into a simulation; raises ValueError (or a subclass) with a message for the user.
        """
        self.body, self._make = body, make
        self.choice: Choice | None = None
        self.simulation: Simulation | None = None
        self.playing, self.speed = True, 1.0
        self.moments: deque[Moment] = deque(maxlen=MOST_MOMENTS)
        self.cursor = 0
        self.outcome: Outcome = "on"
        self.message = self.verdict = ""
        self.episodes = self.falls = 0
        self.overall, self.share = 1.0, np.ones(body.model.nu)
        self.frame_rate = FrameRate()
        self._rewound = False
        self._held = 0
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="prepare")
        self._pending: tuple[Choice, Future[Simulation]] | None = None

    # -- what is simulated ---------------------------------------------------------------------------------

    def change(self, choice: Choice) -> None:
        """Prepare another simulation in the background; the present one goes on until it is there."""
        self.message = ""
        if self._pending is not None:
            self._pending[1].cancel()
        self._pending = choice, self._worker.submit(self._make, choice)

    @property
    def preparing(self) -> Choice | None:
        """What is being prepared."""
        return self._pending[0] if self._pending else None

    def settle(self, patience: float = 300.0) -> None:
        """Wait until what is being prepared is there, for at most `patience` seconds."""
        if self._pending is not None:
            try:
                self._pending[1].exception(patience)
            finally:
                self._take()

    def restart(self) -> None:
        """Begin the episode anew."""
        if self.simulation is None:
            return
        self.simulation.begin()
        self.moments.clear()
        self.outcome, self.cursor, self._held, self._rewound = "on", 0, 0, False
        self.episodes += 1
        self._record()

    def close(self) -> None:
        """End the preparation's thread; waits for what it is doing."""
        self._pending = None
        self._worker.shutdown(wait=True, cancel_futures=True)

    def _take(self) -> None:
        """Take over what was prepared, or say why it failed."""
        if self._pending is None or not self._pending[1].done():
            return
        choice, future = self._pending
        self._pending = None
        error = future.exception()
        if error is not None:
            self.message = str(error)
            if not isinstance(error, ValueError):
                self.message = f"{type(error).__name__}: {error}"
                _log.error("could not prepare %s", choice, exc_info=error)
            return
        self.simulation, self.choice = future.result(), choice
        self.simulation.weaken(self.overall * self.share)
        self.episodes = self.falls = 0
        self.verdict = ""
        self.restart()

    # -- time ----------------------------------------------------------------------------------------------

    @property
    def shown(self) -> Moment | None:
        """The moment under the cursor."""
        return self.moments[self.cursor] if self.moments else None

    @property
    def period(self) -> float:
        """Seconds of the clock that a frame is shown for."""
        return 1.0 / (FPS * self.speed)

    @property
    def slow(self) -> str:
        """What to say when simulated time does not keep up, else nothing."""
        rate, wanted = self.frame_rate.rate, FPS * self.speed
        if not self.playing or rate is None or rate > 0.93 * wanted:
            return ""
        return f"This machine simulates {rate:.0f} of the {wanted:.0f} frames/s asked for; the body moves too slowly."

    def set_playing(self, playing: bool) -> None:
        """Run or pause."""
        self.playing = playing
        self.frame_rate.restart()

    def set_speed(self, speed: float) -> None:
        """Simulated seconds per second, within `SPEEDS`."""
        if not SPEEDS[0] <= speed <= SPEEDS[1]:
            raise ValueError(f"a speed of {speed:g}; expected {SPEEDS[0]:g} to {SPEEDS[1]:g}.")
        self.speed = float(speed)
        self.frame_rate.restart()

    def scrub(self, seconds: float) -> None:
        """Pause and show the recorded moment nearest to `seconds` of this episode; it then goes on from there."""
        if not np.isfinite(seconds):
            raise ValueError(f"a time of {seconds} s; expected a finite number.")
        self.set_playing(False)
        if self.moments:
            since = np.clip(seconds - self.moments[0].seconds, 0.0, len(self.moments) / FPS)
            self.cursor = min(round(float(since) * FPS), len(self.moments) - 1)
            self._rewound = self.cursor < len(self.moments) - 1

    def tick(self) -> bool:
        """One frame of 1/30 s if playing; whether there is anything new to show."""
        before = self.simulation
        self._take()
        if self.simulation is None or not self.playing:
            return self.simulation is not before
        if self._rewound:
            self._resume()
        if self.outcome == "on":
            self._step(self.simulation)
        else:
            self._held += 1
            if self._held >= HOLD:
                self.restart()
        self.frame_rate.note(time.monotonic())
        return True

    def _step(self, simulation: Simulation) -> None:
        self.outcome = simulation.step()
        self._record()
        if self.outcome != "on":
            self.verdict = f"{_SAID[self.outcome].format(self.moments[-1].seconds)} {simulation.result()}".strip()
            self.falls += self.outcome == "fell"

    def _record(self) -> None:
        assert self.simulation is not None
        seconds = self.moments[-1].seconds + 1 / FPS if self.moments else 0.0
        self.moments.append(
            Moment(*self.simulation.pose(), seconds, self.simulation.fatigued(), self.simulation.save())
        )
        self.cursor = len(self.moments) - 1

    def _resume(self) -> None:
        """Go on from the moment shown: what was recorded after it is simulated again, as muscles may have changed."""
        assert self.simulation is not None
        while len(self.moments) > self.cursor + 1:
            self.moments.pop()
        self.simulation.restore(self.moments[-1].saved)
        self.outcome, self._held, self._rewound = "on", 0, False

    # -- what acts on the body -----------------------------------------------------------------------------

    def command(self, name: str) -> None:
        """Give a command to a simulation that takes commands."""
        if self.simulation is None:
            raise ValueError("nothing is simulated yet.")
        self.simulation.command(name)

    def push(self, force: float, side: str) -> None:
        """Push the pelvis with `force` newtons for `PUSH_SECONDS`, from a side of the body as of `SIDES`.

        Raises:
            ValueError: no such side, or a force that is not from 0 to `MOST_FORCE`.
        """
        if side not in SIDES or not 0.0 <= force <= MOST_FORCE:
            raise ValueError(f"a push of {force:g} N from {side!r}; expected 0 to {MOST_FORCE:g}, from {list(SIDES)}.")
        if self.simulation is None:
            raise ValueError("nothing is simulated yet.")
        w, x, y, z = self.simulation.pose()[0][3:7]
        heading = np.arctan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))
        ahead, left = SIDES[side]
        cos, sin = np.cos(heading), np.sin(heading)
        self.simulation.push(force * np.array([ahead * cos - left * sin, ahead * sin + left * cos, 0.0]), PUSH_SECONDS)

    def weaken(self, muscles: Sequence[str], share: float) -> None:
        """Leave some muscles a share of their strength: 0 cuts them, 1 heals them.

        Raises:
            ValueError: a muscle that the body does not have, or a share outside [0, 1].
        """
        chosen = lesion_mask(self.body.muscle_names, muscles) == 0
        self.share = np.where(chosen, _checked_share(share), self.share)
        self._weaken()

    def weaken_all(self, share: float) -> None:
        """Leave all muscles a share of their strength, on top of what single muscles were left."""
        self.overall = _checked_share(share)
        self._weaken()

    def _weaken(self) -> None:
        if self.simulation is not None:
            self.simulation.weaken(self.overall * self.share)

    @property
    def weakened(self) -> dict[str, float]:
        """Muscles that are not left their whole strength, and what they are left, without the overall share."""
        return {n: float(s) for n, s in zip(self.body.muscle_names, self.share, strict=True) if s < 1}

    def trace(self, muscles: tuple[str, ...], frames: int = 300) -> tuple[Array, Array]:
        """Seconds (T,) and activations (len(muscles), T) of the newest recorded frames up to the one shown."""
        index = [self.body.muscle_names.index(name) for name in muscles]
        past = [self.moments[k] for k in range(max(0, self.cursor + 1 - frames), self.cursor + 1)]
        seconds = np.array([m.seconds for m in past])
        return seconds, np.array([m.activation[index] for m in past]).reshape(len(past), len(index)).T

    def another(self, **changes: Any) -> None:
        """Change part of the choice, of what is being prepared if something is."""
        self.change(replace(self.preparing or self.choice or Choice(), **changes))


def _checked_share(share: float) -> float:
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"a strength of {share:g}; expected 0 (cut) to 1 (healthy).")
    return float(share)
