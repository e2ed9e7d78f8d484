"""Optimise trajectories: find motions close to clips that the muscles can make, and write them as references.

Examples:
    kinesis optimise --motions motions/mine --out motions/optimised --json found.json --video found.mp4
    kinesis eval --policy regulator --motions motions/optimised

Bodies follow each clip under a policy with noise on its actions and are resampled by their returns (a particle
filter). The best trajectory is refined by iterative LQR, and a linear-quadratic regulator about it is computed; the
tables say how well bodies follow it under the regulator. After an interruption the same command resumes.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kinesis_trl.body.simulator import PhysicsConfig
from kinesis_trl.commands import check_outputs, conclude, finish, open_motions, record, run_command
from kinesis_trl.commands._options import BodyOptions
from kinesis_trl.envs.config import ImitationConfig
from kinesis_trl.planning.config import OptimisationConfig
from kinesis_trl.shipped import FEEDFORWARD_POLICY, asset

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True, kw_only=True)
class OptimiseConfig(OptimisationConfig, BodyOptions):
    """What to optimise, how, and what to write."""

    out: Path
    """Folder for the library of references that were found; clips that were given up are in it as they were."""
    motions: str = "locomotion-v1/test"
    """locomotion-v1/train, /test or /demo, a folder written by kinesis prepare, or motion files of any format."""
    policy: str = field(default_factory=lambda: str(asset(FEEDFORWARD_POLICY)))
    """Folder of the policy that follows them, with its value function."""
    json: Path | None = None
    """Write all figures to this file."""
    video: Path | None = None
    """Film bodies that follow some clips side by side, the clip as it was prepared as a ghost, to this .mp4."""
    video_clips: int = 4
    """How many clips the video shows, spread evenly over the categories."""
    threads: int = field(default_factory=lambda: os.cpu_count() or 1)
    """Threads of the simulation; results do not depend on it."""


def optimise(config: OptimiseConfig, console: Console) -> dict[str, Any]:
    """Search all clips, write their references, print the tables; returns the report."""
    from kinesis_trl.atomic import write_text
    from kinesis_trl.envs.imitation import inverse_for
    from kinesis_trl.evaluation.metrics import evaluate_episodes
    from kinesis_trl.evaluation.rollout import play_clips
    from kinesis_trl.evaluation.tables import clip_table, summary_table, verdict
    from kinesis_trl.evaluation.video import spread_over_categories, write_episodes
    from kinesis_trl.motion.library_files import check_target
    from kinesis_trl.planning.controllers import make_player
    from kinesis_trl.planning.optimise import TrajectoryOptimiser
    from kinesis_trl.progress import progress

    check_outputs(config.json, config.video, config.out / "library.json")
    check_target(config.out)
    body = config.load_body()
    player = make_player(config.policy, body, ImitationConfig(physics=PhysicsConfig(threads=config.threads)))
    inverse = inverse_for(player.settings.control)
    library = open_motions(config.motions, body, console, inverse=inverse, workers=config.threads)
    optimiser = TrajectoryOptimiser(body, library, Path(config.policy), player, config)
    optimised, found = optimiser.run(config.out, workers=config.threads, progress=partial(progress, console))
    regulator = make_player("regulator", body, ImitationConfig(physics=player.settings.physics))
    shown = spread_over_categories(library, config.video_clips) if config.video else []
    with progress(console, "imitating", int((library.frames - 1).sum()), "frames") as advance:
        episodes = play_clips(
            body, optimised, regulator.policy, regulator.settings, keep_states=frozenset(shown), on_step=advance
        )
    report: dict[str, Any] = {
        **record(config),
        "tries": {entry.name: result.tries for entry, result in zip(library.clips, found, strict=True)},
        **evaluate_episodes(episodes, library.clips),
    }
    conclude(report, verdict(report), console)
    console.print(clip_table(report), summary_table(report))
    if config.json:
        write_text(config.json, json.dumps(report, indent=1))
    if config.video:
        chosen = [episodes[clip] for clip in shown]
        with progress(console, "drawing", max(len(e.distance) for e in chosen), "frames") as advance:
            write_episodes(config.video, body, library, chosen, on_frame=lambda: advance(1))
    advice = f"kinesis eval --policy regulator --motions {config.out}"
    finish(console, config.out, config.json, config.video, advice=advice)
    return report


main = partial(
    run_command,
    OptimiseConfig,
    optimise,
    name="optimise",
    description=__doc__,
    stopped="stopped; the same command goes on with what was found so far",
)
