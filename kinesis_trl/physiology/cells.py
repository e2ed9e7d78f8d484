"""What the page's tables and pictures are filled with: text, words on a colour, strips and panels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Cell = str | Mapping[str, Any]
"""Text; or {text, state, word}, text and a word on the colour of a state; or {strip}, see `strip`."""


@dataclass(frozen=True, kw_only=True)
class Panel:
    """A picture within the page."""

    svg: str
    """The picture."""
    title: str
    """What it shows, with unit."""
    caption: str
    """Whom and how many it shows."""
    state: str = ""
    """Colour of the verdict; '' where there is none."""
    verdict: str = ""
    """Verdict in words."""


def computed(runs: dict[str, Any]) -> dict[str, Any]:
    """Columns that have figures."""
    return {title: found for title, found in runs.items() if "reason" not in found}


def number(value: float | None, form: str, unit: str = "") -> str:
    """A number, or a dash where there is none; what is rounded to zero has no minus."""
    if value is None:
        return "–"
    text = f"{value:{form}}"
    return f"{0.0:{form}}{unit}" if not text.strip("+-0.") else f"{text}{unit}"


def interval(row: dict[str, Any]) -> str:
    """A figure and its 95 % interval."""
    if row["value"] is None:
        return "–"
    if row["low"] is None:
        return f"{row['value']:.2f}"
    return f"{row['value']:.2f} [{number(row['low'], '.2f')}, {number(row['high'], '.2f')}]"


def strip(low: float, high: float, values: Sequence[float]) -> Cell:
    """A bar of what is usual (low to high), and a dot for each column's value; positions in pixels."""
    pad = 0.6 * (high - low)
    left, right = min(low - pad, *values), max(high + pad, *values)

    def at(value: float) -> float:
        return 6 + 128 * (value - left) / (right - left)

    dots = [(f"{at(v):.1f}", f"{10 + 4 * (k - (len(values) - 1) / 2):.1f}") for k, v in enumerate(values)]
    return {"strip": {"low": f"{at(low):.1f}", "width": f"{at(high) - at(low):.1f}", "dots": dots}}
