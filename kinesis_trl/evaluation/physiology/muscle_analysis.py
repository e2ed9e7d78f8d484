"""Figures of the muscles: when they are on, how they agree with EMG, what they cost, and how they work together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from kinesis_trl.body.model import BodyModel
from kinesis_trl.evaluation.physiology.activity import ORIGINAL_SPEED, Activity, activity_of
from kinesis_trl.evaluation.physiology.co_contraction import co_contraction, saturation
from kinesis_trl.evaluation.physiology.emg import DELAYS, compare, delay_sweep, human_agreement
from kinesis_trl.evaluation.physiology.emg_data import EmgData
from kinesis_trl.evaluation.physiology.emg_muscles import PUBLISHED, RECORDED, RecordedMuscle
from kinesis_trl.evaluation.physiology.metabolics import MODELS, Contraction, cost, measured_costs, slow_share
from kinesis_trl.evaluation.physiology.strides import Strides
from kinesis_trl.evaluation.physiology.synergies import synergies
from kinesis_trl.evaluation.physiology.timing import timing

MAPPINGS: Mapping[str, Mapping[str, RecordedMuscle]] = {"long head": RECORDED, "short head": PUBLISHED}
"""Which head of the biceps femoris its electrode is compared with; the second gives KINESIS' published figures."""


def muscle_timing(activity: Activity) -> dict[str, Any]:
    """Mean activity of every muscle over its leg's cycle, when it is on, and whether both tables agree."""
    muscles: dict[str, Any] = {}
    for side in "rl":
        profiles, leg = activity.profiles[side], activity.leg(side)
        if not len(profiles):
            continue
        mean = profiles.mean(0)[:, leg]
        names = [activity.names[k] for k in leg]
        for k, judged in enumerate(timing(mean, names)):
            muscles[judged.muscle] = {
                "mean": mean[:, k],
                "n": len(profiles),
                "active": judged.active,
                "verdict": judged.verdict,
                "tables": {table: asdict(overlap) for table, overlap in judged.overlaps.items()},
            }
    verdicts = [m["verdict"] for m in muscles.values()]
    return {
        "signal": activity.signal,
        "muscles": muscles,
        "strides": [len(activity.profiles[side]) for side in "rl"],
        "counts": {v: verdicts.count(v) for v in ("agrees", "differs", "not decided", "no reference")},
    }


def emg_agreement(columns: Sequence[Activity], data: EmgData | str, *, seed: int) -> dict[str, Any]:
    """Correlation of every column with people, both legs and both mappings, and of people with each other.

    Args:
        columns: activities.
        data: recorded EMG, or why there is none.
        seed: of the bootstrap.
    """
    if isinstance(data, str):
        return {"reason": data}
    out: dict[str, Any] = {
        "source": data.source,
        "population": data.population,
        "notes": list(data.notes),
        "columns": {activity.title: _column(activity, data, seed) for activity in columns},
    }
    speeds = [activity.speed for activity in columns] or [ORIGINAL_SPEED]
    # the judged column's speed first
    out["people"] = [
        _people(data, speeds[list(map(data.nearest_speed, speeds)).index(index)])
        for index in dict.fromkeys(map(data.nearest_speed, speeds))
    ]
    subjects, human = data.recorded(data.nearest_speed(speeds[0]))
    scaled = human / np.maximum(human.max(1, keepdims=True), np.finfo(float).tiny)
    parts = {muscle: RECORDED[muscle].model for muscle in data.muscles}
    out["envelopes"] = {
        muscle: {"model": parts[muscle], "percent": data.percent, "n": len(subjects), "mean": scaled[:, :, k].mean(0)}
        for k, muscle in enumerate(data.muscles)
    }
    return out


def _people(data: EmgData, speed: float) -> dict[str, Any]:
    """How people correlate with each other at the recorded speed nearest to `speed`."""
    try:
        people = human_agreement(data, speed=speed)
    except ValueError as error:
        return {"reason": str(error)}
    return {
        "speed": people.speed,
        "subjects": people.subjects,
        "muscles": people.muscles,
        "pairs": len(people.pairs),
        "median": people.median,
        "mean": people.mean,
        "ceiling": people.ceiling,
        "per_muscle": np.median(people.pairs, axis=0),
        "ceiling_per_muscle": np.median(people.left_out, axis=0),
    }


