from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import lsq_linear

from kinesis_trl.body.box_least_squares import BoxLeastSquaresError, solve_box_least_squares


def problems(count: int, seed: int = 0):
    """Problems of the size and spread of magnitudes of static optimisation, some with closed bounds."""
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(count, 20, 60)) * rng.uniform(0.1, 20, (count, 1, 60))
    goal = 30 * rng.normal(size=(count, 20))
    weight = 10 ** rng.uniform(-3, 1, (count, 60))
    upper = np.where(rng.random((count, 60)) < 0.2, 0.0, rng.uniform(0.05, 1.0, (count, 60)))
    return matrix, goal, weight, upper


def test_one_unknown_by_hand():
    # minimise ½(2x − 3)² + ½ x²: x = 6/5; with the bound 1 it stops there
    free = solve_box_least_squares(
        np.full((2, 1, 1), 2.0), np.full((2, 1), 3.0), np.ones((2, 1)), np.array([[9.0], [1.0]])
    )
    np.testing.assert_allclose(free.x[:, 0], [1.2, 1.0])
    np.testing.assert_allclose(free.residual[:, 0], [-0.6, -1.0])


def test_optimum_equals_scipy():
    matrix, goal, weight, upper = problems(6)
    found = solve_box_least_squares(matrix, goal, weight, upper)
    assert (found.x >= 0).all() and (found.x <= upper).all()
    for k in range(6):
        open_ = upper[k] > 0  # SciPy wants room between bounds
        assert not found.x[k, ~open_].any()
        stacked = np.vstack([matrix[k][:, open_], np.diag(np.sqrt(weight[k, open_]))])
        aim = np.concatenate([goal[k], np.zeros(open_.sum())])
        scipy = lsq_linear(stacked, aim, bounds=(0, upper[k, open_]), method="bvls", tol=1e-14, max_iter=2000)
        cost = 0.5 * np.square(found.residual[k]).sum() + 0.5 * (weight[k] * np.square(found.x[k])).sum()
        np.testing.assert_allclose(cost, scipy.cost, rtol=1e-9)
        np.testing.assert_allclose(found.x[k, open_], scipy.x, atol=1e-8)


def test_each_problem_is_solved_as_if_alone():
    matrix, goal, weight, upper = problems(5, seed=3)
    together = solve_box_least_squares(matrix, goal, weight, upper)
    alone = solve_box_least_squares(matrix[3:4], goal[3:4], weight[3:4], upper[3:4])
    np.testing.assert_allclose(together.x[3], alone.x[0], atol=1e-10)


def test_refuses_weights_without_a_single_solution():
    matrix, goal, weight, upper = problems(2)
    weight[1, 4] = 0.0
    with pytest.raises(ValueError, match="weights must be positive"):
        solve_box_least_squares(matrix, goal, weight, upper)


def test_says_how_many_did_not_converge():
    with pytest.raises(BoxLeastSquaresError, match=r"of 4 problems did not converge in 1 steps"):
        solve_box_least_squares(*problems(4), iterations=1)
