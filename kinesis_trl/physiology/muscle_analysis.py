"""Figures of the muscles: when they are on, what they cost, and how they work together."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from kinesis_trl.body.metabolics import Contraction, slow_share
from kinesis_trl.body.model import BodyModel
from kinesis_trl.physiology.activity import Activity, activity_of
from kinesis_trl.physiology.co_contraction import co_contraction, saturation
from kinesis_trl.physiology.metabolics import MODELS, cost, measured_costs
from kinesis_trl.physiology.strides import Strides
from kinesis_trl.physiology.synergies import synergies
from kinesis_trl.physiology.timing import timing


def muscle_timing(activity: Activity) -> dict[str, Any]:
    """Mean activity of every muscle over its leg's cycle, when it is on, and whether both tables agree."""
    muscles: dict[str, Any] = {}
    for side in "rl":
        profiles, leg = activity.profiles[side], activity.leg(side)
        if not len(profiles):
            continue
        mean = profiles.mean(0)[:, leg]
        names = [activity.names[k] for k in leg]
        for k, (name, judged) in enumerate(timing(mean, names).items()):
            muscles[name] = {"mean": mean[:, k], "n": len(profiles), **asdict(judged)}
    verdicts = [m["verdict"] for m in muscles.values()]
    return {
        "signal": activity.signal,
        "muscles": muscles,
        "strides": [len(activity.profiles[side]) for side in "rl"],
        "counts": {v: verdicts.count(v) for v in ("agrees", "differs", "not decided", "no reference")},
    }


def effort(strides: Strides, body: BodyModel) -> dict[str, Any]:
    """Metabolic cost by two models, co-contraction, saturation and synergies, over the strides of a run."""
    activity = activity_of(strides)
    samples = activity.samples()
    share = saturation(samples)
    order = np.argsort(-share)[:8]
    return {
        "speed": strides.speed,
        "metabolic": metabolic(strides, body),
        "measured": measured_costs(),
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


def metabolic(strides: Strides, body: BodyModel) -> dict[str, Any]:
    """Cost of the strides that are counted, of both feet: all their energy over all their time and distance."""
    out: dict[str, Any] = {}
    for name, model in MODELS.items():
        seconds, metres, muscles = 0.0, 0.0, np.zeros(len(body.muscle_names))
        for recording, cycles in strides.found:
            contraction = Contraction.of(
                body.muscles,
                excitation=recording.excitation,
                activation=recording.activation,
                length=recording.muscle_length,
                velocity=recording.muscle_velocity,
            )
            power = model(contraction, slow_share(recording.muscle_names))
            for cycle in cycles.cycles:
                part = slice(cycle.strike, cycle.next_strike + 1)
                time, centre = recording.time[part], recording.centre_of_mass[part, :2]
                muscles += np.trapezoid(power[part], time, axis=0)
                seconds += float(time[-1] - time[0])
                metres += float(np.linalg.norm(centre[-1] - centre[0]))
        dearest = np.argsort(-muscles)[:6]
        out[name] = {
            **cost(muscles / seconds, speed=metres / seconds, body_mass=strides.found[0][0].mass),
            "seconds": seconds,
            "metres": metres,
            "n": len([c for _, cycles in strides.found for c in cycles.cycles]),
            "dearest": {body.muscle_names[k]: muscles[k] / seconds for k in dearest},
        }
    return out
