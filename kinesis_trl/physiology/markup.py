"""Pieces of HTML that a report's page is put together from, and its style sheet."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from kinesis_trl.physiology import figures

STATES = {"good": "like people", "fair": "partly", "poor": "not like people", "unknown": "no verdict"}
"""Verdicts in words."""
STYLE = """
:root{--ink:#1c2430;--soft:#566173;--line:#dfe4ea;--card:#fff;--page:#f5f7fa}
*{box-sizing:border-box}
body{font:16px/1.55 system-ui,-apple-system,"Segoe UI",sans-serif;color:var(--ink);background:var(--page);margin:0}
header,main{max-width:1160px;margin:0 auto;padding:0 1.2rem}
.top{background:#16324f;color:#fff;padding:1.6rem 0 1.4rem}.top h1{font-size:1.7rem;line-height:1.2;margin:0 0 .4rem}
.top p{margin:.2rem 0;color:#d5e0ec;max-width:60rem}
h2{font-size:1.35rem;line-height:1.25;margin:0 0 .7rem}h3{font-size:1.05rem;margin:1.6rem 0 .5rem}
h4{font-size:.95rem;margin:1.1rem 0 .4rem;color:var(--soft)}h4:first-letter{text-transform:uppercase}
section{background:var(--card);border:1px solid var(--line);border-radius:.8rem;padding:1.3rem 1.4rem;margin:1.4rem 0}
p,li,td,th{overflow-wrap:anywhere}p{margin:.5rem 0}
.cards{display:grid;gap:.8rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,205px),1fr));margin:1.3rem 0}
.card{display:block;background:var(--card);border:1px solid var(--line);border-top:.4rem solid #9aa3b0;
border-radius:.7rem;padding:.8rem .9rem;color:inherit;text-decoration:none}
.card:hover{border-color:#8fa3ba}.card h3{margin:0 0 .4rem;font-size:1rem;line-height:1.3}
.card p{margin:.5rem 0 0;font-size:.92rem;color:var(--soft);line-height:1.4}
.card.good{border-top-color:#3f9a48}.card.fair{border-top-color:#dfa22b}.card.poor{border-top-color:#cf4436}
.state{display:inline-block;padding:.05rem .6rem;border-radius:1rem;font-weight:600;font-size:.82rem;white-space:nowrap}
.good.state{background:#d9f0d8;color:#14521a}.fair.state{background:#fdebc4;color:#6b4700}
.poor.state{background:#f9d6d2;color:#86190d}.unknown.state{background:#e6e9ee;color:#3b4452}
.lead{font-size:1.04rem}.note{color:var(--soft);font-size:.88rem}
.grid{display:grid;gap:1rem;grid-template-columns:repeat(auto-fill,minmax(min(100%,320px),1fr))}
.small{gap:.8rem;grid-template-columns:repeat(auto-fill,minmax(min(100%,225px),1fr))}
.large{grid-template-columns:repeat(auto-fill,minmax(min(100%,440px),1fr));align-items:start}
figure{margin:0;min-width:0}figure b{font-size:.92rem}figure img{width:100%;height:auto;display:block}
figcaption{display:flex;flex-wrap:wrap;gap:.2rem .5rem;align-items:baseline;line-height:1.3;margin-bottom:.2rem}
figure p{margin:.1rem 0 0;font-size:.78rem;line-height:1.35;color:var(--soft)}
.scroll{overflow-x:auto;margin:.6rem 0}table{border-collapse:collapse;font-size:.88rem;min-width:min(100%,28rem)}
td,th{padding:.32rem .7rem .32rem 0;border-bottom:1px solid var(--line);text-align:left;vertical-align:top}
th{color:var(--soft);font-weight:600;border-bottom:2px solid var(--line)}
td svg{display:block}
.key{font-size:.9rem;margin:.6rem 0}.key span{display:inline-block;margin-right:1.2rem}
.key i{display:inline-block;width:1.5rem;height:.32rem;margin-right:.4rem;vertical-align:middle;border-radius:.2rem}
.key i.band{height:.9rem}
details{margin:.6rem 0}summary{cursor:pointer;color:#1f5fa8;font-size:.92rem}
ul{padding-left:1.2rem}
@media(max-width:640px){header,main{padding:0 .8rem}section{padding:1rem .9rem;border-radius:.6rem}
.top h1{font-size:1.35rem}table{font-size:.82rem}td,th{white-space:nowrap}td.long{white-space:normal;min-width:12rem}}
@media print{body{background:#fff}section{border:0;padding:0}details>*{display:block}}
"""
"""Of the whole page; nothing is fetched from elsewhere."""


def computed(runs: dict[str, Any]) -> dict[str, Any]:
    """Columns that have figures."""
    return {title: found for title, found in runs.items() if "reason" not in found}


def key(titles: Iterable[str], *, band: str = "") -> str:
    """Which colour is whose, and what the grey band is."""
    spans = [f"<span><i style='background:{figures.colour(k)}'></i>{escape(t)}</span>" for k, t in enumerate(titles)]
    if band:
        spans.append(f"<span><i class='band' style='background:{figures.BAND}'></i>{escape(band)}</span>")
    return f"<p class='key'>{''.join(spans)}</p>"


def plot(svg: str, title: str, caption: str, *, state: str = "", verdict: str = "") -> str:
    """A picture within the page, with its title, a verdict where there is one, and whom and how many it shows."""
    data = base64.b64encode(svg.encode()).decode()
    said = f" {word(state, verdict)}" if state else ""
    return (
        f"<figure><figcaption><b>{escape(title)}</b>{said}</figcaption>"
        f"<img alt='{escape(title, quote=True)}' src='data:image/svg+xml;base64,{data}'>"
        f"<p>{escape(caption)}</p></figure>"
    )


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Cells are HTML already; those longer than 40 letters may break into lines on a phone."""
    top = "".join(f"<th>{cell}</th>" for cell in head)
    lines = "".join(f"<tr>{''.join(_cell(cell) for cell in row)}</tr>" for row in rows)
    return f"<div class='scroll'><table><tr>{top}</tr>{lines}</table></div>"


def _cell(cell: str) -> str:
    return f"<td class='long'>{cell}</td>" if len(cell) > 40 and "<" not in cell else f"<td>{cell}</td>"


def strip(low: float, high: float, values: Sequence[float]) -> str:
    """A bar of what is usual (low to high), and a dot in each column's colour where its value lies."""
    pad = 0.6 * (high - low)
    left, right = min(low - pad, *values), max(high + pad, *values)

    def at(value: float) -> float:
        return 6 + 128 * (value - left) / (right - left)

    dots = "".join(
        f"<circle cx='{at(v):.1f}' cy='{10 + 4 * (k - (len(values) - 1) / 2):.1f}' r='4' fill='{figures.colour(k)}'/>"
        for k, v in enumerate(values)
    )
    return (
        "<svg width='140' height='20' viewBox='0 0 140 20' role='img' aria-label='place in the range'>"
        "<line x1='2' x2='138' y1='10' y2='10' stroke='#dfe4ea'/>"
        f"<rect x='{at(low):.1f}' y='3' width='{at(high) - at(low):.1f}' height='14' rx='3' fill='{figures.BAND}'/>"
        f"{dots}</svg>"
    )


def badge(state: str) -> str:
    """The verdict of a section."""
    return word(state, STATES[state])


def word(state: str, text: str) -> str:
    """A word on the colour of a state."""
    return f"<span class='state {state}'>{escape(text)}</span>"


def note(text: str) -> str:
    """A paragraph in small print."""
    return f"<p class='note'>{escape(text)}</p>"


def more(summary: str, body: str) -> str:
    """What only some readers want to see."""
    return f"<details><summary>{escape(summary)}</summary>{body}</details>"


def number(value: float | None, form: str, unit: str = "") -> str:
    """A number, or a dash where there is none."""
    return "–" if value is None else f"{value:{form}}{unit}"


def interval(row: dict[str, Any]) -> str:
    """A figure and its 95 % interval."""
    if row["value"] is None:
        return "–"
    if row["low"] is None:
        return f"{row['value']:.2f}"
    return f"{row['value']:.2f} [{number(row['low'], '.2f')}, {number(row['high'], '.2f')}]"
