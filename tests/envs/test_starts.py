"""Episodes that start behind or ahead of their reference."""

import pytest
import torch

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
