"""An episode of a session as a video file, with the colours of the page."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from kinesis_trl.body.model import BodyModel
from kinesis_trl.evaluation.config import PictureConfig
from kinesis_trl.evaluation.lettering import caption
from kinesis_trl.evaluation.rendering import BodyRenderer, Image, RenderError
from kinesis_trl.evaluation.video import write_side_by_side
from kinesis_trl.viewer.session import Moment, Session


def record_episode(
    path: Path,
    session: Session,
    *,
    longest: float = 60.0,
    orders: tuple[tuple[float, str], ...] = (),
    picture: PictureConfig | None = None,
    on_frame: Callable[[], None] | None = None,
) -> None:
    """Simulate one episode of a session and write it as an .mp4.

    Args:
        path: the file.
        session: has something to simulate.
        longest: seconds after which an episode without an end is left, in simulated time.
        orders: commands to give, each with its time in seconds of the episode, in order.
        picture: size, camera and shadows.
        on_frame: called after every frame drawn, for progress.

    Raises:
        RenderError: no off-screen OpenGL on this machine.
        ValueError: nothing to simulate, or a command that the simulation does not take.
    """
    if session.simulation is None:
        raise ValueError(session.message or "there is nothing to record yet.")
    session.restart()
    session.set_playing(True)
    moments, lines, waiting, order = [], [], list(orders), ""
    while True:
        moment = session.shown
        assert moment is not None
        moments.append(moment)
        over = session.outcome != "on"
        lines.append("\n".join(filter(None, (session.simulation.title, order, session.verdict if over else ""))))
        if over or moment.seconds >= longest - 1e-6:
            break
        while waiting and waiting[0][0] <= moment.seconds + 1e-6:
            order = waiting.pop(0)[1]
            session.command(order)
        session.tick()
    write_moments(path, session.body, moments, lines, picture or PictureConfig(), on_frame)


def write_moments(
    path: Path,
    body: BodyModel,
    moments: Sequence[Moment],
    lines: Sequence[str],
    picture: PictureConfig,
    on_frame: Callable[[], None] | None = None,
) -> None:
    """Write moments as an .mp4, each with its lines and its time.

    Raises:
        RenderError: no off-screen OpenGL on this machine.
    """

    def draw(renderer: BodyRenderer, index: int, t: int) -> Image:
        moment = moments[t]
        image = renderer.frame(moment.qpos, moment.activation, moment.reference)
        return caption(image, f"{lines[t]}\n{moment.seconds:5.2f} s")

    write_side_by_side(path, body, 1, len(moments), draw, picture, on_frame)


class VideoExport:
    """Draws moments on a thread of its own, one video at a time.

    Attributes:
        status: how the present or last export stands, in words; empty before the first.
    """

    def __init__(self, body: BodyModel) -> None:
        self._body, self.status = body, ""
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="export")
        self._running: Future[None] | None = None
        self._stopped = False

    def start(
        self,
        moments: Sequence[Moment],
        title: str,
        picture: PictureConfig,
        deliver: Callable[[str, bytes], object],
    ) -> None:
        """Draw, and call `deliver` with a file's name and content; returns at once.

        Raises:
            ValueError: an export is going on.
        """
        if self._running is not None and not self._running.done():
            raise ValueError("a video is being drawn; wait until it is there.")
        self.status = f"Drawing {len(moments)} frames …"
        self._running = self._worker.submit(self._export, moments, title, picture, deliver)

    def close(self) -> None:
        """Leave what is being drawn, and end the thread."""
        self._stopped = True
        self._worker.shutdown(wait=True, cancel_futures=True)

    def _export(
        self,
        moments: Sequence[Moment],
        title: str,
        picture: PictureConfig,
        deliver: Callable[[str, bytes], object],
    ) -> None:
        drawn = 0

        def count() -> None:
            nonlocal drawn
            drawn += 1
            self.status = f"Drawn: {drawn} of {len(moments)} frames."
            if self._stopped:
                raise _StoppedError

        name = "".join(c if c.isalnum() else "-" for c in title).strip("-")[:60] or "episode"
        try:
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder) / f"{name}.mp4"
                write_moments(file, self._body, moments, [title] * len(moments), picture, count)
                content = file.read_bytes()
            deliver(file.name, content)
            self.status = f"Sent {file.name} ({len(content) / 1e6:.1f} MB)."
        except _StoppedError:
            self.status = "The export was left."
        except (RenderError, OSError) as error:
            self.status = f"No video: {error}"
        except Exception as error:
            self.status = f"No video: {type(error).__name__}: {error}"


class _StoppedError(Exception):
    """The viewer ends while a video is drawn."""
