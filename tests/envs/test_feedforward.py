"""Feedforward control: the action zero is the inverse solution, and actions change it as the config says."""

import numpy as np
import pytest
import torch

from kinesis_trl.body.muscles import length_controller_force
from kinesis_trl.envs.config import ObservationConfig
from kinesis_trl.envs.control.config import FeedforwardConfig
from kinesis_trl.envs.control.feedforward import Feedforward
from kinesis_trl.envs.described import as_described, describe
from kinesis_trl.envs.imitation import ImitationConfig, ImitationEnv

FRAME = torch.tensor([3, 11, 20])


def test_without_action_targets_are_the_inverse_lengths_of_the_steps_end(body, solved):
    control = Feedforward(body, solved, FeedforwardConfig())
    expected = solved.inverse["target_length"][FRAME].double().numpy()
    np.testing.assert_array_equal(control.corrected_length(FRAME, np.zeros((3, 14))), expected)
    np.testing.assert_array_equal(  # an action of 7 counts as 1
        control.corrected_length(FRAME, np.full((3, 14), 7.0)), control.corrected_length(FRAME, np.ones((3, 14)))
    )


def test_nearest_action_finds_the_action_that_made_a_change(body, solved):
    control = Feedforward(body, solved, FeedforwardConfig())
    action = np.random.default_rng(0).uniform(-0.9, 0.9, (3, 14))
    change = control.corrected_length(FRAME, action) - control.target_length(FRAME)
    # the ridge for joints that few muscles cross biases them by up to a thousandth
    np.testing.assert_allclose(control.nearest_action(FRAME, change), action, atol=2e-3)
    assert (np.abs(control.nearest_action(FRAME, 100 * change)) <= 1).all()


def test_nearest_joint_action_makes_the_joint_moments_of_a_change_of_lengths(body, solved):
    """Any small change of lengths, also one that no joint action makes, while all muscles pull."""
    control = Feedforward(body, solved, FeedforwardConfig())
    change = 1e-3 * np.random.default_rng(1).normal(size=(3, 80))
    action = control.nearest_action(FRAME, change)
    spread = control.corrected_length(FRAME, action) - control.target_length(FRAME)
    arms = solved.inverse["moment_arm"][FRAME].double().numpy()
    length, still = np.full((3, 80), 0.3), np.zeros((3, 80))

    def moment(difference):
        force = length_controller_force(length, still, length - 0.05 + difference, body.muscles)
        return np.einsum("nmj,nm->nj", arms, force)

    wanted = moment(change) - moment(0 * change)
    np.testing.assert_allclose(moment(spread) - moment(0 * change), wanted, atol=1e-2 * np.abs(wanted).max())


def test_motions_without_solution_are_refused(body, library):
    with pytest.raises(ValueError, match="--inverse"):
        ImitationEnv(body, library, ImitationConfig(num_envs=1, control="feedforward"))
    with pytest.raises(ValueError, match="joint_scale must be positive"):
        FeedforwardConfig(joint_scale=0.0)


def test_more_activation_than_the_solutions_turns_the_joints_its_muscle_crosses(body, solved):
    control = Feedforward(body, solved, FeedforwardConfig())
    activation = control.activation(FRAME)
    np.testing.assert_allclose(control.moment_error(FRAME, activation), 0.0, atol=1e-12)
    soleus = body.muscle_names.index("soleus_r")
    activation[:, soleus] += 0.1
    moment = control.moment_error(FRAME, activation)
    ankle = body.independent_joints.index("ankle_angle_r")
    # plantarflexion is negative; soleus' moment arm at the ankle is some 3 to 6 cm
    arm = -moment[:, ankle] / (0.1 * body.muscles.peak_force[soleus])
    assert ((arm > 0.02) & (arm < 0.07)).all()
    assert (moment[:, body.independent_joints.index("knee_angle_r")] == 0).all()


def test_a_starting_body_has_the_solutions_moments_and_an_acting_one_others(body, solved):
    config = ImitationConfig(num_envs=3, control="feedforward", observation=ObservationConfig().plus("moment_error"))
    env = ImitationEnv(body, solved, config)
    td = env.reset()
    np.testing.assert_allclose(td["observation"][:, -14:], 0.0, atol=1e-4)
    td = env.step(td.set("action", torch.full((3, 14), 0.05)))["next"]
    assert (td["observation"][:, -14:].abs().amax(-1) > 1.0).all()
    assert torch.isfinite(td["observation"]).all() and env.observation_width == td["observation"].shape[-1]


def test_moments_need_inverse_solutions(body, library):
    with pytest.raises(ValueError, match="moment_error needs motions with inverse solutions"):
        ImitationEnv(body, library, ImitationConfig(num_envs=1, observation=ObservationConfig().plus("moment_error")))


def test_what_a_checkpoint_says_gives_the_task_back():
    config = ImitationConfig(
        num_envs=7,
        control=FeedforwardConfig(joint_scale=0.2),
        observation=ObservationConfig().plus("turn_to_reference", "moment_error", reference_steps=(2, 6)),
    )
    assert as_described(ImitationConfig(num_envs=7), describe(config)) == config
    assert as_described(ImitationConfig(), {}) == ImitationConfig()


def test_activations_for_a_moment_make_it_about_one_joint_alone(body, solved):
    control = Feedforward(body, solved, FeedforwardConfig())
    frame = 11
    change = control.activation_for_moment(frame)
    assert change.shape == (80, 14)
    at = torch.full((14,), frame)
    made = control.moment_error(at, control.activation(at) + change.T)
    np.testing.assert_allclose(made, np.eye(14), atol=1e-6)
