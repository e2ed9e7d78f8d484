"""Least-squares curves: exact where the wishes agree, a compromise where they do not."""

import numpy as np
import pytest

from kinesis_trl.motion.gait.curve_fit import Rows, derivative, fit, value

DT = 1 / 30


def test_a_curve_passes_the_values_it_is_given():
    target = np.random.default_rng(0).normal(size=(20, 3))
    assert np.allclose(fit(20, [value(target, 1.0)]), target)


def test_two_wishes_meet_by_their_weights():
    low, high = value(np.zeros(5), 1.0), value(np.ones(5), 3.0)
    assert np.allclose(fit(5, [low, high]), 0.75)


def test_free_fall_between_two_heights():
    time = np.arange(16) * DT
    ends = np.zeros(16)
    ends[[0, -1]] = 1e6
    curve = fit(16, [value(np.zeros(16), ends), derivative(16, 2, DT, -9.81, 1.0)])
    assert np.allclose(curve, 0.5 * 9.81 * time * (time[-1] - time), atol=1e-6)


@pytest.mark.parametrize(("order", "power"), [(1, 1), (2, 2), (3, 3)])
def test_derivatives_of_powers_are_constant(order, power):
    curve = (np.arange(12) * DT) ** power
    wish = derivative(12, order, DT, 0.0, 1.0)
    spans = np.stack([curve[i : i + order + 1] for i in range(12 - order)])
    factorial = {1: 1.0, 2: 2.0, 3: 6.0}[order]
    assert np.allclose((spans * wish.stencil).sum(1), factorial, rtol=1e-6)


def test_rows_that_vary_along_the_curve():
    factor = np.linspace(1.0, 2.0, 8)[:, None]
    curve = fit(8, [Rows(factor, np.full(8, 3.0), np.ones(8))])
    assert np.allclose(curve, 3.0 / factor[:, 0])
