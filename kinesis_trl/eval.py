"""Evaluate a policy: every clip played once from its first frame, scored under both termination rules.

Example: python -m kinesis_trl.eval --policy reference --motions locomotion-v1/test --json out.json --video out.mp4
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import torch
import tyro
from rich.console import Console
from rich.markup import escape

from kinesis_trl.agents.exceptions import CheckpointError
from kinesis_trl.agents.provenance import provenance
from kinesis_trl.atomic import write_text
from kinesis_trl.body.catalog import BodyError
from kinesis_trl.body.model import BodyModel, load_body
from kinesis_trl.body.physics import PhysicsConfig
from kinesis_trl.envs.imitation import ImitationConfig, ImitationEnv, inverse_for
from kinesis_trl.evaluation.metrics import evaluate_episodes
from kinesis_trl.evaluation.players import Control, Player, Sensing, make_player
from kinesis_trl.evaluation.rendering import RenderError
from kinesis_trl.evaluation.rollout import play_clips
from kinesis_trl.evaluation.tables import clip_table, summary_table, write_picture
from kinesis_trl.evaluation.video import write_episodes
from kinesis_trl.motion.clip import ClipFormatError
from kinesis_trl.motion.library import MotionLibrary
from kinesis_trl.motion.sources import open_library
from kinesis_trl.progress import progress


@dataclass(frozen=True, kw_only=True)
class EvalConfig:
    """What to evaluate, on what, and what to write."""

    task: Literal["imitation"] = "imitation"
    """Which task."""
    policy: str = "reference"
    """zero, random, reference (target lengths = the reference's muscle lengths), a run's policy folder, or an
    original model.pth."""
    motions: str = "locomotion-v1/test"
    """locomotion-v1/train, /test or /demo, a folder written by kinesis_trl.prepare, or motion files of any format."""
    body: str = "myolegs"
    """Body by name, or a path to a KINESIS model file."""
    control: Control | None = None
    """Action as target lengths of a length controller (pd), as excitations (direct), or as a correction of the
    reference's inverse solution (feedforward); None takes what the policy was trained with, else pd."""
    sensing: Sensing | None = None
    """Which moment the policy sees, see PhysicsConfig; None takes what the policy was trained with, and original
    for an original model.pth."""
    lesion: tuple[str, ...] = ()
    """Muscles whose excitation is cut, by name."""
    json: Path | None = None
    """Write all figures to this file."""
    picture: Path | None = None
    """Write a chart by category to this .png or .svg."""
    video: Path | None = None
    """Write a video of some clips side by side, reference as a ghost, to this .mp4."""
    video_clips: int = 6
    """How many clips the video shows, spread evenly over the categories."""
    failure_dir: Path | None = None
    """Folder for reports on simulations that became non-finite."""
    threads: int = field(default_factory=lambda: os.cpu_count() or 1)
    """Threads of the simulation; results do not depend on it."""
    seed: int = 0
    """Seed of the random policy."""


def main() -> None:
    """Parse the command line, evaluate, and report."""
    config = tyro.cli(EvalConfig, description=__doc__, prog="kinesis_trl.eval")
    console = Console()
    if not console.is_terminal:
        console = Console(width=max(console.width, 120))
    try:
        evaluate(config, console)
    except (BodyError, CheckpointError, ClipFormatError, RenderError, ValueError) as error:
        console.print(f"[red]{type(error).__name__}[/]: {escape(str(error))}", highlight=False)
        sys.exit(1)
    except KeyboardInterrupt:
        console.print("stopped; nothing was written")
        sys.exit(130)


def evaluate(config: EvalConfig, console: Console) -> dict[str, Any]:
    """Play all clips, print the tables, write what was asked for; returns the report."""
    body = load_body(config.body)
    player = _player(config, body)
    library = _open(config, player.settings.control, body, console)
    player.check(ImitationEnv(body, library, replace(player.settings, num_envs=1)))
    shown = _spread(library, config.video_clips) if config.video else []
    started = time.perf_counter()
    with progress(console, "imitating", int((library.frames - 1).sum()), "frames") as advance:
        episodes = play_clips(
            body, library, player.policy, player.settings, keep_states=frozenset(shown), on_step=advance
        )
    seconds = time.perf_counter() - started
    report = {
        "config": {k: str(v) if isinstance(v, Path) else v for k, v in asdict(config).items()},
        "provenance": provenance(),
        "seconds": seconds,
        **evaluate_episodes(episodes, library.clips),
    }
    console.print(clip_table(report), summary_table(report))
    console.print(f"{len(library)} clips in {seconds:.1f} s on {config.threads} threads")
    if config.json:
        write_text(config.json, json.dumps(report, indent=1))
    if config.picture:
        write_picture(report, config.picture)
    if config.video:
        with progress(console, "drawing", max(len(episodes[i].distance) for i in shown), "frames") as advance:
            write_episodes(config.video, body, library, [episodes[i] for i in shown], on_frame=lambda: advance(1))
    for path in (config.json, config.picture, config.video):
        if path:
            console.print(f"wrote {path}")
    return report


def _open(config: EvalConfig, control: str, body: BodyModel, console: Console) -> MotionLibrary:
    with progress(console, "preparing", None, "clips") as advance:
        library, refused = open_library(
            config.motions, body, inverse=inverse_for(control), on_clip=lambda done, total: advance(1)
        )
    for item in refused:
        console.print(f"[yellow]left out[/] {escape(f'{item.name}: {item.reason}')}", highlight=False)
    return library


def _player(config: EvalConfig, body: BodyModel) -> Player:
    physics = PhysicsConfig(threads=config.threads, lesions=config.lesion, failure_dir=config.failure_dir)
    return make_player(
        config.policy,
        body,
        ImitationConfig(physics=physics),
        control=config.control,
        sensing=config.sensing,
        seed=config.seed,
    )


def _spread(library: MotionLibrary, wanted: int) -> list[int]:
    """Indices of about `wanted` clips: first one of each category, then the second ones, and so on."""
    groups: dict[str, list[int]] = {}
    for i, clip in enumerate(library.clips):
        groups.setdefault(clip.category, []).append(i)
    turns = [g[k] for k in range(max(map(len, groups.values()))) for g in groups.values() if k < len(g)]
    return sorted(turns[: max(1, wanted)])


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
