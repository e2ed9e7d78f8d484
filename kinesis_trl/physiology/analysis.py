"""Recordings → one plain-data report of all figures, section by section.

A section that cannot be computed yields its reason, and the others still appear. Everything in the report is text,
numbers, lists and dicts, ready for JSON; what is not a number is None.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from kinesis_trl.body.model import BodyModel
from kinesis_trl.physiology.activity import Activity, activity_of
from kinesis_trl.physiology.comparison import compare_reports, compare_runs
from kinesis_trl.physiology.contact_timing import contact_timing
from kinesis_trl.physiology.emg_agreement import emg_agreement, other_people
from kinesis_trl.physiology.emg_data import EmgData
from kinesis_trl.physiology.fatigue import compartments
from kinesis_trl.physiology.findings import judge, muscle_quality
from kinesis_trl.physiology.gait_cycles import symmetry_index
from kinesis_trl.physiology.ground_reaction import impulse_of, stance_of
from kinesis_trl.physiology.joint_angles import joint_angles
from kinesis_trl.physiology.joint_loads import joint_moments, joint_powers, share_above
from kinesis_trl.physiology.lesion import judge_lesion, lesion_effects
from kinesis_trl.physiology.metabolics import measured_costs
from kinesis_trl.physiology.muscle_analysis import effort, muscle_timing
from kinesis_trl.physiology.normative import (
    UNITS,
    ReferenceCurve,
    compare_curve,
    normative_ranges,
    reference_curves,
)
from kinesis_trl.physiology.pareto import FORMAT, VERSION
from kinesis_trl.physiology.people import People
from kinesis_trl.physiology.recording import Array, Recording
from kinesis_trl.physiology.speeds import by_speed, judge_speeds
from kinesis_trl.physiology.strides import WALKING_SPEEDS, Run, Strides, collect, why_none

FEW = 6
"""Strides below which a verdict is called a hint."""
MEASURE_UNITS = {
    "speed": "m/s", "stride_time": "s", "cadence": "steps/min", "stride_length": "m", "step_length": "m",
    "step_width": "m", "stance": "%", "swing": "%", "double_support": "%", "flight": "%",
}  # fmt: skip
"""Measures of the stride, in the order shown."""
_RESTLESS = 6.0  # Hz; people's moments in walking hold hardly anything above it
_SYMMETRIC = ("stride_time", "stance", "step_length", "double_support")
_KINDS: dict[str, Callable[[Recording], dict[str, Array]]] = {
    "angle": joint_angles,
    "moment": joint_moments,
    "power": joint_powers,
}


def analyse(
    runs: Sequence[Run],
    body: BodyModel,
    *,
    emg: EmgData | str,
    controls: Sequence[Activity] = (),
    people: Sequence[People] = (),
    groups: Mapping[str, Sequence[Run]] | None = None,
    cut: Sequence[str] | None = None,
    against: dict[str, Any] | str = "",
    straight: bool = True,
    speeds: tuple[float, float] = WALKING_SPEEDS,
    seed: int = 0,
) -> dict[str, Any]:
    """All figures of some runs.

    Args:
        runs: the first is the one that is judged, the others stand beside it.
        body: their body.
        emg: recorded EMG, or why there is none.
        controls: activity of recorded controls, further columns of the muscle section.
        people: further people to show beside; verdicts do not count them.
        groups: further runs by what they walk, for likeness and cost by speed; None: no such section.
        cut: where the first run is one of a body with cut or weak muscles, and the second that of the whole body: the
            muscles cut; None where it is not.
        against: another report to compare with, why it cannot be read, or '' for none.
        straight: count only strides of walking straight ahead, at one of `speeds`.
        speeds: slowest and fastest of them in m/s.
        seed: of the bootstrap.

    Returns:
        format, version, runs, and sections: each with `state` (good, fair, poor or unknown), `headline` and `sentence`
        of the first run, `beside` with title, state and sentence of the others, and `runs` with figures, or a `reason`,
        by title.
    """
    walks: dict[str, Strides | None] = {}
    about = []
    for run in runs:
        walks[run.title], clips = collect(run, straight=straight, speeds=speeds)
        about.append(_about(run, walks[run.title], clips))
    missing = {item["title"]: item["reason"] for item in about}
    first = runs[0].title
    sections = _figures(runs, body, walks, missing, emg=emg, controls=controls, people=people, seed=seed)
    report = plain({"format": FORMAT, "version": VERSION, "runs": about, "sections": sections})
    sections = report["sections"]
    _judge(report, first)
    if cut is not None:
        sections["lesion"] = _lesion(report, runs, walks, body, cut)
    if groups is not None:
        found = plain(by_speed(groups, body, emg, seed=seed))
        spent = next(m for m in measured_costs() if (m["activity"], m["kind"]) == ("walking", "gross J/kg/m"))
        found["spent"] = [spent["speed"], spent["value"]]
        sections["speeds"] = {"runs": {}, **found, **_judged(judge_speeds(found, first))}
    sections["comparison"] = compare_reports(report, against)
    return report


def _figures(
    runs: Sequence[Run],
    body: BodyModel,
    walks: Mapping[str, Strides | None],
    missing: Mapping[str, str],
    *,
    emg: EmgData | str,
    controls: Sequence[Activity],
    people: Sequence[People],
    seed: int,
) -> dict[str, Any]:
    """Sections with the figures of each run, by title; `missing` says why a run has no strides."""
    columns = [activity_of(s) for s in walks.values() if s]
    for activity in controls:
        taken = sum(a.title.split(" #")[0] == activity.title for a in columns)
        columns.append(replace(activity, title=f"{activity.title} #{taken + 1}") if taken else activity)

    def each(figure: Callable[[Strides], dict[str, Any]]) -> dict[str, Any]:
        return {t: attempt(figure, s) if s else {"reason": missing[t]} for t, s in walks.items()}

    timed = {t: {"reason": r} for t, r in missing.items() if r}
    sections: dict[str, Any] = {
        "gait": {"runs": each(gait)},
        "joints": {"runs": each(lambda s: joints(s, [curve for other in people for curve in other.curves]))},
        "ground": {"runs": each(ground)},
        "muscles": {
            "runs": timed | {a.title: attempt(muscle_timing, a) for a in columns},
            "emg": emg_agreement(columns, emg, seed=seed),
            "others": [other_people(columns, p.emg) for p in people if p.emg is not None],
        },
        "effort": {"runs": each(lambda s: effort(s, body))},
    }
    tired = [run for run in runs if any(len(recording.fatigued) for recording in run.recordings)]
    if tired:
        sections["fatigue"] = {"runs": {run.title: attempt(compartments, run.recordings, body) for run in tired}}
    replayed = [recording for run in runs if run.replayed for recording in run.recordings]
    if replayed and not runs[0].replayed:
        sections["ground"]["contact_timing"] = attempt(contact_timing, runs[0].recordings, replayed)
    return sections


def _judge(report: dict[str, Any], first: str) -> None:
    """Add to each section the verdict on the run `first` and on those beside it, and how good each muscle is."""
    sections = report["sections"]
    strides = sum(report["runs"][0]["strides"])
    for name, section in sections.items():
        section.update(_judged(judge(name, section, first)))
        if 0 < strides < FEW:
            section["sentence"] += f" This rests on {strides} stride{'s' * (strides > 1)} only: no more than a hint."
        others = (t for t in section["runs"] if t != first)
        section["beside"] = [[t, state, text] for t in others for state, _, text in [judge(name, section, t)]]
    muscles = sections["muscles"]
    muscles["quality"] = {
        title: muscle_quality(found, muscles["emg"].get("columns", {}).get(title, {}))
        for title, found in muscles["runs"].items()
        if "reason" not in found
    }


def _about(run: Run, strides: Strides | None, clips: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "title": run.title,
        "replayed": run.replayed,
        "muscles": len(run.recordings[0].muscle_names) if run.recordings else 0,
        "clips": clips,
        "strides": [strides.count(0), strides.count(1)] if strides else [0, 0],
        "speed": strides.speed if strides else None,
        "fell": sum(clip["fell"] for clip in clips),
        "reason": "" if strides else why_none(clips),
        "note": strides.note if strides else "",
    }


def _judged(judgement: tuple[str, str, str], word: str = "") -> dict[str, str]:
    """A section's verdict; `word` is said in place of the state's."""
    return dict(zip(("state", "headline", "sentence"), judgement, strict=True)) | {"word": word}


def _lesion(
    report: dict[str, Any],
    runs: Sequence[Run],
    walks: Mapping[str, Strides | None],
    body: BodyModel,
    cut: Sequence[str],
) -> dict[str, Any]:
    """The section on what a lesion changes: the second run is that of the whole body, the first that of the other."""
    lesioned, healthy = (run.title for run in runs[:2])
    here, there = walks[lesioned], walks[healthy]
    if here is None or there is None:
        reason = f"the {lesioned if here is None else healthy} body made no stride to compare."
        return {"runs": {}, "reason": reason, **_judged(("unknown", "", f"Cannot be said: {reason}"))}
    found = plain(lesion_effects(there, here, body, cut))
    fell = {
        who: (run["fell"], len(run["clips"])) for who, run in zip(("lesioned", "healthy"), report["runs"], strict=False)
    }
    return {
        "runs": {},
        **found,
        **compare_runs(report, lesioned, report, healthy),
        **_judged(judge_lesion(found, fell), "side by side"),
    }


def attempt(compute: Callable[..., dict[str, Any]], *given: Any) -> dict[str, Any]:
    """What `compute` returns, or the reason why it cannot: every error of this package is a ValueError."""
    try:
        return compute(*given)
    except ValueError as error:
        return {"reason": str(error)}


def gait(strides: Strides) -> dict[str, Any]:
    """Measures of the strides against published ranges, and the symmetry of both legs."""
    measures, sides = strides.measures()
    rows = {}
    for name, unit in MEASURE_UNITS.items():
        values = measures[name][np.isfinite(measures[name])]
        if not len(values):
            continue
        mean, ranges = float(values.mean()), normative_ranges(name)
        rows[name] = {
            "unit": unit,
            "mean": mean,
            "sd": float(values.std(ddof=1)) if len(values) > 1 else None,
            "n": len(values),
            "ranges": ranges,
            "within": min(r["low"] for r in ranges) <= mean <= max(r["high"] for r in ranges) if ranges else None,
        }
    symmetry = {}
    for name in _SYMMETRIC:
        legs = [values[np.isfinite(values)] for values in (measures[name][sides == 0], measures[name][sides == 1])]
        if all(len(values) and values.mean() > 0 for values in legs):
            symmetry[name] = symmetry_index(float(legs[0].mean()), float(legs[1].mean()))
    return {"measures": rows, "symmetry": symmetry, "strides": [strides.count(0), strides.count(1)]}


def joints(strides: Strides, others: Sequence[ReferenceCurve] = ()) -> dict[str, Any]:
    """Mean curves of angle, moment and power over the cycle of both legs together, against published bands; and, of
    further people's curves, `others` by population."""
    out: dict[str, Any] = {}
    for kind, quantity in _KINDS.items():
        out[kind] = {}
        for joint in quantity(strides.found[0][0]):
            pooled = strides.legs(lambda r, q=quantity, j=joint: q(r)[j])  # type: ignore[misc]
            curve = pooled.mean(0)
            found = compare_curve(curve, reference_curves(kind, joint))  # type: ignore[arg-type]
            out[kind][joint] = {
                "unit": UNITS[kind],  # type: ignore[index]
                "n": len(pooled),
                "mean": curve,
                "sd": pooled.std(0),
                **asdict(found),
                "others": {
                    o.population: {"mean": o.mean, "sd": o.sd, "rms": float(np.sqrt(np.square(curve - o.mean).mean()))}
                    for o in others
                    if (o.quantity, o.joint) == (kind, joint)
                },
            }
    return {"curves": out, "above_6_hz": _restless(strides)}


