"""Gait cycles: when the feet stand, strides from one heel strike to the next of the same foot, and their measures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from kinesis_trl.physiology.recording import SIDES, Recording

Array = NDArray[np.float64]
Contact = NDArray[np.bool_]
"""(T, 2) whether the right and the left foot stand."""

POINTS = 101
"""Points of a curve over the cycle, 0 to 100 %."""
_LEAST_STRIDE = 0.1
"""Stride length in metres below which there is no direction of progression to measure steps along."""


class NoGaitCycle(ValueError):
    """There is no whole gait cycle; the message says what was found instead."""


PRESS, RELEASE = 0.05, 0.02
"""Vertical force in body weights that a stance must reach, and above which it begins and below which it ends."""
SHORTEST = 0.1
"""Gaps, then stances, shorter than this are ignored, in seconds: a bouncing foot is no step."""
SHORTEST_STRIDE = 0.4
"""Strides shorter than this are dropped, in seconds: even sprinters take longer, a falling body does not."""


OUTLIER = 2.0
"""Strides further than this many standard deviations from their side's mean duration are dropped."""


@dataclass(frozen=True)
class Cycle:
    """One stride, in samples of the recording; the next strike belongs to the next cycle."""

    side: int
    """0 right, 1 left: the foot that strikes."""
    strike: int
    """First sample at which the foot stands."""
    foot_off: int
    """First sample at which it stands no more."""
    next_strike: int
    """First sample of its next stance."""


@dataclass(frozen=True)
class GaitCycles:
    """The cycles of both feet."""

    contact: Contact
    """(T, 2) whether the right and left foot stand."""
    rate: float
    """Samples per second."""
    cycles: tuple[Cycle, ...]
    """Kept cycles, in order of time, right and left mixed."""

    def of(self, side: str) -> tuple[Cycle, ...]:
        """Kept cycles of the "right" or "left" foot."""
        return tuple(c for c in self.cycles if c.side == SIDES.index(side))


def contact_from_force(vertical: Array, weight: float, rate: float, shortest: float = SHORTEST) -> Contact:
    """Which feet stand, from the vertical ground reaction.

    Args:
        vertical: (T, 2) force on right and left foot in newtons.
        weight: body weight in newtons.
        rate: samples per second.
        shortest: gaps and stances shorter than this are ignored, in seconds.

    Returns:
        (T, 2) mask. A stance begins and ends at `RELEASE`, if it reaches `PRESS` in between.
    """
    load = vertical / weight
    out = np.zeros(load.shape, dtype=bool)
    for side in range(load.shape[1]):
        for run in _runs(load[:, side] > RELEASE):
            out[run, side] = load[run, side].max() >= PRESS
    return without_bounces(out, rate, shortest)


def without_bounces(contact: Contact, rate: float, shortest: float) -> Contact:
    """A mask (T, 2) in which gaps, and then stances, shorter than `shortest` seconds are removed.

    A gap or stance cut off by the recording's start or end counts by what is seen of it; such gaps stay.
    """
    least = round(shortest * rate)
    out = contact.copy()
    for side in range(contact.shape[1]):
        for gap in _runs(~out[:, side]):
            if gap.start > 0 and gap.stop < len(out) and gap.stop - gap.start < least:
                out[gap, side] = True
        for run in _runs(out[:, side]):
            out[run, side] = run.stop - run.start >= least
    return out


def contact_from_code(code: NDArray[np.floating] | NDArray[np.integer]) -> Contact:
    """Which feet stand, from a code (T,) per sample: −1 none, 0 left, 1 right, 2 both; anything else counts as none.

    Nothing is smoothed; see `without_bounces`.

    Returns:
        (T, 2) mask, right then left.
    """
    return np.stack([np.isin(code, (1, 2)), np.isin(code, (0, 2))], axis=1)


def find_cycles(
    contact: Contact,
    rate: float,
    *,
    shortest: float = 0.0,
    excluded: NDArray[np.bool_] | None = None,
) -> GaitCycles:
    """Strides between heel strikes of the same foot, without those of unusual duration.

    Args:
        contact: (T, 2) whether right and left foot stand.
        rate: samples per second.
        shortest: cycles shorter than this are dropped, in seconds, before the others' mean is taken.
        excluded: (T,) samples that no cycle may contain (a fall).

    Raises:
        NoGaitCycle: neither foot strikes twice, or no cycle is left.
    """
    kept: list[Cycle] = []
    strikes_found = []
    for side in range(contact.shape[1]):
        change = np.diff(contact[:, side].astype(np.int8))
        strikes, offs = np.flatnonzero(change == 1) + 1, np.flatnonzero(change == -1) + 1
        strikes_found.append(len(strikes))
        whole = [Cycle(side, int(a), int(offs[np.searchsorted(offs, a)]), int(b)) for a, b in pairwise(strikes)]
        clean = [
            c
            for c in whole
            if c.next_strike - c.strike >= shortest * rate
            and (excluded is None or not excluded[c.strike : c.next_strike].any())
        ]
        duration = np.array([c.next_strike - c.strike for c in clean], dtype=np.float64)
        usual = np.abs(duration - duration.mean()) <= OUTLIER * duration.std() + 1e-9 if clean else duration > 0
        kept += [c for c, keep in zip(clean, usual, strict=True) if keep]
    if not kept:
        stand = 100 * contact.mean(0)
        raise NoGaitCycle(
            f"no gait cycle in {len(contact) / rate:.1f} s: the right foot struck the ground {strikes_found[0]} times "
            f"and the left {strikes_found[1]} times; a cycle needs two strikes of one foot, not too close and without "
            f"a fall between them (they stood {stand[0]:.0f} % and {stand[1]:.0f} % of the time)."
        )
    return GaitCycles(contact, rate, tuple(sorted(kept, key=lambda cycle: cycle.strike)))


