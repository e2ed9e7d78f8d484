"""What the figures of a section mean: a state (good, fair, poor, unknown) and one plain sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kinesis_trl.evaluation.physiology.muscle_names import in_words

GOOD, FAIR, POOR, UNKNOWN = "good", "fair", "poor", "unknown"
_ORDER = (GOOD, FAIR, POOR)

WORDS = {
    "speed": "speed", "stride_time": "stride time", "cadence": "cadence", "stride_length": "stride length",
    "step_length": "step length", "step_width": "step width", "stance": "stance", "swing": "swing",
    "double_support": "double support", "flight": "time in the air",
}  # fmt: skip
"""Measures of the stride in words."""


def grade(value: float, good: float, fair: float) -> str:
    """good from `good` on, fair from `fair` on (or down to, where good < fair), else poor."""
    sign = 1 if good >= fair else -1
    return GOOD if sign * (value - good) >= 0 else FAIR if sign * (value - fair) >= 0 else POOR


def worst(*states: str) -> str:
    """The worst of some states; unknown ones do not count unless all are."""
    known = [state for state in states if state in _ORDER]
    return max(known, key=_ORDER.index) if known else UNKNOWN


def judge(name: str, section: dict[str, Any], title: str) -> tuple[str, str]:
    """State and sentence of a section for one of its columns."""
    found = section["runs"].get(title, {"reason": "nothing was recorded."})
    if "reason" in found:
        return UNKNOWN, f"Cannot be said: {found['reason']}"
    rules: dict[str, Callable[[dict[str, Any], dict[str, Any], str], tuple[str, str]]] = {
        "gait": _gait,
        "joints": _joints,
        "ground": _ground,
        "muscles": _muscles,
        "effort": _effort,
    }
    return rules[name](found, section, title)


def _gait(found: dict[str, Any], section: dict[str, Any], title: str) -> tuple[str, str]:
    judged = {n: row for n, row in found["measures"].items() if row["within"] is not None}
    inside = [WORDS[n] for n, row in judged.items() if row["within"]]
    outside = [
        f"{WORDS[n]} ({row['mean']:.3g} {row['unit']}, usual {_spread(row)})"
        for n, row in judged.items()
        if not row["within"]
    ]
    uneven = [f"{WORDS[n]} ({v:+.0f} %)" for n, v in found["symmetry"].items() if v is not None and abs(v) > 10]
    state = grade(len(inside) / max(len(judged), 1), 0.8, 0.5)
    text = f"{len(inside)} of {len(judged)} measures of the stride lie in the range of young adults"
    text += f"; outside: {_listed(outside)}" if outside else ""
    text += (
        f"; the legs differ in {_listed(uneven)}" if uneven else "; both legs step alike" if found["symmetry"] else ""
    )
    if uneven:
        state = worst(state, FAIR)
    return state, text + "."


def _spread(row: dict[str, Any]) -> str:
    low, high = min(r["low"] for r in row["ranges"]), max(r["high"] for r in row["ranges"])
    return f"{low:g} to {high:g}"


def _joints(found: dict[str, Any], section: dict[str, Any], title: str) -> tuple[str, str]:
    cover = {f"{j} {kind}": c["coverage"] for kind, rows in found["curves"].items() for j, c in rows.items()}
    mean = sum(cover.values()) / len(cover)
    best, least = max(cover, key=lambda k: cover[k]), min(cover, key=lambda k: cover[k])
    return grade(mean, 80, 60), (
        f"Over {mean:.0f} % of the stride the joints move and work as people's do (within 2 standard deviations); "
        f"best is the {best} ({cover[best]:.0f} %), worst the {least} ({cover[least]:.0f} %)."
    )


def _ground(found: dict[str, Any], section: dict[str, Any], title: str) -> tuple[str, str]:
    peaks, support = 100 * found["stance"]["two_peaks"]["mean"], found["impulse"]["support"]["mean"]
    balanced = abs(support - 1) <= 0.05
    state = worst(grade(peaks, 80, 40), GOOD if balanced else FAIR)
    first, valley = found["stance"]["first_peak"]["mean"], found["stance"]["valley"]["mean"]
    second = found["stance"]["second_peak"]["mean"]
    return state, (
        f"{peaks:.0f} % of the steps press on the floor with the two humps of human walking "
        f"({first:.2f}, then {valley:.2f}, then {second:.2f} body weights); over a stride the floor carries "
        f"{100 * support:.0f} % of body weight."
    )


def weak_muscles(found: dict[str, Any], emg: dict[str, Any]) -> list[str]:
    """Muscles without side that do otherwise than people: by timing in both legs, or r below 0.3 in either leg."""
    differ = [name.rsplit("_", 1)[0] for name, m in found["muscles"].items() if m["verdict"] == "differs"]
    both = sorted(stem for stem in set(differ) if differ.count(stem) == 2)
    low: dict[str, float] = {}
    for leg in emg.values():
        for muscle, row in leg.get("long head", {}).get("muscles", {}).items():
            if row["decisive"] and row["value"] < 0.3:
                low[muscle] = min(low.get(muscle, 1.0), row["value"])
    return [f"{m} (r = {r:.2f})" for m, r in sorted(low.items(), key=lambda p: p[1])] + [
        f"{in_words(m)} (timing)" for m in both if in_words(m) not in low
    ]


def emg_median(emg: dict[str, Any]) -> float | None:
    """Mean over legs of the median r of one column, biceps femoris as its long head."""
    values = [leg["long head"]["median"]["value"] for leg in emg.values() if "long head" in leg]
    return sum(values) / len(values) if values else None


def _muscles(found: dict[str, Any], section: dict[str, Any], title: str) -> tuple[str, str]:
    counts = found["counts"]
    decided = counts["agrees"] + counts["differs"]
    state = grade(counts["agrees"] / decided, 0.7, 0.5) if decided else UNKNOWN
    text = f"{counts['agrees']} of {decided} muscles with a clear reference switch on and off when people's do"
    emg = section["emg"].get("columns", {}).get(title, {})
    r = emg_median(emg)
    if r is not None:
        state = worst(state, grade(r, 0.5, 0.3))
        people = section["emg"]["people"][0].get("median")
        text += f"; their rhythm correlates with recorded people by r = {r:.2f}"
        text += f" (people with each other: {people:.2f})" if people is not None else ""
    else:
        text += "; no recorded muscle activity was given to compare with"
    weak = weak_muscles(found, emg)
    return state, text + (f". Weak: {_listed(weak, 12)}." if weak else ". No muscle stands out as weak.")


def _effort(found: dict[str, Any], section: dict[str, Any], title: str) -> tuple[str, str]:
    spent = found["metabolic"]["Bhargava 2004"]["transport"]
    people = next(m["value"] for m in found["measured"] if m["kind"] == "gross J/kg/m" and m["activity"] == "walking")
    ratio, full = spent / people, 100 * found["saturation"]["share"]
    state = worst(grade(abs(ratio - 1), 0.25, 0.6), grade(full, 1, 5))
    return state, (
        f"Walking costs {spent:.1f} J per kg and metre by the first model, {ratio:.1f} times what people spend "
        f"({people:.2f}); a muscle works at its limit {full:.1f} % of the time."
    )


def _listed(items: list[str], most: int = 6) -> str:
    shown = items[:most]
    more = f" and {len(items) - most} more" if len(items) > most else ""
    return ", ".join(shown) + more
