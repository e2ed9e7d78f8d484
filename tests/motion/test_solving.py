"""Solving on several processes gives what one gives, in order."""

import numpy as np

from kinesis_trl.motion.solving import SolveConfig, solve_motions


def test_processes_do_not_change_the_solutions(body, march):
    motions = [march.qpos[:20], march.qpos[15:40], march.qpos[5:30]]
    alone, shared = (list(solve_motions(body, motions, 30.0, SolveConfig(), workers=workers)) for workers in (1, 2))
    assert [len(s.qpos) for s in shared] == [20, 25, 25]
    for one, other in zip(alone, shared, strict=True):
        np.testing.assert_array_equal(one.target_length, other.target_length)
        np.testing.assert_array_equal(one.qpos, other.qpos)
