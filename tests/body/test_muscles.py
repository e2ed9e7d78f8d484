"""Muscle force and length controller against MuJoCo and against numbers worked out by hand."""

import mujoco
import numpy as np
import pytest

from kinesis_trl.body import muscles as hill


@pytest.fixture(scope="module")
def states(body):
    rng = np.random.default_rng(0)
    low, high = body.model.actuator_lengthrange.T
    length = rng.uniform(0.7 * low, 1.3 * high, size=(300, body.model.nu))
    velocity = rng.normal(scale=0.6, size=length.shape)
    return length, velocity


def of_mujoco(body, length, velocity):
    m = body.model
    gain, bias = np.empty_like(length), np.empty_like(length)
    for i in range(len(length)):
        for j in range(m.nu):
            gain[i, j] = mujoco.mju_muscleGain(
                length[i, j],
                velocity[i, j],
                m.actuator_lengthrange[j],
                m.actuator_acc0[j],
                m.actuator_gainprm[j, :9],
            )
            bias[i, j] = mujoco.mju_muscleBias(
                length[i, j], m.actuator_lengthrange[j], m.actuator_acc0[j], m.actuator_biasprm[j, :9]
            )
    return gain, bias


def test_gain_and_bias_are_mujocos(body, states):
    gain, bias = of_mujoco(body, *states)
    assert (gain == 0).any() and (gain < -100).any() and (bias < -1).any()  # all branches are met
    np.testing.assert_allclose(hill.active_gain(*states, body.muscles), gain, atol=1e-9)
    np.testing.assert_allclose(hill.passive_bias(states[0], body.muscles), bias, atol=1e-9)


def test_controller_excitation_makes_the_wanted_force(body, states):
    length, velocity = states
    target = np.random.default_rng(1).uniform(0, 1, length.shape) * body.muscles.longest_tendon
    wanted = hill.length_controller_force(length, velocity, target, body.muscles)
    excitation = hill.length_controller(length, velocity, target, body.muscles)
    gain, bias = of_mujoco(body, length, velocity)
    assert ((excitation >= 0) & (excitation <= 1)).all()
    inside = (excitation > 0) & (excitation < 1) & (gain < -1)
    assert inside.mean() > 0.05
    np.testing.assert_allclose((gain * excitation + bias)[inside], wanted[inside], rtol=1e-9)


def test_controller_pulls_only_and_never_beyond_peak_force(body, states):
    force = hill.length_controller_force(*states, np.zeros(body.model.nu), body.muscles)
    assert (force <= 0).all() and (force >= -body.muscles.peak_force).all()


def test_controller_force_by_hand():
    p = hill.MuscleParameters.from_arrays(
        np.array([[0.75, 1.05, 1000.0, 200, 0.5, 1.6, 1.5, 1.3, 1.2, 0]]),
        np.array([[0.2, 0.3]]),
        np.array([1.0]),
    )
    # 5000 N/m · (0.21 − 0.25) m − 500 N s/m · 0.1 m/s = −250 N
    force = hill.length_controller_force(np.array([0.25]), np.array([0.1]), np.array([0.21]), p)
    assert force[0] == pytest.approx(-250.0)
    assert hill.target_length(np.array([0.4]), p)[0] == pytest.approx(0.21)
    assert hill.action_for_length(np.array([0.21]), p)[0] == pytest.approx(0.4)


def test_effort_by_hand():
    excitation = np.array([[0.0, 0.0, 0.0], [0.3, 0.4, 0.0]])
    np.testing.assert_allclose(hill.effort_reward(excitation), [1.0, np.exp(-0.05 * (0.7 + 0.5))])


def test_lesions_by_name(body):
    mask = hill.lesion_mask(body.muscle_names, ["tibant_l", "tibant_r"])
    assert mask.sum() == 78 and mask[list(body.muscle_names).index("tibant_l")] == 0
    with pytest.raises(ValueError, match="did you mean tibant_"):
        hill.lesion_mask(body.muscle_names, ["tibantt_l"])
