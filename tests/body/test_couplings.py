"""Joint couplings against MuJoCo's own constraint residuals."""

import mujoco
import numpy as np
import pytest

from kinesis_trl.body.model import load_body


def random_pose(body, seed=0):
    rng = np.random.default_rng(seed)
    low, high = body.joint_range.T
    qpos = body.standing_qpos.copy()
    qpos[7:] = rng.uniform(low, high)
    return qpos, rng


def equality_residual(body, qpos, qvel=None):
    data = mujoco.MjData(body.model)
    data.qpos[:] = qpos
    if qvel is not None:
        data.qvel[:] = qvel
    mujoco.mj_forward(body.model, data)
    rows = data.efc_type == mujoco.mjtConstraint.mjCNSTR_EQUALITY
    return data.efc_pos[rows], data.efc_vel[rows]


@pytest.mark.parametrize("name", ["myolegs", "myolegs_abdomen", "kinesis_xml"])
def test_applied_couplings_leave_no_constraint_residual(name, request):
    body = load_body(request.getfixturevalue(name) if name == "kinesis_xml" else name)
    qpos, rng = random_pose(body)
    assert np.abs(equality_residual(body, qpos)[0]).max() > 1e-3  # the test would notice
    coupled = body.couplings.apply(qpos)
    qvel = body.couplings.apply_velocity(coupled, rng.normal(size=body.model.nv))
    position, velocity = equality_residual(body, coupled, qvel)
    assert len(position) == 14
    np.testing.assert_allclose(position, 0, atol=1e-12)
    np.testing.assert_allclose(velocity, 0, atol=1e-10)


def test_projection_maps_independent_velocities(body):
    qpos, rng = random_pose(body, 1)
    qpos = body.couplings.apply(qpos)
    projection = body.couplings.projection(qpos, body.model.nv)
    independent = rng.normal(size=projection.shape[1])
    qvel = projection @ independent
    np.testing.assert_allclose(qvel, body.couplings.apply_velocity(qpos, qvel), atol=1e-14)
    np.testing.assert_allclose(qvel[body.couplings.independent_dofs(body.model.nv)], independent)


def test_slope_is_the_derivative(body):
    qpos, _ = random_pose(body, 2)
    step = np.zeros_like(qpos)
    step[body.couplings.independent_qpos] = 1e-6
    numeric = (body.couplings.apply(qpos + step) - body.couplings.apply(qpos - step))[
        body.couplings.dependent_qpos
    ] / 2e-6
    np.testing.assert_allclose(body.couplings.slope(qpos), numeric, atol=1e-8)
