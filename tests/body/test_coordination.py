"""Sharing of joint moments: against a reference solver, small cases by hand, optimality, threads, bad input."""

import numpy as np
import pytest
from scipy.optimize import lsq_linear

from kinesis_trl.body.box_least_squares import solve_box_least_squares
from kinesis_trl.body.coordination import Sharing, SharingConfig, coupled

TWO = np.ones((2, 1), dtype=bool)


def problem(count=40, muscles=12, joints=4, seed=0):
    """Random moments (N, M, J) of muscles of two uncoupled halves, and moments wanted, many of them out of reach."""
    rng = np.random.default_rng(seed)
    crosses = rng.random((muscles, joints)) < 0.6
    half = np.arange(muscles)[:, None] < muscles // 2, np.arange(joints) < joints // 2
    crosses = np.where(half[0] == half[1], crosses | (np.arange(muscles)[:, None] % joints == np.arange(joints)), False)
    return crosses, rng.normal(0, 40, (count, muscles, joints)) * crosses, rng.normal(0, 50, (count, joints))


def test_agrees_with_the_reference_solver():
    crosses, moment, wanted = problem()
    volume = np.linspace(0.5, 2.0, 12)
    config = SharingConfig(effort=0.2, joint_moment=4.0)
    found = Sharing(crosses, volume, config).solve(moment, wanted)
    weight = np.broadcast_to(0.04 * volume / volume.mean(), (40, 12))
    expected = solve_box_least_squares(moment.swapaxes(1, 2) / 4.0, wanted / 4.0, weight, np.ones((40, 12)))
    np.testing.assert_allclose(found.activation, expected.x, atol=1e-9)
    np.testing.assert_allclose(found.lacking, -4.0 * expected.residual, atol=1e-7)
    assert (found.iterations < 60).all()


def test_two_muscles_of_one_joint_by_hand():
    # 30 N m of two muscles of 50 N m each that cost alike: 0.3 each, but for what effort leaves over
    sharing = Sharing(TWO, np.ones(2), SharingConfig(effort=1e-3, joint_moment=1.0))
    found = sharing.solve(np.full((1, 2, 1), 50.0), np.array([[30.0]]))
    np.testing.assert_allclose(found.activation, 0.3, atol=1e-6)
    # with volumes of 1 to 3 the small one does three times as much: a + a/3 = 0.6
    sharing = Sharing(TWO, np.array([1.0, 3.0]), SharingConfig(effort=1e-3, joint_moment=1.0))
    found = sharing.solve(np.full((1, 2, 1), 50.0), np.array([[30.0]]))
    np.testing.assert_allclose(found.activation, [[0.45, 0.15]], atol=1e-6)
    # cubed, the ratio is the root of it
    sharing = Sharing(TWO, np.array([1.0, 4.0]), SharingConfig(objective="cube", effort=1e-3, joint_moment=1.0))
    found = sharing.solve(np.full((1, 2, 1), 50.0), np.array([[30.0]]))
    np.testing.assert_allclose(found.activation, [[0.4, 0.2]], atol=5e-3)


def test_an_antagonist_rests_and_a_moment_out_of_reach_is_clipped_and_told():
    sharing = Sharing(TWO, np.ones(2), SharingConfig())
    found = sharing.solve(np.array([[[40.0], [-40.0]]]), np.array([[100.0]]))
    np.testing.assert_allclose(found.activation, [[1.0, 0.0]], atol=1e-12)
    np.testing.assert_allclose(found.lacking, [[60.0]], atol=1e-9)


def test_a_floor_makes_antagonists_work_against_each_other():
    sharing = Sharing(TWO, np.ones(2), SharingConfig(effort=1e-3, joint_moment=1.0))
    found = sharing.solve(np.array([[[40.0], [-40.0]]]), np.array([[10.0]]), floor=0.1)
    np.testing.assert_allclose(found.activation, [[0.35, 0.1]], atol=1e-5)


