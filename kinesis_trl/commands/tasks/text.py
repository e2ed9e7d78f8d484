"""Do what a sentence says, or follow the motions of one file, and film it.

Examples:
    kinesis eval --task text --text "walk in a circle, then walk backward"
    kinesis eval --task text --clip mdm_walk.pkl --rehearse --lesion tibant_l --strength 0.7
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from kinesis_trl.commands import open_motions
from kinesis_trl.commands.tasks import Report
from kinesis_trl.commands.tasks.imitation import Following, follow

if TYPE_CHECKING:
    from rich.console import Console

    from kinesis_trl.body.model import BodyModel
    from kinesis_trl.planning.controllers import Player

FILM = Path("text.mp4")
"""The video that is made unless another is named."""


@dataclass(frozen=True, kw_only=True)
class Options(Following):
    """What to do, in words or as a clip, and what to write; the video is text.mp4 unless you say otherwise."""

    task: ClassVar[str] = "text"
    text: str = ""
    """What to do, in words."""
    clip: Path | None = None
    """File of one motion or some, of any format we read, to follow instead of a sentence."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if bool(self.text) == bool(self.clip):
            raise ValueError('--task text needs --text "what to do" or --clip FILE, one of them.')

    def outputs(self) -> tuple[Path | None, ...]:
        """As all tasks, and the film."""
        return *super().outputs(), None if self.video else FILM


def run(config: Options, body: BodyModel, player: Player, console: Console) -> Report:
    """Do it, and film it."""
    from kinesis_trl.envs.imitation import inverse_for
    from kinesis_trl.motion.gait.language import text_to_clip
    from kinesis_trl.motion.library import MotionLibrary

    inverse = inverse_for(player.settings.control)
    if config.clip is not None:
        library = open_motions(config.clip, body, console, inverse=inverse, workers=config.threads)
    else:
        library = MotionLibrary.build([text_to_clip(config.text, body, config.seed)], body, inverse=inverse)
    report = follow(config, config.video or FILM, library, body, player, console)
    return report


def advice(config: Options) -> str:
    """What to do next."""
    return "kinesis view --task text takes sentences in a browser"
