"""Walking at many speeds: likeness with people's muscles, with and without delay, and cost, speed by speed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kinesis_trl.body.model import BodyModel
from kinesis_trl.facts import EMG_SPEEDS
from kinesis_trl.physiology.activity import activity_of
from kinesis_trl.physiology.emg import DELAYS, compare, delay_sweep, human_agreement
from kinesis_trl.physiology.emg_data import EmgData, EmgError
from kinesis_trl.physiology.findings import UNKNOWN, grade
from kinesis_trl.physiology.muscle_analysis import metabolic
from kinesis_trl.physiology.strides import Run, Strides, collect, why_none

_RANGE = (0.1, 2.5)
"""Speeds in m/s of strides that count: all walking."""
_DRAWS = 200


def by_speed(groups: Mapping[str, Sequence[Run]], body: BodyModel, data: EmgData | str, *, seed: int) -> dict[str, Any]:
    """Strides of each run straight ahead, those of a clip with the people who were recorded nearest to its speed.

    Args:
        groups: runs by what they walk.
        body: their body.
        data: recorded EMG, or why there is none: the speeds are then those of Wang et al. 2023.
        seed: of the bootstrap.

    Returns:
        `rows` by group, run and speed (see `_row`), `missing`: [group, title, reason] of runs without strides, and
        `people`: r of people with each other by speed.
    """
    rows, missing, people = [], [], {}
    for group, runs in groups.items():
        for run in runs:
            strides, clips = collect(run, speeds=_RANGE, slowest=_RANGE[0])
            if strides is None:
                missing.append([group, run.title, why_none(clips)])
                continue
            for index, part in strides.by_speed(lambda v: _nearest(v, data)).items():
                row = {"group": group, "title": run.title, **_row(part, body, data, index, seed)}
                rows.append(row | {"fell": sum(r.fell for r, _ in part.found), "clips": len(part.found)})
                people[row["speed"]] = _people(data, index)
    return {"rows": rows, "missing": missing, "people": sorted([v, r] for v, r in people.items() if r is not None)}


def _nearest(speed: float, data: EmgData | str) -> int:
    if isinstance(data, str):
        return int(np.abs(np.array(EMG_SPEEDS) - speed).argmin())
    return data.nearest_speed(speed)


def _row(strides: Strides, body: BodyModel, data: EmgData | str, index: int, seed: int) -> dict[str, Any]:
    """Speed of the people, speed walked, strides of the right and left foot, `r` by leg as value, low and high and its
    mean `likeness`, that mean by `delays` in seconds, and cost of transport in J/kg/m by Bhargava's model."""
    activity = activity_of(strides)
    speed = EMG_SPEEDS[index] if isinstance(data, str) else float(data.speeds[index])
    row: dict[str, Any] = {
        "speed": speed,
        "walked": strides.speed,
        "strides": [strides.count(0), strides.count(1)],
        "cost": metabolic(strides, body)["Bhargava 2004"]["transport"],
        "r": {},
    }
    sweeps = []
    for side in "rl":
        profiles = activity.profiles[side]
        if isinstance(data, str) or not len(profiles):
            continue
        found = compare(profiles, activity.names, side, data, speed=speed, draws=_DRAWS, seed=seed)["median"]
        row["r"][side] = [found["value"], found["low"], found["high"]]
        sweeps.append(delay_sweep(profiles, activity.names, side, data, speed=speed, cycle_seconds=activity.seconds))
    if sweeps:
        likeness = np.mean(sweeps, axis=0)
        row |= {"likeness": likeness[0], "delays": DELAYS, "by_delay": likeness}
    return row


def _people(data: EmgData | str, index: int) -> float | None:
    if isinstance(data, str):
        return None
    try:
        return human_agreement(data, speed=float(data.speeds[index]))["median"]
    except EmgError:
        return None


def judge_speeds(found: dict[str, Any], title: str) -> tuple[str, str, str]:
    """State, headline and sentence of the run `title`, over all groups."""
    rows = [row for row in found["rows"] if row["title"] == title]
    if not rows:
        return (
            UNKNOWN,
            "",
            "Cannot be said: " + "; ".join(reason for _, run, reason in found["missing"] if run == title),
        )
    known = [row for row in rows if "likeness" in row]
    costs = sorted(row["cost"] for row in rows)
    slowest, fastest = (f(row["walked"] for row in rows) for f in (min, max))
    walked = f"{slowest:.2f} to {fastest:.2f}" if len(rows) > 1 else f"{slowest:.2f}"
    spent = f"{costs[0]:.1f} to {costs[-1]:.1f}" if len(rows) > 1 else f"{costs[0]:.1f}"
    text = f"Walking at {walked} m/s costs {spent} J per kg and metre"
    if not known:
        return UNKNOWN, f"{spent} J/kg/m", f"{text}; no recorded muscle activity to compare."
    least, most = (f(known, key=lambda row: row["likeness"]) for f in (min, max))
    mean = sum(row["likeness"] for row in known) / len(known)
    late = max(range(len(DELAYS)), key=lambda k: sum(row["by_delay"][k] for row in known))
    text += f"; the rhythm of the muscles correlates with people's by r = {mean:.2f}"
    if len(known) > 1:
        text += (
            f" on average, least at {least['walked']:.2f} m/s ({least['likeness']:.2f}), most at "
            f"{most['walked']:.2f} m/s ({most['likeness']:.2f})"
        )
    text += (
        f", and would most if they acted {1000 * DELAYS[late]:.0f} ms earlier." if late else "; no delay raises that."
    )
    return grade(mean, 0.5, 0.3), f"r = {mean:.2f} over {len(known)} speed{'s' * (len(known) > 1)}", text
