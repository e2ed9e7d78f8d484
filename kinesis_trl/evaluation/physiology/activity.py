"""Muscle activity over the gait cycle, of strides and of recorded controls alike: what columns are compared of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.evaluation.physiology.emg_data import RecordedControls
from kinesis_trl.evaluation.physiology.gait_cycles import (
    ContactRule,
    Cycle,
    curves,
    find_cycles,
    stride_measures,
    without_bounces,
)
from kinesis_trl.evaluation.physiology.recording import SIDES, Array
from kinesis_trl.evaluation.physiology.strides import Strides

ORIGINAL_SPEED = 1.25
"""Walking speed in m/s at which the original's published comparison was made."""


@dataclass(frozen=True, kw_only=True)
class Activity:
    """One column of the muscle section."""

    title: str
    """Whose muscles."""
    signal: str
    """activation or excitation."""
    names: tuple[str, ...]
    """M muscles, with side."""
    profiles: Mapping[str, Array]
    """"r" and "l": (C, 101, M) over the cycles of that leg, C may be 0."""
    speed: float
    """Walking speed in m/s."""
    seconds: float
    """Mean duration of a cycle."""
    published: Array | None = None
    """(C, 101, M) over the left leg's cycles as KINESIS' published figures count them."""

    def leg(self, side: str) -> list[int]:
        """Columns of the muscles of one leg."""
        return [k for k, name in enumerate(self.names) if name.endswith(f"_{side}")]

    def samples(self) -> Array:
        """(C · 101, M) activity in all strides, those of both legs."""
        return np.concatenate([p.reshape(-1, len(self.names)) for p in self.profiles.values()])


def activity_of(strides: Strides) -> Activity:
    """Activation in the strides of a run."""
    return Activity(
        title=strides.run.title,
        signal="activation",
        names=strides.found[0][0].muscle_names,
        profiles={letter: strides.pool(lambda r: r.activation, side) for side, letter in enumerate("rl")},
        speed=strides.speed,
        seconds=strides.seconds,
    )


def activity_of_controls(controls: RecordedControls, title: str) -> Activity:
    """Excitation in the strides of recorded controls, from one foot contact to the next of the same foot.

    Raises:
        NoGaitCycle: the feet never strike twice.
    """
    contact = without_bounces(controls.contact, controls.fps, ContactRule().shortest)
    cycles = find_cycles(contact, controls.fps, shortest=ContactRule().shortest_stride)
    profiles = {
        letter: curves(controls.excitation, cycles.of(SIDES[side]))
        if cycles.of(SIDES[side])
        else np.empty((0, 101, len(controls.muscle_names)))
        for side, letter in enumerate("rl")
    }
    return Activity(
        title=title,
        signal="excitation",
        names=controls.muscle_names,
        profiles=profiles,
        speed=ORIGINAL_SPEED,
        seconds=float(stride_measures(cycles)["stride_time"].mean()),
        published=_published(controls),
    )


def _published(controls: RecordedControls) -> Array:
    """Cycles resampled up to their last own sample, as the published figures do."""
    spans: NDArray[np.int64] = controls.published_cycles
    return curves(controls.excitation, [Cycle(1, int(a), int(a), int(b) - 1) for a, b in spans])
