"""Two walks side by side: what a lesion, a weakness, another policy or more training changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from kinesis_trl.physiology.findings import FAIR, GOOD, POOR, UNKNOWN, WORDS, emg_median, listed, people_spend
from kinesis_trl.physiology.ground_reaction import BANDS
from kinesis_trl.physiology.muscle_names import in_words

LARGEST_CHANGES = 10
"""Muscles listed."""
_SAME = 0.005  # share of a figure within which two are called the same
_WORDS = {GOOD: "nearer to people", FAIR: "nearer and further", POOR: "further from people", UNKNOWN: "no difference"}
_LEAST = 0.005  # mean activity by which a muscle must change to be named
_HUMPS = {"first_peak": "first peak", "valley": "valley", "second_peak": "second peak"}


class Figure(NamedTuple):
    """A headline figure."""

    value: float
    fault: float | None
    """How far it is from what people do, 0 at best; None where that cannot be said."""


def compare_reports(report: dict[str, Any], against: dict[str, Any] | str) -> dict[str, Any]:
    """The section of comparison: headline figures of both reports' first runs, curves, and muscles that changed most.

    Args:
        report: this one.
        against: the other one, why it cannot be read, or '' where there is none.
    """
    if isinstance(against, str):
        return _nothing(against or "no other report was named; give its folder as --since.")
    try:
        titles = str(report["runs"][0]["title"]), str(against["runs"][0]["title"])
        found = compare_runs(report, titles[0], against, titles[1])
    except (KeyError, TypeError, IndexError, AttributeError, ValueError) as error:
        return _nothing(f"the other report is not complete ({type(error).__name__}: {error}); make it anew.")
    if not found["rows"]:
        return _nothing("the two reports have no figure in common, as one of them holds no stride.")
    counts = [sum(row["state"] == state for row in found["rows"]) for state in (GOOD, POOR)]
    headline = f"{counts[0]} figure{'s' * (counts[0] != 1)} better, {counts[1]} worse"
    state = UNKNOWN if not any(counts) else GOOD if not counts[1] else POOR if not counts[0] else FAIR
    return found | {
        "state": state,
        "word": _WORDS[state],
        "headline": headline,
        "sentence": _sentence(headline, found),
        "other": titles[1],
        "runs": {},
    }


def compare_runs(here: dict[str, Any], title: str, there: dict[str, Any], other: str) -> dict[str, Any]:
    """One run of a report beside one of another, or of the same.

    Returns:
        `rows`: name, unit, `this`, `other` and `state` (good: nearer to people than the other, poor: further away,
        unknown: the same, or nothing known of people) of each headline figure that both have; `panels`: curves over the
        stride; `changes`: muscles whose mean activity differs most, largest first, with their curves.
    """
    mine, theirs = headlines(here, title), headlines(there, other)
    rows = [
        {"name": k[0], "unit": k[1], "this": f.value, "other": theirs[k].value, "state": _progress(f, theirs[k])}
        for k, f in mine.items()
        if k in theirs
    ]
    curves, others = _curves(here, title), _curves(there, other)
    panels = [{"title": k[0], "unit": k[1], "this": c, "other": others[k]} for k, c in curves.items() if k in others]
    return {"rows": rows, "panels": panels, "changes": _changes(_activity(here, title), _activity(there, other))}


def _progress(this: Figure, other: Figure) -> str:
    if this.fault is None or other.fault is None:
        return UNKNOWN
    gain = other.fault - this.fault
    return UNKNOWN if abs(gain) <= _SAME * max(abs(this.value), abs(other.value)) else GOOD if gain > 0 else POOR


def headlines(report: dict[str, Any], title: str) -> dict[tuple[str, str], Figure]:
    """(name, unit) → figure of a run, and how far that is from people."""
    sections = report["sections"]
    found: dict[tuple[str, str], Figure] = {}

    def put(name: str, unit: str, value: float | None, fault: float | None = None) -> None:
        if value is not None:
            found[name, unit] = Figure(float(value), fault)

    def short(name: str, unit: str, value: float, best: float) -> None:
        put(name, unit, value, max(best - value, 0.0))

    run = next(run for run in report["runs"] if run["title"] == title)
    if run["clips"]:
        share = 100 * run["fell"] / len(run["clips"])
        put("clips with a fall", "%", share, share)
    for name, row in _figures(sections, "gait", title).get("measures", {}).items():
        put(
            WORDS[name], row["unit"], row["mean"], _outside(row["mean"], [(r["low"], r["high"]) for r in row["ranges"]])
        )
    for kind, joints in _figures(sections, "joints", title).get("curves", {}).items():
        for joint, row in joints.items():
            short(f"{joint} {kind}: within the band", "% of the stride", row["coverage"], 100)
    fast = _figures(sections, "joints", title).get("above_6_hz") or {}
    for name, words in (("hip_flexion", "hip"), ("knee_angle", "knee")):
        if name in fast:
            put(f"{words} moment above 6 Hz", "% of variance", 100 * fast[name], 100 * fast[name])
    stance = _figures(sections, "ground", title).get("stance")
    if stance:
        short("steps with two peaks", "%", 100 * stance["two_peaks"]["mean"], 100)
        for name, words in _HUMPS.items():
            value = stance[name]["mean"]
            put(f"{words} of the floor's force", "body weights", value, _outside(value, [BANDS[name]]))
        put("loading rate", "body weights/s", stance["loading_rate"]["mean"], stance["loading_rate"]["mean"])
    counts = _figures(sections, "muscles", title).get("counts")
    if counts:
        short("muscles with human timing", "count", counts["agrees"], counts["agrees"] + counts["differs"])
    r = emg_median(sections["muscles"]["emg"].get("columns", {}).get(title, {}))
    if r is not None:
        short("correlation with EMG", "r", r, 1)
    effort = _figures(sections, "effort", title)
    for model, row in effort.get("metabolic", {}).items():
        put(f"cost of transport, {model}", "J/kg/m", row["transport"], abs(row["transport"] - people_spend(effort)))
    if effort:
        share = 100 * effort["saturation"]["share"]
        put("muscles at their limit", "% of time", share, share)
    return found


def _outside(value: float, ranges: list[tuple[float, float]]) -> float | None:
    """How far a value lies beyond all ranges together; None where there is none."""
    if not ranges:
        return None
    low, high = min(low for low, _ in ranges), max(high for _, high in ranges)
    return max(low - value, value - high, 0.0)


def _figures(sections: dict[str, Any], name: str, title: str) -> dict[str, Any]:
    figures = sections[name]["runs"].get(title, {})
    return {} if "reason" in figures else figures


def _curves(report: dict[str, Any], title: str) -> dict[tuple[str, str], dict[str, Any]]:
    """(title, unit) → mean and sd over the cycle (101,) and n: joints, floor."""
    sections = report["sections"]
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


def _activity(report: dict[str, Any], title: str) -> dict[str, dict[str, Any]]:
    """Mean activity over the cycle and number of strides by muscle."""
    muscles = _figures(report["sections"], "muscles", title).get("muscles", {})
    return {name: {"mean": [float(v) for v in row["mean"]], "n": int(row["n"])} for name, row in muscles.items()}


def _changes(here: Mapping[str, dict[str, Any]], there: Mapping[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Muscles by how much their mean activity over the stride differs, largest first."""
    both: list[dict[str, Any]] = [
        {
            "muscle": name,
            "this": sum(curve["mean"]) / len(curve["mean"]),
            "other": sum(there[name]["mean"]) / len(there[name]["mean"]),
            "curves": {"this": curve, "other": there[name]},
        }
        for name, curve in here.items()
        if name in there
    ]
    return sorted(both, key=lambda c: -abs(c["this"] - c["other"]))[:LARGEST_CHANGES]


def _nothing(reason: str) -> dict[str, Any]:
    """The section where there is nothing to compare."""
    sentence = f"Nothing to compare with: {reason}"
    return {"state": UNKNOWN, "word": "", "headline": "", "sentence": sentence, "reason": reason, "runs": {}}


def _sentence(headline: str, found: dict[str, Any]) -> str:
    changes = [listed([_change(row) for row in found["rows"] if row["state"] == state], 4) for state in (GOOD, POOR)]
    text = f"Since the other report: {headline} (nearer to or further from what people do)"
    text += "".join(f"; {word}: {rows}" for word, rows in zip(("better", "worse"), changes, strict=True) if rows)
    changed = [c for c in found["changes"] if abs(c["this"] - c["other"]) >= _LEAST][:4]
    if not changed:
        return f"{text}. No muscle's mean activity differs."
    named = ", ".join(f"{in_words(c['muscle'])} ({c['this'] - c['other']:+.2f})" for c in changed)
    return f"{text}. The activity that changed most is that of {named}."


def _change(row: dict[str, Any]) -> str:
    return f"{row['name']} ({row['other']:.3g} to {row['this']:.3g} {row['unit']})"
