"""Controls: every one keeps the promises of the interface, and is found by its name wherever configs come from."""

import numpy as np
import pytest
import torch
import tyro

from kinesis_trl.body.muscles import length_controller, target_length
from kinesis_trl.body.physics import BatchPhysics
from kinesis_trl.envs.base import put_rows
from kinesis_trl.envs.control.config import CONTROLS, FeedforwardConfig, LengthConfig, control_named
from kinesis_trl.envs.imitation import ImitationConfig, ImitationEnv
from kinesis_trl.settings import from_yaml, to_yaml


@pytest.mark.parametrize("name", CONTROLS)
def test_every_control_acts_in_an_environment_and_comes_back_from_text(body, solved, name):
    config = ImitationConfig(num_envs=3, control=name)
    env = ImitationEnv(body, solved, config)
    assert env.action_spec.shape == (3, env.control.width)
    td = env.step(env.reset().set("action", torch.zeros(3, env.control.width)))["next"]
    assert torch.isfinite(td["observation"]).all()
    action = torch.randn(env.control.width)
    mirror = env.control.mirror
    torch.testing.assert_close(mirror(mirror(action)), action)  # a mirror image of a mirror image
    assert control_named(**config.control.describe()) == config.control
    assert from_yaml(ImitationConfig, to_yaml(config)) == config
    if config.control.has_lengths:
        lengths = env.control.target_length(np.zeros((3, env.control.width)), env.current_reference())
        assert lengths.shape == (3, body.model.nu)


def test_a_control_is_chosen_on_the_command_line_with_its_parameters():
    def read(*words):
        return tyro.cli(ImitationConfig, args=words).control

    assert read() == LengthConfig()
    assert read("--control", "feedforward") == FeedforwardConfig()
    assert read("--control", "feedforward", "joint-scale=2", "activation=false", "--seed", "3") == FeedforwardConfig(
        joint_scale=2.0, activation=False
    )
    with pytest.raises(SystemExit):
        read("--control", "feedback")
    with pytest.raises(ValueError, match="no control 'feedback'; choose one of pd, direct, feedforward"):
        ImitationConfig(control="feedback")


def test_starting_activations_are_those_of_the_solution_or_none(body, solved):
    for activation in (True, False):
        config = ImitationConfig(num_envs=2, control=FeedforwardConfig(activation=activation))
        env = ImitationEnv(body, solved, config)
        env.reset()
        expected = env.solutions.activation(env.current_reference().frame()) * activation
        np.testing.assert_allclose(env.physics.activation, expected, atol=1e-12)


def test_a_controller_of_every_substep_does_what_the_built_in_one_does(body):
    one, two = (BatchPhysics(body, 2) for _ in range(2))
    target = target_length(np.random.default_rng(0).uniform(-0.6, -0.2, (2, 80)), body.muscles)
    effort, _ = one.step_lengths(target)
    asked = []

    def controller(substep):
        asked.append(substep)
        return length_controller(two.length, two.velocity, target, body.muscles)

    same, failed = two.step_controlled(controller)
    assert asked == [0, 1, 2, 3, 4] and not failed.any()
    np.testing.assert_array_equal(one.qpos, two.qpos)
    np.testing.assert_array_equal(effort, same)


def test_a_controller_that_loses_a_row_ends_that_row_alone(body):
    physics = BatchPhysics(body, 2)
    _, failed = physics.step_controlled(
        lambda k: np.full((2, 80), 0.1) + np.array([[np.nan if k == 2 else 0.0], [0.0]])
    )
    assert failed.tolist() == [True, False] and np.isfinite(physics.qpos).all()


def test_what_a_control_remembers_branches_and_is_saved_with_the_bodies(body, library):
    env = ImitationEnv(body, library, ImitationConfig(num_envs=3))
    env.control.state["warm"] = torch.arange(6.0).reshape(3, 2)
    env.reset()
    put_rows(env.state, env.state[[2]], torch.tensor([0]))
    assert env.control.state["warm"].tolist() == [[4, 5], [2, 3], [4, 5]]
    saved = env.get_state()
    env.control.state["warm"].zero_()
    env.set_state(saved)
    assert env.control.state["warm"].tolist() == [[4, 5], [2, 3], [4, 5]]
