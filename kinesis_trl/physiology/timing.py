"""When muscles switch on and off in the gait cycle, against two published tables.

The tables differ: where they do so by 10 % of the cycle on end, or where the simulation agrees with one and not with
the other, the muscle is "not decided".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.facts import by_muscle, read_facts

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Spans = tuple[tuple[float, float], ...]
Verdict = Literal["agrees", "differs", "not decided", "no reference"]

BINS = 200
"""Steps of half a percent into which the cycle is cut."""
_PERCENT = (np.arange(BINS) + 0.5) * 100 / BINS


THRESHOLD = 0.05
"""Activation above which a muscle is on: Perry's 5 % of maximal effort (Perry 1992)."""
SHORTEST = 5.0
"""Bursts and pauses shorter than this are ignored, in % of the cycle (5 % after Perry 1992)."""
AGREEMENT = 0.75
"""Balanced accuracy from which timing agrees with a table; chance is 0.5."""
DISPUTE = 10.0
"""The tables disagree where they differ for this long on end, in % of the cycle."""


class TimingError(ValueError):
    """An activation profile of another form than expected."""


@dataclass(frozen=True, kw_only=True)
class Overlap:
    """A simulated muscle against one table."""

    reference: Spans
    """When the table holds the muscle active, (on, off) in % of the cycle."""
    jaccard: float
    """Time on in both over time on in either; 0 … 1."""
    balanced_accuracy: float
    """Mean of the shares of on-time and of off-time that are right; 0.5 for a muscle that is always on or off."""


@dataclass(frozen=True, kw_only=True)
class MuscleTiming:
    """On/off timing of one muscle."""

    active: Spans
    """When it is on, (on, off) in % of the cycle; a burst across foot contact is two spans."""
    tables: Mapping[str, Overlap]
    """By table."""
    verdict: Verdict
    """Whether the timing is right."""


@lru_cache(maxsize=1)
def tables() -> dict[str, dict[str, Spans]]:
    """Published spans of activity in % of the cycle, by table and muscle (without side)."""
    found: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for muscle, row in by_muscle(read_facts("muscle_timing")):
        found.setdefault(row["table"], {}).setdefault(muscle, []).append((float(row["on"]), float(row["off"])))
    return {table: {m: tuple(spans) for m, spans in rows.items()} for table, rows in found.items()}


def timing(profile: Array, names: Sequence[str]) -> dict[str, MuscleTiming]:
    """Compare every muscle of one leg with the tables.

    Args:
        profile: (P, M) mean activation over that leg's cycle, points from contact to contact, both included.
        names: M muscles with side.

    Raises:
        TimingError: another shape, or numbers that are not finite.
    """
    values = np.asarray(profile, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] != len(names) or len(values) < 2:
        raise TimingError(f"the profile has shape {values.shape}, expected (points ≥ 2, {len(names)} muscles).")
    if not np.isfinite(values).all():
        raise TimingError("the profile is not finite; leave out the cycles in which the simulation broke.")
    return {name: _judge(name, active_mask(values[:, k])) for k, name in enumerate(names)}


def active_mask(profile: Array) -> Mask:
    """(BINS,) whether a muscle with activation (P,) over the cycle is on, short pauses and bursts removed."""
    mask = np.interp(_PERCENT, np.linspace(0, 100, len(profile)), profile) > THRESHOLD
    return _without_short(_without_short(mask, False, SHORTEST), True, SHORTEST)


def spans_of(mask: Mask) -> Spans:
    """(on, off) in % of the cycle of a mask (BINS,)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]))).reshape(-1, 2)
    return tuple((float(on), float(off)) for on, off in edges * 100 / BINS)


def mask_of(spans: Spans) -> Mask:
    """(BINS,) whether the middle of each step lies within one of the spans."""
    return np.any([(on <= _PERCENT) & (off > _PERCENT) for on, off in spans], axis=0)


def _judge(name: str, mask: Mask) -> MuscleTiming:
    stem = name.rsplit("_", 1)[0]
    references = {table: rows[stem] for table, rows in tables().items() if stem in rows}
    overlaps = {table: _overlap(mask, spans) for table, spans in references.items()}
    verdicts = {overlap.balanced_accuracy >= AGREEMENT for overlap in overlaps.values()}
    verdict: Verdict
    if not verdicts:
        verdict = "no reference"
    elif len(verdicts) > 1 or _disputed(list(references.values())):
        verdict = "not decided"
    else:
        verdict = "agrees" if verdicts.pop() else "differs"
    return MuscleTiming(active=spans_of(mask), tables=overlaps, verdict=verdict)


def _overlap(mask: Mask, spans: Spans) -> Overlap:
    reference = mask_of(spans)
    return Overlap(
        reference=spans,
        jaccard=float((mask & reference).sum() / (mask | reference).sum()),
        balanced_accuracy=float((mask[reference].mean() + (~mask[~reference]).mean()) / 2),
    )


def _disputed(references: list[Spans]) -> bool:
    held = np.sum([mask_of(spans) for spans in references], axis=0)
    differ = (held > 0) & (held < len(references))
    return bool(_without_short(differ, True, DISPUTE).any())


def _without_short(mask: Mask, state: bool, percent: float) -> Mask:
    """The cyclic mask with runs of `state` shorter than `percent` of the cycle flipped."""
    changes = np.flatnonzero(mask != np.roll(mask, 1))
    if not len(changes):
        return mask
    result = mask.copy()
    for start, end in zip(changes, np.roll(changes, -1), strict=True):
        length = (end - start) % len(mask) or len(mask)
        if mask[start] == state and length < percent * BINS / 100:
            result[np.arange(start, start + length) % len(mask)] = not state
    return result
