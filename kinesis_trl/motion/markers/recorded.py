"""What a laboratory recorded in one trial, as it was read and before anything is made of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.motion.clip import ClipFormatError

Array = NDArray[np.float64]


class TrialError(ClipFormatError):
    """A trial or a part of it cannot be used; the message says what was found, what was expected and what to do."""


@dataclass(frozen=True, kw_only=True)
class Markers:
    """Marker trajectories. World frame: z up, metres, after `frame.upright`; as in the file before."""

    names: tuple[str, ...]
    """Labels as the file has them."""
    position: Array
    """(T, K, 3) positions; NaN where a marker was not seen."""
    rate: float
    """Frames per second."""
    start: float = 0.0
    """Time of the first frame in seconds."""
    unit: str = ""
    """Unit that the file states, '' where it states none."""
    notes: tuple[str, ...] = ()
    """What was detected or changed."""

    @property
    def time(self) -> Array:
        """(T,) seconds."""
        return self.start + np.arange(len(self.position)) / self.rate

    def place(self, name: str) -> Array:
        """(T, 3) of one marker."""
        return self.position[:, self.names.index(name)]


@dataclass(frozen=True, kw_only=True)
class Wrenches:
    """Force and moment of the floor by P plates, or by the feet of a table; world frame, z up."""

    names: tuple[str, ...]
    """P names of plates."""
    time: Array
    """(N,) seconds."""
    force: Array
    """(N, P, 3) force on the body in newtons."""
    moment: Array
    """(N, P, 3) its moment about the origin of the frame in N m."""
    notes: tuple[str, ...] = ()
    """What was detected or changed."""
    problems: tuple[str, ...] = ()
    """One sentence for every plate that cannot be used."""

    @property
    def rate(self) -> float:
        """Samples per second."""
        return float((len(self.time) - 1) / (self.time[-1] - self.time[0]))


@dataclass(frozen=True, kw_only=True)
class Emg:
    """Recorded muscle activity: raw voltages or envelopes."""

    names: tuple[str, ...]
    """C channels as the file calls them."""
    time: Array
    """(N,) seconds."""
    signal: Array
    """(N, C) in the file's unit."""
