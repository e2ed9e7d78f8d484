"""Muscle activity of a simulation against recorded EMG: Pearson's r per muscle and subject, and what people reach.

All profiles are activations over the gait cycle, (C, P, M): C cycles, P points from one contact of the side's foot to
the next, both ends included, M muscles. EMG is compared with activation, which is what the muscle does; compare
excitation only where nothing else was recorded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.physiology.emg_data import EmgData, EmgError
from kinesis_trl.physiology.emg_muscles import RECORDED, RecordedMuscle, UnknownMuscleError, model_columns

Array = NDArray[np.float64]

DELAYS = tuple(k / 100 for k in range(11))
"""Electromechanical delays of a sweep, in seconds."""
_LARGEST_SPEED_GAP = 0.2
_SILENT = 1e-3
"""Activity that a muscle must reach to have a rhythm: below lie the remains of a decay."""


def compare(
    profiles: Array,
    names: Sequence[str],
    side: str,
    data: EmgData,
    *,
    speed: float,
    mapping: Mapping[str, RecordedMuscle] = RECORDED,
    draws: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """Correlate the mean cycle of one leg with every subject recorded at the nearest walking speed.

    Args:
        profiles: (C, P, M) activation over the cycles of this side's leg.
        names: M muscles with side, as "soleus_l".
        side: "l" or "r".
        data: recorded EMG. Which leg was recorded does not matter: people are taken as symmetric.
        speed: the simulation's walking speed in m/s.
        mapping: which muscles are compared with which electrode.
        draws: bootstrap samples over cycles (Efron 1979).
        seed: of the bootstrap.

    Returns:
        The people's `speed` in m/s (NaN where it is not stated), the number of `cycles`, `subjects`, `notes` on what
        was left out; `median` over subjects of the mean over muscles, as published for KINESIS (a muscle without r
        counts as 0), `median_decisive` of those in which people agree, and `mean`; and `muscles` by name, those that
        both have: `model` muscles, whether `decisive`, median over subjects, and r `by_subject` (S,), NaN where the
        activation does not vary. Figures have value, low and high: 95 % interval over cycles, NaN where too few.

    Raises:
        EmgError: no cycle, not finite, another width than `names`, or no muscle in common.
    """
    checked = _checked(profiles, names)
    muscles, picked, notes = _pick(checked, names, side, data, mapping)
    index = data.nearest_speed(speed)
    subjects, human = data.recorded(index)
    human = human[:, :, [data.muscles.index(m) for m in muscles]]
    curves = _resample(picked, data.percent)
    count = len(curves)
    r = _correlate(curves.mean(0)[None], human)[0]
    if count > 1:
        picks = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=draws)
        drawn = _correlate(np.tensordot(picks / count, curves, 1), human)
    else:
        drawn = np.full((1, *r.shape), np.nan)
        notes.append("one gait cycle only: no interval can be given.")
    recorded = float(data.speeds[index])
    if abs(recorded - speed) > _LARGEST_SPEED_GAP:
        notes.append(f"the simulation walks at {speed:.2f} m/s, the nearest recording is at {recorded:.2f} m/s.")
    silent = [m for k, m in enumerate(muscles) if np.isnan(r[:, k]).any()]
    notes += [f"{muscle}: the activation does not vary over the cycle; it counts as r = 0." for muscle in silent]
    decisive = np.array([mapping[m].decisive for m in muscles])
    nothing = {"value": np.nan, "low": np.nan, "high": np.nan}
    return {
        "speed": recorded,
        "cycles": count,
        "subjects": subjects,
        "notes": notes,
        "median": _interval(_median(r), _median(drawn), count),
        "mean": _interval(_zero(r).mean(), _zero(drawn).mean((1, 2)), count),
        "median_decisive": _interval(_median(r[:, decisive]), _median(drawn[:, :, decisive]), count)
        if decisive.any()
        else nothing,
        "muscles": {
            name: {
                "model": RECORDED[name].model,
                "decisive": bool(decisive[k]),
                **_interval(np.median(_zero(r)[:, k]), np.median(_zero(drawn)[:, :, k], 1), count),
                "by_subject": r[:, k],
            }
            for k, name in enumerate(muscles)
        },
    }


def human_agreement(data: EmgData, *, speed: float) -> dict[str, Any]:
    """How people recorded at the nearest walking speed (m/s) correlate with each other: what a simulation may hope for.

    Returns:
        Their `speed`, `subjects`, `muscles`, number of `pairs`; over pairs of subjects the `median` and the `mean` of
        the mean over muscles and the median `per_muscle`, like for like with `compare`; and the same medians of each
        subject with the mean of the others' envelopes, each scaled to its peak: `ceiling`, `ceiling_per_muscle`.

    Raises:
        EmgError: fewer than two subjects were recorded at it.
    """
    index = data.nearest_speed(speed)
    subjects, human = data.recorded(index)
    if len(subjects) < 2:
        raise EmgError(f"{len(subjects)} subject at {data.speeds[index]:g} m/s in {data.source}; two are needed.")
    first, second = np.array(list(combinations(range(len(subjects)), 2))).T
    pairs = _zero(_correlate(human, human)[first, second])
    scaled = human / np.maximum(np.abs(human).max(1, keepdims=True), np.finfo(float).tiny)
    others = (scaled.sum(0) - scaled) / (len(subjects) - 1)
    left_out = _zero(np.stack([_correlate(o[None], h[None])[0, 0] for o, h in zip(others, human, strict=True)]))
    return {
        "speed": float(data.speeds[index]),
        "subjects": subjects,
        "muscles": data.muscles,
        "pairs": len(pairs),
        "median": float(np.median(pairs.mean(1))),
        "mean": float(pairs.mean()),
        "ceiling": float(np.median(left_out.mean(1))),
        "per_muscle": np.median(pairs, axis=0),
        "ceiling_per_muscle": np.median(left_out, axis=0),
    }


def delay_sweep(
    profiles: Array,
    names: Sequence[str],
    side: str,
    data: EmgData,
    *,
    speed: float,
    cycle_seconds: float,
    delays: Sequence[float] = DELAYS,
    mapping: Mapping[str, RecordedMuscle] = RECORDED,
) -> Array:
    """What r would be if recorded EMG preceded the simulation's activation by a fixed electromechanical delay.

    A sweep to look at, not a parameter to choose: r at the best delay is no result.

    Args:
        profiles, names, side, data, speed, mapping: as for `compare`.
        cycle_seconds: mean duration of a gait cycle.
        delays: in seconds.

    Returns:
        (D,) median over subjects of the mean over muscles.
    """
    if not cycle_seconds > 0:
        raise EmgError(f"a gait cycle of {cycle_seconds} s; expected a positive duration.")
    muscles, picked, _ = _pick(_checked(profiles, names), names, side, data, mapping)
    _, human = data.recorded(data.nearest_speed(speed))
    human = human[:, :, [data.muscles.index(m) for m in muscles]]
    mean = picked.mean(0)[None]
    shifted = np.concatenate([_resample(mean, data.percent, later=100 * d / cycle_seconds) for d in delays])
    return _median(_correlate(shifted, human))


def _checked(profiles: Array, names: Sequence[str]) -> Array:
    values = np.asarray(profiles, dtype=np.float64)
    if values.ndim != 3 or values.shape[2] != len(names):
        raise EmgError(f"profiles have shape {values.shape}, expected (cycles, points, {len(names)} muscles).")
    if len(values) == 0 or values.shape[1] < 2:
        raise EmgError(f"profiles have shape {values.shape}: no gait cycle to compare.")
    if not np.isfinite(values).all():
        raise EmgError("profiles are not finite; leave out the cycles in which the simulation broke.")
    return values


def _pick(
    profiles: Array, names: Sequence[str], side: str, data: EmgData, mapping: Mapping[str, RecordedMuscle]
) -> tuple[list[str], Array, list[str]]:
    """Muscles in common, their activation (C, P, R), and what was left out."""
    notes = list(data.notes)
    columns: dict[str, list[int]] = {}
    for muscle in data.muscles:
        try:
            columns[muscle] = model_columns(muscle, side, names, mapping)
        except UnknownMuscleError as error:
            notes.append(f"{muscle} left out: {error}")
    if not columns:
        raise EmgError(f"the body has none of the recorded muscles on side {side!r}. {' '.join(notes)}")
    picked = np.stack([profiles[:, :, ids].mean(2) for ids in columns.values()], axis=2)
    return list(columns), np.where(picked.max((0, 1)) < _SILENT, 0.0, picked), notes


def _resample(profiles: Array, percent: Array, later: float = 0.0) -> Array:
    """Profiles (C, P, R) at `percent` + `later` of the cycle, which closes: (C, len(percent), R)."""
    points = profiles.shape[1]
    at = percent + later
    at = np.where(at > 100, at - 100 * np.floor(at / 100), at) / 100 * (points - 1)
    low = np.minimum(np.floor(at).astype(int), points - 2)
    share = (at - low)[None, :, None]
    return profiles[:, low] * (1 - share) + profiles[:, low + 1] * share


def _correlate(curves: Array, human: Array) -> Array:
    """Pearson's r of curves (N, P, R) with envelopes (S, P, R) over P: (N, S, R); NaN where either is constant."""

    def standardised(x: Array) -> Array:
        centred = x - x.mean(1, keepdims=True)
        norm = np.linalg.norm(centred, axis=1, keepdims=True)
        # A flat curve's deviation from its mean is rounding, and must not be blown up to a correlation.
        flat = norm <= 1e-9 * (np.linalg.norm(x, axis=1, keepdims=True) + np.finfo(float).tiny)
        return centred / np.where(flat, np.nan, norm)

    return np.einsum("npr,spr->nsr", standardised(curves), standardised(human))


def _zero(r: Array) -> Array:
    """A muscle that does not vary agrees with nobody: switching it off must not raise a mean."""
    return np.nan_to_num(r, nan=0.0)


def _median(r: Array) -> Array:
    """Median over subjects of the mean over muscles of r (…, S, R)."""
    return np.median(_zero(r).mean(-1), axis=-1)


def _interval(value: Array | float, drawn: Array, cycles: int) -> dict[str, float]:
    """Normal bootstrap interval (Efron and Tibshirani 1993, ch. 13), within [−1, 1].

    Not percentiles: the mean of a resample holds fewer distinct cycles and so more noise, its r is lower, and the
    percentiles of noisy cycles would lie below the figure itself.
    """
    value = float(value)
    half = 1.959964 * float(np.std(drawn)) if cycles > 1 else np.nan
    return {"value": value, "low": float(np.maximum(-1, value - half)), "high": float(np.minimum(1, value + half))}
