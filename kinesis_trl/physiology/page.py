"""A report as one HTML page that needs nothing else: no script, no file from elsewhere, readable on a phone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import Any

from kinesis_trl.physiology import page_muscles, page_sections
from kinesis_trl.physiology.markup import STYLE, badge, more, note, table

TITLES = {
    "gait": "1. Strides",
    "joints": "2. Joints",
    "ground": "3. Force on the floor",
    "muscles": "4. Muscles",
    "effort": "5. Effort",
    "comparison": "6. Comparison with another run",
}
QUESTIONS = {
    "gait": "Does it step like people?",
    "joints": "Do its joints bend and push like people's?",
    "ground": "Does it press on the floor like people?",
    "muscles": "Does it use its muscles like people?",
    "effort": "Is it as economical as people?",
    "comparison": "What differs from the other run?",
}
"""What each section answers, for a reader who knows no code."""
_BODIES: dict[str, Callable[[dict[str, Any]], Iterable[str]]] = {
    "gait": page_sections.gait,
    "joints": page_sections.joints,
    "ground": page_sections.ground,
    "muscles": page_muscles.muscles,
    "effort": page_muscles.effort,
    "comparison": page_sections.comparison,
}


def page(report: dict[str, Any], *, heading: str, facts: Sequence[str]) -> str:
    """The report of `analysis.analyse` as HTML.

    Args:
        report: plain data.
        heading: the page's title.
        facts: lines about how it was made.
    """
    sections = report["sections"]
    parts = [
        "<div class='top'><header>",
        f"<h1>{escape(heading)}</h1>",
        f"<p>{escape(_summary(report))}</p>",
        "</header></div><main>",
        "<div class='cards'>",
        *(
            f"<a class='card {s['state']}' href='#{n}'><h3>{escape(QUESTIONS[n])}</h3>{badge(s['state'])}"
            f"<p>{escape(s['headline'] or s['sentence'])}</p></a>"
            for n, s in sections.items()
            if n != "comparison" or "reason" not in s
        ),
        "</div>",
        "<section><h2>What was looked at</h2>",
        _runs(report["runs"]),
        *(note(f"Left out: {text}") for text in report.get("left_out", [])),
        "</section>",
    ]
    for name, section in sections.items():
        parts += [
            f"<section id='{name}'><h2>{escape(TITLES[name])}: {escape(QUESTIONS[name])}</h2>",
            f"<p class='lead'>{badge(section['state'])} {escape(section['sentence'])}</p>",
            *(
                f"<p class='note'>{badge(s)} <b>{escape(t)}</b>: {escape(text)}</p>"
                for t, s, text in section.get("beside", [])
            ),
            *_BODIES[name](section),
            "</section>",
        ]
    made = f"<ul>{''.join(f'<li>{escape(fact)}</li>' for fact in facts)}</ul>"
    parts += ["<section><h2>How this report was made</h2>", made, "</section></main>"]
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width,initial-scale=1'>"
        f"<title>{escape(heading)}</title><style>{STYLE}</style></head><body>{''.join(parts)}</body></html>\n"
    )


def _summary(report: dict[str, Any]) -> str:
    """Whom the page judges, in one or two sentences."""
    run = report["runs"][0]
    judged = [s["state"] for n, s in report["sections"].items() if n != "comparison"]
    count = sum(run["strides"])
    fell = f" It fell in {run['fell']} of {len(run['clips'])} clips." if run["fell"] else ""
    if not count:
        return f"No stride could be counted: {run['reason']} The page says for each question what is missing."
    speed = f" at {run['speed']:.2f} m/s" if run["speed"] is not None else ""
    who = "A simulated body with 80 leg muscles, driven by a controller that learned to move,"
    if run["replayed"]:
        who = "A motion, with the muscle activity that would make it,"
    return (
        f"{who} is compared with recorded people over {count} strides{speed}. Of five questions, "
        f"{judged.count('good')} are answered 'like people', {judged.count('fair')} 'partly' and "
        f"{judged.count('poor')} 'not like people'. Each answer leads to its figures.{fell}"
    )


def _runs(runs: list[dict[str, Any]]) -> str:
    out = []
    for run in runs:
        speed = f", {run['speed']:.2f} m/s on average" if run["speed"] is not None else ""
        right, left = run["strides"]
        kind = (
            "the motion that was to be followed, replayed, with the muscle activity that needs least effort"
            if run["replayed"]
            else "the simulated body, driven by the controller"
        )
        out.append(
            f"<p><b>{escape(run['title'])}</b> – {kind}: {len(run['clips'])} clip"
            f"{'s' * (len(run['clips']) != 1)}, {run['fell']} with a fall; "
            f"{right} strides of the right foot and {left} of the left{speed}.</p>"
        )
        if run["note"]:
            out.append(note(f"Note: {run['note']}"))
        rows = [
            [escape(c["clip"]), escape(c["label"]), f"{c['seconds']:.1f} s", "yes" if c["fell"] else "no",
             str(c["strides"]), escape(c["note"])]
            for c in run["clips"]
        ]  # fmt: skip
        out.append(more("clip by clip", table(("clip", "motion", "lasted", "fell", "strides", "note"), rows)))
    return "".join(out)
