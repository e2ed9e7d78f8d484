"""Deviations of states: MuJoCo's own differences, at the independent degrees of freedom."""

import mujoco
import numpy as np

from kinesis_trl.body.deviation import deviation


def random_states(body, rng, count):
    qpos = np.tile(body.standing_qpos, (count, 1)) + 0.3 * rng.normal(size=(count, body.model.nq))
    qpos[:, 3:7] = rng.normal(size=(count, 4))
    qpos[:, 3:7] /= np.linalg.norm(qpos[:, 3:7], axis=1, keepdims=True)
    return qpos, rng.normal(size=(count, body.model.nv))


def test_deviations_are_those_of_mujoco(body):
    rng = np.random.default_rng(0)
    (qpos, qvel), (reference, reference_qvel) = random_states(body, rng, 20), random_states(body, rng, 20)
    found = deviation(body, qpos, qvel, reference, reference_qvel)
    chosen = body.couplings.independent_dofs(body.model.nv)
    assert found.shape == (20, 2 * len(chosen)) == (20, 40)
    for row in range(20):
        expected = np.zeros(body.model.nv)
        mujoco.mj_differentiatePos(body.model, expected, 1.0, reference[row], qpos[row])
        np.testing.assert_allclose(found[row, :20], expected[chosen], atol=1e-9)
    np.testing.assert_allclose(found[:, 20:], (qvel - reference_qvel)[:, chosen])


def test_a_state_does_not_deviate_from_itself_nor_from_the_opposite_quaternion(body):
    qpos, qvel = random_states(body, np.random.default_rng(1), 3)
    other = qpos.copy()
    other[:, 3:7] *= -1
    np.testing.assert_allclose(deviation(body, other, qvel, qpos, qvel), 0, atol=1e-12)


def test_one_reference_serves_many_states(body):
    qpos, qvel = random_states(body, np.random.default_rng(2), 4)
    found = deviation(body, qpos, qvel, qpos[1], qvel[1])
    np.testing.assert_allclose(found[1], 0, atol=1e-12)
    assert (np.abs(found[[0, 2, 3]]).max(1) > 0.1).all()
