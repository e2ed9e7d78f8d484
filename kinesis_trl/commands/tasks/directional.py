"""Obey commands, of a script or by keys: go that way, slower, faster, stop.

Examples:
    kinesis eval --task directional --picture commands.png
    kinesis eval --task directional --interactive --keys w=away s=towards
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from kinesis_trl.commands import conclude
from kinesis_trl.commands.tasks import GoalOptions, Report, draw, player_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from rich.console import Console

    from kinesis_trl.body.model import BodyModel
    from kinesis_trl.planning.controllers import Player

_SHARED = ("policy", "body", "lesion", "strength", "planner", "keys", "threads")
"""Options that the page has too."""


@dataclass(frozen=True, kw_only=True)
class Options(GoalOptions):
    """How to be commanded, and what to write."""

    task: ClassVar[str] = "directional"
    hold: float = 6.0
    """Seconds that each of the 20 commands holds."""
    interactive: bool = False
    """Command the body by keys instead of by a script, in MuJoCo's window, or without a display on a page for the
    browser."""
    keys: tuple[str, ...] = ()
    """Keys besides the numeric keypad's, as KEY=COMMAND, such as w=away."""

    def __post_init__(self) -> None:
        if self.interactive and (self.json or self.picture or self.video):
            raise ValueError("--interactive measures nothing; leave out --json, --picture and --video.")
        if not self.hold >= 4.0:
            raise ValueError(f"--hold {self.hold:g}: a command must hold for at least 4 s to be judged.")


def steer(config: Options, console: Console) -> None:
    """Be commanded by keys: in MuJoCo's window, or without a display on a page; nothing is measured."""
    from kinesis_trl.envs.directional import Heading
    from kinesis_trl.evaluation.keyboard import Bindings, has_display, steer_live
    from kinesis_trl.evaluation.steering import steering_controller

    if not has_display():
        _on_page(config, console)
        return
    bindings = Bindings.of(config.keys)
    body = config.load_body()
    steered = steering_controller(body, player_of(config, body), config.route)
    steer_live(steered, body, bindings, Heading(speed=0.8), console.print)


def _on_page(config: Options, console: Console) -> None:
    """Steer in the browser; what the page cannot do needs the window, and so a display."""
    from kinesis_trl.commands import view
    from kinesis_trl.evaluation.keyboard import DisplayError, require_display
    from kinesis_trl.viewer.server import ViewerError

    if config.route == "policy" or config.control or config.sensing:
        require_display()
    console.print("There is no display, so the keys are taken by a page.")
    shared = {name: getattr(config, name) for name in _SHARED}
    try:
        view.view(view.ViewConfig(task="directional", motions="locomotion-v1/demo", **shared), console)
    except ViewerError as error:
        raise DisplayError(str(error)) from error


def run(config: Options, body: BodyModel, player: Player, console: Console) -> Report:
    """Obey the script."""
    import numpy as np

    from kinesis_trl.evaluation.directional import (
        SCRIPT,
        command_table,
        draw_commands,
        obey,
        report_commands,
        verdict,
    )
    from kinesis_trl.evaluation.keyboard import Bindings
    from kinesis_trl.evaluation.steering import PlannerSteering, steering_controller
    from kinesis_trl.evaluation.video import Run
    from kinesis_trl.motion.library import FPS
    from kinesis_trl.progress import progress

    Bindings.of(config.keys)
    steered = steering_controller(body, player, config.route)
    states: list[tuple[NDArray[np.float64], ...]] = []

    def keep() -> None:
        physics = steered.env.physics
        ghost = (steered.env.reference_qpos,) if isinstance(steered, PlannerSteering) else ()
        states.append((physics.qpos[0].copy(), physics.activation[0].copy(), *ghost))

    with progress(console, "obeying", round(len(SCRIPT) * config.hold * FPS), "frames") as advance:
        segments = obey(steered, hold=config.hold, on_step=advance, on_frame=keep if config.video else None)
    report = report_commands(segments, config.hold)
    conclude(report, verdict(report), console)
    console.print(command_table(report))
    if config.picture:
        draw_commands(segments, config.picture)
    if config.video:
        arrays = [np.stack(column) for column in zip(*states, strict=True)]
        draw(config.video, body, [Run("directional", *arrays)], config.drawing, console)
    return report


def advice(config: Options) -> str:
    """What to do next."""
    return "kinesis view --task directional steers it in a browser"
