from __future__ import annotations

import mujoco
import numpy as np
import pytest

from kinesis_trl.body.contact_model import ContactModelConfig, foot_contacts
from kinesis_trl.body.inverse_dynamics import Dynamics


def contacts_at(body, qpos, qvel=None, **config):
    qvel = np.zeros((1, body.model.nv)) if qvel is None else qvel
    (_, demand), *_ = Dynamics.of(body).evaluate(qpos[None], qvel, np.zeros_like(qvel))
    return foot_contacts(body, demand, qvel, ContactModelConfig(**config))


def test_points_are_the_lowest_of_the_feet(body, march):
    for qpos in march.qpos[::20]:
        found = contacts_at(body, qpos)
        assert found.point[0, :, 2].min() == pytest.approx(body.lowest_foot_point(qpos[None])[0], abs=1e-9)


def test_generalised_force_equals_mujocos_for_a_push_at_the_point(body, march):
    qpos = march.qpos[7]
    found = contacts_at(body, qpos)
    data = mujoco.MjData(body.model)
    data.qpos[:] = qpos
    mujoco.mj_forward(body.model, data)
    basis = body.couplings.projection(qpos, body.model.nv)
    ids = [body.model.body(f"{part}_{side}").id for side in "rl" for part in ("calcn", "toes")]
    for point, owner in ((0, ids[0]), (8, ids[1]), (9, ids[2]), (17, ids[3])):
        for edge in range(4):
            expected = np.zeros(body.model.nv)
            force = found.edge[0, edge]
            mujoco.mj_applyFT(body.model, data, force, np.zeros(3), found.point[0, point], owner, expected)
            np.testing.assert_allclose(found.generalised[0, :, 4 * point + edge], basis.T @ expected, atol=1e-9)


def test_edges_lie_on_the_cone_and_turn_with_the_heading(body):
    straight = contacts_at(body, body.standing_qpos, friction=0.5).edge[0]
    np.testing.assert_allclose(np.linalg.norm(straight[:, :2], axis=1), 0.5 * straight[:, 2])
    turned = body.standing_qpos.copy()
    turned[[3, 6]] = np.cos(0.4), np.sin(0.4)
    edge = contacts_at(body, turned, friction=0.5).edge[0]
    np.testing.assert_allclose(edge[0], [0.5 * np.cos(0.8), 0.5 * np.sin(0.8), 1.0], atol=1e-9)


def test_raised_or_swinging_feet_press_less_or_not_at_all(body):
    resting = contacts_at(body, body.standing_qpos)
    raised = body.standing_qpos.copy()
    raised[2] += 0.01
    assert (contacts_at(body, raised).cost >= resting.cost).all()
    raised[2] += 0.03
    assert not contacts_at(body, raised).limit.any()
    sliding = np.zeros((1, body.model.nv))
    sliding[0, 0] = 0.3  # the reference speed of the cost
    moving = contacts_at(body, body.standing_qpos, sliding)
    np.testing.assert_allclose(moving.cost, resting.cost + 1, atol=1e-9)
    assert moving.limit.any() and not contacts_at(body, body.standing_qpos, sliding, fastest=0.29).limit.any()


def test_wrench_of_one_loaded_edge(body):
    found = contacts_at(body, body.standing_qpos)
    load = np.zeros(found.cost.shape)
    load[0, 4 * 9 + 2] = 100.0  # first point of the left foot, the edge that leans to the left
    force, pressure, moment = found.foot_wrench(load)
    np.testing.assert_allclose(force[0, 1], [0, 80.0, 100.0], atol=1e-9)
    np.testing.assert_allclose(force[0, 0], 0)
    np.testing.assert_allclose(pressure[0, 1, :2], found.point[0, 9, :2], atol=1e-6)
    assert pressure[0, 1, 2] == 0
    lever = found.point[0, 9] - pressure[0, 1]
    np.testing.assert_allclose(moment[0, 1], np.cross(lever, force[0, 1]), atol=1e-9)


def test_refuses_a_margin_that_is_not_positive():
    with pytest.raises(ValueError, match="margin must be positive"):
        ContactModelConfig(margin=0.0)


def test_smaller_feet_press_nearer_to_their_middle_and_in_as_many_points(body):
    """Half-way to the middle of the points that press, by foot; those in the air, their limits and costs stay."""
    qpos = body.standing_qpos.copy()
    qpos[7 + body.joint_names.index("ankle_angle_r")] += 0.3  # the right heel stands alone
    whole, small = contacts_at(body, qpos), contacts_at(body, qpos, inset=0.5)
    np.testing.assert_array_equal(whole.limit, small.limit)
    np.testing.assert_array_equal(whole.cost, small.cost)
    presses = (whole.limit[0, ::4] > 0).reshape(2, -1)
    assert 0 < presses[0].sum() < presses[1].sum()
    for foot, on in enumerate(presses):
        before, after = (c.point[0].reshape(2, -1, 3)[foot] for c in (whole, small))
        middle = before[on].mean(0)
        np.testing.assert_allclose(after[on], 0.5 * (before[on] + middle), atol=1e-12)
        np.testing.assert_array_equal(after[~on], before[~on])
    with pytest.raises(ValueError, match="inset"):
        ContactModelConfig(inset=1.0)
