"""Comparison with recorded muscle activity: takes its part of the report and makes what the template shows."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from kinesis_trl.physiology import figures
from kinesis_trl.physiology.cells import Cell, Panel, interval, number

_SIDES = {"r": "right leg", "l": "left leg"}


def emg(found: dict[str, Any]) -> dict[str, Any]:
    """Pictures of one leg, all correlations, people with each other; or the `reason` why there is nothing."""
    if "reason" in found:
        return {"reason": found["reason"]}
    legs = {t: {s: leg for s, leg in own.items() if "long head" in leg} for t, own in found["columns"].items()}
    legs = {t: own for t, own in legs.items() if own}
    side = next((s for s in "lr" if any(s in own for own in legs.values())), None)
    noted = dict.fromkeys(n for own in legs.values() for leg in own.values() for n in leg["long head"]["notes"])
    people = [p for p in found["people"] if "reason" not in p]
    rows = [row for title, own in found["columns"].items() for row in _column(title, own)]
    return {
        "source": found["source"],
        "population": found["population"],
        "notes": " ".join(found["notes"]),
        "titles": [t for t, own in legs.items() if side in own],
        "panels": [] if side is None else _panels({t: o[side] for t, o in legs.items() if side in o}, found, side),
        "published": _published(found),
        "alone": [p["reason"] for p in found["people"] if "reason" in p],
        "rows": rows + [row for p in people for row in _people(p)],
        "speeds": [
            [title, number(row["speed"], ".2f", " m/s"),
             *(f"{interval(row[s])} (n = {row[s]['n']})" if s in row else "–" for s in "rl")]
            for title, own in found["by_speed"].items() for row in own
        ],
        "people": {title: [_persons(s, leg["long head"]) for s, leg in own.items()] for title, own in legs.items()},
        "further": " ".join(n for n in noted if n not in found["notes"]),
    }  # fmt: skip


def _column(title: str, legs: dict[str, Any]) -> list[list[Cell]]:
    rows: list[list[Cell]] = []
    for side, leg in legs.items():
        name = f"{title}, {_SIDES.get(side, side)}"
        if "reason" in leg:
            rows.append([name, leg["reason"], "", "", ""])
            continue
        heads = {m: leg[m] for m in ("long head", "short head", "excitation") if m in leg} or {"short head": leg}
        for head, row in heads.items():
            count = f"{row['cycles']} strides, {len(row['subjects'])} people at {number(row['speed'], '.2f', ' m/s')}"
            rows.append([name, head, interval(row["median"]), interval(row["median_decisive"]), count])
    return rows


def _people(found: dict[str, Any]) -> list[list[Cell]]:
    """People with each other, at one speed."""
    at = f"at {number(found['speed'], '.2f', ' m/s')}"
    ceiling = Markup("<b>ceiling</b>: one with the mean of the others")
    return [
        [Markup("<b>people with each other</b>"), "", f"{found['median']:.2f}", "", f"{found['pairs']} pairs {at}"],
        [ceiling, "", f"{found['ceiling']:.2f}", "", f"{len(found['subjects'])} people {at}"],
    ]


def _persons(side: str, leg: dict[str, Any]) -> dict[str, Any]:
    """A leg's correlations with every person."""
    rows = [[muscle, *(number(v, ".2f") for v in row["by_subject"])] for muscle, row in leg["muscles"].items()]
    return {"side": _SIDES[side], "head": ["muscle", *(f"person {p}" for p in leg["subjects"])], "rows": rows}


def _published(found: dict[str, Any]) -> dict[str, str] | None:
    """What others published, beside the columns as those figures are made."""
    if not (found.get("published") and found["source"].startswith("Wang")):
        return None
    ours = ", ".join(
        f"{title} {legs['as published']['median']['value']:.2f}"
        for title, legs in found["columns"].items()
        if "median" in legs.get("as published", {})
    )
    return {"ours": ours, "others": ", ".join(f"{row['who']} {row['value']}" for row in found["published"])}


def _panels(shown: dict[str, Any], found: dict[str, Any], side: str) -> list[Panel]:
    strides = ", ".join(f"{leg['long head']['cycles']} strides ({t})" for t, leg in shown.items())
    subjects = len(next(iter(shown.values()))["long head"]["subjects"])
    heads = {t: leg["long head"]["muscles"] for t, leg in shown.items()}
    delays = {t: ([1000 * d for d in leg["delays"]], leg["by_delay"]) for t, leg in shown.items()}
    return [
        Panel(
            svg=figures.correlation_chart(heads, found["people"][0]),
            title=f"correlation with recorded EMG, {_SIDES[side]}",
            caption=f"n = {strides}; {subjects} people. Dot: median r over people, line: 95 % interval over strides; "
            "black tick: people with each other. * not decisive: people hardly agree among themselves in that muscle.",
        ),
        Panel(
            svg=figures.line_panel(delays, "electromechanical delay, ms", "median r (no unit)"),
            title="If EMG came earlier than the muscle's force: a look, not a result",
            caption=f"n = {strides}; {subjects} people, {_SIDES[side]}. EMG precedes force by some 30 to 100 ms in "
            "people; the figures above take no delay.",
        ),
    ]
