"""All figures of a trial as plain data: what was read, four columns side by side, and a verdict in words.

The columns are the measured motion with its moments by inverse dynamics, static optimisation, the controller, and, as
bands and ranges, people of the reference data. What cannot be computed yields its reason; the rest still appears.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kinesis_trl.body.model import load_body
from kinesis_trl.body.scaling import segment_lengths
from kinesis_trl.motion.markers.recorded import TrialError
from kinesis_trl.physiology.activity import activity_of
from kinesis_trl.physiology.analysis import attempt, gait, ground, joints, plain
from kinesis_trl.physiology.emg_agreement import emg_agreement, other_people
from kinesis_trl.physiology.emg_data import EmgData
from kinesis_trl.physiology.findings import FAIR, GOOD, POOR, UNKNOWN, grade, judge, worst
from kinesis_trl.physiology.muscle_analysis import effort, muscle_timing
from kinesis_trl.physiology.people import People
from kinesis_trl.physiology.strides import Run, Strides, collect, why_none
from kinesis_trl.trial.emg import Envelopes, agreement
from kinesis_trl.trial.files import Trial
from kinesis_trl.trial.follow import Followed
from kinesis_trl.trial.loads import Loads
from kinesis_trl.trial.motion import Motion
from kinesis_trl.trial.recordings import recording_of

FORMAT, VERSION = "kinesis_trl trial report", 1
MEASURED, SOLVED, CONTROLLER = "measured", "static optimisation", "controller"
"""Titles of the columns."""
GOOD_MARKERS, GOOD_RESIDUAL, GOOD_R, GOOD_FORCE = 0.015, 0.05, 0.5, 0.85
"""Marker distance in metres, residual force in body weights, r with EMG, and r with the plates that are called good."""


@dataclass(frozen=True, kw_only=True)
class Study:
    """Everything that was found out about a trial; what is text says why the part is missing."""

    trial: Trial
    motion: Motion
    loads: Loads
    emg: Envelopes | str
    followed: Followed | str


def analyse_trial(study: Study, emg: EmgData | str, people: Sequence[People] = (), *, seed: int = 0) -> dict[str, Any]:
    """All figures of a study.

    Args:
        study: the trial's parts.
        emg: recorded EMG of people, or why there is none.
        people: further people to show beside.
        seed: of the bootstrap.
    """
    curves = [curve for other in people for curve in other.curves]
    runs, walks = _columns(study)
    missing = {title: why_none(clips) if strides is None else "" for title, (strides, clips) in walks.items()}
    if isinstance(study.followed, str):
        missing[CONTROLLER] = study.followed

    def each(figure: Callable[[Strides], dict[str, Any]], *titles: str) -> dict[str, Any]:
        out = {}
        for title in titles:
            strides = walks[title][0] if title in walks else None
            out[title] = {"reason": missing[title]} if strides is None else attempt(figure, strides)
        return out

    every, muscled = (MEASURED, SOLVED, CONTROLLER), (SOLVED, CONTROLLER)
    active = [activity_of(walks[title][0]) for title in muscled if title in walks and walks[title][0]]  # type: ignore[arg-type]
    sections: dict[str, Any] = {
        "joints": {"runs": each(lambda s: joints(s, curves), *every)},
        "ground": {"runs": each(ground, MEASURED, CONTROLLER)},
        "gait": {"runs": each(gait, MEASURED, CONTROLLER)},
        "muscles": {
            "runs": each(lambda s: muscle_timing(activity_of(s)), *muscled),
            "emg": emg_agreement(active, emg, seed=seed) if active else {"reason": "no stride was found."},
            "others": [other_people(active, p.emg) for p in people if p.emg is not None and active],
        },
        "effort": {"runs": each(lambda s: effort(s, load_body(s.found[0][0].body)), *muscled)},
    }
    report = plain(
        {
            "format": FORMAT,
            "version": VERSION,
            "name": study.trial.name,
            "reading": _reading(study),
            "columns": {
                run.title: {"strides": [s.count(0), s.count(1)] if s else [0, 0], "speed": s.speed if s else None}
                for run in runs
                for s in [walks[run.title][0]]
            },
            "own_emg": _own_emg(study, {run.title: run for run in runs}),
            "followed": study.followed if isinstance(study.followed, str) else _followed(study),
            "sections": sections,
        }
    )
    for name, section in report["sections"].items():
        judged = next(iter(section["runs"]))
        section["state"], section["headline"], section["sentence"] = judge(name, section, judged)
        section["beside"] = [
            [t, s, text] for t in section["runs"] if t != judged for s, _, text in [judge(name, section, t)]
        ]
    report["verdict"] = _verdict(report)
    return report


def _columns(study: Study) -> tuple[list[Run], dict[str, tuple[Strides | None, list[dict[str, Any]]]]]:
    name = study.trial.name
    demanded = recording_of(study.loads, clip=name, moments="demanded")
    supplied = recording_of(study.loads, clip=name, moments="supplied")
    runs = [Run(title=MEASURED, recordings=(demanded,)), Run(title=SOLVED, recordings=(supplied,))]
    if not isinstance(study.followed, str):
        runs.append(Run(title=CONTROLLER, recordings=(study.followed.recording,)))
    return runs, {run.title: collect(run) for run in runs}


def _reading(study: Study) -> dict[str, Any]:
    """What was read, and how well it fits together."""
    loads, motion, trial = study.loads, study.motion, study.trial
    floor = loads.floor
    notes = [*trial.notes, *motion.notes, *loads.notes]
    problems = [*trial.problems, *motion.problems, *loads.problems]
    if not isinstance(study.emg, str):
        notes += study.emg.notes
    elif trial.emg is not None:
        problems.append(study.emg)
    return {
        "frames": len(motion.qpos),
        "rate": motion.rate,
        "seconds": (len(motion.qpos) - 1) / motion.rate,
        "residuals": motion.residuals(),
        "mass": loads.body.mass,
        "height": loads.body.height,
        "lengths": segment_lengths(loads.body.whole),
        "root_residual": loads.residual,
        "root_residual_before": loads.before,
        "root_shift": loads.shift,
        "known": float(loads.known.mean()),
        "contacts": []
        if floor is None
        else [
            [
                trial.wrenches.names[c.plate] if trial.wrenches else "",
                ("right", "left", "none")[c.side],
                c.start,
                c.end,
                c.distance,
            ]
            for c in floor.contacts
        ],
        "notes": notes,
        "problems": problems,
    }


def _own_emg(study: Study, runs: dict[str, Run]) -> dict[str, Any]:
    """Agreement of static optimisation and controller with the trial's own EMG."""
    if isinstance(study.emg, str):
        return {"reason": study.emg}
    found: dict[str, Any] = {}
    counted = {SOLVED: study.loads.known if study.loads.known.any() else np.ones(len(study.motion.qpos), dtype=bool)}
    for title in (SOLVED, CONTROLLER):
        if title not in runs:
            found[title] = {"reason": study.followed}
            continue
        (recording,) = runs[title].recordings
        rows = counted.get(title, np.ones(len(recording.time), dtype=bool))
        time = study.motion.start + recording.time[rows]
        try:
            found[title] = agreement(study.emg, time, recording.activation[rows], recording.muscle_names)
        except TrialError as error:
            found[title] = {"reason": str(error)}
    return {"columns": found, "channels": list(study.emg.channels)}


