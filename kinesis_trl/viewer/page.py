"""The controls of the page: what the user does becomes calls of a session, what the session says is shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import viser
from viser import uplot

from kinesis_trl.evaluation.keyboard import Bindings
from kinesis_trl.motion.library import FPS
from kinesis_trl.planning.controllers import muscles_named
from kinesis_trl.viewer.offer import Offer
from kinesis_trl.viewer.scene import BodyScene
from kinesis_trl.viewer.session import SPEEDS, Choice, Session

Post = Callable[[Callable[[], None]], None]
"""Hands a call to the thread that owns the session."""

PLOTTED = 4
"""Most muscles plotted at a time."""
_COLOURS = {"Red": "#d6282f", "Blue": "#1f5fc4", "Green": "#1f8a4c", "Brown": "#b06a00"}
_PLOT_EVERY = 4  # frames
_TASKS = {"Follow a clip": "imitation", "Steer it": "directional", "Say what to do": "text"}
_ARROWS = {
    "↖": "away left", "↑": "away", "↗": "away right",
    "←": "left", "stop": "stop", "→": "right",
    "↙": "towards left", "↓": "towards", "↘": "towards right",
    "slower": "slower", "faster": "faster",
}  # fmt: skip
"""Commands of the directional task by the buttons that give them; rows of a pad, and the speed."""
_LEGEND = """Muscles are blue at rest and red when fully active. The pale blue figure is the motion that it should make.

