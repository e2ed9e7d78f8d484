"""Episodes that start behind or ahead of their reference."""

import numpy as np
import pytest
import torch

from kinesis_trl.envs.geometry import rotation_between
from kinesis_trl.envs.imitation import ImitationConfig, ImitationEnv
from kinesis_trl.envs.sampling import StartConfig
from kinesis_trl.envs.terms.terminations import KINESIS
from kinesis_trl.motion.library import FPS


def test_late_bodies_start_where_their_references_are_at_another_time_and_never_almost_lost(body, library):
    starts = StartConfig(late_share=0.5, latest=1.0, failure_share=0.0)
    env = ImitationEnv(
        body, library, ImitationConfig(num_envs=64, seed=5, random_heading=False, rule=KINESIS, starts=starts)
    )
    env.reset()
    at = torch.from_numpy(env.physics.qpos[:, None, :3])
    last = library.frames[env.clip][:, None] - 1
    frame = library.start[env.clip][:, None] + torch.arange(int(library.frames.max())).minimum(last)
    paths = torch.stack([torch.from_numpy(env.turned_state(frame[:, k])[0][:, :3]) for k in range(frame.shape[1])], 1)
    nearest = (paths - at).norm(dim=-1)
    assert float(nearest.amin(1).max()) < 1e-6  # on its own path, at a whole frame
    late = env.time * FPS - nearest.argmin(1)
    assert 0.3 < float((late.abs() > 0.5).double().mean()) < 0.6 and float(late.abs().max()) <= 1.0 * FPS + 1
    apart = (env._observe().body_pos - env.reference(env.time)[0]).norm(dim=-1).mean(-1)
    assert 0.05 < float(apart.max()) <= 0.8 * KINESIS.distance


def test_late_starts_must_be_possible():
    with pytest.raises(ValueError, match="late_share"):
        StartConfig(late_share=1.5)
    with pytest.raises(ValueError, match="latest"):
        StartConfig(latest=-0.1)


def test_bodies_off_their_heading_start_as_their_references_but_turned(body, library):
    starts = StartConfig(off_heading_share=0.5, off_heading=90.0, failure_share=0.0)
    env = ImitationEnv(body, library, ImitationConfig(num_envs=64, seed=5, starts=starts))
    env.reset()
    qpos, qvel = env.turned_state(library.frame_index(env.clip, env.time))
    np.testing.assert_array_equal(env.physics.qpos[:, 7:], qpos[:, 7:])
    np.testing.assert_allclose(env.physics.qpos[:, :3], qpos[:, :3], atol=1e-12)
    np.testing.assert_allclose(env.physics.qvel[:, 3:], qvel[:, 3:], atol=1e-12)
    turn = rotation_between(torch.from_numpy(qpos[:, 3:7]), torch.from_numpy(env.physics.qpos[:, 3:7]))
    off = turn[:, 2].numpy()
    assert float(turn[:, :2].abs().max()) < 1e-6
    assert 0.3 < np.mean(np.abs(off) > 1e-3) < 0.7 and 0.5 < np.abs(off).max() <= np.pi / 2 + 1e-6
    x, y = qvel[:, 0], qvel[:, 1]  # walks where it faces
    expected = np.stack([np.cos(off) * x - np.sin(off) * y, np.sin(off) * x + np.cos(off) * y], 1)
    np.testing.assert_allclose(env.physics.qvel[:, :2], expected, atol=1e-6)
    assert np.linalg.norm(env.physics.qvel[:, :2] - qvel[:, :2], axis=1).max() <= 1.0 + 1e-9


def test_angles_off_the_heading_must_be_possible():
    with pytest.raises(ValueError, match="off_heading_share"):
        StartConfig(off_heading_share=-0.1)
    with pytest.raises(ValueError, match="off_heading"):
        StartConfig(off_heading=200.0)
