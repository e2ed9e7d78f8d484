"""Imitation of a reference that is planned while it is followed."""

import numpy as np
import pytest
import torch

from kinesis_trl.envs.directional import Heading
from kinesis_trl.envs.imitation import ImitationConfig
from kinesis_trl.envs.live import LiveEnv, order_for
from kinesis_trl.envs.terms.terminations import DistanceRule
from kinesis_trl.motion.gait.commands import Command
from kinesis_trl.motion.gait.steering import STOP, Travel

ENDLESS = DistanceRule(over="mean", distance=1e9)


def walk(env, td, steps):
    for _ in range(steps):
        td = env.step(td.set("action", env.reference_action()))["next"]
    return td


def test_the_reference_goes_on_and_the_clock_with_it(body):
    env = LiveEnv(body, ImitationConfig(rule=ENDLESS))
    td = walk(env, env.reset(), 5)
    assert env.frame == 5
    shown = env.reference(env.time + env.policy_dt)[0].clone()
    env.order(Command(speed=1.0))
    assert env.frame == 5
    torch.testing.assert_close(env.reference(env.time + env.policy_dt)[0], shown, atol=1e-6, rtol=0)
    places = []
    for _ in range(150):  # past the horizon: planned further by itself
        td = walk(env, td, 1)
        places.append(env.reference_qpos[:2])
    assert env.frame == 155 and not td["done"].any()
    np.testing.assert_allclose((places[-1] - places[-60]) * 30 / 59, [1.0, 0.0], atol=0.06)
    assert len(env.library.qpos) < 200  # what is over is dropped


def test_a_reset_stands_and_forgets_the_order(body):
    env = LiveEnv(body, ImitationConfig(rule=ENDLESS))
    walk(env, env.reset(), 3)
    env.order(Command(speed=1.0))
    td = env.reset()
    assert env.frame == 0 and env.planner.current == STOP
    np.testing.assert_allclose(env.physics.qpos[0], env.reference_qpos, atol=1e-6)
    assert np.abs(env.reference_qpos[:2]).max() < 0.01
    assert td["observation"].shape == (1, 309)


def test_feedforward_takes_the_inverse_solutions_of_the_new_plan(body):
    env = LiveEnv(body, ImitationConfig(control="feedforward", rule=ENDLESS))
    td = env.reset()
    before = env.solutions.activation(env.next_frame())
    env.order(Command(speed=1.0))
    np.testing.assert_array_equal(env.solutions.activation(env.next_frame()), before)
    for _ in range(12):
        td = env.step(td.set("action", torch.zeros(env.action_spec.shape)))["next"]
    assert np.abs(env.solutions.activation(env.next_frame()) - before).max() > 0.05
    assert torch.isfinite(td["observation"]).all()


def test_going_back_to_a_saved_state(body):
    env = LiveEnv(body, ImitationConfig(rule=ENDLESS))
    td = walk(env, env.reset(), 4)
    env.order(Command(speed=0.8))
    td = walk(env, td, 10)
    saved = env.get_state()
    first = walk(env, td, 70)["observation"]
    env.set_state(saved)
    again = walk(env, env.reset(), 70)["observation"]
    torch.testing.assert_close(first, again, rtol=0, atol=0)


def test_orders_for_commands():
    assert order_for(Heading()) == STOP
    assert order_for(Heading(direction=1.0, speed=1.2)) == Travel(speed=1.2, direction=1.0)
    assert order_for(Heading(direction=1.0, speed=2.4)) == Travel(speed=2.4, direction=1.0, gait="run")
    assert order_for(Heading(direction=1.0, speed=3.0)).gait == "run"


def test_one_row_only_counts(body):
    env = LiveEnv(body, ImitationConfig(num_envs=7, rule=ENDLESS))
    assert env.batch_size == torch.Size([1])
    with pytest.raises(ValueError, match="too fast"):
        env.order(Command(speed=1.7, direction=np.pi))
