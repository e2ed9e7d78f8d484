"""Ball: where balls lie, what counts as reached and faced, and what it earns."""

import numpy as np
import pytest
import torch

from kinesis_trl.envs.ball import BallEnv, turned_from
from kinesis_trl.envs.goal_config import BallConfig


def test_balls_lie_ahead_within_reach_uniformly():
    balls = BallConfig().draw(4000, np.random.default_rng(0))
    distance, angle = np.linalg.norm(balls, axis=1), np.arctan2(balls[:, 1], balls[:, 0])
    assert distance.max() <= 4 and np.abs(angle).max() <= np.pi / 6
    assert np.mean(distance < 2) == pytest.approx(0.25, abs=0.02)
    stands = BallConfig().stand(balls)
    np.testing.assert_allclose(np.linalg.norm(stands - balls, axis=1)[distance > 0.1], 0.1)
    np.testing.assert_array_equal(BallConfig().stand(np.zeros((1, 2))), np.zeros((1, 2)))


def test_angles_between_headings_and_ways_by_hand():
    half = np.sqrt(0.5)
    left = torch.tensor([[half, 0.0, 0.0, half]], dtype=torch.float64)  # looks along +y
    for way, angle in (((0.0, 2.0), 0.0), ((1.0, 0.0), np.pi / 2), ((0.0, -1.0), np.pi), ((1.0, 1.0), np.pi / 4)):
        found = turned_from(left, torch.tensor([way], dtype=torch.float64))
        assert float(found) == pytest.approx(angle, abs=1e-9)


def placed(env, ball, at, heading, steps):
    """One step of a body that stands somewhere, after some steps of its episode."""
    env.assign(np.array([ball]))
    td = env.reset()
    qpos = env.body.standing_qpos.copy()
    qpos[:2], qpos[3:7] = at, [np.cos(heading / 2), 0, 0, np.sin(heading / 2)]
    env.physics.reset(np.arange(1), qpos[None], np.zeros((1, env.body.model.nv)), np.zeros((1, env.body.model.nu)))
    env.episode_steps[:] = steps
    return env.step(td.set("action", torch.zeros(1, env.control.width)))["next"]


def test_a_ball_is_reached_where_it_is_near_and_faced_in_the_end(body):
    env = BallEnv(body, BallConfig(num_envs=1))
    ball, names = (2.0, 0.5), env.metric_names
    way = float(np.arctan2(0.5, 2.0))

    def success(at, heading, steps):
        return bool(placed(env, ball, at, heading, steps)["metrics"][0, names.index("success")])

    assert success((1.9, 0.48), way, 119)
    assert not success((1.9, 0.48), way, 60)  # too early
    assert not success((1.9, 0.48), way + 0.7, 119)  # looks away
    assert not success((1.6, 0.4), way, 119)  # too far
    facing = names.index("facing_reward")
    assert placed(env, ball, (1.9, 0.48), way, 10)["metrics"][0, facing] == pytest.approx(1.0, abs=0.02)
    assert placed(env, ball, (1.9, 0.48), way + 0.5, 10)["metrics"][0, facing] == pytest.approx(np.exp(-1), abs=0.02)
    assert placed(env, ball, (1.0, 0.3), way, 10)["metrics"][0, facing] == 0


def test_angles_that_are_none_are_refused():
    with pytest.raises(ValueError, match="angles of up to"):
        BallConfig(facing=4.0)
