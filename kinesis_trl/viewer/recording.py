"""An episode of a session as a video file, with the look of the page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from kinesis_trl.evaluation.rendering import BodyRenderer, Camera, Image, caption, write_video
from kinesis_trl.motion.library import FPS
from kinesis_trl.viewer.session import Session

_SIZE = (640, 480)
_CAMERA = Camera(distance=2.9, azimuth=127.0, elevation=-10.0)


def record_episode(
    path: Path,
    session: Session,
    *,
    longest: float = 60.0,
    orders: tuple[tuple[float, str], ...] = (),
    on_frame: Callable[[], None] | None = None,
) -> None:
    """Play one episode of a session and write it as an .mp4.

    Args:
        path: the file.
        session: has something to play.
        longest: seconds after which an episode without an end is left, in simulated time.
        orders: commands to give, each with its time in seconds of the episode, in order.
        on_frame: called after every frame, for progress.

    Raises:
        RenderError: no off-screen OpenGL on this machine.
        ValueError: nothing to play, or a command that the play does not take.
    """
    if session.simulation is None:
        raise ValueError(session.message or "there is nothing to film yet.")
    session.restart()
    session.set_playing(True)
    with BodyRenderer(session.body, width=_SIZE[0], height=_SIZE[1], camera=_CAMERA) as renderer:
        write_video(path, _frames(renderer, session, longest, list(orders), on_frame), fps=FPS)


def _frames(
    renderer: BodyRenderer,
    session: Session,
    longest: float,
    orders: list[tuple[float, str]],
    on_frame: Callable[[], None] | None,
) -> Iterator[Image]:
    assert session.simulation is not None
    order = ""
    while True:
        moment = session.shown
        assert moment is not None
        text = f"{session.simulation.title[:60]}   {moment.seconds:5.2f} s   {order}"
        if session.outcome != "on":
            text += f"\n{session.verdict}"
        yield caption(renderer.frame(moment.qpos, moment.activation, moment.reference), text)
        if on_frame is not None:
            on_frame()
        if session.outcome != "on" or moment.seconds >= longest - 1e-6:
            return
        while orders and orders[0][0] <= moment.seconds + 1e-6:
            order = orders.pop(0)[1]
            session.command(order)
        session.tick()
