"""A trial's report as one HTML page, put together from the parts of the physiology report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kinesis_trl.physiology import figures, page_muscles, page_sections
from kinesis_trl.physiology.cells import Cell, Panel, number
from kinesis_trl.physiology.page import templates
from kinesis_trl.trial.analysis import CONTROLLER

_VIEWS = {
    "joints": page_sections.joints,
    "ground": page_sections.ground,
    "gait": page_sections.gait,
    "muscles": page_muscles.muscles,
    "effort": page_muscles.effort,
}
_SUMMARY = (
    "One person's recorded walking: which muscles made it, whether a trained controller makes it the same way, and how "
    "far both are from what was measured."
)
_WORDS = {"good": "yes", "fair": "partly", "poor": "no", "unknown": "not known"}
_TITLES = {
    "joints": "4. Joints",
    "ground": "5. Ground reaction force over a stride",
    "gait": "6. Strides",
    "muscles": "7. Muscles over a stride",
    "effort": "8. Effort",
}


def trial_page(report: dict[str, Any], *, facts: Sequence[str], advice: str) -> str:
    """The report of `analysis.analyse_trial` as HTML.

    Args:
        report: plain data.
        facts: lines about how it was made.
        advice: what to do next.
    """
    return (
        templates("kinesis_trl.trial", "kinesis_trl.physiology")
        .get_template("trial.html")
        .render(
            report=report,
            heading=f"Trial report: {report['name']}",
            facts=facts,
            advice=advice,
            WORDS=_WORDS,
            titles=_TITLES,
            summary=_SUMMARY,
            reading=_reading(report["reading"]),
            columns=_columns(report["columns"]),
            own_emg=_own_emg(report["own_emg"]),
            controller=_controller(report["followed"]),
            views={name: _VIEWS[name](section) for name, section in report["sections"].items()},
        )
    )


def _reading(reading: dict[str, Any]) -> dict[str, Any]:
    lengths = ", ".join(f"{name} {100 * length:.1f} cm" for name, length in reading["lengths"].items())
    rows: list[list[Cell]] = [
        ["frames", f"{reading['frames']} at {reading['rate']:g} a second, {reading['seconds']:.2f} s"],
        ["person", f"{reading['height']:.2f} m, {reading['mass']:.1f} kg"],
        ["segments", lengths],
    ]
    if reading["residuals"]:
        rows.append(["markers from the body, root mean square", f"{1000 * reading['residuals']['all']:.1f} mm"])
    if reading["root_residual"] is not None:
        rows += [
            [
                "force unexplained at the pelvis, root mean square",
                f"{100 * reading['root_residual']:.1f} % of body weight",
            ],
            [
                "the same before the body was moved to agree with the plates",
                f"{100 * reading['root_residual_before']:.1f} %; moved by {1000 * reading['root_shift']:.1f} mm",
            ],
        ]
    rows.append(["frames in which both feet's forces are known", f"{100 * reading['known']:.0f} %"])
    markers = reading["residuals"].get("markers", {})
    return {
        "rows": rows,
        "markers": [[name, number(1000 * v if v is not None else None, ".1f", " mm")] for name, v in markers.items()],
        "contacts": [
            [plate, foot, f"{start:.2f}–{end:.2f} s", f"{100 * apart:.1f} cm"]
            for plate, foot, start, end, apart in reading["contacts"]
        ],
    }


def _columns(columns: dict[str, Any]) -> list[list[str]]:
    return [
        [title, " + ".join(str(n) for n in row["strides"]), number(row["speed"], ".2f", " m/s")]
        for title, row in columns.items()
    ]


def _own_emg(own: dict[str, Any]) -> dict[str, Any]:
    """Pictures of every channel's muscle, a table of r and overlap, and r by delay."""
    if "reason" in own:
        return {"reason": own["reason"]}
    good = {title: found for title, found in own["columns"].items() if "reason" not in found}
    if not good:
        return {"reason": next(iter(own["columns"].values()))["reason"]}
    first = next(iter(good.values()))["muscles"]
    panels, rows = [], []
    for muscle, row in first.items():
        lines = {
            title: (found["muscles"][muscle]["time"], found["muscles"][muscle]["activation"])
            if muscle in found["muscles"]
            else None
            for title, found in good.items()
        }
        top = max(max(values) for _, values in (line for line in lines.values() if line))
        recorded = [top * v for v in row["recorded"]]
        said = ", ".join(f"r {found['muscles'][muscle]['r']:.2f} ({title})" for title, found in good.items())
        panels.append(
            Panel(
                svg=figures.time_panel(row["time"], recorded, lines, "activity, 0–1"),
                title=muscle,
                caption=f"Grey: the trial's own EMG, to the height of the picture. {said}.",
            )
        )
        rows.append(
            [
                muscle,
                *(
                    f"{f['muscles'][muscle]['r']:.2f}; {100 * f['muscles'][muscle]['overlap']:.0f} %"
                    for f in good.values()
                ),
            ]
        )
    rows.append(["median", *(f"{found['median']:.2f}" for found in good.values())])
    delays = {t: ([1000 * d for d in found["delays"]], found["by_delay"]) for t, found in good.items()}
    return {
        "titles": list(good),
        "panels": panels,
        "rows": rows,
        "sweep": Panel(
            svg=figures.line_panel(delays, "electromechanical delay, ms", "median r (no unit)"),
            title="If EMG came earlier than the muscle's activation: a look, not a result",
            caption="EMG precedes force by some 30 to 100 ms in people; the figures above take no delay.",
        ),
    }


def _controller(followed: dict[str, Any] | str) -> dict[str, Any]:
    if isinstance(followed, str):
        return {"reason": followed}
    rules, found = followed["rules"], followed["figures"]
    rows = [
        [f"followed, {words}", "yes" if rules[name]["success"] else f"to {100 * rules[name]['coverage']:.0f} %"]
        for name, words in (("strict", "every body within 15 cm"), ("kinesis", "within 50 cm on average"))
    ]
    rows += [["distance from the person, mean", f"{rules['kinesis']['mpjpe']:.0f} mm"]]
    rows += [
        [f"{words}, root mean square difference", f"{found[name]:.1f}°"]
        for name, words in (("hip_flexion", "hip"), ("knee_angle", "knee"), ("ankle_angle", "ankle"))
    ]
    if "vertical" in found:
        right, left = found["vertical"]
        rows.append(
            ["upward force against the plates, r", f"{found['vertical_both']:.2f} (right {right:.2f}, left {left:.2f})"]
        )
    panels = []
    for side, foot in enumerate(("right", "left")):
        line = (followed["controller_time"], [row[side] for row in followed["controller"]])
        panels.append(
            Panel(
                svg=figures.time_panel(
                    followed["time"], [row[side] for row in followed["plates"]], {CONTROLLER: line}, "body weights"
                ),
                title=f"upward force on the {foot} foot, body weights",
                caption=f"Grey: {'plates' if followed['measured'] else 'predicted, no plates'}; line: controller.",
            )
        )
    return {"rows": rows, "panels": panels}
