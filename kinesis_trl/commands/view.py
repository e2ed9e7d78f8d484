"""Watch and steer the body in a browser, on this machine only, until the page is closed or Ctrl-C.

Example: kinesis view --motions locomotion-v1/test --lesion tibant_l
"""

from __future__ import annotations

import signal
import webbrowser
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from kinesis_trl.agents.exceptions import CheckpointError
from kinesis_trl.commands import check_outputs, finish, run_command, stopping_on
from kinesis_trl.commands._options import LesionOptions
from kinesis_trl.evaluation.config import PictureConfig
from kinesis_trl.planning.config import MppiConfig
from kinesis_trl.shipped import SHIPPED_POLICY, asset

if TYPE_CHECKING:
    from rich.console import Console

    from kinesis_trl.viewer.offer import Offer
    from kinesis_trl.viewer.session import Session


@dataclass(frozen=True, kw_only=True)
class ViewConfig(LesionOptions):
    """What to show, and where."""

    task: Literal["imitation", "point-goal", "ball", "directional", "text"] = "imitation"
    """Follow a clip, go to a place or to a ball drawn at random, obey commands, or do what a sentence says; the page
    can change it."""
    policy: str = ""
    """A run's policy folder, an original model.pth, or zero, random, reference, or regulator for optimised motions; ''
    takes the regulator for these, else the one that ships."""
    motions: str = "locomotion-v1/test"
    """locomotion-v1/train, /test or /demo, a folder written by kinesis prepare, or motion files of any format."""
    clip: str = ""
    """Name of the clip to begin with; '' takes the first."""
    text: str = "walk forward for 3 meters, then turn left and stop"
    """Sentence to carry out, with task text."""
    goal: tuple[float, float] = (1.5, 0.5)
    """Where to go with task point-goal, in metres ahead of the start and to its left, each up to 2."""
    planner: MppiConfig = field(default_factory=MppiConfig)
    """MPPI about trained policies before each step; slower than real time on few cores."""
    keys: tuple[str, ...] = ()
    """Keys for commands besides the numeric keypad's, as KEY=COMMAND, such as w=away."""
    host: str = "127.0.0.1"
    """Address to listen at; the default is reachable from this machine only."""
    port: int = 8080
    """Port of the page; 0 takes any."""
    browser: bool = True
    """Open the page in the browser, where there is a display."""
    linger: float = 10.0
    """Seconds until the server ends after the last tab was closed."""
    video: Path | None = None
    """Write one episode to this .mp4 instead of opening a page."""
    drawing: PictureConfig = field(default_factory=PictureConfig)
    """Size, camera and shadows of that video."""
    longest: float = 20.0
    """Seconds after which the video of an episode without an end is cut."""
    commands: tuple[str, ...] = ("away", "faster", "left", "away left", "stop")
    """Commands given one after the other in a video with task directional; names as `DIRECTIONS` has them, and stop,
    slower and faster."""
    hold: float = 4.0
    """Seconds that each command holds."""

    def __post_init__(self) -> None:
        from kinesis_trl.agents.baselines import BASELINES
        from kinesis_trl.envs.directional import Heading
        from kinesis_trl.evaluation.keyboard import Bindings

        Bindings.of(self.keys)
        if self.policy in BASELINES and self.planner.samples:
            raise ValueError(f"the planner needs a trained policy, {self.policy!r} is none.")
        heading = Heading()
        for name in self.commands:
            heading = heading.obey(name)
        if not (self.hold > 0.0 and self.longest > 0.0 and self.linger >= 0.0):
            raise ValueError(
                f"--hold {self.hold:g} and --longest {self.longest:g} must be positive, "
                f"--linger {self.linger:g} not negative."
            )


def view(config: ViewConfig, console: Console) -> None:
    """Serve the page until its last tab is closed, or write the video."""
    from kinesis_trl.evaluation.keyboard import Bindings, has_display
    from kinesis_trl.progress import progress
    from kinesis_trl.viewer.recording import record_episode
    from kinesis_trl.viewer.server import Viewer

    check_outputs(config.video)
    session, offer = prepare(config, console)
    try:
        if config.video:
            with progress(console, "drawing", None, "frames") as advance:
                record_episode(
                    config.video,
                    session,
                    longest=config.longest,
                    orders=orders(config),
                    picture=config.drawing,
                    on_frame=lambda: advance(1),
                )
            console.print(session.verdict, markup=False, highlight=False)
            finish(console, config.video, advice="kinesis view shows the same in a browser")
            return
        with Viewer(
            session,
            offer,
            host=config.host,
            port=config.port,
            linger=config.linger,
            bindings=Bindings.of(config.keys),
        ) as viewer:
            console.print(f"The body is at {viewer.url}  (Ctrl-C stops it)", highlight=False)
            if config.browser and has_display():
                webbrowser.open(viewer.url)
            viewer.run()
        console.print("The page was closed.")
    finally:
        session.close()


def orders(config: ViewConfig) -> tuple[tuple[float, str], ...]:
    """Commands for a video with their times in seconds of the episode; none but for task directional."""
    if config.task != "directional":
        return ()
    return tuple((k * config.hold, name) for k, name in enumerate(config.commands))


def prepare(config: ViewConfig, console: Console) -> tuple[Session, Offer]:
    """A session that simulates what is asked for, and what else is on offer.

    Raises:
        ValueError: unknown clip, muscle or policy, or a sentence that means nothing.
    """
    from kinesis_trl.agents.baselines import BASELINES
    from kinesis_trl.progress import counting
    from kinesis_trl.viewer.offer import Offer
    from kinesis_trl.viewer.session import Choice, Session

    body = config.load_body()
    policies = _shipped()
    chosen = config.policy
    if chosen and chosen not in policies and chosen not in BASELINES:
        if not Path(chosen).exists():
            raise CheckpointError(
                f"no policy at {chosen}; give one of {', '.join((*policies, *BASELINES))}, or the path of a policy."
            )
        policies = {chosen: Path(chosen), **policies}
    with counting(console, "preparing motions", "clips") as on_clip:
        offer = Offer(
            body,
            config.motions,
            policies,
            threads=config.threads,
            planner=config.planner,
            condition=config.condition,
            on_clip=on_clip,
        )
    regulated = offer.optimised and config.task == "imitation" and not config.planner.samples
    usual = "regulator" if regulated else Path(SHIPPED_POLICY).name
    session = Session(body, offer.make)
    try:
        session.weaken_all(config.strength)
        session.weaken(config.cut, 0.0)
        clip = config.clip or offer.clips[0]
        session.change(
            Choice(
                task=config.task,
                policy=chosen or usual,
                clip=clip,
                sentence=config.text,
                goal=config.goal,
                planner=config.planner.samples > 0,
                fatigue=config.condition is not None,
            )
        )
        with console.status("Preparing …"):
            session.settle()
        if session.simulation is None:
            raise ValueError(session.message)
    except BaseException:
        session.close()
        raise
    return session, offer


def _shipped() -> dict[str, Path]:
    """Policies that ship with the package, by the names of their folders."""
    return {path.parent.name: path.parent for path in sorted(asset("policies").glob("*/policy.safetensors"))}


def show(config: ViewConfig, console: Console) -> None:
    """View until Ctrl-C, SIGTERM or SIGHUP."""
    try:
        with stopping_on(signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            view(config, console)
    except KeyboardInterrupt:
        console.print("Stopped.")


main = partial(run_command, ViewConfig, show, name="view", description=__doc__)
