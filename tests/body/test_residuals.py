from __future__ import annotations

import numpy as np
import pytest

from kinesis_trl.body.inverse import InverseConfig, InverseError, solve
from kinesis_trl.body.residuals import ResidualConfig, reduce_residuals
from kinesis_trl.motion.kinematics import forward_kinematics
from kinesis_trl.motion.retarget.footing import FootingConfig, plant_feet

FPS = 30.0
WALK = "317_walking_fast04"
WHOLE_FEET = ResidualConfig(inverse=InverseConfig())


@pytest.fixture(scope="module")
def reduced(body, walks):
    return reduce_residuals(body, walks[WALK], FPS)


def test_less_is_unsupplied(body, solved, reduced):
    before, after = solved[WALK], solve(body, reduced, FPS)
    for quantile in (0.5, 0.9):
        for name in ("root_force", "root_moment"):
            raw, mended = (np.quantile(np.linalg.norm(getattr(s, name), axis=1), quantile) for s in (before, after))
            assert mended < 0.6 * raw


def test_the_root_keeps_within_its_bounds(body, walks, reduced):
    config = ResidualConfig()
    assert 0.001 < np.abs(reduced[:, :3] - walks[WALK][:, :3]).max() <= config.translation + 1e-9
    cosine = np.abs(np.einsum("ti,ti->t", reduced[:, 3:7], walks[WALK][:, 3:7])).clip(max=1.0)
    assert 2 * np.arccos(cosine).max() <= np.sqrt(2) * config.tilt + 1e-6
    tight = reduce_residuals(body, walks[WALK][:60], FPS, ResidualConfig(translation=0.001, tilt=0.002, rounds=1))
    assert np.abs(tight[:, :3] - walks[WALK][:60, :3]).max() <= 0.001 + 1e-9


def test_feet_stay_and_joints_keep_their_limits(body, walks):
    walk = plant_feet(body, walks[WALK], FPS, FootingConfig(balance=None))  # legs bent as they were recorded
    reduced = reduce_residuals(body, walk, FPS, WHOLE_FEET)
    still = np.zeros((len(reduced), body.model.nv))
    before, after = (forward_kinematics(body, q, still).body_pos for q in (walk, reduced))
    feet = np.linalg.norm(before - after, axis=-1)[:, 3:]
    assert np.quantile(feet, 0.95) < 0.001 and feet.max() < 0.02  # the last where a straight leg is pulled up
    low, high = body.joint_range.T
    free = body.couplings.independent_dofs(body.model.nv)[6:] - 6  # the others follow from these
    assert (reduced[:, 7:] >= low - 1e-6)[:, free].all() and (reduced[:, 7:] <= high + 1e-6)[:, free].all()
    np.testing.assert_allclose(reduced, body.couplings.apply(reduced), atol=1e-12)


def test_a_consistent_motion_stays_as_it_is(body):
    standing = np.tile(body.standing_qpos, (20, 1))
    np.testing.assert_allclose(reduce_residuals(body, standing, FPS, WHOLE_FEET), standing, atol=3e-3)
    # the default leads the pelvis a little further over the middle of the feet
    np.testing.assert_allclose(reduce_residuals(body, standing, FPS), standing, atol=1e-2)


def test_refuses_what_solve_refuses(body):
    with pytest.raises(InverseError, match="not finite"):
        reduce_residuals(body, np.full((10, body.model.nq), np.nan), FPS)


def test_refuses_bounds_that_are_not_positive():
    with pytest.raises(ValueError, match="must be positive"):
        ResidualConfig(tilt=0.0)
