"""The viewer: one loop that simulates, draws and listens, from the first tab to the last."""

from __future__ import annotations

import contextlib
import io
import logging
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator

import viser

from kinesis_trl.evaluation.keyboard import Bindings
from kinesis_trl.viewer.guard import GuardedServer
from kinesis_trl.viewer.hover import name_muscles
from kinesis_trl.viewer.offer import Offer
from kinesis_trl.viewer.page import Page
from kinesis_trl.viewer.scene import BodyScene
from kinesis_trl.viewer.session import Session
from kinesis_trl.web_access import WebAccess

_log = logging.getLogger(__name__)
MOST_WAITING = 1000
"""Calls of users that may wait for the next frame."""
_MOST_SKIPPED = 5  # frames that may go undrawn while simulated time is behind


class ViewerError(RuntimeError):
    """The page cannot be served; the message says why."""


class Viewer:
    """A session on a web page. Use as a context manager; leaving it frees the port and all threads.

    Attributes:
        url: where the page is, with the token that opens it.
        port: where it listens.
        session: what it shows; belongs to the thread in `run`.
    """

    def __init__(
        self,
        session: Session,
        offer: Offer,
        *,
        host: str = "127.0.0.1",
        port: int = 8080,
        linger: float = 10.0,
        bindings: Bindings | None = None,
    ) -> None:
        """Serve the page.

        Args:
            session: what is shown.
            offer: what can be chosen.
            host: address to listen at.
            port: port to listen at; 0 takes any.
            linger: seconds that `run` goes on after the last tab was closed, as when a page is loaded again.
            bindings: keys of commands; default: the numeric keypad.

        Raises:
            ViewerError: the address is not this machine's, or the port is in use.
        """
        _check_free(host, port)
        self.session, self._linger = session, linger
        self._calls: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._page: Page | None = None
        self._wake, self._stopping = threading.Event(), threading.Event()
        access = WebAccess(host)
        with _silent():
            self._server = GuardedServer(access, port)
        self.port = int(self._server.get_port())
        if port not in (0, self.port):  # it takes the next free one if another was faster
            self.close()
            raise ViewerError(f"port {port} is in use; give another with --port, or --port 0 for any.")
        self.url = access.url(self.port)
        try:
            self._scene = BodyScene(self._server, session.body)
            self._page = Page(self._server, session, offer, self._scene, bindings, linger)
            name_muscles(self._server, session.body, self._scene)
            self._page.connect(self.post)
            self._server.on_client_connect(self._enter)
            self._server.on_client_disconnect(self._leave)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Viewer:
        """The viewer itself."""
        return self

    def __exit__(self, *args: object) -> None:
        """Free everything."""
        self.close()

    @property
    def watched(self) -> bool:
        """Whether any tab is open."""
        return bool(self._server.get_clients())

    def post(self, call: Callable[[], None]) -> None:
        """Let the thread in `run` do something between two frames; an error becomes a message on the page.

        What comes while `MOST_WAITING` calls wait is dropped.
        """
        if self._calls.qsize() < MOST_WAITING:
            self._calls.put(call)
        self._wake.set()

    def stop(self) -> None:
        """Let `run` return; from any thread or signal handler."""
        self._stopping.set()
        self._wake.set()

    def close(self) -> None:
        """Stop listening, close all tabs' connections and end all threads; `run` must have returned."""
        self.stop()
        if self._page is not None:
            self._page.close()
        self.session.close()
        with _silent():
            self._server.stop()

    def run(self) -> None:
        """Simulate and draw while a tab is open; returns after `stop` or when tabs stay closed for `linger` s."""
        seen, left = False, time.monotonic()
        due = time.monotonic()
        skipped = 0
        while not self._stopping.is_set():
            asked = self._obey()
            if not self.watched:
                if seen and time.monotonic() - left > self._linger:
                    return
                self.session.frame_rate.restart()
                self._rest(0.2)
                due = time.monotonic()
                continue
            seen, left = True, time.monotonic()
            waiting = self.session.preparing is not None
            moved = self._tick()
            due += self.session.period
            behind = time.monotonic() > due
            if asked or not behind or skipped >= _MOST_SKIPPED:
                skipped = 0
                if moved or asked:
                    self._try(self._draw)
                elif waiting:  # how it stands, or why it failed
                    self._try(self._update)
            else:
                skipped += 1
            now = time.monotonic()
            if now > due + 1.0:  # catch up after planning, but do not hurry after what was lost
                due = now
            if self.session.playing:
                self._rest(due - now)
            else:
                self._rest(0.1)
                due = time.monotonic()

    def _tick(self) -> bool:
        """One frame; a simulation that raises is paused."""
        moved: list[bool] = []
        self._try(lambda: moved.append(self.session.tick()))
        if not moved:
            self.session.set_playing(False)
        return not moved or moved[0]

    def _draw(self) -> None:
        moment = self.session.shown
        if moment is not None:
            goal = None if self.session.simulation is None else self.session.simulation.goal
            self._scene.draw(moment.qpos, moment.activation, moment.reference, goal)
        self._update()

    def _update(self) -> None:
        assert self._page is not None
        self._page.update()

    def _obey(self) -> bool:
        """Do what was posted; whether there was anything."""
        self._wake.clear()
        waiting = self._calls.qsize()  # what comes meanwhile waits for the next frame
        for _ in range(waiting):
            self._try(self._calls.get())
        return waiting > 0

    def _try(self, call: Callable[[], object]) -> None:
        """What a user does may fail, and the page says so; it never ends the show."""
        try:
            call()
        except ValueError as error:
            self.session.message = str(error)
        except Exception as error:
            _log.exception("the viewer goes on after an error")
            self.session.message = f"{type(error).__name__}: {error}"

    def _rest(self, seconds: float) -> None:
        if seconds > 0:
            self._wake.wait(seconds)

    async def _enter(self, client: viser.ClientHandle) -> None:
        self._scene.greet(client)
        self.post(lambda: None)

    async def _leave(self, client: viser.ClientHandle) -> None:
        self.post(lambda: None)


def _check_free(host: str, port: int) -> None:
    """Raise ViewerError where nobody could listen; viser itself would search on silently."""
    if not 0 <= port <= 65535:
        raise ViewerError(f"cannot listen at port {port}; give a --port from 0 (any) to 65535.")
    try:
        family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, proto) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise ViewerError(
            f"cannot listen at {host} port {port} ({error}); give another --port (0 for any) or --host."
        ) from error


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Keep the library's own announcements off the terminal."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield
