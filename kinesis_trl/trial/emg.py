"""A trial's own EMG: from channels to envelopes of muscles, and how a solution's activation agrees with them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfiltfilt

from kinesis_trl.motion.markers.recorded import Emg, TrialError
from kinesis_trl.motion.markers.sets import read_map
from kinesis_trl.physiology.emg import DELAYS
from kinesis_trl.physiology.emg_muscles import RECORDED, UnknownMuscleError, model_columns, recorded_name

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

_SIDE = re.compile(r"(?i:(?:^|[\s_.\-:])(?P<side>right|left|r|l)(?:$|[\s_.\-]))|^(?P<first>[RL])(?=[A-Z][a-zA-Z])")
_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])|[_.\-:]+")
_NOISE = re.compile(r"\b(?:emg|activation|channel|ch|im|voltage|\d+)\b", re.IGNORECASE)
_PLANTAR = ("soleus", "gastrocnemius", "gastrocnemius medialis", "gastrocnemius lateralis")
_FLAT = 1e-3
_UNKNOWN = (
    "the name states no muscle that is known; say which it is in a YAML file (--emg-map) with lines as "
    "'Channel 3: soleus_r', or none to leave it out."
)
_ON = 0.25
_LEAST_SAMPLES = 20


@dataclass(frozen=True, kw_only=True)
class EmgConfig:
    """How EMG becomes envelopes (Merletti 1999, J Electromyogr Kinesiol 9(4):III, and common use in gait)."""

    band: tuple[float, float] = (20.0, 450.0)
    """Band in Hz that is kept of raw signals (Butterworth, second order, forth and back)."""
    envelope: float = 6.0
    """Cut-off in Hz of the low-pass of the rectified signal."""
    side: str = ""
    """Leg of channels whose names state none: r or l; '': found by when the plantarflexors are active."""


@dataclass(frozen=True, kw_only=True)
class Envelopes:
    """Activity of R recorded muscles, each with its largest value in the trial as 1."""

    channels: tuple[str, ...]
    """As the file calls them."""
    muscles: tuple[str, ...]
    """R keys of `RECORDED`."""
    sides: tuple[str, ...]
    """R of "r" and "l"."""
    time: Array
    """(N,) seconds."""
    activity: Array
    """(N, R), 0 to 1."""
    notes: tuple[str, ...] = ()


def envelopes(
    emg: Emg, config: EmgConfig, *, own: Path | None = None, standing: tuple[Array, Mask] | None = None
) -> Envelopes:
    """Envelopes of those channels that are known as muscles.

    Signals with as much below as above zero, or mostly faster than 20 Hz, are raw: band-pass, rectification, low-pass.
    Others are taken as envelopes.

    Args:
        emg: the channels.
        config: filters.
        own: a YAML file that maps channels to muscles with side ("soleus_r"), or to `none`.
        standing: times (T,) and whether right and left foot stand (T, 2), by which channels without a side are told.

    Raises:
        TrialError: no channel can be used; says why each cannot.
    """
    rate = (len(emg.time) - 1) / (emg.time[-1] - emg.time[0])
    known = {} if own is None else _own_map(own)
    notes: list[str] = []
    if absent := [channel for channel in known if channel not in emg.names]:
        notes.append(f"{own} names {', '.join(absent[:8])}, which no channel is called")
    kept: list[tuple[str, str, str, Array]] = []
    left: dict[str, list[str]] = {}
    for k, channel in enumerate(emg.names):
        if known.get(channel, "").lower() == "none":
            continue
        try:
            muscle, side = muscle_of(known.get(channel, channel))
        except UnknownMuscleError:
            left.setdefault(_UNKNOWN, []).append(channel)
            continue
        try:
            kept.append((channel, muscle, side, _envelope(emg.signal[:, k], rate, config)))
        except TrialError as error:
            left.setdefault(str(error), []).append(f"{channel} ({muscle})")
    for reason, names in left.items():
        notes.append(f"channel{'s' * (len(names) > 1)} {', '.join(names[:12])} left out: {reason}")
    if not kept:
        raise TrialError(f"no EMG channel can be used. {' '.join(notes)}".strip())
    unsided = [row for row in kept if not row[2]]
    if unsided:
        side, how = (config.side, "as was asked for") if config.side else _side_of(unsided, emg.time, standing)
        notes.append(
            f"{len(unsided)} channels state no side; taken as the {'right' if side == 'r' else 'left'} leg's {how}"
        )
        kept = [(channel, muscle, own_side or side, values) for channel, muscle, own_side, values in kept]
    first = {(muscle, side): k for k, (_, muscle, side, _) in reversed(list(enumerate(kept)))}
    if again := [row[0] for k, row in enumerate(kept) if k not in first.values()]:
        notes.append(f"left out, as an earlier channel is of the same muscle: {', '.join(again)}")
    kept = [kept[k] for k in sorted(first.values())]
    channels, muscles, sides, values = zip(*kept, strict=True)
    return Envelopes(
        channels=channels,
        muscles=muscles,
        sides=sides,
        time=emg.time,
        activity=np.stack(values, axis=1),
        notes=tuple(notes),
    )


def muscle_of(channel: str) -> tuple[str, str]:
    """Muscle (a key of `RECORDED`) and side ("r", "l" or "") that a channel's name states.

    Raises:
        UnknownMuscleError: no muscle we know.
    """
    found = _SIDE.search(channel)
    side = "" if found is None else (found["side"] or found["first"]).lower()[0]
    rest = channel if found is None else f"{channel[: found.start()]} {channel[found.end() :]}"
    words = " ".join(_NOISE.sub(" ", _WORDS.sub(" ", rest)).split())
    return recorded_name(words or channel), side


def agreement(found: Envelopes, time: Array, activation: Array, names: Sequence[str]) -> dict[str, Any]:
    """How activation agrees with the trial's own envelopes: r, overlap of the times of activity, and r by delay.

    Args:
        found: the envelopes.
        time: (T,) seconds of the activation.
        activation: (T, M).
        names: M muscles with side.

    Returns:
        `muscles` by name with side: r, overlap (Jaccard index of the times above a quarter of the peak), curves;
        `median`, and `delays` with `by_delay`, the median r if EMG came so much earlier than activation.

    Raises:
        TrialError: no common muscle or hardly a common time.
    """
    inside = (time >= found.time[0]) & (time <= found.time[-1])
    if inside.sum() < _LEAST_SAMPLES:
        raise TrialError("EMG and motion have hardly a time in common; give those of one trial.")
    at = time[inside]
    rows: dict[str, Any] = {}
    swept = []
    for k, (muscle, side) in enumerate(zip(found.muscles, found.sides, strict=True)):
        try:
            own = activation[inside][:, model_columns(muscle, side, names, RECORDED)].mean(1)
        except UnknownMuscleError:
            continue
        recorded = np.interp(at, found.time, found.activity[:, k])
        by_delay = [_r(np.interp(at - delay, found.time, found.activity[:, k]), own) for delay in DELAYS]
        swept.append(by_delay)
        on = [values >= _ON * values.max() for values in (recorded, own)]
        rows[f"{muscle}, {'right' if side == 'r' else 'left'}"] = {
            "r": by_delay[0],
            "overlap": float((on[0] & on[1]).sum() / max((on[0] | on[1]).sum(), 1)),
            "time": at,
            "recorded": recorded,
            "activation": own,
        }
    if not rows:
        raise TrialError("none of the recorded muscles is in the body.")
    return {
        "muscles": rows,
        "median": float(np.median([row["r"] for row in rows.values()])),
        "delays": list(DELAYS),
        "by_delay": np.median(swept, axis=0),
    }


def _r(a: Array, b: Array) -> float:
    """Pearson's r; 0 where either does not vary."""
    if np.ptp(a) < 1e-9 or np.ptp(b) < 1e-9:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])


