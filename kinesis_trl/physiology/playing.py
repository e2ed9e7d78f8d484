"""What a report looks at: policies played, motions replayed, and the walks they are of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kinesis_trl.body.inverse import InverseError
from kinesis_trl.body.model import BodyModel
from kinesis_trl.facts import EMG_SPEEDS
from kinesis_trl.motion.clip import MotionClip
from kinesis_trl.motion.gait.language import text_to_clip
from kinesis_trl.motion.library import MotionLibrary
from kinesis_trl.physiology.recorder import record
from kinesis_trl.physiology.recording import Recording
from kinesis_trl.physiology.replay import replay
from kinesis_trl.physiology.storage import export_opensim
from kinesis_trl.physiology.strides import Run
from kinesis_trl.planning.config import OptimisationConfig
from kinesis_trl.planning.controllers import Player, make_player
from kinesis_trl.planning.optimise import TrajectoryOptimiser
from kinesis_trl.progress import progress

if TYPE_CHECKING:
    from rich.console import Console

_SECONDS, _SHORTEST = 8.0, 4.0
"""Length of a walk at one speed, in seconds and at least in metres."""
_NET, _STRAIGHT = 1.5, 0.95


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a report: who moves."""

    title: str
    """In two or three words."""
    player: Player | None
    """The policy in its environment; None replays the motion with the muscle activity of static optimisation."""
    optimise: Path | None = None
    """Folder of the policy by which motions are first searched that a body can keep up; a regulator follows them."""


def walks_at_emg_speeds(walkers: int, body: BodyModel, seed: int) -> list[MotionClip]:
    """Straight walks of generated walkers at the six speeds at which people's muscles were recorded."""
    return [
        text_to_clip(f"walk forward at {v:g} m/s for {max(_SHORTEST, _SECONDS * v):g} meters", body, seed + k)
        for v in EMG_SPEEDS
        for k in range(walkers)
    ]


def straight_clips(library: MotionLibrary) -> list[int]:
    """Clips that lead 1.5 m away at least, by a way hardly longer than that."""
    found = []
    for index, entry in enumerate(library.clips):
        path = library.qpos[entry.start : entry.start + entry.frames, :2].numpy()
        smooth = path[:: max(1, len(path) // 8)]  # sway is no detour
        net, length = np.linalg.norm(path[-1] - path[0]), np.linalg.norm(np.diff(smooth, axis=0), axis=1).sum()
        if net >= _NET and net >= _STRAIGHT * length:
            found.append(index)
    return found


def play(
    column: Column,
    body: BodyModel,
    library: MotionLibrary,
    chosen: Sequence[int],
    console: Console,
    said: list[str],
    *,
    threads: int = 1,
) -> Run:
    """Recordings of a column over some clips; `said` gets a line for each that has no solution."""
    if column.player is None:
        found = tuple(_replayed(column.title, body, library, chosen, console, said))
        return Run(title=column.title, recordings=found, replayed=True)
    player = column.player
    if column.optimise is not None:
        library, chosen = library.subset(chosen), range(len(chosen))
        optimiser = TrajectoryOptimiser(body, library, column.optimise, player, OptimisationConfig())
        library = optimiser.cached(workers=threads, progress=partial(progress, console))
        player = make_player("regulator", body, player.settings)
    steps = int((library.frames[list(chosen)] - 1).sum())
    with progress(console, f"playing {column.title}", steps, "frames") as advance:
        found = tuple(record(body, library, player.policy, player.settings, clips=chosen, on_step=advance))
    return Run(title=column.title, recordings=found)


def _replayed(
    title: str, body: BodyModel, library: MotionLibrary, chosen: Sequence[int], console: Console, said: list[str]
) -> Iterable[Recording]:
    """The motions with the muscle activity that static optimisation finds, as far as it finds any."""
    with progress(console, "solving", len(chosen), "clips") as advance:
        for index in chosen:
            try:
                yield replay(body, library, index)
            except InverseError as error:
                said.append(f"{title} of {library.clips[index].name}: {error}")
            advance(1)


def save_runs(runs: Sequence[Run], out: Path, console: Console) -> list[str]:
    """Write all recordings, also as OpenSim's files; returns their folders within `out`."""
    written = []
    with progress(console, "writing", sum(len(run.recordings) for run in runs), "recordings") as advance:
        for run in runs:
            for number, recording in enumerate(run.recordings):
                name = "".join(c if c.isalnum() or c in "-_" else "_" for c in recording.clip)[:60]
                place = Path(run.title.replace(" ", "_")) / f"{number:03d}_{name}"
                recording.save(out / place / "recording.npz")
                export_opensim(recording, out / place)
                written.append(str(place))
                advance(1)
    return written
