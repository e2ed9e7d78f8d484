"""Co-contraction: alternation, agreement and a case by hand."""

from __future__ import annotations

import numpy as np
import pytest

from kinesis_trl.physiology.co_contraction import PAIRS, co_contraction, index, saturation


def test_index_by_hand() -> None:
    a, b = np.array([0.8, 0.4, 0.0]), np.array([0.2, 0.4, 0.2])
    # min: 0.2 + 0.4 + 0 = 0.6; sum: 1.2 + 0.8 = 2.0
    assert index(a, b) == pytest.approx(0.6)
    assert index(a, a) == 1
    assert index(np.array([1.0, 0.0]), np.array([0.0, 1.0])) == 0
    assert np.isnan(index(np.zeros(3), np.zeros(3)))


def test_pairs_of_the_body(body) -> None:
    names = body.muscle_names
    activation = np.zeros((50, 80))
    for muscle in ("soleus_l", "gasmed_l", "gaslat_l", "tibant_l"):
        activation[:, names.index(muscle)] = 0.3
    activation[:25, names.index("tibant_r")] = 0.5
    activation[25:, names.index("soleus_r")] = 0.5
    found = co_contraction(activation, names)
    assert set(found) == set(PAIRS)
    ankle = next(v for k, v in found.items() if k.startswith("ankle"))
    assert ankle["l"] == pytest.approx(1) and ankle["r"] == 0
    knee = next(v for k, v in found.items() if k.startswith("knee"))
    assert np.isnan(knee["l"])


def test_a_leg_without_the_muscles_is_left_out() -> None:
    names = ["soleus_l", "gasmed_l", "gaslat_l", "tibant_l"]
    assert [list(v) for v in co_contraction(np.full((5, 4), 0.2), names).values()] == [["l"]]


def test_saturation() -> None:
    activation = np.array([[0.95, 0.9], [0.91, 0.1], [0.5, 1.0], [0.0, 0.0]])
    np.testing.assert_array_equal(saturation(activation), [0.5, 0.25])
