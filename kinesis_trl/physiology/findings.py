"""What the figures of a section mean: a state (good, fair, poor, unknown) and one plain sentence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from kinesis_trl.physiology.ground_reaction import BANDS
from kinesis_trl.physiology.muscle_names import in_words

GOOD, FAIR, POOR, UNKNOWN = "good", "fair", "poor", "unknown"
_ORDER = (GOOD, FAIR, POOR)

WORDS = {
    "speed": "speed", "stride_time": "stride time", "cadence": "cadence", "stride_length": "stride length",
    "step_length": "step length", "step_width": "step width", "stance": "stance", "swing": "swing",
    "double_support": "double support", "flight": "time in the air",
}  # fmt: skip
"""Measures of the stride in words."""
RANGE_SPEEDS = (1.2, 1.65)
"""Walking speeds in m/s of which the published ranges of the stride are."""
LOW, HIGH = 0.3, 0.6
"""r below which a muscle is called weak, and from which it is called like people's."""


def grade(value: float, good: float, fair: float) -> str:
    """good from `good` on, fair from `fair` on (or down to, where good < fair), else poor."""
    sign = 1 if good >= fair else -1
    return GOOD if sign * (value - good) >= 0 else FAIR if sign * (value - fair) >= 0 else POOR


def worst(*states: str) -> str:
    """The worst of some states; unknown ones do not count unless all are."""
    known = [state for state in states if state in _ORDER]
    return max(known, key=_ORDER.index) if known else UNKNOWN


def judge(name: str, section: dict[str, Any], title: str) -> tuple[str, str, str]:
    """State, headline (a few words with the figure that matters most) and sentence of a section for one column."""
    found = section["runs"].get(title, {"reason": "nothing was recorded."})
    if "reason" in found:
        return UNKNOWN, "", f"Cannot be said: {found['reason']}"
    rules: dict[str, Callable[[dict[str, Any], dict[str, Any], str], tuple[str, str, str]]] = {
        "gait": _gait,
        "joints": _joints,
        "ground": _ground,
        "muscles": _muscles,
        "effort": _effort,
        "fatigue": _fatigue,
    }
    return rules[name](found, section, title)


def _gait(found: dict[str, Any], section: dict[str, Any], title: str) -> tuple[str, str, str]:
    judged = {n: row for n, row in found["measures"].items() if row["within"] is not None}
    inside = [WORDS[n] for n, row in judged.items() if row["within"]]
    outside = [
        f"{WORDS[n]} ({row['mean']:.4g} {row['unit']}, usual {_spread(row)})"
        for n, row in judged.items()
        if not row["within"]
    ]
    uneven = [f"{WORDS[n]} ({v:+.0f} %)" for n, v in found["symmetry"].items() if v is not None and abs(v) > 10]
    state = grade(len(inside) / max(len(judged), 1), 0.8, 0.5)
    text = f"{len(inside)} of {len(judged)} measures of the stride lie in the range of young adults"
    text += f"; outside: {listed(outside)}" if outside else ""
    text += (
        f"; the legs differ in {listed(uneven)}" if uneven else "; both legs step alike" if found["symmetry"] else ""
    )
    if uneven:
        state = worst(state, FAIR)
    speed = found["measures"].get("speed", {}).get("mean")
    if speed is not None and not RANGE_SPEEDS[0] <= speed <= RANGE_SPEEDS[1]:
        text += (
            f". It walks at {speed:.2f} m/s, the ranges are of {RANGE_SPEEDS[0]:.2f} to {RANGE_SPEEDS[1]:.2f} m/s: "
            "slower people take slower and shorter strides, faster ones longer and quicker ones"
        )
    return state, f"{len(inside)} of {len(judged)} measures in range", text + "."


def _spread(row: dict[str, Any]) -> str:
    low, high = min(r["low"] for r in row["ranges"]), max(r["high"] for r in row["ranges"])
    return f"{low:g} to {high:g}"


def _joints(found: dict[str, Any], section: dict[str, Any], title: str) -> tuple[str, str, str]:
    cover = {f"{j} {kind}": c["coverage"] for kind, rows in found["curves"].items() for j, c in rows.items()}
    angles, loads = ([v for k, v in cover.items() if k.endswith("angle") == of_angles] for of_angles in (True, False))
    moved, worked = sum(angles) / len(angles), sum(loads) / len(loads)
    best, least = max(cover, key=lambda k: cover[k]), min(cover, key=lambda k: cover[k])
    return (
        worst(grade(moved, 80, 60), grade(worked, 80, 60)),
        f"angles {moved:.0f} %, moments and powers {worked:.0f} % of the stride within the human band",
        f"Over {moved:.0f} % of the stride the joints bend as people's do (within 2 standard deviations), and over "
        f"{worked:.0f} % of it they push and brake as people's do; best is the {best} ({cover[best]:.0f} %), worst the "
        f"{least} ({cover[least]:.0f} %)." + _restless(found.get("above_6_hz") or {}),
    )


