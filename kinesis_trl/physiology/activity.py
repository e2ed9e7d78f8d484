"""Muscle activity over the gait cycle, of strides and of recorded controls alike: what columns are compared of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.physiology.gait_cycles import (
    SHORTEST,
    SHORTEST_STRIDE,
    Cycle,
    curves,
    find_cycles,
    stride_measures,
    without_bounces,
)
from kinesis_trl.physiology.recorded_controls import (
    RecordedControls,
    load_controls_csv,
    load_original_controls,
)
from kinesis_trl.physiology.recording import SIDES, Array, Recording
from kinesis_trl.physiology.strides import WALKING_SPEEDS, Run, Strides, collect, why_none
from kinesis_trl.reading import read_text


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
    speeds: Mapping[str, Array]
    """"r" and "l": (C,) walking speed in m/s of each cycle."""
    seconds: float
    """Mean duration of a cycle."""
    excitation: Mapping[str, Array] | None = None
    """As `profiles`, of excitation, where `signal` is activation: it comes before the muscle's force, as EMG does."""
    published: Array | None = None
    """(C, 101, M) over the left leg's cycles as KINESIS' published figures count them."""

    @property
    def speed(self) -> float:
        """Mean walking speed of the cycles of both legs in m/s."""
        return float(np.nanmean(np.concatenate(list(self.speeds.values()))))

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
        excitation=None
        if strides.run.replayed  # a solution is of activations
        else {letter: strides.pool(lambda r: r.excitation, side) for side, letter in enumerate("rl")},
        speeds={letter: strides.speeds(side) for side, letter in enumerate("rl")},
        seconds=strides.seconds,
        published=_alone_to_alone(strides),
    )


def _alone_to_alone(strides: Strides) -> Array | None:
    """(C, 101, M) activation over the left leg's strides, each from where the left foot stands alone to where it does
    next: the cycles of KINESIS' published figures (see `RecordedControls.published_cycles`); None where there is none.
    """
    parts = []
    for recording, cycles in strides.found:
        alone = np.flatnonzero(cycles.contact[:, 1] & ~cycles.contact[:, 0])
        for cycle in cycles.of("left"):
            starts = [alone[alone >= strike][:1] for strike in (cycle.strike, cycle.next_strike)]
            if all(len(start) for start in starts) and starts[0][0] < cycle.next_strike:
                begin, end = int(starts[0][0]), int(starts[1][0]) - 1
                parts.append(curves(recording.activation, [Cycle(1, begin, begin, end)])[0])
    return np.stack(parts) if parts else None


def activity_of_controls(controls: RecordedControls) -> Activity:
    """Excitation in the strides of recorded controls, from one foot contact to the next of the same foot.

    Raises:
        NoGaitCycle: the feet never strike twice.
    """
    contact = without_bounces(controls.contact, controls.fps, SHORTEST)
    cycles = find_cycles(contact, controls.fps, shortest=SHORTEST_STRIDE)
    profiles = {
        letter: curves(controls.excitation, cycles.of(SIDES[side]))
        if cycles.of(SIDES[side])
        else np.empty((0, 101, len(controls.muscle_names)))
        for side, letter in enumerate("rl")
    }
    return Activity(
        title=controls.title,
        signal="excitation",
        names=controls.muscle_names,
        profiles=profiles,
        speeds={letter: np.full(len(p), controls.speed) for letter, p in profiles.items()},
        seconds=float(stride_measures(cycles)["stride_time"].mean()),
        published=_published(controls) if controls.original else None,
    )


def _published(controls: RecordedControls) -> Array:
    """Cycles resampled up to their last own sample, as the published figures do."""
    spans: NDArray[np.int64] = controls.published_cycles
    return curves(controls.excitation, [Cycle(1, int(a), int(a), int(b) - 1) for a, b in spans])


def load_activity(path: Path, *, straight: bool = True, speeds: tuple[float, float] = WALKING_SPEEDS) -> Activity:
    """Activity that somebody recorded, to be shown as a column of its own.

    Args:
        path: the folder `emg_assets` (a run of the original's policy lies in it), a CSV table of controls, a recording
            (.npz), or a folder of recordings as a report leaves them.
        straight, speeds: which strides of recordings count, as for `collect`.

    Raises:
        ValueError: nothing of that kind, or without a stride; the message says what was found.
    """
    path = Path(path)
    if path.suffix.lower() == ".csv":
        return activity_of_controls(load_controls_csv(path))
    files = [path] if path.suffix.lower() == ".npz" else _recordings(path)
    if not files:
        return activity_of_controls(load_original_controls(path))
    title = path.parent.name if path.is_file() else f"{path.parent.name} {path.name}".strip()
    strides, clips = collect(
        Run(title=title, recordings=tuple(Recording.load(file) for file in files)), straight=straight, speeds=speeds
    )
    if strides is None:
        raise ValueError(f"{path}: {why_none(clips)}")
    return activity_of(strides)


def _recordings(folder: Path) -> list[Path]:
    """Recordings in a folder: those that the report beside it lists, as an older one's may lie there too, else all."""
    found = sorted(folder.glob("*/recording.npz"))
    try:
        listed = json.loads(read_text(folder.parent / "report.json", most=50_000_000))["recordings"]
        named = {str(Path(str(item))) for item in listed}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return found
    return [file for file in found if f"{folder.name}/{file.parent.name}" in named]