def _envelope(signal: Array, rate: float, config: EmgConfig) -> Array:
    """(N,) envelope with its largest value as 1.

    Raises:
        TrialError: flat, mostly missing, or sampled too slowly to be raw EMG.
    """
    bad = ~np.isfinite(signal)
    if bad.mean() > 0.2:
        raise TrialError(f"{100 * bad.mean():.0f} % of its samples are missing.")
    places = np.arange(len(signal))
    values = np.interp(places, places[~bad], signal[~bad])
    values /= max(float(np.abs(values).max()), 1e-300)
    swing = float(np.quantile(values, 0.99) - np.quantile(values, 0.01))
    if swing <= _FLAT:
        raise TrialError("it is flat: the electrode was off or the channel unused.")
    low, high = float(values.min()), float(values.max())
    if -low > 0.3 * high or _is_fast(values, rate, config.band[0]):
        if rate < 4 * config.band[0]:
            raise TrialError(f"it is raw EMG at {rate:.0f} samples/s, too few; at least 500 are needed.")
        band = (config.band[0], min(config.band[1], 0.45 * rate))
        values = np.abs(sosfiltfilt(butter(2, band, "bandpass", fs=rate, output="sos"), values))
        values = sosfiltfilt(butter(2, config.envelope, fs=rate, output="sos"), values)
    return np.asarray(np.maximum(values, 0.0) / values.max())


def _is_fast(values: Array, rate: float, above: float) -> bool:
    """Whether most of the variance of a signal (N,) is above a frequency in Hz."""
    if rate < 4 * above:
        return False
    fast = sosfiltfilt(butter(2, above, "highpass", fs=rate, output="sos"), values)
    return bool(np.var(fast) > 0.5 * np.var(values))


def _side_of(
    rows: Sequence[tuple[str, str, str, Array]], time: Array, standing: tuple[Array, Mask] | None
) -> tuple[str, str]:
    """The leg that stands while plantarflexors are active, and how that is known."""
    plantar = [values for _, muscle, _, values in rows if muscle in _PLANTAR]
    if standing is None or not plantar:
        return "r", "for want of a sign (--emg-side says otherwise)"
    frames, stands = standing
    active = np.interp(frames, time, np.mean(plantar, axis=0))
    both = [_r(active, stands[:, side].astype(np.float64)) for side in range(2)]
    return "rl"[int(np.argmax(both))], "because its plantarflexors are active while that foot stands"


def _own_map(path: Path) -> Mapping[str, str]:
    found = read_map(path)
    if not all(isinstance(value, str) for value in found.values()):
        raise TrialError(f"{path} does not give every channel a name; write lines as 'Channel 3: soleus_r', or none.")
    return {str(key): str(value) for key, value in found.items()}
