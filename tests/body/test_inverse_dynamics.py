from __future__ import annotations

import mujoco
import numpy as np
import pytest

from kinesis_trl.body.inverse_dynamics import Dynamics


@pytest.fixture
def states(body, march):
    """States of 300 frames, more than one piece, with random velocities and accelerations."""
    rng = np.random.default_rng(0)
    qpos = np.resize(march.qpos, (300, body.model.nq))
    qvel = body.couplings.apply_velocity(qpos, rng.normal(size=(300, body.model.nv)))
    return qpos, qvel, 5 * rng.normal(size=(300, body.model.nv))


def test_demand_equals_mujocos_inverse_dynamics(body, states):
    qpos, qvel, qacc = states
    model = body.model
    off = mujoco.mjtDisableBit
    data = mujoco.MjData(model)
    flags, model.opt.disableflags = model.opt.disableflags, off.mjDSBL_CONTACT | off.mjDSBL_CONSTRAINT
    seen = 0
    try:
        for part, demand in Dynamics.of(body).evaluate(qpos, qvel, qacc):
            seen += part.stop - part.start
            for t in (part.start, part.stop - 1):
                data.qpos[:], data.qvel[:], data.qacc[:] = qpos[t], qvel[t], qacc[t]
                mujoco.mj_inverse(model, data)
                k = t - part.start
                basis = body.couplings.projection(qpos[t], model.nv)
                np.testing.assert_allclose(demand.force[k], basis.T @ data.qfrc_inverse, atol=1e-8)
                np.testing.assert_allclose(demand.muscle_length[k], data.actuator_length, atol=1e-12)
                np.testing.assert_allclose(demand.muscle_velocity[k], data.actuator_velocity, atol=1e-12)
    finally:
        model.opt.disableflags = flags
    assert seen == 300


def test_moment_arms_are_slopes_of_the_lengths(body, states):
    """Moving one independent joint, its dependents following, changes each length by the moment arm."""
    qpos = states[0][:1]
    still = np.zeros((1, body.model.nv))
    step = 1e-5

    def lengths(joint: int, by: float) -> np.ndarray:
        moved = qpos.copy()
        moved[0, 7 + body.joint_names.index(body.independent_joints[joint])] += by
        (_, demand), *_ = Dynamics.of(body).evaluate(body.couplings.apply(moved), still, still)
        return demand.muscle_length[0].copy()

    (_, demand), *_ = Dynamics.of(body).evaluate(qpos, still, still)
    arms = demand.moment_arm[0, :, 6:].copy()
    assert arms.shape == (body.model.nu, len(body.independent_joints))
    for joint in range(7):
        slope = (lengths(joint, step) - lengths(joint, -step)) / (2 * step)
        np.testing.assert_allclose(arms[:, joint], slope, atol=1e-5)
    assert np.abs(arms).max(0).min() > 0.005  # every joint has a muscle that moves it
