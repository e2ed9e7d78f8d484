"""Strides, joints, floor and comparison: each takes its part of the report and makes what its template shows."""

from __future__ import annotations

from typing import Any

from kinesis_trl.physiology import figures
from kinesis_trl.physiology.cells import Cell, Panel, computed, interval, number, strip
from kinesis_trl.physiology.findings import WORDS
from kinesis_trl.physiology.ground_reaction import BANDS
from kinesis_trl.physiology.muscle_names import in_words

MEANINGS = {
    "first_peak": ("first hump", "body weights"),
    "first_peak_at": ("time of the first hump", "% of the stance"),
    "valley": ("valley between the humps", "body weights"),
    "valley_at": ("time of the valley", "% of the stance"),
    "second_peak": ("second hump", "body weights"),
    "second_peak_at": ("time of the second hump", "% of the stance"),
    "two_peaks": ("steps with two humps", "share, 0–1"),
    "loading_rate": ("steepest rise of the force after contact", "body weights/s"),
    "support": ("mean upward force over a stride", "body weights; 1 carries the body"),
    "balance": ("what is left over of Newton's second law", "share of body weight; 0 is exact"),
    "braking": ("braking impulse of a foot", "body weights · s"),
    "propulsion": ("driving impulse of a foot", "body weights · s"),
}
"""Figures of the floor's force, in words and with unit."""
_TWO_LABORATORIES = "grey: reference walkers of two gait laboratories (Pinzone 2014)"


_KINDS = {"angle": "Joint angles", "moment": "Joint moments", "power": "Joint powers"}


def gait(section: dict[str, Any]) -> dict[str, Any] | None:
    """Measures of the stride and symmetry; None where no column has figures."""
    good = computed(section["runs"])
    if not good:
        return None
    names = {n: None for found in good.values() for n in found["symmetry"]}
    counts = (f"{t}: n = {max(row['n'] for row in f['measures'].values())} strides" for t, f in good.items())
    return {
        "titles": list(good),
        "rows": [_measure(name, good) for name in next(iter(good.values()))["measures"]],
        "counts": "; ".join(counts),
        "symmetry": [[WORDS[n], *(number(f["symmetry"].get(n), "+.1f", " %") for f in good.values())] for n in names],
    }


def _measure(name: str, good: dict[str, Any]) -> list[Cell]:
    """A measure of each column, and people's ranges of the first."""
    first = next(iter(good.values()))["measures"][name]
    ranges = first["ranges"]
    cells: list[Cell] = [f"{WORDS[name]}, {first['unit']}"]
    for found in good.values():
        row = found["measures"].get(name)
        if row is None:
            cells.append("–")
            continue
        text = f"{row['mean']:.3g}" + (f" ± {row['sd']:.2g}" if row["sd"] is not None else "")
        within = {True: ("good", "within"), False: ("poor", "outside"), None: None}[row["within"]]
        cells.append(text if within is None else {"text": text, "state": within[0], "word": within[1]})
    people = (f"{r['low']:g}–{r['high']:g} {str(r['population']).split(',')[0]}" for r in ranges)
    cells.append("; ".join(people) or "–")
    values = [found["measures"][name]["mean"] for found in good.values() if name in found["measures"]]
    cells.append(strip(min(r["low"] for r in ranges), max(r["high"] for r in ranges), values) if ranges else "")
    return cells


