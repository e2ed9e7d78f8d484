"""Published curves: as tabulated, and a healthy adult lies within them when signs and offsets are right."""

from __future__ import annotations

import numpy as np
import pytest

from kinesis_trl.physiology.normative import (
    BAND,
    UNITS,
    compare_curve,
    normative_ranges,
    reference_curves,
)

COORDINATES = {"hip": "hip_flexion", "knee": "knee_angle", "ankle": "ankle_angle"}


def test_curves_pass_through_the_tabulated_points():
    one, two = reference_curves("angle", "knee")
    assert (one.population, two.population) == ("Pinzone 2014 service one", "Pinzone 2014 service two")
    assert one.mean[[0, 10, 70, 72]] == pytest.approx([5.5, 18.8, 59.4, 60.4]) and one.mean.max() <= 60.5
    assert one.sd[[0, 10, 15]] == pytest.approx([5.2, 6.7, 6.5]) and one.sd_published
    (ankle,) = reference_curves("power", "ankle", ["Schwartz 2008 free speed"])
    assert ankle.mean.argmax() == 54 and ankle.mean.max() == pytest.approx(2.8)
    assert not ankle.sd_published and ankle.sd == pytest.approx(np.full(101, 0.15 * 2.8))


@pytest.mark.parametrize("quantity", UNITS)
@pytest.mark.parametrize("joint", ["hip", "knee", "ankle"])
def test_every_curve_is_there_and_closes(quantity, joint):
    names = ("Pinzone 2014 service one", "Pinzone 2014 service two", "Schwartz 2008 free speed")
    found = reference_curves(quantity, joint, names)
    assert len(found) == 3
    for curve in found:
        assert np.isfinite(curve.mean).all() and (curve.sd > 0).all()
        assert abs(curve.mean[0] - curve.mean[-1]) < 0.3 * np.ptp(curve.mean)


def test_distances_worked_by_hand():
    one, two = reference_curves("angle", "hip")
    exact = compare_curve(one.mean, [one])
    assert exact.coverage == 100 and exact.rms_z == 0
    shifted = compare_curve(one.mean + 1.5 * one.sd, [one])
    assert shifted.coverage == 100 and shifted.rms_z == pytest.approx(1.5)
    half = np.where(np.arange(101) < 50, 3.0, 0.0)
    out = compare_curve(one.mean + half * one.sd, [one])
    assert out.coverage == pytest.approx(100 * 51 / 101) and out.rms_z == pytest.approx(3 * np.sqrt(50 / 101))
    both = compare_curve(two.mean, [one, two])
    assert both.rms_z == 0 and both.rms_z_by_population[one.population] > 0
    np.testing.assert_allclose(both.low, np.minimum(one.mean - BAND * one.sd, two.mean - BAND * two.sd))


def test_ranges():
    cadence = {r["population"]: (r["low"], r["high"]) for r in normative_ranges("cadence")}
    assert cadence == {"men, 18-29 years": (99.1, 113.1), "women, 18-29 years": (107.0, 124.0)}
    assert normative_ranges("flight") == []


def test_what_cannot_be_compared_is_refused():
    references = reference_curves("angle", "hip")
    with pytest.raises(ValueError, match=r"shape \(100,\)"):
        compare_curve(np.zeros(100), references)
    with pytest.raises(ValueError, match="all finite"):
        compare_curve(np.full(101, np.nan), references)
    with pytest.raises(ValueError, match="choose pelvis tilt"):
        reference_curves("angle", "elbow")
    with pytest.raises(ValueError, match="there is Pinzone"):
        reference_curves("angle", "pelvis tilt", ["Martians"])
    with pytest.raises(ValueError, match="no reference curve"):
        compare_curve(np.zeros(101), [])
