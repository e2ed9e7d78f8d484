"""The ground reaction over a stance and a stride: peaks, loading rate, impulses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfiltfilt

from kinesis_trl.physiology.gait_cycles import Cycle
from kinesis_trl.physiology.recording import Recording

Array = NDArray[np.float64]

CUT_OFF = 20.0
"""Cut-off frequency in Hz of the filter before peaks and slopes of the vertical force are sought."""
BANDS: dict[str, tuple[float, float]] = {
    "first_peak": (1.0, 1.35),
    "valley": (0.65, 0.98),
    "second_peak": (1.0, 1.38),
}
"""Vertical force of people who walk at ease, in body weights: from 0.1 below the textbook's 1.1, 0.75 and 1.1 to 0.1
above three stances measured on one person (OpenSim's Moco example: 1.24 to 1.25, 0.82 to 0.88, 1.27 to 1.28)."""
_DIP = 0.05  # body weights
_FIRST, _SECOND = (10.0, 45.0), (55.0, 90.0)  # % of the stance


@dataclass(frozen=True)
class Stance:
    """Vertical ground reaction of one stance; forces in body weights, places in % of the stance."""

    first_peak: float
    """Largest force in the first half (weight acceptance)."""
    first_peak_at: float
    valley: float
    """Smallest force between both peaks (mid-stance)."""
    valley_at: float
    second_peak: float
    """Largest force in the second half (push-off)."""
    second_peak_at: float
    two_peaks: bool
    """Whether the valley lies at least 0.05 body weights below both peaks, and these within 10–45 and 55–90 % of the
    stance, as in walking; the knock of a heel comes earlier and is no such peak."""
    loading_rate: float
    """Steepest rise before the first peak, in body weights/s (instantaneous loading rate, as Milner 2006, Med Sci
    Sports Exerc 38:323, but of the filtered force)."""


@dataclass(frozen=True)
class Impulse:
    """Impulses of the floor over one stride, in body weights times seconds unless said otherwise."""

    support: float
    """Vertical impulse of everything that touches the floor, per body weight and duration: 1 over a periodic stride."""
    balance: float
    """What is left of impulse − m·Δv − m·g·T, as a share of m·g·T: how well the recording obeys Newton."""
    braking: float
    """Impulse of the striking foot against the direction of progression; not positive."""
    propulsion: float
    """Impulse of the striking foot in the direction of progression."""


def stance_landmarks(vertical: Array, rate: float) -> Stance:
    """Peaks and valley of the vertical force of one stance.

    Args:
        vertical: (n,) force in body weights from strike to foot off.
        rate: samples per second.

    Raises:
        ValueError: fewer than 10 samples, or values that are not finite.
    """
    count = len(vertical)
    if count < 10 or not np.isfinite(vertical).all():
        raise ValueError(f"a stance of {count} samples; its peaks need at least 10, all finite.")
    smooth = _low_pass(vertical, rate)
    half = count // 2
    first, second = int(smooth[:half].argmax()), half + int(smooth[half:].argmax())
    valley = first + int(smooth[first : second + 1].argmin())
    peaks = smooth[first], smooth[second]
    lowest = float(smooth[valley])

    def percent(index: int) -> float:
        return 100 * index / (count - 1)

    apart = _FIRST[0] <= percent(first) <= _FIRST[1] and _SECOND[0] <= percent(second) <= _SECOND[1]
    return Stance(
        first_peak=float(peaks[0]),
        first_peak_at=percent(first),
        valley=lowest,
        valley_at=percent(valley),
        second_peak=float(peaks[1]),
        second_peak_at=percent(second),
        two_peaks=apart and bool(min(peaks) - lowest >= _DIP),
        loading_rate=float(np.diff(smooth[: first + 1]).max(initial=0.0) * rate),
    )


def stance_of(recording: Recording, cycle: Cycle) -> Stance:
    """Landmarks of the stance that begins a cycle of a recording."""
    vertical = recording.ground_force[cycle.strike : cycle.foot_off, cycle.side, 2] / recording.weight
    return stance_landmarks(vertical, recording.rate)


def impulse_of(recording: Recording, start: int, stop: int, side: int) -> Impulse:
    """Impulses between samples `start` and `stop` of a recording, the foot being `side` (0 right, 1 left).

    Progression is the direction in which the centre of mass moves between both samples. Forces are summed as the
    simulation applied them, one step each.
    """
    step, seconds = 1 / recording.rate, (stop - start) / recording.rate
    feet = recording.ground_force[start:stop]
    impulse = (feet.sum(1) + recording.other_force[start:stop]).sum(0) * step
    change = recording.mass * (recording.centre_velocity[stop] - recording.centre_velocity[start])
    support = recording.weight * seconds
    moved = recording.centre_of_mass[stop, :2] - recording.centre_of_mass[start, :2]
    forward = feet[:, side, :2] @ (moved / max(float(np.linalg.norm(moved)), 1e-9))
    return Impulse(
        support=float(impulse[2] / support),
        balance=float(np.linalg.norm(impulse - change - [0, 0, support]) / support),
        braking=float(np.minimum(forward, 0).sum() * step / recording.weight),
        propulsion=float(np.maximum(forward, 0).sum() * step / recording.weight),
    )


def _low_pass(values: Array, rate: float) -> Array:
    """Without phase shift (fourth-order Butterworth run both ways), continued oddly at both ends."""
    if rate <= 2 * CUT_OFF:
        return values
    sections = butter(2, CUT_OFF, fs=rate, output="sos")
    return np.asarray(sosfiltfilt(sections, values, padlen=min(len(values) - 1, 30)))
