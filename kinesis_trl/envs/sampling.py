"""Where training episodes start: in any clip at any time, and more often shortly before frames that fail.

Stretches of clips are chosen by how often episodes fail in them for each step made there, not by how many fail: one
that no body can follow would else be tried ever more often.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.settings import FileOnly

_MEMORY = 10_000
"""Failures after which old ones, and steps made then, count 1/e."""
_PRIOR = 30.0
"""Steps without failure that every stretch has seen to begin with."""


@dataclass(frozen=True, kw_only=True)
class StartConfig:
    """Where training episodes start."""

    grid: FileOnly[float] = 0.2
    """Starts lie on multiples of this time, in seconds."""
    failure_share: float = 0.5
    """Share of the episodes that start shortly before a moment at which episodes have failed of late."""
    failure_bin: FileOnly[float] = 0.5
    """Length of the stretches by which failures are counted, in seconds."""
    failure_lead: FileOnly[float] = 1.0
    """Longest time between such a start and the stretch that follows it, in seconds."""
    late_share: FileOnly[float] = 0.0
    """Share of the episodes whose body starts where its reference was, or will be, at another time: behind in a turn,
    ahead at a stop."""
    latest: FileOnly[float] = 0.5
    """Longest time between the two in seconds; less where the body would be lost at once."""
    off_heading_share: FileOnly[float] = 0.0
    """Share of the episodes whose body starts turned away from its reference, as if it had failed to follow a turn."""
    off_heading: FileOnly[float] = 120.0
    """Largest angle between the two in degrees; less where the body would run away at more than 1 m/s."""

    def __post_init__(self) -> None:
        if self.grid <= 0 or self.failure_bin <= 0 or self.failure_lead < 0:
            raise ValueError("grid and failure_bin must be positive and failure_lead not negative.")
        if not 0 <= self.failure_share <= 1:
            raise ValueError(f"failure_share {self.failure_share} must lie in 0…1.")
        if not (0 <= self.late_share <= 1 and self.latest >= 0):
            raise ValueError(f"late_share {self.late_share} must lie in 0…1, latest {self.latest} not below 0.")
        if not (0 <= self.off_heading_share <= 1 and 0 <= self.off_heading <= 180):
            raise ValueError(
                f"off_heading_share {self.off_heading_share} must lie in 0…1, off_heading {self.off_heading} in 0…180."
            )


class StartSampler:
    """Draws clips and start times; learns where episodes fail.

    Attributes:
        failures: (bins of all clips,) failures counted, older ones less.
        visits: (bins of all clips,) policy steps made there, older ones less.
    """

    def __init__(self, duration: NDArray[np.float64], config: StartConfig) -> None:
        """For clips of `duration` (C,) seconds."""
        self.config, self.duration = config, duration
        self._bins = np.floor(duration / config.failure_bin).astype(np.int64) + 1
        self._first = np.concatenate([[0], np.cumsum(self._bins)])
        self._clip_of = np.repeat(np.arange(len(duration)), self._bins)
        self.failures, self.visits = np.zeros(self._first[-1]), np.zeros(self._first[-1])

    def note(self, clip: NDArray[np.int64], time: NDArray[np.float64], failed: NDArray[np.bool_]) -> None:
        """Count a policy step at `time` (R,) seconds of `clip` (R,), and which of them `failed` (R,)."""
        bins = np.minimum((time / self.config.failure_bin).astype(np.int64), self._bins[clip] - 1) + self._first[clip]
        if failed.any():
            kept = np.exp(-np.count_nonzero(failed) / _MEMORY)
            self.failures *= kept
            self.visits *= kept
        np.add.at(self.visits, bins, 1.0)
        np.add.at(self.failures, bins[failed], 1.0)

    def draw(
        self, count: int, clip_weights: NDArray[np.float64], rng: np.random.Generator
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """`count` clips and start times in seconds; clips outside the failing share by `clip_weights` (C,)."""
        clip = rng.choice(len(self.duration), size=count, p=clip_weights)
        time = self.times(clip, rng)
        weight = self.failures / (self.visits + _PRIOR) * (clip_weights > 0)[self._clip_of]
        if self.config.failure_share and weight.any():
            chosen = np.flatnonzero(rng.random(count) < self.config.failure_share)
            bins = rng.choice(len(weight), size=len(chosen), p=weight / weight.sum())
            clip[chosen] = self._clip_of[bins]
            at = (bins - self._first[clip[chosen]]) * self.config.failure_bin
            time[chosen] = self._on_grid(clip[chosen], at - rng.random(len(chosen)) * self.config.failure_lead)
        return clip, time

    def times(self, clip: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.float64]:
        """A start time for each of `clip` (R,), every multiple of the grid as likely."""
        steps = np.floor(self._latest(clip) / self.config.grid + 1e-9) + 1
        return self.config.grid * np.floor(rng.random(len(clip)) * steps)

    def _on_grid(self, clip: NDArray[np.int64], time: NDArray[np.float64]) -> NDArray[np.float64]:
        grid = self.config.grid
        return grid * np.floor(np.clip(time, 0.0, self._latest(clip)) / grid + 1e-9)

    def _latest(self, clip: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.maximum(self.duration[clip] - self.config.grid, 0.0)  # leaves something to follow