def joints(section: dict[str, Any]) -> dict[str, Any] | None:
    """Curves in their bands, coverage and RMS-z; None where no column has figures."""
    good = computed(section["runs"])
    if not good:
        return None
    curves = {title: found["curves"] for title, found in good.items()}
    rows: list[list[Cell]] = []
    panels: dict[str, list[Panel]] = {}
    for kind, joints_ in next(iter(curves.values())).items():
        shown = panels.setdefault(_KINDS.get(kind, kind), [])
        for joint, own in joints_.items():
            lines = {title: c[kind][joint] for title, c in curves.items()}
            strides = ", ".join(f"{row['n']} strides ({t})" for t, row in lines.items())
            spread = "" if own["sd_published"] else "; its width is assumed"
            others = own.get("others", {})
            spread += "".join(f"; black: {name}" for name in others)
            shown.append(
                Panel(
                    svg=figures.curves_panel(list(lines.values()), own["unit"], band=True),
                    title=f"{joint} {kind}, {own['unit']}",
                    caption=f"n = {strides}, both legs; {_TWO_LABORATORIES}{spread}.",
                )
            )
            rows.append([
                f"{joint} {kind}",
                *(f"{row['coverage']:.0f} % within; {row['rms_z']:.2f} SD away" for row in lines.values()),
                "published" if own["sd_published"] else "assumed",
                *(f"{o['rms']:.2g} {own['unit']} away" for o in others.values()),
            ])  # fmt: skip
    people = list(next(iter(rows_ for kind in curves.values() for rows_ in kind["angle"].values())).get("others", {}))
    return {"titles": list(good), "panels": panels, "rows": rows, "people": people}


def ground(section: dict[str, Any]) -> dict[str, Any] | None:
    """Forces, peaks and impulses; None where no column has figures."""
    good = computed(section["runs"])
    if not good:
        return None
    strides = ", ".join(f"{f['n']} strides ({t})" for t, f in good.items())
    shown = f"n = {strides}, both feet; line: mean, tinted: ± 1 SD over strides."
    first = next(iter(good.values()))
    bands = ", ".join(f"{low:.2f} to {high:.2f} ({MEANINGS[name][0]})" for name, (low, high) in BANDS.items())
    return {
        "titles": list(good),
        "bands": bands,
        "panels": [
            Panel(
                svg=figures.curves_panel(
                    [f["vertical"] for f in good.values()], "body weights", textbook=True, wide=True
                ),
                title="upward force on a foot, body weights",
                caption=f"{shown} Crosses: healthy walking in textbooks.",
            ),
            Panel(
                svg=figures.curves_panel([f["forward"] for f in good.values()], "body weights", wide=True),
                title="forward force on a foot, body weights",
                caption=f"{shown} People first brake (below 0), then drive.",
            ),
        ],
        "rows": [
            [*MEANINGS[name], *(f"{f[part][name]['mean']:.3g} ± {f[part][name]['sd']:.2g}" for f in good.values())]
            for part in ("stance", "impulse")
            for name in first[part]
        ],
    }


def comparison(section: dict[str, Any]) -> dict[str, Any] | None:
    """Both runs side by side; None where there is no other."""
    if "reason" in section:
        return None
    titles = section.get("titles", ["now", "before"])
    return {
        "titles": titles,
        "rows": [
            [f"{r['name']}, {r['unit']}", f"{r['other']:.3g}", f"{r['this']:.3g}", _gain(r)] for r in section["rows"]
        ],
        "panels": [
            Panel(
                svg=figures.curves_panel([panel["this"], panel["other"]], panel["unit"]),
                title=f"{panel['title']}, {panel['unit']}",
                caption=f"n = {panel['this']['n']} strides ({titles[0]}), {panel['other']['n']} ({titles[1]}), both "
                "legs; mean ± 1 SD.",
            )
            for panel in section["panels"]
        ],
        "muscles": [_changed(change, titles) for change in section["changes"]],
    }


def _gain(row: dict[str, Any]) -> Cell:
    """A difference, and whether it leads to people."""
    text = f"{row['this'] - row['other']:+.2g}"
    word = {"good": "nearer to people", "poor": "further away"}.get(row["state"])
    return {"text": text, "state": row["state"], "word": word} if word else text


def _changed(change: dict[str, Any], titles: list[str]) -> Panel:
    curves = [{**change["curves"][k], "sd": [0.0] * len(change["curves"][k]["mean"])} for k in ("this", "other")]
    return Panel(
        svg=figures.curves_panel(curves, "activity, 0–1"),
        title=in_words(change["muscle"]),
        caption=f"n = {curves[0]['n']} strides ({titles[0]}), {curves[1]['n']} ({titles[1]}); mean activity over the "
        f"stride {change['this']:.3f} against {change['other']:.3f} ({change['this'] - change['other']:+.3f}).",
    )


