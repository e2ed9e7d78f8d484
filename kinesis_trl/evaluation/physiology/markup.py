"""Pieces of HTML that a report's page is put together from."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from kinesis_trl.evaluation.physiology import figures

STATES = {"good": "good", "fair": "not quite", "poor": "not like people", "unknown": "no verdict"}
"""Verdicts in words."""


def computed(runs: dict[str, Any]) -> dict[str, Any]:
    """Columns that have figures."""
    return {title: found for title, found in runs.items() if "reason" not in found}


def key(titles: Iterable[str]) -> str:
    """Which colour is whose."""
    spans = (f"<span><i style='background:{figures.colour(k)}'></i>{escape(t)}</span>" for k, t in enumerate(titles))
    return f"<p class='key'>{''.join(spans)}</p>"


def image(svg: str, alt: str) -> str:
    """A picture within the page."""
    data = base64.b64encode(svg.encode()).decode()
    return f"<img alt='{escape(alt, quote=True)}' src='data:image/svg+xml;base64,{data}'>"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Cells are HTML already."""
    top = "".join(f"<th>{cell}</th>" for cell in head)
    lines = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<div class='scroll'><table><tr>{top}</tr>{lines}</table></div>"


def badge(state: str) -> str:
    """The verdict of a section."""
    return word(state, STATES[state])


def word(state: str, text: str) -> str:
    """A word on the colour of a state."""
    return f"<span class='state {state}'>{text}</span>"


def note(text: str) -> str:
    """A paragraph in small print."""
    return f"<p class='note'>{escape(text)}</p>"


def number(value: float | None, form: str, unit: str = "") -> str:
    """A number, or a dash where there is none."""
    return "–" if value is None else f"{value:{form}}{unit}"


def interval(row: dict[str, Any]) -> str:
    """A figure and its 95 % interval."""
    if row["value"] is None:
        return "–"
    return f"{row['value']:.2f} [{number(row['low'], '.2f')}, {number(row['high'], '.2f')}]"
