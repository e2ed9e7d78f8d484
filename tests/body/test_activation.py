"""Activation dynamics: MuJoCo's own, and their inverse."""

import mujoco
import numpy as np

from kinesis_trl.body.activation import ActivationDynamics


def test_steps_as_mujoco_does_and_leads_back(body):
    dynamics, rng = ActivationDynamics.of(body.model), np.random.default_rng(0)
    data = mujoco.MjData(body.model)
    data.qpos[:] = body.standing_qpos
    before, excitation = rng.uniform(0, 1, (2, body.model.nu))
    data.act[:], data.ctrl[:] = before, excitation
    mujoco.mj_step(body.model, data)
    after = dynamics.after(before[None], excitation[None])[0]
    np.testing.assert_allclose(data.act, after, atol=1e-12)
    np.testing.assert_allclose(dynamics.excitation_for(before[None], after[None])[0], excitation, atol=1e-9)


def test_what_cannot_be_reached_is_approached_at_full_speed(body):
    dynamics = ActivationDynamics.of(body.model)
    low, high = np.zeros((1, body.model.nu)), np.ones((1, body.model.nu))
    assert (dynamics.excitation_for(high, low) == 0).all() and (dynamics.excitation_for(0.6 * high, high) == 1).all()
    fell = high - dynamics.after(high, low)
    np.testing.assert_allclose(fell, body.model.opt.timestep / 0.04 * 2)  # deactivation at full activation: τ = 20 ms
