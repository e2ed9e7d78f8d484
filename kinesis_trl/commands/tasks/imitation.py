"""Follow clips: each is played once from its first frame, all side by side.

Examples:
    kinesis eval --policy reference --motions locomotion-v1/test --json out.json --video out.mp4
    kinesis eval --motions motions/mine --optimise
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from kinesis_trl.commands import conclude, open_motions
from kinesis_trl.commands.tasks import EvalConfig, Report

if TYPE_CHECKING:
    from rich.console import Console

    from kinesis_trl.body.model import BodyModel
    from kinesis_trl.evaluation.config import PictureConfig
    from kinesis_trl.evaluation.rollout import Episode
    from kinesis_trl.motion.library import MotionLibrary
    from kinesis_trl.planning.controllers import Player


@dataclass(frozen=True, kw_only=True)
class Following(EvalConfig):
    """What following clips takes, wherever they come from."""

    optimise: bool = False
    """Search each clip for a motion that the body can keep up, by the policy, and follow that by a regulator, as
    kinesis optimise does; about ten seconds for each second of motion, once."""
    sheet: Path | None = None
    """Write what the video would show as one picture to this .png, a moment every fifth of a second."""

    def __post_init__(self) -> None:
        if self.optimise and self.planner.samples:
            raise ValueError("--optimise follows by a regulator, without the planner; leave out one of the two.")

    def shipped(self) -> str:
        """As all tasks, or what trajectories are searched about."""
        from kinesis_trl.shipped import FEEDFORWARD_POLICY

        return FEEDFORWARD_POLICY if self.optimise else super().shipped()

    def outputs(self) -> tuple[Path | None, ...]:
        """As all tasks, and the sheet."""
        return *super().outputs(), self.sheet


@dataclass(frozen=True, kw_only=True)
class Options(Following):
    """Which clips to follow, and what to write."""

    task: ClassVar[str] = "imitation"
    motions: str = "locomotion-v1/test"
    """locomotion-v1/train, /test or /demo, a folder written by kinesis prepare, or motion files of any format."""


def run(config: Options, body: BodyModel, player: Player, console: Console) -> Report:
    """Follow all clips."""
    from kinesis_trl.envs.imitation import inverse_for

    inverse = inverse_for(player.settings.control)
    library = open_motions(config.motions, body, console, inverse=inverse, workers=config.threads)
    report = follow(config, config.video, library, body, player, console)
    return report


def follow(
    config: Following, video: Path | None, library: MotionLibrary, body: BodyModel, player: Player, console: Console
) -> Report:
    """Play every clip of a library, print verdict and tables, and draw what was asked for."""
    from functools import partial

    from kinesis_trl.evaluation.metrics import evaluate_episodes
    from kinesis_trl.evaluation.rollout import play_clips
    from kinesis_trl.evaluation.tables import clip_table, summary_table, verdict, write_picture
    from kinesis_trl.evaluation.video import spread_over_categories
    from kinesis_trl.planning.config import OptimisationConfig
    from kinesis_trl.planning.controllers import make_player
    from kinesis_trl.planning.optimise import TrajectoryOptimiser
    from kinesis_trl.progress import progress
    from kinesis_trl.shipped import asset

    if config.optimise:
        policy = Path(config.policy) if config.policy else asset(config.shipped())
        optimiser = TrajectoryOptimiser(body, library, policy, player, OptimisationConfig())
        library = optimiser.cached(workers=config.threads, progress=partial(progress, console))
    if library.feedback is not None and (config.optimise or not (config.policy or config.planner.samples)):
        player = make_player("regulator", body, player.settings, control=config.control)
    shown = spread_over_categories(library, config.video_clips) if video or config.sheet else []
    with progress(console, "imitating", int((library.frames - 1).sum()), "frames") as advance:
        episodes = play_clips(
            body, library, player.policy, player.settings, keep_states=frozenset(shown), on_step=advance
        )
    report = evaluate_episodes(episodes, library.clips)
    conclude(report, verdict(report), console)
    if player.trained_on:
        console.print(
            f"the policy was trained on body {player.trained_on}; what body {body.name} has besides, the control alone "
            "holds.",
            markup=False,
        )
    console.print(clip_table(report), summary_table(report))
    if config.picture:
        write_picture(report, config.picture)
    _draw(video, config.sheet, body, library, [episodes[i] for i in shown], config.drawing, console)
    return report


def _draw(
    video: Path | None,
    sheet: Path | None,
    body: BodyModel,
    library: MotionLibrary,
    episodes: list[Episode],
    picture: PictureConfig,
    console: Console,
) -> None:
    from kinesis_trl.evaluation.video import SHEET_EVERY, write_episodes, write_sheet
    from kinesis_trl.progress import progress

    if video:
        with progress(console, "drawing", max(len(e.distance) for e in episodes), "frames") as advance:
            write_episodes(video, body, library, episodes, picture=picture, on_frame=lambda: advance(1))
    if sheet:
        total = sum(len(e.distance) // SHEET_EVERY + 1 for e in episodes)
        with progress(console, "drawing", total, "pictures") as advance:
            write_sheet(sheet, body, library, episodes, on_frame=lambda: advance(1))


def advice(config: Options) -> str:
    """What to do next."""
    from kinesis_trl.shipped import asset

    policy = config.policy or asset(config.shipped())  # the report's own is another
    return f"kinesis report --policy {policy} says whether it moves as people do"
