"""Which clip, moment and direction each new episode of imitation begins with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.envs.sampling import StartSampler

Array = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Start:
    """How R episodes begin."""

    clip: Rows
    """(R,) clips to follow."""
    time: Array
    """(R,) seconds into them."""
    angle: Array
    """(R,) radians by which they are turned about the vertical."""
    late: Array
    """(R,) seconds by which bodies are behind their references, negative for ahead."""
    off_heading: Array
    """(R,) radians by which bodies are turned away from their references."""


class Starts:
    """Draws the starts of N rows.

    Attributes:
        sampler: draws clips and times where rows were not assigned any, and counts failures.
    """

    def __init__(self, sampler: StartSampler, *, beginning: bool, turned: bool) -> None:
        """Starts of the rows of an environment.

        Args:
            sampler: of the clips.
            beginning: whether all episodes start with their clips.
            turned: whether clips are turned by random angles.
        """
        self.sampler = sampler
        self._beginning, self._turned = beginning, turned
        self._assigned: Rows | None = None

    def assign(self, clips: Rows | list[int] | None, count: int) -> None:
        """Let row i of `count` follow clip `clips[i]` from its next start on; None goes back to drawing at random."""
        if clips is None:
            self._assigned = None
            return
        chosen, known = np.asarray(clips, dtype=np.int64), len(self.sampler.duration)
        if chosen.shape != (count,) or chosen.min() < 0 or chosen.max() >= known:
            raise ValueError(f"assign needs {count} clip indices below {known}, got {chosen.tolist()}.")
        self._assigned = chosen

    def draw(self, rows: Rows, clip_weights: Array, rng: np.random.Generator) -> Start:
        """Starts of `rows` (R,); clips that were not assigned by `clip_weights` (C,)."""
        count = len(rows)
        if self._assigned is not None:
            clip = self._assigned[rows]
            time = self.sampler.times(clip, rng)
        else:
            clip, time = self.sampler.draw(count, clip_weights, rng)
        if self._beginning:
            time = np.zeros(count)
        angle = rng.uniform(-np.pi, np.pi, count) if self._turned else np.zeros(count)
        late, off_heading, config = np.zeros(count), np.zeros(count), self.sampler.config
        if config.late_share and not self._beginning:
            late = rng.uniform(-config.latest, config.latest, count) * (rng.random(count) < config.late_share)
        if config.off_heading_share and not self._beginning:
            largest = np.radians(config.off_heading)
            off_heading = rng.uniform(-largest, largest, count) * (rng.random(count) < config.off_heading_share)
        return Start(clip, time, angle, late, off_heading)
