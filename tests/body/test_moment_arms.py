"""Moment arms: against differences of muscle lengths, and which muscles cross which joints."""

import numpy as np

from kinesis_trl.body.moment_arms import crosses, joint_strength
from kinesis_trl.body.physics import BatchPhysics


def test_arms_are_what_lengths_change_by(body):
    physics, rng = BatchPhysics(body, 15), np.random.default_rng(0)
    base = np.tile(body.standing_qpos, (15, 1))
    base[:, 7:] += 0.1 * rng.random(base.shape[1] - 7)
    dofs = body.couplings.independent_dofs(body.model.nv)[6:]
    step = 1e-5
    for j, dof in enumerate(dofs):
        base[j + 1, dof + 1] += step
    base = body.couplings.apply(base)
    speed = np.zeros((15, body.model.nv))
    physics.reset(np.arange(15), base, speed, np.zeros((15, body.model.na)))
    arm, _ = physics.moment_arms()
    differences = (physics.length[1:] - physics.length[0]) / step
    np.testing.assert_allclose(arm[0].T, differences, atol=1e-4)


def test_velocities_are_those_of_the_present_state(body):
    physics = BatchPhysics(body, 1)
    qpos = body.standing_qpos[None].copy()
    qvel = body.couplings.apply_velocity(qpos, np.random.default_rng(0).normal(0, 1, (1, body.model.nv)))
    physics.moment_arms()
    physics.reset(np.arange(1), qpos, qvel, np.zeros((1, body.model.na)))
    np.testing.assert_allclose(physics.moment_arms()[1], physics.velocity, atol=1e-9)


def test_every_muscle_moves_joints_of_its_own_side_only(body):
    moved = crosses(body)
    assert moved.any(1).all() and moved.any(0).all()
    for m, name in enumerate(body.muscle_names):
        assert {body.independent_joints[j][-1] for j in np.flatnonzero(moved[m])} == {name[-1]}
    soleus = moved[body.muscle_names.index("soleus_r")]
    assert {body.independent_joints[j] for j in np.flatnonzero(soleus)} == {"ankle_angle_r", "subtalar_angle_r"}


def test_joints_are_as_strong_on_both_sides(body):
    strength = joint_strength(body)
    np.testing.assert_allclose(strength[:7], strength[7:], rtol=0.02)
    assert 100 < strength[body.independent_joints.index("ankle_angle_r")] < 500
