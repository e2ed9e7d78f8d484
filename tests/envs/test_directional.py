"""Directional control."""

import numpy as np
import pytest
import torch
from torchrl.envs.utils import check_env_specs

from kinesis_trl.envs.directional import COMMANDS, DIRECTIONS, DirectionalEnv, Heading, UnknownCommandError
from kinesis_trl.envs.goal_config import DirectionalConfig


def test_eight_directions_of_the_viewer():
    assert len(DIRECTIONS) == 8
    vectors = {name: (round(np.cos(a), 6), round(np.sin(a), 6)) for name, a in DIRECTIONS.items()}
    assert vectors["away"] == (1.0, 0.0) and vectors["left"] == (0.0, 1.0) and vectors["towards"] == (-1.0, 0.0)
    assert vectors["towards right"] == pytest.approx((-np.sqrt(0.5), -np.sqrt(0.5)), abs=1e-6)
    assert sorted(np.round(np.degrees(list(DIRECTIONS.values())))) == [-135, -90, -45, 0, 45, 90, 135, 180]


def test_commands_change_direction_and_speed():
    heading = Heading(speed=0.2)
    for command in ("left", "slower", "slower", "slower"):
        heading = heading.obey(command)
    assert heading.speed == pytest.approx(0.1) and heading.direction == pytest.approx(np.pi / 2)
    np.testing.assert_allclose(heading.velocity, [0.0, 0.1], atol=1e-9)
    stopped = heading.obey("stop").obey("faster")
    assert stopped.direction is None and stopped.speed == pytest.approx(0.2) and not stopped.velocity.any()
    assert Heading(speed=3.0).obey("faster").speed == pytest.approx(3.0)
    with pytest.raises(UnknownCommandError, match="no command 'up'; choose one of away"):
        heading.obey("up")
    with pytest.raises(ValueError, match=r"0.1 to 3"):
        Heading(speed=5.0)
    assert len(COMMANDS) == 11


def test_specs_and_goals_that_move_along(body):
    env = DirectionalEnv(body, DirectionalConfig(num_envs=2))
    check_env_specs(env)
    env.command(Heading(direction=np.pi / 2, speed=2.0))
    td = env.reset()
    for _ in range(3):
        td = env.step(td.set("action", torch.zeros(2, 80)))["next"]
        np.testing.assert_allclose(env.goal - env.place, [[0.0, 2 * 1.265]] * 2, atol=1e-9)
    seen = td["observation"][0, 246:249]
    assert abs(seen[1] - 2 * 1.265) < 0.1 and abs(seen[0]) < 0.3
    env.command(Heading())
    np.testing.assert_allclose(env.goal, env.place)


def test_commands_are_drawn_anew_while_training(body):
    env = DirectionalEnv(body, DirectionalConfig(hold=(0.1, 0.1), speeds=(0.5, 0.6), num_envs=4, seed=3))
    td = env.reset()
    seen = [env.velocity.clone()]
    for _ in range(9):
        td = env.step(td.set("action", torch.zeros(4, 80)))["next"]
        seen.append(env.velocity.clone())
    speeds = torch.stack(seen).norm(dim=-1)
    assert len(torch.unique(torch.stack(seen)[:, 0], dim=0)) >= 3
    assert ((speeds == 0) | ((speeds >= 0.5) & (speeds <= 0.6))).all()
    torch.testing.assert_close(seen[1], seen[2])  # held for three steps


def test_reward_is_highest_at_the_commanded_velocity(body):
    env = DirectionalEnv(body, DirectionalConfig(num_envs=2))
    env.command(Heading())
    td = env.reset()
    env.physics.qvel[1, 0] = 1.0
    td = env.step(td.set("action", torch.zeros(2, 80)))["next"]
    terms = dict(zip(env.metric_names, td["metrics"].T, strict=True))
    assert terms["velocity_error"][1] > 0.7 and terms["velocity_error"][0] < 0.3
    assert td["reward"][0] > td["reward"][1]
    assert terms["command_reward"][1] == pytest.approx(np.exp(-4 * terms["velocity_error"][1].item() ** 2), rel=1e-4)
    with pytest.raises(ValueError, match="low, high"):
        DirectionalConfig(speeds=(0.5, 4.0))