def test_power_agrees_with_a_slow_solver():
    """With p x + c x² / 2 = c (x + p / c)² / 2 − …, the problem of power is one of least squares."""
    crosses, moment, wanted = problem(count=20, seed=5)
    volume, power = np.linspace(0.5, 2.0, 12), np.random.default_rng(1).uniform(0, 3, (20, 12))
    config = SharingConfig(objective="bhargava", effort=0.5, joint_moment=4.0)
    ceiling = np.random.default_rng(2).uniform(0.3, 1.0, (20, 12))
    found = Sharing(crosses, volume, config).solve(moment, wanted, floor=0.02, ceiling=ceiling, power=power)
    root = np.sqrt(0.1 * 0.25 * volume / volume.mean())
    for n in range(20):
        rows = np.vstack([moment[n].T / 4.0, np.diag(root)])
        right = np.concatenate([wanted[n] / 4.0, -0.25 * power[n] / root])
        expected = lsq_linear(rows, right, (0.02, ceiling[n]), method="bvls", tol=1e-14).x
        np.testing.assert_allclose(found.activation[n], expected, atol=1e-6)
    assert (found.iterations < 60).all()


def test_power_prefers_the_cheaper_of_two_muscles():
    sharing = Sharing(TWO, np.ones(2), SharingConfig(objective="bhargava", effort=1e-3, joint_moment=1.0))
    # alike but for their power: the cheaper one alone, until it can do no more
    moment, wanted = np.full((2, 2, 1), 50.0), np.array([[30.0], [60.0]])
    found = sharing.solve(moment, wanted, power=np.array([[3.0, 1.0]] * 2))
    np.testing.assert_allclose(found.activation, [[0.0, 0.6], [0.2, 1.0]], atol=1e-6)
    # 1 for 50 N m, 0.4 for 25 N m: the weaker one costs less for a newton metre, its square counted
    moment[:, 1] = 25.0
    found = sharing.solve(moment, np.array([[20.0], [40.0]]), power=np.array([[1.0, 0.4]] * 2))
    np.testing.assert_allclose(found.activation, [[0.0, 0.8], [0.3, 1.0]], atol=1e-6)


def test_power_of_volume():
    volume, moment = np.array([1.0, 4.0]), np.array([[[50.0], [25.0]]])
    for power, expected in ((0.0, [2, 1]), (0.5, [4, 1]), (1.0, [8, 1])):  # in the ratio of moment over weight
        config = SharingConfig(volume_power=power, effort=1e-3, joint_moment=1.0)
        x = Sharing(TWO, volume, config).solve(moment, np.array([[20.0]])).activation[0]
        np.testing.assert_allclose(x / x[1], expected, rtol=1e-6)


def test_a_ceiling_hands_the_load_to_others():
    sharing = Sharing(TWO, np.ones(2), SharingConfig(effort=1e-3, joint_moment=1.0))
    moment, wanted = np.full((2, 2, 1), 50.0), np.array([[30.0], [30.0]])
    found = sharing.solve(moment, wanted, ceiling=np.array([[0.1, 1.0], [1.0, 1.0]]))
    np.testing.assert_allclose(found.activation, [[0.1, 0.5], [0.3, 0.3]], atol=1e-6)
    found = sharing.solve(moment, wanted, floor=0.2, ceiling=np.array([[0.0, 1.0], [0.1, 0.1]]))
    np.testing.assert_allclose(found.activation, [[0.0, 0.6], [0.1, 0.1]], atol=1e-6)
    np.testing.assert_allclose(found.lacking[1], 20.0, atol=1e-6)
    with pytest.raises(ValueError, match="largest activations"):
        sharing.solve(moment, wanted, ceiling=np.ones((1, 2)))


@pytest.mark.parametrize("objective", ["square", "cube"])
def test_optimality(objective):
    """No muscle within its bounds can change so that cost falls (first-order conditions of the convex problem)."""
    crosses, moment, wanted = problem(seed=3)
    config = SharingConfig(objective=objective)
    found = Sharing(crosses, np.ones(12), config).solve(moment, wanted, floor=0.02)
    gradient = -np.einsum("nmj,nj->nm", moment, found.lacking) / config.joint_moment**2
    x = found.activation
    gradient += config.effort**2 * (x if objective == "square" else 0.01 * x + x**2)
    free = (x > 0.02) & (x < 1)
    assert np.abs(gradient[free]).max() < 1e-6
    assert (gradient[x <= 0.02] > -1e-6).all() and (gradient[x >= 1] < 1e-6).all()
    assert free.any() and (x <= 0.02).any() and (x >= 1).any()