def _restless(shares: dict[str, float]) -> str:
    """A sentence on the moments' shares above 6 Hz, where hip and knee have them."""
    if not {"hip_flexion", "knee_angle"} <= set(shares):
        return ""
    hip, knee = 100 * shares["hip_flexion"], 100 * shares["knee_angle"]
    return f" Of the variance of the muscles' moments {hip:.0f} % at the hip, {knee:.0f} % at the knee are above 6 Hz."


def _ground(found: dict[str, Any], section: dict[str, Any], title: str) -> tuple[str, str, str]:
    peaks, support = 100 * found["stance"]["two_peaks"]["mean"], found["impulse"]["support"]["mean"]
    forces = {name: found["stance"][name]["mean"] for name in BANDS}
    inside = sum(low <= forces[name] <= high for name, (low, high) in BANDS.items())
    balanced = abs(support - 1) <= 0.05
    state = worst(grade(peaks, 80, 40), grade(inside, len(BANDS), len(BANDS) - 1), GOOD if balanced else FAIR)
    humps = ", ".join(_banded(_HUMPS[name], forces[name], *BANDS[name]) for name in BANDS)
    return (
        state,
        f"{inside} of {len(BANDS)} forces in people's band; {peaks:.0f} % of steps with two humps",
        f"{peaks:.0f} % of the steps press on the floor with two humps as in walking: {humps}; over a stride the floor "
        f"carries {100 * support:.1f} % of body weight."
        + (_lateness(section.get("contact_timing", {})) if title == next(iter(section["runs"])) else ""),
    )


_HUMPS = {"first_peak": "first hump", "valley": "valley", "second_peak": "second hump"}


def _banded(name: str, force: float, low: float, high: float) -> str:
    beside = "" if low <= force <= high else ", too low" if force < low else ", too high"
    return f"{name} {force:.2f} body weights (people {low:.2f} to {high:.2f}{beside})"


def _lateness(timing: dict[str, Any]) -> str:
    """A sentence on when feet strike and lift, where that is known."""
    if "strike" not in timing:
        return ""
    words = [
        f"{what} {abs(1000 * timing[what]):.0f} ms {'late' if timing[what] > 0 else 'early'}"
        for what in ("strike", "lift")
    ]
    return f" Against the motion that is followed, feet {' and '.join(words)}."


