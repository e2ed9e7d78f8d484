"""Two reports side by side: what a lesion, a weakness or another policy changes."""

from __future__ import annotations

from typing import Any

from kinesis_trl.evaluation.physiology.findings import UNKNOWN, WORDS, emg_median
from kinesis_trl.evaluation.physiology.muscle_names import in_words

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
        return {"state": UNKNOWN, "sentence": f"Nothing to compare with: {reason}", "reason": reason, "runs": {}}
    try:
        here, there = headlines(report), headlines(against)
        rows = [
            {"name": name, "unit": unit, "this": value, "other": there[name, unit]}
            for (name, unit), value in here.items()
            if (name, unit) in there
        ]
        curves, changes = [_curves(r) for r in (report, against)], _changes(report, against)
        title = str(against["runs"][0]["title"])
    except (KeyError, TypeError, IndexError, AttributeError, ValueError) as error:
        reason = f"the other report is not complete ({type(error).__name__}: {error}); make it anew."
        return {"state": UNKNOWN, "sentence": f"Nothing to compare with: {reason}", "reason": reason, "runs": {}}
    if not rows:
        reason = "the two reports have no figure in common, as one of them holds no stride."
        return {"state": UNKNOWN, "sentence": f"Nothing to compare with: {reason}", "reason": reason, "runs": {}}
    return {
        "state": UNKNOWN,
        "sentence": _sentence(rows, changes),
        "other": title,
        "rows": rows,
        "curves": dict(zip(("this", "other"), curves, strict=True)),
        "changes": changes,
        "runs": {},
    }


def headlines(report: dict[str, Any]) -> dict[tuple[str, str], float]:
    """(name, unit) → figure of a report's first run."""
    title, sections = report["runs"][0]["title"], report["sections"]
    found: dict[tuple[str, str], float | None] = {}
    part = _figures(sections, "gait", title)
    for name, row in part.get("measures", {}).items():
        found[WORDS[name], row["unit"]] = row["mean"]
    for kind, joints in _figures(sections, "joints", title).get("curves", {}).items():
        for joint, row in joints.items():
            found[f"{joint} {kind}: within the band", "% of the stride"] = row["coverage"]
    part = _figures(sections, "ground", title)
    if part:
        found["steps with two peaks", "%"] = 100 * part["stance"]["two_peaks"]["mean"]
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


def _curves(report: dict[str, Any]) -> dict[str, list[float]]:
    joints = _figures(report["sections"], "joints", report["runs"][0]["title"]).get("curves", {}).get("angle", {})
    return {joint: [float(v) for v in row["mean"]] for joint, row in joints.items()}


def _changes(report: dict[str, Any], against: dict[str, Any]) -> list[dict[str, Any]]:
    """Muscles by how much their mean activity over the stride changed, largest first."""
    means = [
        {n: sum(m["mean"]) / len(m["mean"]) for n, m in muscles.items()}
        for r in (report, against)
        for muscles in [_figures(r["sections"], "muscles", r["runs"][0]["title"]).get("muscles", {})]
    ]
    both = [{"muscle": n, "this": v, "other": means[1][n]} for n, v in means[0].items() if n in means[1]]
    return sorted(both, key=lambda c: -abs(c["this"] - c["other"]))[:LARGEST_CHANGES]


def _sentence(rows: list[dict[str, Any]], changes: list[dict[str, Any]]) -> str:
    speeds = next((row for row in rows if row["name"] == WORDS["speed"]), None)
    text = "Side by side with the other run"
    if speeds:
        text += f", which walks at {speeds['other']:.2f} m/s and this one at {speeds['this']:.2f} m/s"
    if changes and abs(changes[0]["this"] - changes[0]["other"]) > 0:
        named = ", ".join(f"{in_words(c['muscle'])} ({c['this'] - c['other']:+.2f})" for c in changes[:4])
        return f"{text}; the activity that changed most is that of {named}."
    return f"{text}; no muscle's mean activity differs."
