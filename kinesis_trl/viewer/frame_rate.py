"""Whether a show keeps up with the clock."""

from __future__ import annotations

from collections import deque


class FrameRate:
    """Whether simulated time keeps up with the clock, judged over the last two seconds of play."""

    def __init__(self, window: float = 2.0) -> None:
        self.window = window
        self._done: deque[float] = deque()

    def restart(self) -> None:
        """Forget what was before a pause or a change of speed."""
        self._done.clear()

    def note(self, now: float) -> None:
        """A frame was simulated at `now` seconds of the clock."""
        self._done.append(now)
        while self._done[-1] - self._done[0] > self.window:
            self._done.popleft()

    @property
    def rate(self) -> float | None:
        """Simulated frames per second of the clock; None before half a window has passed."""
        if len(self._done) < 2 or self._done[-1] - self._done[0] < self.window / 2:
            return None
        return (len(self._done) - 1) / (self._done[-1] - self._done[0])
