"""Target reaching."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torchrl.envs.utils import check_env_specs

from kinesis_trl.envs.config import MUSCLE_TERMS, ObservationConfig
from kinesis_trl.envs.goal_config import PointGoalConfig
from kinesis_trl.envs.imitation import ImitationConfig, ImitationEnv
from kinesis_trl.envs.point_goal import PointGoalEnv

SETTINGS = PointGoalConfig(num_envs=3)
MORE = ObservationConfig().plus("turn_to_reference", *MUSCLE_TERMS, reference_steps=(2, 5))


def zeros(env):
    return env.step(env.reset().set("action", torch.zeros(env.action_spec.shape)))["next"]


def test_specs_and_width(body, library):
    for settings in (SETTINGS, replace(SETTINGS, observation=MORE)):
        env = PointGoalEnv(body, settings)
        imitation = ImitationEnv(body, library, ImitationConfig().as_seen_in(settings))
        assert env.observation_width == imitation.observation_width
        check_env_specs(env)


def test_only_the_root_has_an_error_and_points_at_the_goal(body):
    env = PointGoalEnv(body, SETTINGS)
    env.assign(np.array([[1.0, 0.5], [-2.0, 0.0], [0.0, 0.0]]))
    seen = env.reset()["observation"][:, 246:].reshape(3, 3, 7, 3)
    height = 0.94 - body.standing_qpos[2]
    np.testing.assert_allclose(seen[0, 0, 0], [1.0, 0.5, height], atol=1e-5)
    np.testing.assert_allclose(seen[1, 0, 0], [-2.0, 0.0, height], atol=1e-5)
    np.testing.assert_allclose(seen[:, 0, 1:], 0.0, atol=1e-6)
    np.testing.assert_allclose(seen[:, 1], 0.0, atol=1e-6)  # velocities
    np.testing.assert_allclose(seen[0, 2, 0], [1.0, 0.5, height], atol=1e-5)
    assert (seen[:, 2, 1:, 2] < -0.3).all()  # knees and feet are below the root


def test_the_goal_is_seen_from_the_heading(body):
    env = PointGoalEnv(body, SETTINGS)
    env.assign(np.tile([1.0, 0.0], (3, 1)))
    env.reset()
    qpos = np.tile(body.standing_qpos, (3, 1))
    qpos[:, 3:7] = [np.sqrt(0.5), 0, 0, np.sqrt(0.5)]  # facing +y
    env.physics.reset(np.arange(3), qpos, np.zeros((3, body.model.nv)), np.zeros((3, 80)))
    seen = env._describe(env._observe(), slice(None))[:, 246:249]
    np.testing.assert_allclose(seen[:, :2], [[0.0, -1.0]] * 3, atol=1e-5)


def test_reward_is_progress_effort_upright_and_the_goal(body):
    env = PointGoalEnv(body, SETTINGS)
    env.assign(np.array([[1.0, 0.0], [0.05, 0.0], [-1.0, 0.0]]))
    td = zeros(env)
    terms = dict(zip(env.metric_names, td["metrics"].T, strict=True))
    np.testing.assert_allclose(terms["progress_reward"][0], -terms["progress_reward"][2], atol=1e-3)
    moved = 1.0 - terms["distance"][0]
    np.testing.assert_allclose(terms["progress_reward"][0], moved, atol=1e-5)
    assert terms["near_reward"].tolist() == [0.0, 1.0, 0.0]
    expected = 16.0 * terms["progress_reward"] + 0.1 * terms["upright_reward"] + 0.1 * terms["effort_reward"]
    np.testing.assert_allclose(td["reward"].reshape(-1), expected + torch.tensor([0.0, 100.0, 0.0]), atol=1e-3)


def test_ends(body):
    env = PointGoalEnv(body, replace(SETTINGS, steps=2))
    env.assign(np.array([[1.0, 0.0], [0.0, 0.0], [0.0, 0.0]]))
    td = zeros(env)
    assert not td["done"].any()
    env.physics.qpos[2, 2] = 0.4
    td = env.step(td.set("action", torch.zeros(3, 80)))["next"]
    assert td["terminated"].reshape(-1).tolist() == [False, False, True]
    assert td["truncated"].reshape(-1).tolist() == [True, True, False]
    success = dict(zip(env.metric_names, td["metrics"].T, strict=True))["success"]
    assert success.tolist() == [0.0, 1.0, 0.0]


def test_goals_are_seeded_and_uniform():
    goals = PointGoalConfig().draw(4000, np.random.default_rng(1))
    np.testing.assert_array_equal(goals[:5], PointGoalConfig().draw(5, np.random.default_rng(1)))
    assert (
        np.abs(goals).max() <= 2.0
        and (np.abs(goals.mean(0)) < 0.08).all()
        and np.abs(goals.std(0) - 1.155).max() < 0.05
    )


def test_going_on_gives_the_same(body):
    env = PointGoalEnv(body, SETTINGS)
    td = zeros(env)
    saved = env.get_state()
    first = env.step(td.set("action", torch.full((3, 80), 0.2)))["next"]
    other = PointGoalEnv(body, replace(SETTINGS, seed=9))
    other.set_state(saved)
    again = other.step(other.reset().set("action", torch.full((3, 80), 0.2)))["next"]
    torch.testing.assert_close(first["observation"], again["observation"], rtol=0, atol=0)
    torch.testing.assert_close(first["reward"], again["reward"], rtol=0, atol=0)


def test_what_does_not_fit(body):
    with pytest.raises(ValueError, match=r"no reference for control feedforward.*distil"):
        PointGoalEnv(body, replace(SETTINGS, control="feedforward"))
    with pytest.raises(ValueError, match="3 finite goals"):
        PointGoalEnv(body, SETTINGS).assign(np.zeros((2, 2)))
    with pytest.raises(ValueError, match="must be positive"):
        PointGoalConfig(reach=0.0)
