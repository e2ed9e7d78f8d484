"""Turn motion files of any format into clean references for a body.

Example: kinesis prepare mocap/ 'more/**/*.bvh' walk.npz --out motions/mine
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from kinesis_trl.body.simulator import PhysicsConfig
from kinesis_trl.commands import check_outputs, finish, run_command
from kinesis_trl.commands._options import BodyOptions
from kinesis_trl.envs.config import ImitationConfig
from kinesis_trl.planning.config import OptimisationConfig
from kinesis_trl.shipped import FEEDFORWARD_POLICY, asset

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from kinesis_trl.body.model import BodyModel
    from kinesis_trl.motion.clip import MotionClip
    from kinesis_trl.motion.ingest import Refused
    from kinesis_trl.motion.library import MotionLibrary
    from kinesis_trl.motion.retarget.quality import QualityReport

Axis = Literal["x", "y", "z", "-x", "-y", "-z"]


@dataclass(frozen=True, kw_only=True)
class PrepareConfig(BodyOptions):
    """What to prepare, and where to put it."""

    paths: Annotated[tuple[str, ...], tyro.conf.Positional] = ()
    """Motion files, folders and patterns, and locomotion-v1/train, /test, steered-v1 or brisk-v1, mixed as you like."""
    out: Path
    """Folder for the motion library and quality.json, .md and .png; an older library there is replaced."""
    text: str | None = None
    """A sentence to make a clip of, e.g. "walk forward slowly, then turn left and stop"."""
    closest: bool = False
    """With a sentence and files: prepare the one clip whose label is closest to it, instead of making one."""
    fps: float | None = None
    """Frames per second of the files, where they do not say or say it wrong."""
    up: Axis | None = None
    """Up axis of the files, instead of the detected one."""
    unit: float | None = None
    """Metres per unit of length in the files, instead of the detected one."""
    smpl_model: Path | None = None
    """Your SMPL_NEUTRAL.pkl, to use the body shape of SMPL motions; without it the average shape is used."""
    keys: Path | None = None
    """Text file with one clip name a line: only these are prepared, in that order (e.g. a train or test list)."""
    accept: bool = False
    """Also prepare motions that are doubtful (feet that glide, a pelvis that jumps, …), as they are; else each is
    refused and the reason said."""
    inverse: bool = False
    """Also find the muscle activations and target lengths that make each motion, for training with --env.control
    feedforward."""
    optimise: bool = False
    """Also search for motions close to the clips that the body can keep up, with a feedback that keeps it on them, as
    kinesis optimise does; includes --inverse and takes about ten seconds for each second of motion."""
    variations: int = 0
    """Also keep this many varied copies of every clip, as other people might move, to train on."""
    bends: int = 0
    """Also keep this many copies of every walk led along circles and turns, to train on."""
    quick_turns: int = 0
    """Also keep this many copies of every walk with quick turns about on a foot that pivots, to train on."""
    seed: int = 0
    """Seed of variations, bends and quick turns."""
    workers: int = 0
    """Processes that work at once; 0: one for every core."""

    def __post_init__(self) -> None:
        for name in ("variations", "bends", "quick_turns", "workers"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}.")


@dataclass
class Prepared:
    """What became of the files: clips with their reports, and what was refused with the reason."""

    clips: list[tuple[MotionClip, QualityReport]] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    """Names of the clips that the optimisation gave up."""


def prepare(config: PrepareConfig, console: Console) -> Prepared:
    """Read and retarget all files, and write the library; nothing is written when no clip is usable.

    Raises:
        ClipFormatError: the folder to write to is not ours to replace, or the key list is unusable.
        BodyError: the body cannot be built.
        CheckpointError: motions are to be optimised on a body that the policy that ships is not made for.
    """
    from kinesis_trl.motion.clip import ClipFormatError
    from kinesis_trl.motion.gait.language import closest_clip, text_to_clip
    from kinesis_trl.motion.ingest import IngestConfig, ingest
    from kinesis_trl.motion.library_files import check_target
    from kinesis_trl.motion.readers.splits import read_keys, select_split
    from kinesis_trl.motion.retarget.onto_body import retarget
    from kinesis_trl.motion.sources import EMBEDDED, embedded
    from kinesis_trl.progress import counting

    check_outputs(config.out / "library.json")
    check_target(config.out)
    body = config.load_body()
    keys = read_keys(config.keys) if config.keys else None
    workers = config.workers or os.cpu_count() or 1
    if (config.text is None and not config.paths) or (config.closest and not (config.text and config.paths)):
        raise ClipFormatError("nothing to prepare; name motion files, or --text a sentence, or both with --closest.")
    made = [text_to_clip(config.text, body)] if config.text and not config.closest else []
    for name in (name for name in config.paths if name in EMBEDDED):
        made += embedded(name)(body)
    reading = IngestConfig(
        fps=config.fps,
        up=config.up,
        unit=config.unit,
        smpl_model=config.smpl_model,
        keys=config.keys,
        accept=config.accept,
    )
    files = [name for name in config.paths if name not in EMBEDDED]
    with counting(console, "preparing", "parts") as on_part:
        found = ingest(files, body, reading, workers=workers, on_part=on_part)
    result = Prepared(clips=found.clips + [retarget(clip, body) for clip in made], refused=list(found.refused))
    if config.closest and config.text and result.clips:
        best, _ = closest_clip(config.text, [clip.label for clip, _ in result.clips])
        result.clips = [result.clips[best]]
    if keys and result.clips:
        report = {id(clip): quality for clip, quality in result.clips}
        chosen = select_split([clip for clip, _ in result.clips], keys)
        result.clips = [(clip, report[id(clip)]) for clip in chosen]
    if result.clips:
        _save(config, body, result, workers, console)
    return result


def _save(config: PrepareConfig, body: BodyModel, result: Prepared, workers: int, console: Console) -> None:
    """Write the library of what was prepared, and its quality."""
    import numpy as np

    from kinesis_trl.atomic import replacing, write_text
    from kinesis_trl.motion.bending import bent, turned_about, walks
    from kinesis_trl.motion.ingest import library_of
    from kinesis_trl.motion.retarget.quality import quality_json, quality_markdown, write_picture
    from kinesis_trl.motion.solving import SolveConfig
    from kinesis_trl.motion.variation import vary
    from kinesis_trl.progress import counting

    inverse = SolveConfig() if config.inverse or config.optimise else None
    clips = [clip for clip, _ in result.clips]
    rng = np.random.default_rng(config.seed)
    recorded = clips[:]
    clips += [vary(clip, body, rng) for _ in range(config.variations) for clip in recorded]
    walked = [clip for clip in recorded if walks(clip)]
    led = [bent(clip, body, rng) for _ in range(config.bends) for clip in walked]
    led += [turned_about(clip, body, rng) for _ in range(config.quick_turns) for clip in walked]
    clips += [clip.with_(name=f"{clip.name}.{k}") for k, clip in enumerate(led)]
    with counting(console, "solving" if inverse else "building", "clips") as on_solved:
        library, unsolved = library_of(clips, body, inverse=inverse, workers=workers, on_solved=on_solved)
    result.refused += unsolved
    left_out = {item.name for item in unsolved}
    result.clips = [(clip, quality) for clip, quality in result.clips if clip.name not in left_out]
    if config.optimise:
        result.lost = _optimise(body, library, config.out, workers, console)
    else:
        library.save(config.out)
    reports = [quality for _, quality in result.clips]
    write_text(config.out / "quality.json", quality_json(reports))
    write_text(config.out / "quality.md", quality_markdown(reports, result.refused))
    with replacing(config.out / "quality.png") as picture:
        write_picture(reports, picture)


def _optimise(body: BodyModel, library: MotionLibrary, out: Path, workers: int, console: Console) -> list[str]:
    """Write what the policy that ships finds for the clips; returns the names of those it gives up."""
    from kinesis_trl.planning.controllers import make_player
    from kinesis_trl.planning.optimise import TrajectoryOptimiser
    from kinesis_trl.progress import progress

    policy = asset(FEEDFORWARD_POLICY)
    player = make_player(str(policy), body, ImitationConfig(physics=PhysicsConfig(threads=workers)))
    optimiser = TrajectoryOptimiser(body, library, policy, player, OptimisationConfig())
    _, found = optimiser.run(out, workers=workers, progress=partial(progress, console))
    return [clip.name for clip, result in zip(library.clips, found, strict=True) if not result.whole]


def _refusals(refused: list[Refused]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(title=f"{len(refused)} refused", header_style="bold")
    table.add_column("file", overflow="fold")
    table.add_column("why", overflow="fold")
    for name, reason in refused:
        table.add_row(Text(name), Text(reason.removeprefix(f"{name}: ")))
    return table


def prepare_and_say(config: PrepareConfig, console: Console) -> None:
    """Prepare, and say what became of every file; exits with 1 when no clip is usable."""
    from kinesis_trl.motion.retarget.quality import doubts, quality_table
    from kinesis_trl.progress import in_words

    result = prepare(config, console)
    frames = sum(quality.frames for _, quality in result.clips)
    copies = f", and {config.variations} varied copies of each" if config.variations else ""
    copies += f", and {config.bends} copies of each walk on circles and turns" if config.bends else ""
    left = f"; {len(result.refused)} refused" if result.refused else ""
    if result.clips:
        clips = f"{len(result.clips)} clip{'s' * (len(result.clips) != 1)}"
        said = f"Ready: {clips}, {in_words(frames / 30)} in all{copies}{left}."
        console.print(said, markup=False, highlight=False)
        console.print(quality_table([quality for _, quality in result.clips]))
    for _, quality in result.clips:
        if found := doubts(quality):
            console.print(f"accepted though doubtful: {quality.name}: {'; '.join(found)}", style="yellow", markup=False)
    if result.refused:
        console.print(_refusals(result.refused))
    if not result.clips:
        console.print("no usable motion; nothing was written.", style="red")
        sys.exit(1)
    if result.lost:
        console.print(f"given up, and as they were without optimisation: {', '.join(result.lost)}", markup=False)
    finish(console, config.out, config.out / "quality.md", advice=f"kinesis eval --motions {config.out}")


main = partial(run_command, PrepareConfig, prepare_and_say, name="prepare", description=__doc__)
