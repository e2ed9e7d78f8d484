"""The EMG part of a report: every column against recorded people at its walking speed, and people with each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.facts import read_facts
from kinesis_trl.physiology.activity import Activity
from kinesis_trl.physiology.emg import DELAYS, compare, delay_sweep, human_agreement
from kinesis_trl.physiology.emg_data import EmgData
from kinesis_trl.physiology.emg_muscles import PUBLISHED, RECORDED, RecordedMuscle

MAPPINGS: Mapping[str, Mapping[str, RecordedMuscle]] = {"long head": RECORDED, "short head": PUBLISHED}
"""Which head of the biceps femoris its electrode is compared with; the second gives KINESIS' published figures."""


def emg_agreement(columns: Sequence[Activity], data: EmgData | str, *, seed: int) -> dict[str, Any]:
    """Correlation of every column with people, both legs and both mappings, and of people with each other.

    Of each column those strides count whose nearest recorded walking speed is the one most of its strides are nearest
    to; `by_speed` has the others.

    Args:
        columns: activities.
        data: recorded EMG, or why there is none.
        seed: of the bootstrap.
    """
    if isinstance(data, str):
        return {"reason": data}
    chosen = {activity.title: most_common_speed(activity, data) for activity in columns}
    # the judged column's speed first
    indices = list(dict.fromkeys(chosen.values())) or [0]
    subjects, human = data.recorded(indices[0])
    scaled = human / np.maximum(human.max(1, keepdims=True), np.finfo(float).tiny)
    return {
        "source": data.source,
        "population": data.population,
        "notes": list(data.notes),
        "columns": {a.title: _column(a, data, chosen[a.title], seed) for a in columns},
        "by_speed": {a.title: _by_speed(a, data, seed) for a in columns},
        "people": [_people(data, index) for index in indices],
        "published": read_facts("emg_agreement"),
        "envelopes": {
            muscle: {
                "model": RECORDED[muscle].model,
                "percent": data.percent,
                "n": len(subjects),
                "mean": scaled[:, :, k].mean(0),
            }
            for k, muscle in enumerate(data.muscles)
        },
    }


def other_people(columns: Sequence[Activity], data: EmgData) -> dict[str, Any]:
    """Median r of each leg of every column, biceps femoris as its long head, with further people, at all speeds."""
    found: dict[str, Any] = {}
    for activity in columns:
        legs = {side: p for side, p in activity.profiles.items() if len(p)}
        try:
            found[activity.title] = {
                side: compare(p, activity.names, side, data, speed=activity.speed, draws=1)["median"]["value"]
                for side, p in legs.items()
            }
        except ValueError as error:
            found[activity.title] = {"reason": str(error)}
    people = len(data.subjects)
    return {"source": data.source, "population": data.population, "n": people, "speeds": data.speeds, "columns": found}


def most_common_speed(activity: Activity, data: EmgData) -> int:
    """Index of the recorded speed to which most strides of both legs are nearest; the faster one where two share."""
    near = np.concatenate([_nearest(activity, side, data) for side in "rl"])
    counts = np.bincount(near, minlength=len(data.speeds))
    return int(len(counts) - 1 - counts[::-1].argmax())


def _nearest(activity: Activity, side: str, data: EmgData) -> NDArray[np.int64]:
    """(C,) index of the recorded speed nearest to each cycle."""
    return np.array([data.nearest_speed(v) for v in activity.speeds[side]], dtype=np.int64)


def _at(
    curves: Mapping[str, NDArray[np.float64]], activity: Activity, side: str, data: EmgData, index: int
) -> tuple[NDArray[np.float64], float]:
    """Cycles (C', 101, M) of a leg in the `curves` of an activity nearest to a recorded speed, and their mean speed."""
    there = _nearest(activity, side, data) == index
    speed = float(activity.speeds[side][there].mean()) if there.any() else float("nan")
    return curves[side][there], speed


def _people(data: EmgData, index: int) -> dict[str, Any]:
    """How people correlate with each other at one recorded speed."""
    try:
        return human_agreement(data, speed=float(data.speeds[index]))
    except ValueError as error:
        return {"reason": str(error)}


def _column(activity: Activity, data: EmgData, index: int, seed: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for side in "rl":
        try:
            found[side] = _leg(activity, side, data, index, seed)
        except ValueError as error:
            found[side] = {"reason": str(error)}
    if activity.published is not None:
        try:
            speed = float(data.speeds[index])
            found["as published"] = compare(
                activity.published, activity.names, "l", data, speed=speed, mapping=PUBLISHED, seed=seed
            )
        except ValueError as error:
            found["as published"] = {"reason": str(error)}
    return found


def _leg(activity: Activity, side: str, data: EmgData, index: int, seed: int) -> dict[str, Any]:
    profiles, speed = _at(activity.profiles, activity, side, data, index)
    if not len(profiles):
        return {"reason": f"no stride of the {'left' if side == 'l' else 'right'} foot at that speed."}
    found: dict[str, Any] = {
        mapping: compare(profiles, activity.names, side, data, speed=speed, mapping=muscles, seed=seed)
        for mapping, muscles in MAPPINGS.items()
    }
    if activity.excitation is not None:
        excitation, _ = _at(activity.excitation, activity, side, data, index)
        found["excitation"] = compare(excitation, activity.names, side, data, speed=speed, seed=seed)
    median = delay_sweep(profiles, activity.names, side, data, speed=speed, cycle_seconds=activity.seconds)
    return found | {"walked": speed, "delays": DELAYS, "by_delay": median}


def _by_speed(activity: Activity, data: EmgData, seed: int) -> list[dict[str, Any]]:
    """Median r of each leg, biceps femoris as its long head, for every recorded speed that a stride is nearest to."""
    rows = []
    for index in sorted({int(k) for side in "rl" for k in _nearest(activity, side, data)}):
        row: dict[str, Any] = {"speed": float(data.speeds[index])}
        for side in "rl":
            profiles, speed = _at(activity.profiles, activity, side, data, index)
            if len(profiles):
                try:
                    result = compare(profiles, activity.names, side, data, speed=speed, draws=200, seed=seed)
                except ValueError:
                    continue  # its reason stands with the column
                row[side] = result["median"] | {"n": len(profiles)}
        rows.append(row)
    return rows
