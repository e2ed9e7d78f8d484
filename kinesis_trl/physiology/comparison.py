"""Two reports side by side: what a lesion, a weakness or another policy changes."""

from __future__ import annotations

from typing import Any

from kinesis_trl.physiology.findings import UNKNOWN, WORDS, emg_median
from kinesis_trl.physiology.muscle_names import in_words

LARGEST_CHANGES = 10
"""Muscles listed."""


def compare_reports(report: dict[str, Any], against: dict[str, Any] | str) -> dict[str, Any]:
    """The section of comparison: headline figures of both reports' first runs, curves, and muscles that changed most.

    Args:
        report: this one.
        against: the other one, why it cannot be read, or '' where there is none.
    """
    if isinstance(against, str):
        reason = against or "no other report was named; give its folder as --against."
        return _nothing(reason)
    try:
        here, there = headlines(report), headlines(against)
        rows = [
            {"name": name, "unit": unit, "this": value, "other": there[name, unit]}
            for (name, unit), value in here.items()
            if (name, unit) in there
        ]
        panels, changes = _panels(report, against), _changes(report, against)
        title = str(against["runs"][0]["title"])
    except (KeyError, TypeError, IndexError, AttributeError, ValueError) as error:
        reason = f"the other report is not complete ({type(error).__name__}: {error}); make it anew."
        return _nothing(reason)
    if not rows:
        reason = "the two reports have no figure in common, as one of them holds no stride."
        return _nothing(reason)
    return {
        "state": UNKNOWN,
        "headline": "side by side with another run",
        "sentence": _sentence(rows, changes),
        "other": title,
        "rows": rows,
        "panels": panels,
        "changes": changes,
        "runs": {},
    }


def headlines(report: dict[str, Any]) -> dict[tuple[str, str], float]:
    """(name, unit) → figure of a report's first run."""
    title, sections = report["runs"][0]["title"], report["sections"]
    found: dict[tuple[str, str], float | None] = {}
    clips = report["runs"][0]["clips"]
    found["clips with a fall", "%"] = 100 * report["runs"][0]["fell"] / len(clips) if clips else None
    part = _figures(sections, "gait", title)
    for name, row in part.get("measures", {}).items():
        found[WORDS[name], row["unit"]] = row["mean"]
    for kind, joints in _figures(sections, "joints", title).get("curves", {}).items():
        for joint, row in joints.items():
            found[f"{joint} {kind}: within the band", "% of the stride"] = row["coverage"]
    part = _figures(sections, "ground", title)
    if part:
        found["steps with two peaks", "%"] = 100 * part["stance"]["two_peaks"]["mean"]
        found["first peak of the floor's force", "body weights"] = part["stance"]["first_peak"]["mean"]
        found["second peak of the floor's force", "body weights"] = part["stance"]["second_peak"]["mean"]
        found["loading rate", "body weights/s"] = part["stance"]["loading_rate"]["mean"]
    counts = _figures(sections, "muscles", title).get("counts")
    if counts:
        found["muscles with human timing", "count"] = counts["agrees"]
    found["correlation with EMG", "r"] = emg_median(sections["muscles"]["emg"].get("columns", {}).get(title, {}))
    part = _figures(sections, "effort", title)
    for model, row in part.get("metabolic", {}).items():
        found[f"cost of transport, {model}", "J/kg/m"] = row["transport"]
    if part:
        found["muscles at their limit", "% of time"] = 100 * part["saturation"]["share"]
    return {key: float(value) for key, value in found.items() if value is not None}


def _figures(sections: dict[str, Any], name: str, title: str) -> dict[str, Any]:
    figures = sections[name]["runs"].get(title, {})
    return {} if "reason" in figures else figures


def _panels(report: dict[str, Any], against: dict[str, Any]) -> list[dict[str, Any]]:
    """Curves over the cycle that both reports have: title, unit, and of `this` and `other` mean, sd and n."""
    here, there = _curves(report), _curves(against)
    return [
        {"title": title, "unit": unit, "this": curve, "other": there[title, unit]}
        for (title, unit), curve in here.items()
        if (title, unit) in there
    ]


def _curves(report: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """(title, unit) → mean and sd over the cycle (101,) and n of a report's first run: joints, floor."""
    title, sections = report["runs"][0]["title"], report["sections"]
    found = {
        (f"{joint} {kind}", str(row["unit"])): (row, row["n"])
        for kind, joints in _figures(sections, "joints", title).get("curves", {}).items()
        for joint, row in joints.items()
    }
    floor = _figures(sections, "ground", title)
    if floor:
        for name, words in (("vertical", "upward"), ("forward", "forward")):
            found[f"{words} force of the floor on a foot", "body weights"] = floor[name], floor["n"]
    return {
        key: {"mean": [float(v) for v in row["mean"]], "sd": [float(v) for v in row["sd"]], "n": int(n)}
        for key, (row, n) in found.items()
    }


def _changes(report: dict[str, Any], against: dict[str, Any]) -> list[dict[str, Any]]:
    """Muscles by how much their mean activity over the stride changed, largest first, with both curves."""
    here, there = _activity(report), _activity(against)
    both: list[dict[str, Any]] = [
        {
            "muscle": name,
            "this": sum(mean) / len(mean),
            "other": sum(there[name][0]) / len(there[name][0]),
            "curves": {"this": {"mean": mean, "n": n}, "other": {"mean": there[name][0], "n": there[name][1]}},
        }
        for name, (mean, n) in here.items()
        if name in there
    ]
    return sorted(both, key=lambda c: -abs(c["this"] - c["other"]))[:LARGEST_CHANGES]


def _activity(report: dict[str, Any]) -> dict[str, tuple[list[float], int]]:
    """Mean activity over the cycle and number of strides by muscle, of a report's first run."""
    muscles = _figures(report["sections"], "muscles", report["runs"][0]["title"]).get("muscles", {})
    return {name: ([float(v) for v in row["mean"]], int(row["n"])) for name, row in muscles.items()}


def _nothing(reason: str) -> dict[str, Any]:
    """The section where there is nothing to compare."""
    return {
        "state": UNKNOWN,
        "headline": "",
        "sentence": f"Nothing to compare with: {reason}",
        "reason": reason,
        "runs": {},
    }


def _sentence(rows: list[dict[str, Any]], changes: list[dict[str, Any]]) -> str:
    speeds = next((row for row in rows if row["name"] == WORDS["speed"]), None)
    text = "Side by side with the other run"
    if speeds:
        text += f", which walks at {speeds['other']:.2f} m/s and this one at {speeds['this']:.2f} m/s"
    if changes and abs(changes[0]["this"] - changes[0]["other"]) > 0:
        named = ", ".join(f"{in_words(c['muscle'])} ({c['this'] - c['other']:+.2f})" for c in changes[:4])
        return f"{text}; the activity that changed most is that of {named}."
    return f"{text}; no muscle's mean activity differs."
