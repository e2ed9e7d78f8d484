"""A report as one HTML page that needs nothing else: no script, no file from elsewhere, readable on a phone."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from kinesis_trl.evaluation.physiology import page_sections
from kinesis_trl.evaluation.physiology.markup import badge, table

TITLES = {
    "gait": "1. Strides",
    "joints": "2. Joints",
    "ground": "3. Force on the floor",
    "muscles": "4. Muscles",
    "effort": "5. Effort",
    "comparison": "6. Comparison with another run",
}
_BODIES = {
    "gait": page_sections.gait,
    "joints": page_sections.joints,
    "ground": page_sections.ground,
    "muscles": page_sections.muscles,
    "effort": page_sections.effort,
    "comparison": page_sections.comparison,
}
_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;color:#1c2430;background:#fff;margin:0 auto;max-width:1180px;padding:1rem}
h1{font-size:1.6rem;line-height:1.2}h2{margin-top:2.5rem;border-top:2px solid #dde2e8;padding-top:1rem}
.state{display:inline-block;padding:.1rem .6rem;border-radius:1rem;font-weight:600;font-size:.9rem}
.good{background:#d9f0d8;color:#14521a}.fair{background:#fdebc4;color:#6b4700}
.poor{background:#f9d6d2;color:#86190d}.unknown{background:#e6e9ee;color:#3b4452}
.lead{font-size:1.05rem}.grid{display:grid;gap:.6rem;grid-template-columns:repeat(auto-fill,minmax(min(100%,320px),1fr))}
.small{grid-template-columns:repeat(auto-fill,minmax(min(100%,210px),1fr))}
.large{grid-template-columns:repeat(auto-fill,minmax(min(100%,460px),1fr));align-items:start}
.toc{list-style:none;padding:0}.toc li{margin:.6rem 0}
.grid img,.wide img{width:100%;height:auto;display:block}.wide{max-width:560px}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-size:.88rem}
td,th{padding:.25rem .6rem;border-bottom:1px solid #e3e7ec;text-align:left;vertical-align:top}td.n{text-align:right}
.note{color:#475264;font-size:.9rem}.key span{display:inline-block;margin-right:1.2rem}
.key i{display:inline-block;width:1.6rem;height:.35rem;margin-right:.4rem;vertical-align:middle}
li{overflow-wrap:anywhere}p{overflow-wrap:anywhere}
"""


def page(report: dict[str, Any], *, heading: str, facts: Sequence[str]) -> str:
    """The report of `analysis.analyse` as HTML.

    Args:
        report: plain data.
        heading: the page's title.
        facts: lines about how it was made.
    """
    sections = report["sections"]
    parts = [
        f"<h1>{escape(heading)}</h1>",
        "<p class='lead'>Does this controller move and use its muscles as people do? Each section begins with one "
        "sentence and a verdict: <b>good</b>, <b>not quite</b>, <b>not like people</b>, or <b>no verdict</b>.</p>",
        "<ul class='toc'>",
        *(
            f"<li><a href='#{n}'>{escape(TITLES[n])}</a> {badge(s['state'])} {escape(s['sentence'])}</li>"
            for n, s in sections.items()
        ),
        "</ul>",
        "<h2>What was looked at</h2>",
        _runs(report["runs"]),
    ]
    for name, section in sections.items():
        parts += [
            f"<h2 id='{name}'>{escape(TITLES[name])}</h2>",
            f"<p class='lead'>{badge(section['state'])} {escape(section['sentence'])}</p>",
            *(f"<p>{badge(s)} <b>{escape(t)}</b>: {escape(text)}</p>" for t, s, text in section.get("beside", [])),
            *_BODIES[name](section),
        ]
    parts += ["<h2>How this report was made</h2>", "<ul>", *(f"<li>{escape(f)}</li>" for f in facts), "</ul>"]
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width,initial-scale=1'>"
        f"<title>{escape(heading)}</title><style>{_STYLE}</style></head><body>{''.join(parts)}</body></html>\n"
    )


def _runs(runs: list[dict[str, Any]]) -> str:
    out = []
    for run in runs:
        speed = f", {run['speed']:.2f} m/s" if run["speed"] is not None else ""
        right, left = run["strides"]
        kind = "the motion itself, replayed with solved muscle activity" if run["replayed"] else "played by the policy"
        out.append(
            f"<p><b>{escape(run['title'])}</b> ({kind}): {len(run['clips'])} clip"
            f"{'s' * (len(run['clips']) != 1)}, {run['fell']} with a fall; "
            f"{right} strides of the right foot and {left} of the left{speed}.</p>"
        )
        rows = [
            [escape(c["clip"]), escape(c["label"]), f"{c['seconds']:.1f}", "yes" if c["fell"] else "no",
             str(c["strides"]), escape(c["note"])]
            for c in run["clips"]
        ]  # fmt: skip
        clips = table(("clip", "motion", "seconds", "fell", "strides", "note"), rows)
        out.append(f"<details><summary>clips</summary>{clips}</details>")
    return "".join(out)
