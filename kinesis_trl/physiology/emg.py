"""Muscle activity of a simulation against recorded EMG: Pearson's r per muscle and subject, and what people reach.

All profiles are activations over the gait cycle, (C, P, M): C cycles, P points from one contact of the side's foot to
the next, both ends included, M muscles. EMG is compared with activation, which is what the muscle does; compare
excitation only where nothing else was recorded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

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


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A figure and its 95 % interval, NaN at both ends where there are too few cycles for one."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class EmgComparison:
    """How a simulated leg's activation correlates with S subjects' EMG in R muscles."""

    side: str
    """Leg of the simulation, "l" or "r"."""
    muscles: tuple[str, ...]
    """R muscles that both the recording and the body have."""
    decisive: tuple[bool, ...]
    """Whether people agree well enough in the muscle; the others should not be judged by."""
    subjects: tuple[str, ...]
    """S subjects."""
    cycles: int
    """Gait cycles of the simulation."""
    speed: float
    """Walking speed in m/s at which the subjects were recorded; NaN where it is not stated."""
    r: Array
    """(S, R) Pearson's r of the mean cycle; NaN where the simulation's activation does not vary."""
    per_muscle: tuple[Interval, ...]
    """R medians over subjects, intervals by resampling the simulation's cycles."""
    median: Interval
    """Median over subjects of the mean over muscles, as published for KINESIS; a muscle without r counts as 0."""
    mean: Interval
    """Mean over subjects and muscles."""
    median_decisive: Interval
    """As `median`, over the decisive muscles only."""
    notes: tuple[str, ...]
    """What was left out or should be borne in mind."""


@dataclass(frozen=True, kw_only=True)
class HumanAgreement:
    """How people correlate with each other: what a simulation may hope for."""

    muscles: tuple[str, ...]
    """R muscles."""
    subjects: tuple[str, ...]
    """S subjects."""
    speed: float
    """Walking speed in m/s."""
    pairs: Array
    """(S(S−1)/2, R) r of every pair of subjects: like for like with `EmgComparison.r`."""
    left_out: Array
    """(S, R) r of each subject with the mean of the others' envelopes, each scaled to its peak: the ceiling."""

    @property
    def median(self) -> float:
        """Median over pairs of the mean over muscles, the published human–human figure."""
        return float(np.median(self.pairs.mean(1)))

    @property
    def mean(self) -> float:
        """Mean over pairs and muscles."""
        return float(self.pairs.mean())

    @property
    def ceiling(self) -> float:
        """Median over left-out subjects of the mean over muscles."""
        return float(np.median(self.left_out.mean(1)))


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
) -> EmgComparison:
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

    Raises:
        EmgError: no cycle, not finite, another width than `names`, or no muscle in common.
    """
    checked = _checked(profiles, names)
    muscles, picked, notes = _pick(checked, names, side, data, mapping)
    index = data.nearest_speed(speed)
    subjects, human = data.recorded(index)
    human = human[:, :, [data.muscles.index(m) for m in muscles]]
    curves = _resample(picked, data.percent)
    r = _correlate(curves.mean(0)[None], human)[0]
    if len(curves) > 1:
        picks = np.random.default_rng(seed).multinomial(len(curves), np.full(len(curves), 1 / len(curves)), size=draws)
        drawn = _correlate(np.tensordot(picks / len(curves), curves, 1), human)
    else:
        drawn = np.full((1, *r.shape), np.nan)
        notes.append("one gait cycle only: no interval can be given.")
    recorded = float(data.speeds[index])
    if abs(recorded - speed) > _LARGEST_SPEED_GAP:
        notes.append(f"the simulation walks at {speed:.2f} m/s, the nearest recording is at {recorded:.2f} m/s.")
    for k, muscle in enumerate(muscles):
        if np.isnan(r[:, k]).any():
            notes.append(f"{muscle}: the activation does not vary over the cycle; it counts as r = 0.")
    decisive = np.array([mapping[m].decisive for m in muscles])
    return EmgComparison(
        side=side,
        muscles=tuple(muscles),
        decisive=tuple(bool(d) for d in decisive),
        subjects=subjects,
        cycles=len(curves),
        speed=recorded,
        r=r,
        per_muscle=tuple(
            _interval(np.median(_zero(r)[:, k]), np.median(_zero(drawn)[:, :, k], 1), len(curves))
            for k in range(len(muscles))
        ),
        median=_interval(_median(r), _median(drawn), len(curves)),
        mean=_interval(_zero(r).mean(), _zero(drawn).mean((1, 2)), len(curves)),
        median_decisive=_interval(_median(r[:, decisive]), _median(drawn[:, :, decisive]), len(curves))
        if decisive.any()
        else Interval(value=np.nan, low=np.nan, high=np.nan),
        notes=tuple(notes),
    )


def human_agreement(data: EmgData, *, speed: float) -> HumanAgreement:
    """Correlate the subjects recorded at the nearest walking speed (m/s) with each other.

    Raises:
        EmgError: fewer than two subjects were recorded at it.
    """
    index = data.nearest_speed(speed)
    subjects, human = data.recorded(index)
    if len(subjects) < 2:
        raise EmgError(f"{len(subjects)} subject at {data.speeds[index]:g} m/s in {data.source}; two are needed.")
    r = _correlate(human, human)
    scaled = human / np.maximum(np.abs(human).max(1, keepdims=True), np.finfo(float).tiny)
    others = (scaled.sum(0) - scaled) / (len(subjects) - 1)
    first, second = np.array(list(combinations(range(len(subjects)), 2))).T
    return HumanAgreement(
        muscles=data.muscles,
        subjects=subjects,
        speed=float(data.speeds[index]),
        pairs=_zero(r[first, second]),
        left_out=_zero(np.stack([_correlate(o[None], h[None])[0, 0] for o, h in zip(others, human, strict=True)])),
    )


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
) -> tuple[Array, Array]:
    """What r would be if recorded EMG preceded the simulation's activation by a fixed electromechanical delay.

    A sweep to look at, not a parameter to choose: r at the best delay is no result.

    Args:
        profiles, names, side, data, speed, mapping: as for `compare`.
        cycle_seconds: mean duration of a gait cycle.
        delays: in seconds.

    Returns:
        (D,) median over subjects of the mean over muscles, and (D, R) medians over subjects.
    """
    if not cycle_seconds > 0:
        raise EmgError(f"a gait cycle of {cycle_seconds} s; expected a positive duration.")
    muscles, picked, _ = _pick(_checked(profiles, names), names, side, data, mapping)
    _, human = data.recorded(data.nearest_speed(speed))
    human = human[:, :, [data.muscles.index(m) for m in muscles]]
    mean = picked.mean(0)[None]
    shifted = np.concatenate([_resample(mean, data.percent, later=100 * d / cycle_seconds) for d in delays])
    r = _correlate(shifted, human)
    return _median(r), np.median(_zero(r), axis=1)


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


def _interval(value: Array | float, drawn: Array, cycles: int) -> Interval:
    """Normal bootstrap interval (Efron and Tibshirani 1993, ch. 13), within [−1, 1].

    Not percentiles: the mean of a resample holds fewer distinct cycles and so more noise, its r is lower, and the
    percentiles of noisy cycles would lie below the figure itself.
    """
    value = float(value)
    half = 1.959964 * float(np.std(drawn)) if cycles > 1 else np.nan
    return Interval(value=value, low=float(np.maximum(-1.0, value - half)), high=float(np.minimum(1.0, value + half)))
