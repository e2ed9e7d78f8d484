"""Feedforward control: the action zero is the inverse solution, and actions change it as the config says."""

import numpy as np
import pytest
import torch

from kinesis_trl.body.muscles import length_controller_force
from kinesis_trl.envs.described import as_described, describe
from kinesis_trl.envs.feedforward import Feedforward, FeedforwardConfig
from kinesis_trl.envs.imitation import ImitationConfig, ImitationEnv

FRAME = torch.tensor([3, 11, 20])


def make(body, solved, space, **changes):
    config = ImitationConfig(num_envs=3, control="feedforward", feedforward=FeedforwardConfig(space=space, **changes))
    return ImitationEnv(body, solved, config)


def test_without_action_excitations_are_the_inverse_activations_of_the_steps_end(body, solved):
    env = make(body, solved, "excitations")
    td = env.reset()
    expected = solved.inverse["activation"][env.next_frame()].double().numpy()
    assert not np.allclose(expected, solved.inverse["activation"][env.next_frame() - 1])
    env.step(td.set("action", torch.zeros(3, 80)))
    np.testing.assert_allclose(env.physics.excitation, expected, atol=1e-12)


def test_an_action_adds_to_the_excitations_within_their_bounds(body, solved):
    env = make(body, solved, "excitations", excitation_scale=0.4)
    td = env.reset()
    base = solved.inverse["activation"][env.next_frame()].double().numpy()
    action = torch.zeros(3, 80)
    action[0], action[1], action[2] = 0.5, -1.0, 7.0
    env.step(td.set("action", action))
    change = np.array([0.2, -0.4, 0.4])[:, None]  # an action of 7 counts as 1
    np.testing.assert_allclose(env.physics.excitation, np.clip(base + change, 0, 1), atol=1e-6)


@pytest.mark.parametrize(("space", "width"), [("joints", 14), ("muscles", 80)])
def test_nearest_action_finds_the_action_that_made_a_change(body, solved, space, width):
    control = Feedforward(body, solved, FeedforwardConfig(space=space))
    action = np.random.default_rng(0).uniform(-0.9, 0.9, (3, width))
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


def test_directions_are_those_of_a_turning_joint(body, solved):
    """A step along a direction changes the lengths as the joint action of the same size does."""
    joints = Feedforward(body, solved, FeedforwardConfig(space="joints"))
    muscles = Feedforward(body, solved, FeedforwardConfig(space="muscles"))
    one = FRAME[:1]
    for joint in (0, 4, 13):
        unit = 0.01 * np.eye(14)[joint : joint + 1]
        along = unit @ muscles.directions(one).T
        np.testing.assert_allclose(
            muscles.corrected_length(one, along), joints.corrected_length(one, unit), rtol=0, atol=1e-9
        )


def test_spaces_without_lengths_and_motions_without_solution_are_refused(body, library, solved):
    with pytest.raises(ValueError, match="--inverse"):
        ImitationEnv(body, library, ImitationConfig(num_envs=1, control="feedforward"))
    control = Feedforward(body, solved, FeedforwardConfig(space="excitations"))
    with pytest.raises(ValueError, match="joints or muscles"):
        control.corrected_length(FRAME, np.zeros((3, 80)))
    with pytest.raises(ValueError, match="excitation_scale must be positive"):
        FeedforwardConfig(excitation_scale=0.0)


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
    config = ImitationConfig(num_envs=3, control="feedforward", observe_moments=True, compact=True)
    env = ImitationEnv(body, solved, config)
    td = env.reset()
    np.testing.assert_allclose(td["observation"][:, -14:], 0.0, atol=1e-4)
    td = env.step(td.set("action", torch.full((3, 14), 0.05)))["next"]
    assert (td["observation"][:, -14:].abs().amax(-1) > 1.0).all()
    assert torch.isfinite(td["observation"]).all() and env.observation_width == td["observation"].shape[-1]


def test_moments_need_inverse_solutions(body, library):
    with pytest.raises(ValueError, match="observe_moments needs motions with inverse solutions"):
        ImitationEnv(body, library, ImitationConfig(num_envs=1, observe_moments=True))


def test_what_a_checkpoint_says_gives_the_task_back():
    config = ImitationConfig(
        num_envs=7,
        control="feedforward",
        compact=True,
        observe_orientation=True,
        observe_moments=True,
        lookahead=(2, 6),
        feedforward=FeedforwardConfig(space="excitations", excitation_scale=0.2),
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
