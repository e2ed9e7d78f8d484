"""The strides of several recordings that belong together, pooled: what figures of a way of walking are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kinesis_trl.facts import WALKING_SPEEDS
from kinesis_trl.physiology.gait_cycles import (
    Cycle,
    GaitCycles,
    NoGaitCycle,
    curves,
    cycles_of,
    stride_measures,
)
from kinesis_trl.physiology.recording import SIDES, Array, Recording

SLOWEST = 0.4
"""Speed in m/s below which a stride is no walking but shuffling on the spot."""
ASTRAY = np.radians(30)
"""Angle between the stride and the pelvis's heading beyond which it is no walking ahead."""
TURN = np.radians(20)
"""Turn of the pelvis over a stride beyond which it is no straight walking."""
FLIGHT = 5.0
"""Share of a stride in % without a foot on the floor beyond which it is running."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """Recordings that are looked at together."""

    title: str
    """What they show, in two or three words."""
    recordings: tuple[Recording, ...]
    """One per clip."""
    replayed: bool = False
    """Whether the motion was only replayed with muscle activity solved for it: the floor's force is then no result."""


@dataclass(frozen=True, kw_only=True)
class Strides:
    """Strides of a run; never empty."""

    run: Run
    found: tuple[tuple[Recording, GaitCycles], ...]
    """Recordings with strides, and those strides."""
    note: str = ""
    """What should be borne in mind, '' where all is well."""

    def count(self, side: int) -> int:
        """Strides of the right (0) or left (1) foot."""
        return sum(len(cycles.of(SIDES[side])) for _, cycles in self.found)

    def pool(self, quantity: Callable[[Recording], Array], side: int) -> Array:
        """A quantity (T, …) of a recording over every stride of one side, (n, 101, …); n may be 0."""
        parts = [curves(quantity(r), cycles.of(SIDES[side])) for r, cycles in self.found if cycles.of(SIDES[side])]
        return np.concatenate(parts) if parts else np.empty((0, 101, *quantity(self.found[0][0]).shape[1:]))

    def legs(self, quantity: Callable[[Recording], Array]) -> Array:
        """A quantity (T, 2, …) of the right and left leg over every stride of each, (n, 101, …); right ones first."""
        return np.concatenate([self.pool(lambda r, s=side: quantity(r)[:, s], side) for side in (0, 1)])  # type: ignore[misc]

    def measures(self) -> tuple[dict[str, Array], Array]:
        """`stride_measures` of all strides, (n,) each, and (n,) their sides (0 right, 1 left)."""
        parts = [stride_measures(cycles, _heels(r)) for r, cycles in self.found]
        sides = np.array([c.side for _, cycles in self.found for c in cycles.cycles])
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}, sides

    def speeds(self, side: int) -> Array:
        """(n,) speed in m/s of every stride of one side, in the order of `pool`."""
        measures, sides = self.measures()
        return measures["speed"][sides == side]

    def by_speed(self, nearest: Callable[[float], int]) -> dict[int, Strides]:
        """Recordings by what `nearest` says of the median speed of their strides in m/s, in its order; strides of
        which it says otherwise, as those of starting and stopping, are left out."""
        parts: dict[int, list[tuple[Recording, GaitCycles]]] = {}
        for recording, cycles in self.found:
            speeds = stride_measures(cycles, _heels(recording))["speed"]
            k = nearest(float(np.median(speeds)))
            own = tuple(c for c, v in zip(cycles.cycles, speeds, strict=True) if nearest(float(v)) == k)
            if own:
                parts.setdefault(k, []).append((recording, replace(cycles, cycles=own)))
        return {k: replace(self, found=tuple(parts[k])) for k in sorted(parts)}

    @property
    def speed(self) -> float:
        """Mean speed of the strides in m/s."""
        return float(np.nanmean(self.measures()[0]["speed"]))

    @property
    def seconds(self) -> float:
        """Mean duration of a stride."""
        return float(self.measures()[0]["stride_time"].mean())


