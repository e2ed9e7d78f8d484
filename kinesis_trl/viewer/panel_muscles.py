"""The panels of muscles: how strong they are, and a plot of their activation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import viser
from numpy.typing import NDArray
from viser import uplot

from kinesis_trl.body.simulator import muscles_named
from kinesis_trl.viewer.controls import On, Shown, plain, put
from kinesis_trl.viewer.session import Session

PLOTTED = 4
"""Most muscles plotted at a time."""
_COLOURS = {"Red": "#d6282f", "Blue": "#1f5fc4", "Green": "#1f8a4c", "Brown": "#b06a00"}
_PLOT_EVERY = 4  # frames
_RED, _BLUE, _GREY = "#db0d0f", "#2952cc", "#9ca3af"

Array = NDArray[np.float64]


class MusclePanel:
    """Strength of muscles."""

    def __init__(self, gui: viser.GuiApi, session: Session) -> None:
        """Add the controls to the container that is open."""
        self._session, self._shown = session, Shown()
        self._names = session.body.muscle_names
        sides = {"right": "_r", "left": "_l"}
        groups = {
            f"{group}, {side}": tuple(self._names[i] for i in ids if self._names[i].endswith(end))
            for group, ids in session.body.muscle_groups.items()
            for side, end in sides.items()
        } | {name: (name,) for name in self._names}
        self._groups = {name: members for name, members in groups.items() if members}
        self._overall = gui.add_slider("All muscles (%)", 0, 100, 1, round(100 * session.overall))
        self._chosen = gui.add_dropdown("Muscles", tuple(self._groups), initial_value=next(iter(self._groups)))
        self._share = gui.add_slider("Their strength (%)", 0, 100, 1, 100)
        self._cutting = gui.add_form("Lesion")
        with self._cutting:
            self.cut = gui.add_text("Cut", "", hint="Names of muscles, separated by commas, e.g. tibant_l, tibant_r")
            self._cut_now = gui.add_button("Cut them")
        self._heal = gui.add_button("Heal all")
        self._weak = gui.add_markdown("All muscles are whole.")
        self.tire = gui.add_checkbox("Muscles tire", False, hint="Starts again, with rested muscles.")
        self.tired = gui.add_html("", visible=False)
        self._frame = 0

    def connect(self, on: On) -> None:
        """Bring the controls to life."""
        session = self._session
        on(self._overall, lambda: session.weaken_all(self._overall.value / 100))
        on(self._chosen, self._show_share)
        on(self._share, lambda: session.weaken(self._groups[self._chosen.value], self._share.value / 100))
        on(self._cut_now, self._lesion, "on_click")
        on(self._cutting, self._lesion, "on_submit")
        on(self._heal, self._mend, "on_click")
        on(self.tire, lambda: session.another(fatigue=self.tire.value))

    def update(self) -> None:
        """Show which muscles are weak."""
        if self._shown.new("weak", (self._session.overall, self._session.weakened)):
            self._weak.content = _weakness(self._session)
        choice, moment = self._session.choice, self._session.shown
        if choice is not None and self._shown.new("tire", choice.fatigue):
            put(self.tire, choice.fatigue)
        fatigued = None if moment is None else moment.fatigued
        self.tired.visible = fatigued is not None
        self._frame += 1
        if moment is not None and fatigued is not None and self._frame % _PLOT_EVERY == 0:
            text = tired_bars(self._session, moment.activation, fatigued)
            if self._shown.new("tired", text):
                self.tired.content = text

    def _lesion(self) -> None:
        self._session.weaken(muscles_named([self.cut.value]), 0.0)

    def _mend(self) -> None:
        self._session.weaken(self._names, 1.0)
        self._session.weaken_all(1.0)
        put(self._overall, 100)
        put(self._share, 100)

    def _show_share(self) -> None:
        members = [self._names.index(name) for name in self._groups[self._chosen.value]]
        put(self._share, round(100 * float(self._session.share[members].mean())))


class PlotPanel:
    """Activation of a few muscles over time."""

    def __init__(self, gui: viser.GuiApi, session: Session) -> None:
        """Add the controls to the container that is open."""
        self._session, self._shown, self._frame = session, Shown(), 0
        names = session.body.muscle_names
        first = [f"{stem}_{side}" for side in "rl" for stem in ("soleus", "tibant")]
        usual = [name if name in names else "none" for name in first][:PLOTTED]
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
            gui.add_dropdown(colour, ("none", *names), initial_value=name)
            for colour, name in zip(_COLOURS, usual, strict=True)
        ]

    def connect(self, on: On) -> None:
        """Bring the controls to life."""
        for box in self._plotted:
            on(box, lambda: self._shown.values.pop("plot", None))

    def update(self) -> None:
        """Draw the newest frames, a few times a second."""
        self._frame += 1
        if self._frame % _PLOT_EVERY and "plot" in self._shown.values:
            return
        shown = tuple(box.value for box in self._plotted)
        if self._shown.new("plot", shown):
            self._plot.series = _series(shown)
        names = tuple(name for name in shown if name != "none")
        seconds, lines = self._session.trace(names)
        if len(seconds) < 2 or not self._shown.new("traced", (names, float(seconds[0]), float(seconds[-1]))):
            return
        by_name = dict(zip(names, lines, strict=True))
        blank = np.full(len(seconds), -1.0)
        self._plot.data = (seconds, *(by_name.get(name, blank) for name in shown))


def tired_bars(session: Session, active: Array, fatigued: Array) -> str:
    """HTML of a bar for each muscle group: active red, resting blue, fatigued grey."""
    keys = zip((_RED, _BLUE, _GREY), ("active", "resting", "fatigued"), strict=True)
    rows = [f'<div style="margin:0 0 0.5em">{" ".join(_key(*key) for key in keys)}</div>']
    for group, ids in session.body.muscle_groups.items():
        shares = 100 * float(active[ids].mean()), 100 * float(fatigued[ids].mean())
        parts = zip((_RED, _BLUE, _GREY), (shares[0], 100 - sum(shares), shares[1]), strict=True)
        bar = "".join(f'<div style="width:{share:.0f}%;background:{colour}"></div>' for colour, share in parts)
        rows.append(
            f'<div style="display:flex;justify-content:space-between"><span>{group}</span>'
            f'<span>{shares[1]:.0f} %</span></div><div style="display:flex;height:0.5em;margin:0 0 0.4em;'
            f'border-radius:0.25em;overflow:hidden;background:{_BLUE}">{bar}</div>'
        )
    return f'<div style="font-size:0.8em;padding:0.2em 0.75em">{"".join(rows)}</div>'


def _key(colour: str, text: str) -> str:
    return f'<b style="color:{colour}">■</b> {text}'


def _series(names: Sequence[str]) -> tuple[uplot.Series, ...]:
    """Time, and one line for each of the muscles, hidden for "none"."""
    lines = (
        uplot.Series(label=name, stroke=colour, width=2, show=name != "none")
        for name, colour in zip(names, _COLOURS.values(), strict=True)
    )
    return (uplot.Series(label="s"), *lines)


def _weakness(session: Session) -> str:
    weak = session.weakened
    lines = [f"All muscles have {session.overall:.0%} of their strength."] if session.overall < 1 else []
    shown = list(weak.items())[:12]
    lines += [f"{plain(name)}: {'cut' if share == 0 else f'{share:.0%}'}" for name, share in shown]
    if len(weak) > len(shown):
        lines.append(f"and {len(weak) - len(shown)} more")
    return "\n\n".join(lines) or "All muscles are whole."