def muscle_quality(found: dict[str, Any], emg: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Muscles, both legs together, that are used least and most as people use them.

    Weak: r below 0.3 in either leg where people agree among themselves, or timing that differs from both tables in both
    legs. Strong: r of at least 0.6 in both legs, or timing that agrees with both tables in both legs, and not weak.

    Args:
        found: one column's muscles, as `muscle_timing`.
        emg: that column's EMG agreement, legs by "r" and "l"; empty where there is none.

    Returns:
        "weak" and "strong": each muscle's `muscle` in words, `r` of both legs (None where not recorded), when it is
        on in people and here, in words; weak ones with the lowest r first.
    """
    stems = list(dict.fromkeys(name.rsplit("_", 1)[0] for name in found["muscles"]))
    correlations: dict[str, list[float]] = {}
    for leg in emg.values():
        for row in leg.get("long head", {}).get("muscles", {}).values():
            if row["decisive"]:
                for stem in row["model"]:
                    correlations.setdefault(stem, []).append(row["value"])
    weak, strong = [], []
    for stem in stems:
        legs = [found["muscles"][f"{stem}_{side}"] for side in "rl" if f"{stem}_{side}" in found["muscles"]]
        verdicts, values = {leg["verdict"] for leg in legs}, correlations.get(stem, [])
        row = {
            "muscle": in_words(stem),
            "r": values or None,
            "people": {table: spans_in_words(o["reference"]) for table, o in legs[0]["tables"].items()},
            "here": spans_in_words(legs[0]["active"]),
            "verdict": legs[0]["verdict"] if len(verdicts) == 1 else "legs differ",
        }
        if (values and min(values) < LOW) or (verdicts == {"differs"} and len(legs) == 2):
            weak.append(row)
        elif (values and min(values) >= HIGH) or (verdicts == {"agrees"} and len(legs) == 2):
            strong.append(row)
    return {
        "weak": sorted(weak, key=lambda row: min(row["r"]) if row["r"] else 2.0),
        "strong": sorted(strong, key=lambda row: -min(row["r"]) if row["r"] else 2.0),
    }


def spans_in_words(spans: Sequence[Sequence[float]]) -> str:
    """'0–16, 87–100' in % of the stride, or 'never' or 'always'."""
    if not spans:
        return "never"
    if len(spans) == 1 and spans[0][0] <= 0 and spans[0][1] >= 100:
        return "always"
    return ", ".join(f"{on:.0f}–{off:.0f}" for on, off in spans)


def emg_median(emg: dict[str, Any], of: str = "long head") -> float | None:
    """Mean over legs of the median r of one column, biceps femoris as its long head; or `of` its excitation."""
    values = [leg[of]["median"]["value"] for leg in emg.values() if of in leg]
    return sum(values) / len(values) if values else None


def _muscles(found: dict[str, Any], section: dict[str, Any], title: str) -> tuple[str, str, str]:
    counts = found["counts"]
    decided = counts["agrees"] + counts["differs"]
    state = grade(counts["agrees"] / decided, 0.7, 0.5) if decided else UNKNOWN
    headline = f"timing of {counts['agrees']} of {decided} muscles as in people"
    text = f"{counts['agrees']} of {decided} muscles with a clear reference switch on and off when people's do"
    emg = section["emg"].get("columns", {}).get(title, {})
    r = emg_median(emg)
    if r is not None:
        state = worst(state, grade(r, 0.5, 0.3))
        people = section["emg"]["people"][0].get("median")
        reach = f", people with each other {people:.2f}" if people is not None else ""
        headline = f"rhythm of the muscles r = {r:.2f}{reach} (1: the same)"
        text += f"; their rhythm correlates with recorded people by r = {r:.2f}"
        text += f" (people with each other: {people:.2f})" if people is not None else ""
        excited = emg_median(emg, "excitation")
        text += f", their excitations, which lead as EMG does, by {excited:.2f}" if excited is not None else ""
    else:
        text += "; no recorded muscle activity was given to compare with"
    quality = muscle_quality(found, emg)
    named = {key: [_named(row) for row in rows] for key, rows in quality.items()}
    text += f". Most like people: {listed(named['strong'])}" if named["strong"] else ""
    text += f". Weak: {listed(named['weak'], 8)}." if named["weak"] else ". No muscle stands out as weak."
    return state, headline, text


def _named(row: dict[str, Any]) -> str:
    """A muscle of `muscle_quality` and by what it is weak or strong."""
    if row["r"] and not LOW <= min(row["r"]) < HIGH:
        return f"{row['muscle']} (r = {min(row['r']):.2f})"
    return f"{row['muscle']} (timing)"


def people_spend(found: dict[str, Any]) -> float:
    """What walking costs people, in J/kg/m, from a column of the section on effort."""
    return float(
        next(m["value"] for m in found["measured"] if m["kind"] == "gross J/kg/m" and m["activity"] == "walking")
    )


def _effort(found: dict[str, Any], section: dict[str, Any], title: str) -> tuple[str, str, str]:
    spent, people = found["metabolic"]["Bhargava 2004"]["transport"], people_spend(found)
    ratio, full = spent / people, 100 * found["saturation"]["share"]
    state = worst(grade(abs(ratio - 1), 0.25, 0.6), grade(full, 1, 5))
    return (
        state,
        f"{ratio:.1f} times the energy people spend",
        f"Walking costs {spent:.1f} J per kg and metre by Bhargava's model, {ratio:.1f} times what people spend "
        f"({people:.2f}); muscles work at their limit {full:.1f} % of the time.",
    )


def _fatigue(found: dict[str, Any], section: dict[str, Any], title: str) -> tuple[str, str, str]:
    most = found["most"]
    worst_, seconds = most[0], found["seconds"][-1]
    named = [f"{in_words(row['muscle'])} ({100 * row['fatigued']:.0f} %)" for row in most]
    return (
        UNKNOWN,
        f"{100 * worst_['fatigued']:.0f} % of {in_words(worst_['muscle'])} is fatigued after {seconds:.0f} s",
        f"After {seconds:.0f} s of movement the most fatigued muscles are {listed(named)}; no figures of people to "
        "compare with.",
    )


def listed(items: list[str], most: int = 6) -> str:
    """The first of some words, and how many more there are."""
    shown = items[:most]
    more = f" and {len(items) - most} more" if len(items) > most else ""
    return ", ".join(shown) + more