def _followed(study: Study) -> dict[str, Any]:
    followed = study.followed
    assert not isinstance(followed, str)
    recording, floor = followed.recording, study.loads.floor
    solution = study.loads.solution
    force = solution.contact_force if floor is None else floor.measured.force
    return {
        "rules": followed.rules,
        "figures": followed.figures,
        "fell": recording.fell,
        "seconds": recording.seconds,
        "asked": (len(solution.qpos) - 1) / solution.fps,
        "time": np.arange(len(solution.qpos)) / solution.fps,
        "plates": force[..., 2] / recording.weight,
        "measured": floor is not None,
        "controller_time": recording.time[::3],
        "controller": (recording.ground_force[..., 2] / recording.weight)[::3],
    }


def _verdict(report: dict[str, Any]) -> list[dict[str, str]]:
    """Four questions, each with a state and a sentence."""
    return [
        {"question": question, "state": state, "text": text, "link": link}
        for question, link, (state, text) in (
            ("Was the trial read well?", "reading", _read_well(report["reading"])),
            ("Do the muscles found agree with its EMG?", "own_emg", _muscles_agree(report["own_emg"])),
            (
                "Does the controller make it the same way?",
                "controller",
                _made_alike(report["followed"], report["own_emg"]),
            ),
            ("Does the person walk as people do?", "joints", _like_people(report["sections"]["joints"])),
        )
    ]


