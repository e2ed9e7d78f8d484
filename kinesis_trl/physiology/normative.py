"""Published mean curves of level walking, and how far a curve over the gait cycle lies from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from kinesis_trl.facts import read_facts
from kinesis_trl.physiology.gait_cycles import POINTS

Array = NDArray[np.float64]
Kind = Literal["angle", "moment", "power"]

UNITS: dict[Kind, str] = {"angle": "°", "moment": "N m/kg", "power": "W/kg"}
"""Units of the curves; signs as in `joint_angles` and `joint_loads`."""
DEFAULT_POPULATIONS = ("Pinzone 2014 service one", "Pinzone 2014 service two")
"""Populations whose bands together are the reference, unless others are named."""
BAND = 2.0
"""Half width of a band in standard deviations."""
ASSUMED_SPREAD = 0.15
"""Standard deviation taken where none is published with the curve, as a share of the mean curve's largest value: an
assumption of ours, near the 0.05–0.22 N m/kg that Schwartz 2008 gives for the hip's moment."""


@dataclass(frozen=True)
class ReferenceCurve:
    """Mean and spread of one population over the cycle, 0 to 100 % in 101 points."""

    quantity: Kind
    joint: str
    """"pelvis tilt", "hip", "knee" or "ankle"."""
    population: str
    mean: Array
    """(101,) in the unit of `UNITS`."""
    sd: Array
    """(101,) standard deviation between people."""
    sd_published: bool
    """False: assumed, see `ASSUMED_SPREAD`; say so beside the comparison."""


@dataclass(frozen=True)
class Comparison:
    """One curve against the bands of its populations."""

    populations: tuple[str, ...]
    """Whose bands."""
    low: Array
    """(101,) lower edge of all bands together, mean − 2 SD."""
    high: Array
    """(101,) their upper edge."""
    coverage: float
    """Share of the cycle in % in which the curve lies within the edges."""
    rms_z: float
    """Root mean square over the cycle of the distance to the nearest population's mean in its SD."""
    rms_z_by_population: dict[str, float]
    """The same for each population alone."""
    sd_published: bool
    """Whether every population's SD is published, not assumed."""


def reference_curves(
    quantity: Kind, joint: str, populations: Sequence[str] = DEFAULT_POPULATIONS
) -> tuple[ReferenceCurve, ...]:
    """Published curves of a joint, those of `populations` that exist.

    Between the tabulated points means follow a monotone cubic (Fritsch & Carlson 1980), which adds no peaks, and
    standard deviations straight lines.

    Raises:
        ValueError: none of these populations has such a curve; names those that do.
    """
    rows = [r for r in _table() if r["quantity"] == quantity and r["joint"] == joint]
    known = sorted({r["population"] for r in rows})
    chosen = [name for name in populations if name in known]
    if not chosen:
        raise ValueError(
            f"no published {quantity} of {joint!r} for {', '.join(populations)}; there is "
            f"{', '.join(known) or 'none for anyone: choose pelvis tilt, hip, knee or ankle'}."
        )
    return tuple(_curve(quantity, joint, name, [r for r in rows if r["population"] == name]) for name in chosen)


def compare_curve(curve: Array, references: Sequence[ReferenceCurve]) -> Comparison:
    """Where a curve (101,) over the cycle lies relative to published ones, in their unit and sign.

    Raises:
        ValueError: no reference, another number of points, or a curve that is not finite.
    """
    if not references:
        raise ValueError("no reference curve to compare with.")
    if curve.shape != (POINTS,) or not np.isfinite(curve).all():
        raise ValueError(f"a curve of shape {curve.shape} over the cycle; expected ({POINTS},), all finite.")
    mean, sd = np.stack([r.mean for r in references]), np.stack([r.sd for r in references])
    low, high = (mean - BAND * sd).min(0), (mean + BAND * sd).max(0)
    z = np.abs(curve - mean) / sd
    return Comparison(
        populations=tuple(r.population for r in references),
        low=low,
        high=high,
        coverage=100 * float(((low <= curve) & (curve <= high)).mean()),
        rms_z=float(np.sqrt(np.square(z.min(0)).mean())),
        rms_z_by_population={
            r.population: float(np.sqrt(np.square(row).mean())) for r, row in zip(references, z, strict=True)
        },
        sd_published=all(r.sd_published for r in references),
    )


def normative_ranges(measure: str) -> list[dict[str, Any]]:
    """Published ranges of a measure of the stride (names as in `stride_measures`), empty if there is none: population,
    speed (walking speeds in m/s at which it holds, e.g. "1.20-1.65"), measure, low and high."""
    return [
        {"population": r["population"], "speed": r["speed_m_s"], "measure": measure,
         "low": float(r["low"]), "high": float(r["high"])}
        for r in read_facts("spatiotemporal")
        if r["measure"] == measure
    ]  # fmt: skip


@lru_cache(maxsize=1)
def _table() -> list[dict[str, str]]:
    return read_facts("joint_curves")


def _curve(quantity: Kind, joint: str, population: str, rows: list[dict[str, str]]) -> ReferenceCurve:
    percent = np.linspace(0, 100, POINTS)
    mean = PchipInterpolator([float(r["percent"]) for r in rows], [float(r["mean"]) for r in rows])(percent)
    spread = [r for r in rows if r["sd"]]
    if spread:
        sd = np.interp(percent, [float(r["percent"]) for r in spread], [float(r["sd"]) for r in spread])
    else:
        sd = np.full(POINTS, ASSUMED_SPREAD * np.abs(mean).max())
    return ReferenceCurve(quantity, joint, population, mean, sd, bool(spread))