def collect(
    run: Run, *, straight: bool = True, speeds: tuple[float, float] = WALKING_SPEEDS, slowest: float = SLOWEST
) -> tuple[Strides | None, list[dict[str, Any]]]:
    """Strides of a run, and what became of each clip.

    Args:
        run: the recordings.
        straight: keep only strides of walking straight ahead at one of `speeds`, which is what published curves are of.
            Where none of the straight strides is that fast or slow, all of them are kept and `note` says so.
        speeds: slowest and fastest stride in m/s.
        slowest: speed in m/s below which a stride is none of walking ahead.

    Returns:
        The strides, None where there are none; and per clip name, label, seconds, speed in m/s, whether the body
        `fell`, `strides` kept, `others` left out, and `note`: why there are none or fewer, '' where all is well.
    """
    every, notes = _all_cycles(run)
    ahead = {k: _ahead(r, c, slowest) if straight else [(i, 0.0) for i in c.cycles] for k, (r, c) in every.items()}
    steady = {k: [(c, v) for c, v in part if speeds[0] <= v <= speeds[1]] for k, part in ahead.items()}
    in_range = not straight or any(steady.values()) or not any(ahead.values())
    kept = steady if straight and in_range else ahead
    found = {k: replace(every[k][1], cycles=tuple(c for c, _ in part)) for k, part in kept.items() if part}
    clips = []
    for k, recording in enumerate(run.recordings):
        whole = len(every[k][1].cycles) if k in every else 0
        count = len(found[k].cycles) if k in found else 0
        said = [notes[k]] if k in notes else []
        if recording.fell and not said:
            before = "the strides before it are used" if count else "no stride before it could be used"
            said.append(f"the body fell after {recording.seconds:.1f} s; {before}")
        if whole > count:
            at = f" at {speeds[0]:g} to {speeds[1]:g} m/s" if in_range else ""
            said.append(f"{whole - count} of {whole} strides left out: not walking straight ahead{at}")
        clips.append(
            {
                "clip": recording.clip,
                "label": recording.label,
                "category": recording.category,
                "seconds": recording.seconds,
                "speed": recording.speed,
                "fell": recording.fell,
                "strides": count,
                "others": whole - count,
                "note": "; ".join(said),
            }
        )
    if not found:
        return None, clips
    pooled = Strides(run=run, found=tuple((run.recordings[k], cycles) for k, cycles in found.items()))
    if in_range:
        return pooled, clips
    note = (
        f"no stride is between {speeds[0]:g} and {speeds[1]:g} m/s, so those of all speeds are counted "
        f"({pooled.speed:.2f} m/s on average); published ranges and curves are of faster or slower walking."
    )
    return replace(pooled, note=note), clips


def _all_cycles(run: Run) -> tuple[dict[int, tuple[Recording, GaitCycles]], dict[int, str]]:
    """Recordings with cycles by their number, and of the others why they have none."""
    found, notes = {}, {}
    for k, recording in enumerate(run.recordings):
        try:
            found[k] = recording, cycles_of(recording)
        except NoGaitCycle as error:
            notes[k] = str(error)
    return found, notes


def why_none(clips: Sequence[dict[str, Any]]) -> str:
    """One sentence on a run without strides."""
    others = sum(clip["others"] for clip in clips)
    fallen = sum(clip["fell"] for clip in clips)
    said = f"no stride of walking straight ahead in {len(clips)} clip{'s' * (len(clips) != 1)}"
    if fallen:
        said += f"; the body fell in {fallen} of them"
    if others:
        said += f"; {others} strides were of turning, running, walking sideways or backward (--all-strides counts them)"
    return f"{said}."


def _ahead(recording: Recording, cycles: GaitCycles, slowest: float) -> list[tuple[Cycle, float]]:
    """Cycles of walking ahead without a turn, and the speed of each in m/s."""
    heels = _heels(recording)
    measures = stride_measures(cycles, heels)
    w, x, y, z = recording.qpos[:, 3:7].T
    heading = np.unwrap(np.arctan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z)))
    kept = []
    for cycle, speed, flight in zip(cycles.cycles, measures["speed"], measures["flight"], strict=True):
        a, b = cycle.strike, min(cycle.next_strike, len(heels) - 1)
        ahead = heels[b, cycle.side, :2] - heels[a, cycle.side, :2]
        off = np.angle(np.exp(1j * (np.arctan2(ahead[1], ahead[0]) - heading[a : b + 1].mean())))
        walking = speed >= slowest and flight <= FLIGHT
        if walking and abs(off) <= ASTRAY and abs(heading[b] - heading[a]) <= TURN:
            kept.append((cycle, float(speed)))
    return kept


def _heels(recording: Recording) -> Array:
    return np.stack([recording.position("calcn_r"), recording.position("calcn_l")], axis=1)