def _restless(strides: Strides) -> dict[str, float] | None:
    """Share of the variance of the muscles' moments above 6 Hz, by joint; None for motions sampled too slowly."""
    recordings = [recording for recording, _ in strides.found if recording.rate > 4 * _RESTLESS]
    if not recordings or strides.run.replayed:
        return None
    shares = np.mean([share_above(r.muscle_moment, r.rate, _RESTLESS) for r in recordings], axis=0)
    sides: dict[str, list[float]] = {}
    for name, share in zip(recordings[0].joint_names, shares, strict=True):
        sides.setdefault(name.removesuffix("_r").removesuffix("_l"), []).append(float(share))
    return {stem: sum(values) / len(values) for stem, values in sides.items()}


def ground(strides: Strides) -> dict[str, Any]:
    """Vertical and fore-aft ground reaction over the cycle, peaks, loading rate and impulses.

    Raises:
        ValueError: the motion was only replayed.
    """
    if strides.run.replayed:
        raise ValueError("the motion was only replayed: nothing pushed on the floor, so there is no force to judge.")
    stances, impulses = [], []
    for recording, cycles in strides.found:
        for cycle in cycles.cycles:
            stances.append(asdict(stance_of(recording, cycle)))
            impulses.append(asdict(impulse_of(recording, cycle.strike, cycle.next_strike, cycle.side)))

    def forces(recording: Recording) -> Array:
        moved = recording.centre_of_mass[-1, :2] - recording.centre_of_mass[0, :2]
        ahead = moved / max(float(np.linalg.norm(moved)), 1e-9)
        return np.stack([recording.ground_force[..., 2], recording.ground_force[..., :2] @ ahead], 2) / recording.weight

    pooled = strides.legs(forces)

    def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
        return {k: {"mean": float(np.mean(v)), "sd": float(np.std(v))} for k in rows[0] for v in [[r[k] for r in rows]]}

    return {
        "n": len(pooled),
        "vertical": {"mean": pooled[..., 0].mean(0), "sd": pooled[..., 0].std(0)},
        "forward": {"mean": pooled[..., 1].mean(0), "sd": pooled[..., 1].std(0)},
        "stance": summary(stances),
        "impulse": summary(impulses),
    }


def plain(value: Any) -> Any:
    """Arrays, tuples, paths and numbers as JSON has them, floats to six digits; what is not finite is None."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(v) for v in value]
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(f"{value:.6g}") if np.isfinite(value) else None
    return value
