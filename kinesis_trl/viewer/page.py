"""The controls of the page: what the user does becomes calls of a session, what the session says is shown."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import viser

from kinesis_trl.evaluation.keyboard import Bindings
from kinesis_trl.motion.library import FPS
from kinesis_trl.viewer.controls import On, Post, Shown, plain, put
from kinesis_trl.viewer.offer import Offer
from kinesis_trl.viewer.panel_motion import MotionPanel
from kinesis_trl.viewer.panel_muscles import MusclePanel, PlotPanel
from kinesis_trl.viewer.panel_view import ViewPanel
from kinesis_trl.viewer.scene import BodyScene
from kinesis_trl.viewer.session import SIDES, SPEEDS, Session

_HARDEST = 400
"""Hardest push of the page in newtons."""


class Page:
    """Controls of one session; all tabs show the same."""

    def __init__(
        self,
        server: viser.ViserServer,
        session: Session,
        offer: Offer,
        scene: BodyScene,
        bindings: Bindings | None = None,
        linger: float = 10.0,
    ) -> None:
        """Add the controls; `connect` brings them to life.

        Args:
            server: of the page.
            session: what is shown and steered.
            offer: what can be chosen.
            scene: the body on the page.
            bindings: keys of commands; default: the numeric keypad.
            linger: seconds that the viewer goes on after the last tab was closed, for the page to say.
        """
        self._bindings = bindings or Bindings.of()
        self._gui, self._session = server.gui, session
        self._shown = Shown()
        server.gui.configure_theme(show_logo=False, show_share_button=False, brand_color=(31, 95, 196))
        self._add_playback()
        tabs = server.gui.add_tab_group()
        with tabs.add_tab("Motion"):
            self.motion = MotionPanel(server.gui, session, offer, scene, self._bindings)
        with tabs.add_tab("Muscles"):
            self.muscles = MusclePanel(server.gui, session)
        with tabs.add_tab("Plot"):
            self._plot = PlotPanel(server.gui, session)
        with tabs.add_tab("View"):
            self.view = ViewPanel(server.gui, session, scene, linger)

    def _add_playback(self) -> None:
        gui = self._gui
        self._status = gui.add_markdown("Preparing …")
        self.trouble = gui.add_markdown("", visible=False)
        self._play = gui.add_button("Pause", icon=viser.Icon.PLAYER_PAUSE)
        self._restart = gui.add_button("Start again", icon=viser.Icon.PLAYER_SKIP_BACK)
        self._time = gui.add_slider("Time (s)", 0.0, 1.0, 0.01, 0.0)
        self._speed = gui.add_slider("Speed (×)", *SPEEDS, 0.1, self._session.speed)
        with gui.add_folder("Push"):
            self._force = gui.add_slider("Force (N)", 20, _HARDEST, 10, 150)
            self._push = gui.add_button_group("From", tuple(SIDES), hint="Pushes the pelvis for 0.2 s.")

    def connect(self, post: Post) -> None:
        """Bring the controls to life; every action is handed to `post`."""
        session = self._session

        def on(control: Any, act: Callable[[], Any], moment: str = "on_update") -> None:
            def answered() -> None:
                session.message = ""  # what went wrong before is over
                act()

            async def react(event: Any) -> None:  # async callbacks run in the order of arrival
                if event.client_id is not None:  # not what we set ourselves
                    post(answered)

            getattr(control, moment)(react)

        on(self._play, lambda: session.set_playing(not session.playing), "on_click")
        on(self._restart, session.restart, "on_click")
        on(self._time, self._scrub)
        on(self._speed, lambda: session.set_speed(self._speed.value))
        on(self._push, lambda: session.push(self._force.value, self._push.value), "on_click")
        self._connect_keys(on)
        for panel in (self.motion, self.muscles, self._plot):
            panel.connect(on)
        self.view.connect(on, post)

    def _connect_keys(self, on: On) -> None:
        session = self._session
        keys: dict[str, tuple[str, Callable[[], None]]] = {
            key: (name.capitalize(), partial(session.command, name)) for key, name in self._bindings.hotkeys.items()
        }
        keys.setdefault("P", ("Run or pause", lambda: session.set_playing(not session.playing)))
        keys.setdefault("R", ("Start again", session.restart))
        for key, (label, act) in keys.items():
            on(self._gui.add_command(label, hotkey=key), act, "on_trigger")  # type: ignore[arg-type]

    def _scrub(self) -> None:
        self._session.scrub(self._time.value)
        if self._session.shown is not None:  # the user's own slider is not moved under their hand
            self._shown.values["now"] = round(self._session.shown.seconds, 2)

    def update(self) -> None:
        """Show how the session stands; only what changed is sent."""
        session = self._session
        self._say_status(session)
        if self._shown.new("playing", session.playing):
            self._play.label = "Pause" if session.playing else "Play"
            self._play.icon = viser.Icon.PLAYER_PAUSE if session.playing else viser.Icon.PLAYER_PLAY
        if session.moments:
            self._show_time(session)
        for panel in (self.motion, self.muscles, self._plot, self.view):
            panel.update()

    def close(self) -> None:
        """End what the page does beside the simulation."""
        self.view.export.close()

    def _say_status(self, session: Session) -> None:
        simulation = session.simulation
        lines = [f"**{plain(simulation.title)}**" if simulation else "Nothing is simulated yet."]
        if simulation:
            falls = f", {session.falls} {'fall' if session.falls == 1 else 'falls'} so far" if session.falls else ""
            lines.append(f"Episode {session.episodes}{falls}.")
            if session.verdict:
                lines.append(f"{'This' if session.outcome != 'on' else 'Last'} episode: {plain(session.verdict)}")
        if session.preparing is not None:
            wanted = session.preparing
            lines.append(f"⏳ Preparing {plain(wanted.sentence if wanted.task == 'text' else wanted.task)} …")
        rate = session.frame_rate.rate
        if session.playing and rate is not None:
            lines.append(f"{rate:.0f} of {FPS * session.speed:.0f} frames/s.")
        trouble = "\n\n".join(f"⚠️ {plain(text)}" for text in (session.message, session.slow) if text)
        text = "\n\n".join(lines)
        if self._shown.new("status", text):
            self._status.content = text
        if self._shown.new("trouble", trouble):
            self.trouble.content, self.trouble.visible = trouble, bool(trouble)

    def _show_time(self, session: Session) -> None:
        first, last, now = session.moments[0].seconds, session.moments[-1].seconds, session.shown
        assert now is not None
        end = max(last, first + 1 / FPS, 0.0 if session.simulation is None else session.simulation.seconds or 0.0)
        span = (round(first, 2), round(end, 2))
        if self._shown.new("span", span):
            self._time.min, self._time.max = span
        if self._shown.new("now", round(now.seconds, 2)):
            put(self._time, float(np.clip(round(now.seconds, 2), *span)))
