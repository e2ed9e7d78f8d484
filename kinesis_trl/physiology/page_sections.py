"""Strides, joints, floor and comparison: each takes its part of the report and makes what its template shows."""

from __future__ import annotations

from typing import Any

from kinesis_trl.physiology import figures
from kinesis_trl.physiology.cells import Cell, Panel, computed, number, strip
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


_KINDS = {"angle": "How far joints are bent", "moment": "Turning forces of the joints", "power": "Power of the joints"}


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
            shown.append(
                Panel(
                    svg=figures.joint_panel(lines),
                    title=f"{joint} {kind}, {own['unit']}",
                    caption=f"n = {strides}, both legs; {_TWO_LABORATORIES}{spread}.",
                )
            )
            rows.append([
                f"{joint} {kind}",
                *(f"{row['coverage']:.0f} % within; {row['rms_z']:.2f} SD away" for row in lines.values()),
                "published" if own["sd_published"] else "assumed",
            ])  # fmt: skip
    return {"titles": list(good), "panels": panels, "rows": rows}


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
                svg=figures.force_panel([f["vertical"] for f in good.values()], textbook=True),
                title="upward force on a foot, body weights",
                caption=f"{shown} Crosses: healthy walking in textbooks.",
            ),
            Panel(
                svg=figures.force_panel([f["forward"] for f in good.values()], textbook=False),
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
    return {
        "other": section["other"],
        "rows": [
            [r["name"], r["unit"], f"{r['this']:.3g}", f"{r['other']:.3g}", f"{r['this'] - r['other']:+.3g}"]
            for r in section["rows"]
        ],
        "panels": [
            Panel(
                svg=figures.pair_panel([panel["this"], panel["other"]], panel["unit"]),
                title=f"{panel['title']}, {panel['unit']}",
                caption=f"n = {panel['this']['n']} strides (this run), {panel['other']['n']} (other), both legs; "
                "mean ± 1 SD.",
            )
            for panel in section["panels"]
        ],
        "muscles": [_changed(change) for change in section["changes"]],
    }


def _changed(change: dict[str, Any]) -> Panel:
    curves = [{**change["curves"][k], "sd": [0.0] * len(change["curves"][k]["mean"])} for k in ("this", "other")]
    return Panel(
        svg=figures.pair_panel(curves, "activity, 0–1"),
        title=in_words(change["muscle"]),
        caption=f"n = {curves[0]['n']} strides (this run), {curves[1]['n']} (other); mean activity over the stride "
        f"{change['this']:.3f} against {change['other']:.3f} ({change['this'] - change['other']:+.3f}).",
    )