def test_results_do_not_depend_on_where_the_search_starts():
    crosses, moment, wanted = problem(count=33)
    one = Sharing(crosses, np.ones(12), SharingConfig()).solve(moment, wanted)
    dual = np.zeros((33, 4))
    many = Sharing(crosses, np.ones(12), SharingConfig())
    two = many.solve(moment, wanted, dual=dual)
    assert np.array_equal(one.activation, two.activation) and np.array_equal(one.lacking, two.lacking)
    warm = many.solve(moment, wanted, dual=dual)
    assert warm.iterations.max() == 0
    np.testing.assert_allclose(warm.activation, one.activation, atol=1e-8)


def test_rows_that_are_not_finite_rest_and_spoil_no_other():
    crosses, moment, wanted = problem(count=6)
    expected = Sharing(crosses, np.ones(12), SharingConfig()).solve(moment, wanted).activation
    power = np.ones((6, 12))
    power[2, 0] = np.nan
    sharing = Sharing(crosses, np.ones(12), SharingConfig(objective="bhargava"))
    found = sharing.solve(moment, wanted, power=power).activation
    assert np.isfinite(found).all() and (found[2, :6] == 0).all() and found[2, 6:].any() and found[1, :6].any()
    wanted[1, 0], moment[3, 0] = np.nan, np.inf
    found = Sharing(crosses, np.ones(12), SharingConfig()).solve(moment, wanted)
    assert np.isfinite(found.activation).all()
    assert (found.activation[1, :6] == 0).all()  # the other half is a problem of its own
    np.testing.assert_array_equal(found.activation[[0, 2, 4, 5]], expected[[0, 2, 4, 5]])


def test_groups_are_what_muscles_couple():
    crosses = np.zeros((5, 4), dtype=bool)
    crosses[0, [0, 2]] = crosses[1, 2] = crosses[2, 1] = crosses[3, [1, 3]] = True
    groups = coupled(crosses)
    assert [(m.tolist(), j.tolist()) for m, j in groups] == [([0, 1], [0, 2]), ([2, 3], [1, 3])]


def test_bad_input():
    with pytest.raises(ValueError, match="must be positive"):
        SharingConfig(effort=-1.0)
    with pytest.raises(ValueError, match="square, cube or bhargava"):
        SharingConfig(objective="fourth")
    for power in (-0.1, 2.1, np.nan):
        with pytest.raises(ValueError, match=r"volume_power is .*; expected 0 to 2"):
            SharingConfig(volume_power=power)
    with pytest.raises(ValueError, match="moved by no muscle"):
        Sharing(np.zeros((2, 1), dtype=bool), np.ones(2), SharingConfig())
    with pytest.raises(ValueError, match="positive muscle volumes"):
        Sharing(TWO, np.array([1.0, -1.0]), SharingConfig())
    sharing = Sharing(TWO, np.ones(2), SharingConfig())
    with pytest.raises(ValueError, match="expected moments"):
        sharing.solve(np.ones((1, 3, 1)), np.ones((1, 1)))
    with pytest.raises(ValueError, match=r"\[0, 1\)"):
        sharing.solve(np.ones((1, 2, 1)), np.ones((1, 1)), floor=1.0)
    with pytest.raises(ValueError, match="objective square takes no power"):
        sharing.solve(np.ones((1, 2, 1)), np.ones((1, 1)), power=np.ones((1, 2)))
    sharing = Sharing(TWO, np.ones(2), SharingConfig(objective="bhargava"))
    with pytest.raises(ValueError, match="objective bhargava needs power"):
        sharing.solve(np.ones((1, 2, 1)), np.ones((1, 1)))
    with pytest.raises(ValueError, match="expected powers"):
        sharing.solve(np.ones((1, 2, 1)), np.ones((1, 1)), power=np.ones((1, 3)))