Drag to turn, scroll to come nearer, drag with the right button to move. P plays and pauses, R starts again."""


class Page:
    """Controls of one session; all tabs show the same."""

    def __init__(
        self,
        server: viser.ViserServer,
        session: Session,
        offer: Offer,
        scene: BodyScene,
        bindings: Bindings | None = None,
    ) -> None:
        """Add the controls; `connect` brings them to life.

        Args:
            server: of the page.
            session: what is shown and steered.
            offer: what can be chosen.
            scene: the body on the page.
            bindings: keys of commands; default: the numeric keypad.
        """
        self._bindings = bindings or Bindings.of()
        self._gui, self._session, self._repertoire, self._scene = server.gui, session, offer, scene
        self._names = session.body.muscle_names
        sides = {"right": "_r", "left": "_l"}
        self._groups = {
            f"{group}, {side}": tuple(self._names[i] for i in ids if self._names[i].endswith(end))
            for group, ids in session.body.muscle_groups.items()
            for side, end in sides.items()
        } | {name: (name,) for name in self._names}
        self._groups = {name: members for name, members in self._groups.items() if members}
        self._frame = 0
        self._shown: dict[str, Any] = {}
        server.gui.configure_theme(show_logo=False, show_share_button=False, brand_color=(31, 95, 196))
        self._add_playback()
        tabs = server.gui.add_tab_group()
        with tabs.add_tab("Motion"):
            self._add_motion(session.preparing or session.choice or Choice())
        with tabs.add_tab("Muscles"):
            self._add_muscles()
        with tabs.add_tab("Plot"):
            self._add_plot()
        with tabs.add_tab("View"):
            self._follow = server.gui.add_checkbox("Follow the body", scene.follow)
            self._ghost = server.gui.add_checkbox("Show the reference", scene.ghost)
            server.gui.add_markdown(_LEGEND)

    # -- layout --------------------------------------------------------------------------------------------

    def _add_playback(self) -> None:
        gui = self._gui
        self._status = gui.add_markdown("Preparing …")
        self._trouble = gui.add_markdown("", visible=False)
        self._play = gui.add_button("Pause", icon=viser.Icon.PLAYER_PAUSE)
        self._restart = gui.add_button("Start again", icon=viser.Icon.PLAYER_SKIP_BACK)
        self._time = gui.add_slider("Time (s)", 0.0, 1.0, 0.01, 0.0)
        self._speed = gui.add_slider("Speed (×)", *SPEEDS, 0.1, self._session.speed)

    def _add_motion(self, choice: Choice) -> None:
        gui, known = self._gui, self._repertoire
        policies = tuple(known.policies)
        task = next(label for label, name in _TASKS.items() if name == choice.task)
        self._task = gui.add_dropdown("Task", tuple(_TASKS), initial_value=task)
        self._policy = gui.add_dropdown("Policy", policies, initial_value=_known(choice.policy, policies))
        self._clip = gui.add_dropdown("Clip", known.clips, initial_value=_known(choice.clip, known.clips))
        self._form = gui.add_form("In words")
        with self._form:
            self._sentence = gui.add_text("Sentence", choice.sentence or "walk forward 3 meters, then turn left")
            self._say = gui.add_button("Do it")
        self._steering = gui.add_folder("Steer")
        with self._steering:
            arrows = tuple(_ARROWS)
            self._orders = [
                gui.add_button_group("Direction" if k == 0 else "", arrows[k : k + 3]) for k in range(0, 9, 3)
            ]
            self._orders.append(gui.add_button_group("Speed", arrows[9:]))
            gui.add_markdown(_keys_in_words(self._bindings))

    def _add_muscles(self) -> None:
        gui = self._gui
        self._overall = gui.add_slider("All muscles (%)", 0, 100, 1, round(100 * self._session.overall))
        self._chosen = gui.add_dropdown("Muscles", tuple(self._groups), initial_value=next(iter(self._groups)))
        self._share = gui.add_slider("Their strength (%)", 0, 100, 1, 100)
        self._cutting = gui.add_form("Lesion")
        with self._cutting:
            self._cut = gui.add_text("Cut", "", hint="Names of muscles, separated by commas, e.g. tibant_l, tibant_r")
            self._cut_now = gui.add_button("Cut them")
        self._heal = gui.add_button("Heal all")
        self._weak = gui.add_markdown("All muscles are whole.")

    def _add_plot(self) -> None:
        gui = self._gui
        first = [f"{stem}_{side}" for side in "rl" for stem in ("soleus", "tibant")]
        usual = [name if name in self._names else "none" for name in first][:PLOTTED]
        empty = tuple(np.zeros(2) for _ in range(PLOTTED + 1))
        self._plot = gui.add_uplot(
            empty,
            _series(usual),
            title="Activation over time (s)",
            scales={"x": uplot.Scale(time=False), "y": uplot.Scale(range=(0.0, 1.0))},
            legend=uplot.Legend(show=False),
            aspect=1.4,
        )
        self._plotted = [
            gui.add_dropdown(colour, ("none", *self._names), initial_value=name)
            for colour, name in zip(_COLOURS, usual, strict=True)
        ]

    # -- from the user to the session ----------------------------------------------------------------------

    def connect(self, post: Post) -> None:
        """Bring the controls to life; every action is handed to `post`."""
        session, scene = self._session, self._scene

        def on(control: Any, act: Callable[[], Any], moment: str = "on_update") -> None:
            async def react(event: Any) -> None:  # async callbacks run in the order of arrival
                if event.client_id is not None:  # not what we set ourselves
                    post(act)

            getattr(control, moment)(react)

        on(self._play, lambda: session.set_playing(not session.playing), "on_click")
        on(self._restart, session.restart, "on_click")
        on(self._time, self._scrub)
        on(self._speed, lambda: session.set_speed(self._speed.value))
        on(self._task, self._choose)
        on(self._policy, self._choose)
        on(self._clip, self._choose)
        on(self._say, self._speak, "on_click")
        on(self._form, self._speak, "on_submit")
        for group in self._orders:
            on(group, partial(self._order, group), "on_click")
        on(self._overall, lambda: session.weaken_all(self._overall.value / 100))
        on(self._chosen, self._show_share)
        on(self._share, lambda: session.weaken(self._groups[self._chosen.value], self._share.value / 100))
        on(self._cut_now, self._lesion, "on_click")
        on(self._cutting, self._lesion, "on_submit")
        on(self._heal, self._mend, "on_click")
        for box in self._plotted:
            on(box, lambda: self._shown.pop("plot", None))
        on(self._follow, lambda: setattr(scene, "follow", self._follow.value))
        on(self._ghost, lambda: setattr(scene, "ghost", self._ghost.value))
        keys: dict[str, tuple[str, Callable[[], None]]] = {
            key: (name.capitalize(), partial(session.command, name)) for key, name in self._bindings.hotkeys.items()
        }
        keys.setdefault("P", ("Play or pause", lambda: session.set_playing(not session.playing)))
        keys.setdefault("R", ("Start again", session.restart))
        for key, (label, act) in keys.items():
            on(self._gui.add_command(label, hotkey=key), act, "on_trigger")  # type: ignore[arg-type]

    def _order(self, group: Any) -> None:
        self._session.command(_ARROWS[group.value])

    def _scrub(self) -> None:
        self._session.scrub(self._time.value)
        if self._session.shown is not None:  # the user's own slider is not moved under their hand
            self._shown["now"] = round(self._session.shown.seconds, 2)

    def _choose(self) -> None:
        task = _TASKS[self._task.value]
        self._session.change(
            Choice(
                task=task,  # type: ignore[arg-type]
                policy=self._policy.value,
                clip=self._clip.value,
                sentence=self._sentence.value,
            )
        )

    def _speak(self) -> None:
        self._session.another(task="text", sentence=self._sentence.value)

    def _lesion(self) -> None:
        self._session.weaken(muscles_named([self._cut.value]), 0.0)

    def _mend(self) -> None:
        self._session.weaken(self._names, 1.0)
        self._session.weaken_all(1.0)
        _put(self._overall, 100)
        _put(self._share, 100)

    def _show_share(self) -> None:
        members = [self._names.index(name) for name in self._groups[self._chosen.value]]
        _put(self._share, round(100 * float(self._session.share[members].mean())))

    # -- from the session to the user ----------------------------------------------------------------------

    def update(self) -> None:
        """Show how the session stands; only what changed is sent."""
        session = self._session
        self._frame += 1
        self._say_status(session)
        if self._new("playing", session.playing):
            self._play.label = "Pause" if session.playing else "Play"
            self._play.icon = viser.Icon.PLAYER_PAUSE if session.playing else viser.Icon.PLAYER_PLAY
        if session.moments:
            self._show_time(session)
        # what could not be played stays in the controls, to be mended
        if session.preparing is None and session.choice is not None and self._new("choice", session.choice):
            choice = session.choice
            _put(self._task, next(label for label, name in _TASKS.items() if name == choice.task))
            _put(self._policy, _known(choice.policy, tuple(self._repertoire.policies)))
            _put(self._clip, _known(choice.clip, self._repertoire.clips))
        task = _TASKS[self._task.value]
        if self._new("task", task):
            self._clip.visible = task == "imitation"
            self._form.visible = task == "text"
            self._steering.visible = task == "directional"
            self._scene.look(behind=task == "directional")
        if self._new("weak", (session.overall, session.weakened)):
            self._weak.content = _weakness(session)
        if self._frame % _PLOT_EVERY == 0 or "plot" not in self._shown:
            self._draw_plot(session)

    def _say_status(self, session: Session) -> None:
        lines = [f"**{_plain(session.simulation.title)}**" if session.simulation else "Nothing is played yet."]
        if session.simulation:
            falls = f", fell {session.falls} times" if session.falls > 1 else ""
            lines.append(f"Episode {session.episodes}{falls}. {session.verdict}")
        if session.preparing is not None:
            wanted = session.preparing
            lines.append(f"⏳ Preparing {_plain(wanted.sentence if wanted.task == 'text' else wanted.task)} …")
        rate = session.frame_rate.rate
        if session.playing and rate is not None:
            lines.append(f"{rate:.0f} of {FPS * session.speed:.0f} frames/s.")
        trouble = "\n\n".join(f"⚠️ {_plain(text)}" for text in (session.message, session.slow) if text)
        text = "\n\n".join(lines)
        if self._new("status", text):
            self._status.content = text
        if self._new("trouble", trouble):
            self._trouble.content, self._trouble.visible = trouble, bool(trouble)

    def _show_time(self, session: Session) -> None:
        first, last, now = session.moments[0].seconds, session.moments[-1].seconds, session.shown
        assert now is not None
        end = max(last, first + 1 / FPS, 0.0 if session.simulation is None else session.simulation.seconds or 0.0)
        if self._new("span", (round(first, 2), round(end, 2))):
            self._time.min, self._time.max = self._shown["span"]
        if self._new("now", round(now.seconds, 2)):
            _put(self._time, float(np.clip(self._shown["now"], *self._shown["span"])))

    def _draw_plot(self, session: Session) -> None:
        if self._new("plot", tuple(box.value for box in self._plotted)):
            self._plot.series = _series(self._shown["plot"])
        shown = [box.value for box in self._plotted]
        names = tuple(name for name in shown if name != "none")
        seconds, lines = session.trace(names)
        if len(seconds) < 2 or not self._new("traced", (names, float(seconds[0]), float(seconds[-1]))):
            return
        by_name = dict(zip(names, lines, strict=True))
        blank = np.full(len(seconds), -1.0)
        self._plot.data = (seconds, *(by_name.get(name, blank) for name in shown))

    def _new(self, key: str, value: Any) -> bool:
        """Whether this differs from what was shown last."""
        if key in self._shown and self._shown[key] == value:
            return False
        self._shown[key] = value
        return True


def _keys_in_words(bindings: Bindings) -> str:
    usual, mine = Bindings.of().hotkeys, bindings.hotkeys
    other = [f"{key} {command}" for key, command in mine.items() if usual.get(key) != command]
    text = "Keys: numpad or 1–9 for directions, 5 stops, F faster, G slower."
    return f"{text} Yours: {_plain(', '.join(other))}." if other else text


def _series(names: Sequence[str]) -> tuple[uplot.Series, ...]:
    """Time, and one line for each of the muscles, hidden for "none"."""
    lines = (
        uplot.Series(label=name, stroke=colour, width=2, show=name != "none")
        for name, colour in zip(names, _COLOURS.values(), strict=True)
    )
    return (uplot.Series(label="s"), *lines)


def _put(control: Any, value: Any) -> None:
    """Set a control; `on` tells this from what the user does."""
    control.value = value


def _known(name: str, options: tuple[str, ...]) -> str:
    return name if name in options else options[0]


def _weakness(session: Session) -> str:
    weak = session.weakened
    lines = [f"All muscles have {session.overall:.0%} of their strength."] if session.overall < 1 else []
    shown = list(weak.items())[:12]
    lines += [f"{_plain(name)}: {'cut' if share == 0 else f'{share:.0%}'}" for name, share in shown]
    if len(weak) > len(shown):
        lines.append(f"and {len(weak) - len(shown)} more")
    return "\n\n".join(lines) or "All muscles are whole."


def _plain(text: str) -> str:
    """Text that markdown leaves as it is."""
    return "".join(f"\\{c}" if c in "\\`*_{}[]()#+-!<>|~$" else c for c in text.replace("\n", " "))