def _read_well(reading: dict[str, Any]) -> tuple[str, str]:
    states, said = [], []
    if reading["residuals"]:
        apart = reading["residuals"]["all"]
        states.append(grade(apart, GOOD_MARKERS, 0.025))
        said.append(f"markers lie {1000 * apart:.0f} mm from the body (root mean square; up to 15 mm is good)")
    if reading["root_residual"] is not None:
        left = reading["root_residual"]
        states.append(grade(left, GOOD_RESIDUAL, 0.1))
        said.append(f"{100 * left:.1f} % of body weight is left unexplained at the pelvis (up to 5 % is good)")
    else:
        states.append(FAIR)
        said.append("no foot's force was measured: it is predicted")
    if reading["problems"]:
        states.append(FAIR)
        said.append(f"{len(reading['problems'])} thing{'s' * (len(reading['problems']) > 1)} could not be used")
    return worst(*states), _sentence("; ".join(said))


def _muscles_agree(own: dict[str, Any]) -> tuple[str, str]:
    if "reason" in own:
        return UNKNOWN, f"Cannot be said: {own['reason']}"
    found = own["columns"][SOLVED]
    if "reason" in found:
        return UNKNOWN, f"Cannot be said: {found['reason']}"
    beside = own["columns"].get(CONTROLLER, {"reason": ""})
    text = f"static optimisation follows the trial's own EMG with a median r of {found['median']:.2f}"
    text += f" over {len(found['muscles'])} muscles"
    text += "" if "reason" in beside else f", the controller with {beside['median']:.2f}"
    return grade(found["median"], GOOD_R, 0.3), _sentence(text + "; people agree with each other at about 0.7")


def _made_alike(followed: dict[str, Any] | str, own: dict[str, Any]) -> tuple[str, str]:
    if isinstance(followed, str):
        return UNKNOWN, f"Cannot be said: {followed}"
    strict, lenient = followed["rules"]["strict"], followed["rules"]["kinesis"]
    force = followed["figures"].get("vertical_both")
    if strict["success"]:
        text, state = "it follows the whole trial within 15 cm", GOOD
    elif lenient["success"]:
        text, state = (
            f"it walks to the end, {lenient['mpjpe']:.0f} mm from the person on average, at times over 15 cm",
            FAIR,
        )
    else:
        text, state = f"it loses the motion after {100 * lenient['coverage']:.0f} % of the trial", POOR
    if force is not None:
        state = worst(state, grade(force, GOOD_FORCE, 0.6))
        text += f"; its upward force follows the plates with r = {force:.2f}"
    active = own.get("columns", {}).get(CONTROLLER, {}).get("median")
    if active is not None:
        alike = grade(active, GOOD_R, 0.3)
        state = worst(state, alike if alike == GOOD else FAIR)
        text += f"; its muscles follow the trial's EMG with r = {active:.2f}" + (
            ", not as people's do" if alike == POOR else ""
        )
    return state, _sentence(text)


def _like_people(section: dict[str, Any]) -> tuple[str, str]:
    return section["state"], section["sentence"].split(" Of the variance")[0]


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."