def _column(activity: Activity, data: EmgData, seed: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for side in "rl":
        if not len(activity.profiles[side]):
            found[side] = {"reason": f"no stride of the {'left' if side == 'l' else 'right'} foot."}
            continue
        try:
            found[side] = _leg(activity, side, data, seed)
        except ValueError as error:
            found[side] = {"reason": str(error)}
    if activity.published is not None:
        try:
            result = compare(
                activity.published, activity.names, "l", data, speed=activity.speed, mapping=PUBLISHED, seed=seed
            )
            found["as published"] = _summary(result)
        except ValueError as error:
            found["as published"] = {"reason": str(error)}
    return found


def _leg(activity: Activity, side: str, data: EmgData, seed: int) -> dict[str, Any]:
    profiles = activity.profiles[side]
    found: dict[str, Any] = {
        mapping: _summary(
            compare(profiles, activity.names, side, data, speed=activity.speed, mapping=muscles, seed=seed)
        )
        for mapping, muscles in MAPPINGS.items()
    }
    median, _ = delay_sweep(profiles, activity.names, side, data, speed=activity.speed, cycle_seconds=activity.seconds)
    return found | {"delays": DELAYS, "by_delay": median}


def _summary(result: Any) -> dict[str, Any]:
    """An `EmgComparison` as plain data, muscles by name."""
    return {
        "speed": result.speed,
        "cycles": result.cycles,
        "subjects": result.subjects,
        "notes": result.notes,
        **{name: asdict(getattr(result, name)) for name in ("median", "mean", "median_decisive")},
        "muscles": {
            name: {"decisive": result.decisive[k], **asdict(result.per_muscle[k]), "by_subject": result.r[:, k]}
            for k, name in enumerate(result.muscles)
        },
    }


def effort(strides: Strides, body: BodyModel) -> dict[str, Any]:
    """Metabolic cost by two models, co-contraction, saturation and synergies, over the strides of a run."""
    activity = activity_of(strides)
    samples = activity.samples()
    share = saturation(samples)
    order = np.argsort(-share)[:8]
    return {
        "speed": strides.speed,
        "metabolic": _metabolic(strides, body),
        "measured": [asdict(m) for m in measured_costs()],
        "co_contraction": co_contraction(samples, activity.names),
        "saturation": {
            "share": float(share.mean()),
            "muscles": {activity.names[k]: share[k] for k in order if share[k] > 0},
        },
        "synergies": {side: _synergies(activity, side) for side in "rl" if len(activity.profiles[side])},
    }


def _synergies(activity: Activity, side: str) -> dict[str, Any]:
    leg = activity.leg(side)
    mean = activity.profiles[side].mean(0)[:, leg]
    found = synergies(np.maximum(mean, 0), [activity.names[k] for k in leg])
    strongest = [[found.muscles[k] for k in np.argsort(-row)[:4]] for row in found.weight]
    return {
        "n": len(activity.profiles[side]),
        "explained": found.explained,
        "enough": found.enough,
        "strongest": strongest,
    }


def _metabolic(strides: Strides, body: BodyModel) -> dict[str, Any]:
    """Cost from the first to the last strike of every clip, means weighted by time and distance."""
    out: dict[str, Any] = {}
    for name, model in MODELS.items():
        seconds, metres, rate, gross, net = 0.0, 0.0, 0.0, 0.0, 0.0
        muscles = np.zeros(len(body.muscle_names))
        for recording, cycles in strides.found:
            part = slice(min(c.strike for c in cycles.cycles), max(c.next_strike for c in cycles.cycles) + 1)
            power = model(
                Contraction.of(
                    body.muscles,
                    excitation=recording.excitation[part],
                    activation=recording.activation[part],
                    length=recording.muscle_length[part],
                    velocity=recording.muscle_velocity[part],
                ),
                slow_share(recording.muscle_names),
            )
            moved = float(np.linalg.norm(np.ptp(recording.centre_of_mass[part][[0, -1], :2], axis=0)))
            time = recording.time[part]
            found = cost(power, time, distance=moved, body_mass=recording.mass)
            lasted = float(time[-1] - time[0])
            seconds, metres = seconds + lasted, metres + moved
            rate, muscles = rate + found.rate * lasted, muscles + found.by_muscle * lasted
            gross, net = gross + found.transport * moved, net + found.net_transport * moved
        dearest = np.argsort(-muscles)[:6]
        out[name] = {
            "rate": rate / seconds,
            "transport": gross / metres,
            "net_transport": net / metres,
            "seconds": seconds,
            "metres": metres,
            "dearest": {body.muscle_names[k]: muscles[k] / seconds for k in dearest},
        }
    return out
