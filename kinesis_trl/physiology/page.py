"""A report as one HTML page that needs nothing else: no script, no file from elsewhere, readable on a phone.

Python makes the cells of tables and the pictures; the words around them are in templates/, which escape what they show.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from kinesis_trl.physiology import figures, page_muscles, page_sections

STATES = {"good": "like people", "fair": "partly", "poor": "not like people", "unknown": "no verdict"}
"""Verdicts in words."""
TITLES = {
    "gait": "Strides",
    "joints": "Joints",
    "ground": "Ground reaction force",
    "muscles": "Muscles",
    "effort": "Effort",
    "fatigue": "Fatigue",
    "lesion": "What the lesion changes",
    "speeds": "Walking speeds",
    "comparison": "What changed since",
}
QUESTIONS = {
    "gait": "Does it step like people?",
    "joints": "Do its joints bend and push like people's?",
    "ground": "Does it press on the floor like people?",
    "muscles": "Does it use its muscles like people?",
    "effort": "Is it as economical as people?",
    "fatigue": "Which muscles tire?",
    "lesion": "What do the cut or weak muscles change?",
    "speeds": "Does it walk like people at every speed?",
    "comparison": "Is it nearer to people than the other report?",
}
"""What each section answers, for a reader who knows no code."""
_VIEWS: dict[str, Callable[[dict[str, Any]], dict[str, Any] | None]] = {
    "gait": page_sections.gait,
    "joints": page_sections.joints,
    "ground": page_sections.ground,
    "muscles": page_muscles.muscles,
    "effort": page_muscles.effort,
    "fatigue": page_muscles.fatigue,
    "lesion": page_sections.lesion,
    "speeds": page_sections.speeds,
    "comparison": page_sections.comparison,
}


def page(report: dict[str, Any], *, heading: str, facts: Sequence[str]) -> str:
    """The report of `analysis.analyse` as HTML.

    Args:
        report: plain data.
        heading: the page's title.
        facts: lines about how it was made.
    """
    return (
        templates("kinesis_trl.physiology")
        .get_template("page.html")
        .render(
            report=report,
            heading=heading,
            facts=facts,
            summary=_summary(report),
            titles={name: f"{k}. {TITLES[name]}" for k, name in enumerate(report["sections"], 1)},
            runs=[_run(run) for run in report["runs"]],
            views={name: _VIEWS[name](section) for name, section in report["sections"].items()},
        )
    )


@cache
def templates(*packages: str) -> Environment:
    """Templates of some packages, the first one's first, with what all of them use."""
    made = Environment(
        loader=ChoiceLoader([PackageLoader(package) for package in packages]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {
        "QUESTIONS": QUESTIONS,
        "STATES": STATES,
        "BAND": figures.BAND,
        "colour": figures.colour,
    }
    made.filters["base64"] = lambda text: base64.b64encode(text.encode()).decode()
    return made


def _summary(report: dict[str, Any]) -> str:
    """Whom the page judges, in one or two sentences."""
    run = report["runs"][0]
    states = {name: report["sections"][name]["state"] for name in ("gait", "joints", "ground", "muscles", "effort")}
    count = sum(run["strides"])
    fell = f" It fell in {run['fell']} of {len(run['clips'])} clips." if run["fell"] else ""
    if not count:
        return f"No stride could be counted: {run['reason']} The page says for each question what is missing."
    speed = f" at {run['speed']:.2f} m/s" if run["speed"] is not None else ""
    who = f"A simulated body with {run['muscles']} muscles, driven by a controller that learned to move,"
    if run["replayed"]:
        who = "A motion, with the muscle activity that would make it,"
    verdicts = [
        f"{word}: {', '.join(TITLES[name].lower() for name in states if states[name] == state)}"
        for state, word in (STATES | {"fair": "partly like people"}).items()
        if state in states.values()
    ]
    return (
        f"{'; '.join(verdicts).capitalize()}. {who} is compared with recorded people over {count} strides{speed}; each "
        f"answer below leads to its figures.{fell}"
    )


def _run(run: dict[str, Any]) -> dict[str, Any]:
    speed = f", {run['speed']:.2f} m/s on average" if run["speed"] is not None else ""
    right, left = run["strides"]
    kind = (
        "the motion that was to be followed, replayed, with the muscle activity that needs least effort"
        if run["replayed"]
        else "the simulated body, driven by the controller"
    )
    return {
        "title": run["title"],
        "said": f"{kind}: {len(run['clips'])} clip{'s' * (len(run['clips']) != 1)}, {run['fell']} with a fall; "
        f"{right} strides of the right foot and {left} of the left{speed}.",
        "note": run["note"],
        "clips": [
            [c["clip"], c["label"], f"{c['seconds']:.1f} s", "yes" if c["fell"] else "no", str(c["strides"]), c["note"]]
            for c in run["clips"]
        ],
    }
