"""The compiled formulas of muscles against those in NumPy, over everything that a muscle can meet."""

from types import SimpleNamespace

import numpy as np
import pytest

from kinesis_trl.body import compiled_muscles, muscles
from kinesis_trl.body.compiled_muscles import constants


@pytest.fixture
def states(body):
    """Lengths from far too short to far too long, and velocities to match, (400, M) each."""
    rng, p = np.random.default_rng(0), body.muscles
    normal = rng.uniform(0.2, 2.2, (400, body.model.nu))
    length = (normal - p.length_offset) / p.length_scale
    velocity = rng.uniform(-1.5, 1.5, length.shape) / p.velocity_scale
    return SimpleNamespace(length=length, velocity=velocity, rng=rng)


def test_length_controller_is_that_of_numpy_to_the_bit(body, states):
    target = states.length + 0.02 * states.rng.standard_normal(states.length.shape)
    strength = states.rng.random(body.model.nu)
    out = np.empty(target.shape)
    compiled_muscles.length_controller(states.length, states.velocity, target, constants(body.muscles), strength, out)
    expected = muscles.length_controller(states.length, states.velocity, target, body.muscles) * strength
    np.testing.assert_array_equal(out, expected)
    assert (out == 0).any() and (out == strength).any() and ((out > 0) & (out < strength)).any()


def test_moments_are_arms_times_forces(body, states):
    arm = states.rng.standard_normal((*states.length.shape, 3))
    age = states.rng.random(len(arm)) * 0.01
    now = states.length + age[:, None] * states.velocity
    gain = np.minimum(muscles.active_gain(now, states.velocity, body.muscles), -1.0)
    bias = muscles.passive_bias(now, body.muscles)
    made, passive = arm.copy(), np.empty((len(arm), 3))
    compiled_muscles.to_moments(made, states.velocity, states.length, age, constants(body.muscles), -1.0, passive)
    np.testing.assert_allclose(made, arm * gain[..., None], rtol=1e-13)
    np.testing.assert_allclose(passive, np.einsum("nmj,nm->nj", arm, bias), rtol=1e-9)
    assert (gain == -1.0).any() and (gain < -100).any() and (bias < 0).any()