_SWING = {
    "clearance": ("height of the toes in mid-swing", "mm", ".0f"),
    "touches": ("swings in which the foot touches the floor", "%", ".0f"),
    "ankle": ("ankle in swing (toes up positive)", "°", ".1f"),
    "knee": ("largest bend of the knee in swing", "°", ".1f"),
    "hip": ("largest bend of the hip in swing", "°", ".1f"),
}


def lesion(section: dict[str, Any]) -> dict[str, Any] | None:
    """The swing of both bodies, stride by stride, and all that differs; None where one made no stride."""
    if "reason" in section:
        return None
    here, there = section["lesioned"], section["healthy"]
    columns = [
        (f"{leg}, {who}", body["clearance"][side])
        for side, leg in enumerate(("right", "left"))
        for who, body in (("cut", here), ("healthy", there))
    ]
    counts = " + ".join(str(len(values)) for _, values in columns)
    rows = []
    for name, (words, unit, form) in _SWING.items():
        scale = 100 if name == "touches" else 1
        cells = [_spread(body[name][side], scale, form) for side in (0, 1) for body in (there, here)]
        rows.append([words, unit, *cells])
    rises = [[in_words(m), f"+{v:.3f}"] for m, v in section["rises"].items()]
    return {
        "cut": ", ".join(in_words(m) for m in section["cut"]) or "no muscle; all are weaker",
        "rows": rows,
        "rises": rises,
        "clearance": Panel(
            svg=figures.dots_panel(columns, "toes above the floor, mm", "floor"),
            title="how high the toes pass the floor, stride by stride, mm",
            caption=f"n = {counts} strides; black: mean. Least height of the toes in the middle half of the swing.",
        ),
        "comparison": comparison(section | {"titles": ["with the lesion", "healthy"]}),
    }


def _spread(values: list[float], scale: float, form: str) -> str:
    if not values:
        return "–"
    mean = scale * sum(values) / len(values)
    if scale != 1:
        return f"{mean:{form}}"
    sd = (sum((v - mean) ** 2 for v in values) / len(values)) ** 0.5
    return f"{mean:{form}} ± {sd:{form}}"


def speeds(section: dict[str, Any]) -> dict[str, Any] | None:
    """Likeness and cost by speed, as one table and one picture; None where nothing walked."""
    rows = section["rows"]
    if not rows:
        return None
    titles = list(dict.fromkeys(row["title"] for row in rows))
    groups = list(dict.fromkeys(row["group"] for row in rows))
    people = {speed: r for speed, r in section["people"]}
    late = f"; dotted, triangles: {groups[1]}" if len(groups) > 1 else ""
    return {
        "titles": titles,
        "missing": [f"{title}, {group}: {reason}" for group, title, reason in section["missing"]],
        "picture": Panel(
            svg=figures.speed_chart(rows, section["people"], section["spent"]),
            title="likeness to people's muscles and cost, by speed; and what a delay would change",
            caption=f"Solid, dots: {groups[0]}{late}. Top: r; grey: people with each other. Middle: cost of transport; "
            "cross: people. Bottom: r of the first column if its muscles acted earlier by that much, one line for each "
            "speed of the people, in m/s: a look, not a result.",
        ),
        "head": ["who", "walks", "speed walked", "people walked at", "strides, right + left", "r, right leg [95 %]",
                 "left leg", "people", "r by delay, 0 to 100 ms", "cost, J/kg/m", "fell"],
        "rows": [
            [row["title"], row["group"], f"{row['walked']:.2f} m/s", number(row["speed"], ".2f", " m/s"),
             " + ".join(map(str, row["strides"])),
             *(interval(dict(zip(("value", "low", "high"), row["r"][s], strict=True))) if s in row["r"] else "–"
               for s in "rl"),
             number(people.get(row["speed"]), ".2f"),
             " ".join(f"{v:.2f}" for v in row.get("by_delay", [])) or "–",
             f"{row['cost']:.1f}", f"{row['fell']} of {row['clips']}"]
            for row in rows
        ],
    }  # fmt: skip