def cycles_of(recording: Recording) -> GaitCycles:
    """Cycles of a recording by its ground reaction; none that contains a touch of the floor by other than the feet.

    Raises:
        NoGaitCycle: as `find_cycles`; says so where the body fell.
    """
    contact = contact_from_force(recording.ground_force[..., 2], recording.weight, recording.rate)
    fallen = np.linalg.norm(recording.other_force, axis=1) > 0
    try:
        return find_cycles(contact, recording.rate, shortest=SHORTEST_STRIDE, excluded=fallen)
    except NoGaitCycle as error:
        lost = f" The body was lost after {recording.seconds:.1f} s." if recording.fell else ""
        raise NoGaitCycle(f"{recording.clip}: {error}{lost}") from None


def resample(values: Array, cycle: Cycle) -> Array:
    """Values (T, …) from strike to next strike at `POINTS` equal steps, both ends included; (101, …), linear.

    The next strike's own sample closes the curve, so 100 % of one cycle is 0 % of the next.
    """
    at = np.linspace(cycle.strike, cycle.next_strike, POINTS)
    low = np.minimum(at.astype(np.int64), len(values) - 2)
    share = (at - low).reshape(-1, *[1] * (values.ndim - 1))
    return (1 - share) * values[low] + share * values[low + 1]


def curves(values: Array, cycles: Sequence[Cycle]) -> Array:
    """Values (T, …) over every cycle, (n, 101, …); see `resample`."""
    return np.stack([resample(values, cycle) for cycle in cycles])


def stride_measures(found: GaitCycles, feet: Array | None = None) -> dict[str, Array]:
    """Measures of every kept cycle, (n,) each in the order of `found.cycles`.

    Args:
        found: the cycles.
        feet: (T, 2, 3) position of a point of the right and left foot (the heel) in metres, world; without it there
            are no lengths.

    Returns:
        stride_time in s; cadence in steps/min; stance, swing, double_support and flight in % of the cycle (both feet
        and no foot on the ground); and with `feet` stride_length, step_length and step_width in m and speed in m/s.
        The step is that which ends with the cycle's last strike, measured along the stride; step width is positive
        when the feet do not cross. Steps of a stride shorter than 0.1 m are NaN.
    """
    strike, off, following = (
        np.array([getattr(c, name) for c in found.cycles]) for name in ("strike", "foot_off", "next_strike")
    )
    samples = (following - strike).astype(np.float64)
    time = samples / found.rate
    standing = [found.contact[a:b].sum(1) for a, b in zip(strike, following, strict=True)]
    stance = 100 * (off - strike) / samples
    out = {
        "stride_time": time,
        "cadence": 120 / time,
        "stance": stance,
        "swing": 100 - stance,
        "double_support": np.array([100 * float((s == 2).mean()) for s in standing]),
        "flight": np.array([100 * float((s == 0).mean()) for s in standing]),
    }
    if feet is None:
        return out
    side = np.array([c.side for c in found.cycles])
    last = np.minimum(following, len(feet) - 1)
    stride = feet[last, side, :2] - feet[strike, side, :2]
    length = np.linalg.norm(stride, axis=1)
    along = np.where(length[:, None] >= _LEAST_STRIDE, stride, np.nan) / np.maximum(length, 1e-12)[:, None]
    apart = feet[last, side, :2] - feet[last, 1 - side, :2]
    left = np.stack([-along[:, 1], along[:, 0]], axis=1)
    return out | {
        "stride_length": length,
        "step_length": (apart * along).sum(1),
        "step_width": (apart * left).sum(1) * np.where(side == 1, 1.0, -1.0),
        "speed": length / time,
    }


def symmetry_index(right: float, left: float) -> float:
    """100 (R − L) / (0.5 (R + L)) in %: 0 is symmetric (Robinson 1987, J Manipulative Physiol Ther 10:172)."""
    return float(100 * (right - left) / (0.5 * (right + left))) if right + left else float("nan")


def _runs(mask: NDArray[np.bool_]) -> list[slice]:
    """Runs of True in a mask (T,)."""
    return [found[0] for found in ndimage.find_objects(ndimage.label(mask)[0])]
