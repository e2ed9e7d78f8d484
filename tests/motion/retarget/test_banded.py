"""The banded normal equations against the same problem written densely."""

from __future__ import annotations

import numpy as np
import pytest

from kinesis_trl.motion.retarget.banded import add_smoothness, add_stance, inner_weight, solve_banded

FRAMES, SIZE = 7, 8


@pytest.fixture
def problem() -> dict[str, np.ndarray]:
    """Random residuals of every kind."""
    rng = np.random.default_rng(1)
    return {
        "own": rng.normal(size=(FRAMES, 10, SIZE)),
        "miss": rng.normal(size=(FRAMES, 10)),
        "feet": rng.normal(size=(FRAMES, 4, 2)),
        "jacobian": rng.normal(size=(FRAMES, 4, 2, SIZE)),
        "weight": rng.uniform(0.5, 2.0, size=(FRAMES, 4)) * (rng.uniform(size=(FRAMES, 4)) > 0.3),
        "deviation": rng.normal(size=(FRAMES, SIZE)),
    }


def dense(problem: dict[str, np.ndarray], tolerance: float) -> tuple[np.ndarray, np.ndarray]:
    """All residuals' Jacobian (R, FRAMES · SIZE) and values (R,), one row at a time."""
    rows, values = [], []

    def add(blocks: dict[int, np.ndarray], value: float) -> None:
        row = np.zeros((FRAMES, SIZE))
        for frame, block in blocks.items():
            row[frame] += block
        rows.append(row.ravel())
        values.append(value)

    for t in range(FRAMES):
        for k in range(10):
            add({t: problem["own"][t, k]}, problem["miss"][t, k])
    for t in range(FRAMES - 1):
        for part in range(4):
            w = min(problem["weight"][t, part], problem["weight"][t + 1, part])
            for axis in range(2):
                before, after = (w * problem["jacobian"][s, part, axis] for s in (t, t + 1))
                moved = problem["feet"][t + 1, part, axis] - problem["feet"][t, part, axis]
                add({t: -before, t + 1: after}, w * moved)
    for t in range(FRAMES - 2):
        for k in range(SIZE):
            stiff = 1 / (tolerance * (0.1 if k < 3 else 1.0))
            unit = np.eye(SIZE)[k] * stiff
            d = problem["deviation"][:, k]
            add({t: unit, t + 1: -2 * unit, t + 2: unit}, stiff * (d[t] - 2 * d[t + 1] + d[t + 2]))
    return np.array(rows), np.array(values)


@pytest.mark.parametrize("hold", [False, True])
def test_step_is_that_of_the_dense_problem(problem: dict[str, np.ndarray], hold: bool) -> None:
    tolerance = 0.7
    own, miss = problem["own"], problem["miss"]
    normal = np.swapaxes(own, 1, 2) @ own
    gradient = np.einsum("tki,tk->ti", own, miss)
    beside = add_stance(normal, gradient, problem["feet"], problem["jacobian"], problem["weight"])
    smooth = add_smoothness(problem["deviation"], tolerance, gradient)
    held = np.zeros((FRAMES, SIZE), dtype=bool)
    if hold:
        held[:2] = True
        held[4, [0, 5]] = True
        held[6, 7] = True
    step = solve_banded(normal, beside, smooth, gradient, held)

    jacobian, value = dense(problem, tolerance)
    np.testing.assert_allclose(gradient.ravel(), jacobian.T @ value, rtol=1e-10)
    free = ~held.ravel()
    expected = np.zeros(FRAMES * SIZE)
    expected[free] = np.linalg.lstsq(jacobian[:, free], -value, rcond=None)[0]
    np.testing.assert_allclose(step.ravel(), expected, atol=1e-10)


def test_weights_rise_into_a_stance_and_fall_out_of_it() -> None:
    stance = np.zeros((12, 1), dtype=bool)
    stance[2:10] = True
    np.testing.assert_allclose(inner_weight(stance)[:, 0] * 6, [0, 0, 1, 3, 5, 6, 6, 5, 3, 1, 0, 0])


def test_a_stance_that_lasts_throughout_is_held_throughout() -> None:
    np.testing.assert_array_equal(inner_weight(np.ones((5, 4), dtype=bool)), 1.0)
