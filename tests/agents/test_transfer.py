"""A policy on another body: the same on what both have, nothing from or to what only the new one has."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from kinesis_trl.agents.checkpoint import PolicyCheckpoint, save_policy
from kinesis_trl.agents.config import CriticConfig, LatticeConfig, NetworkConfig
from kinesis_trl.agents.exceptions import CheckpointError
from kinesis_trl.agents.fresh import new_actor, new_critic
from kinesis_trl.agents.transfer import transfer
from kinesis_trl.body.model import load_body
from kinesis_trl.envs.config import ImitationConfig, ObservationConfig
from kinesis_trl.envs.described import describe
from kinesis_trl.envs.imitation import ImitationEnv
from kinesis_trl.motion.gait.language import text_to_clip
from kinesis_trl.motion.library import MotionLibrary
from kinesis_trl.motion.solving import SolveConfig
from kinesis_trl.planning.config import MppiConfig, OptimisationConfig
from kinesis_trl.planning.controllers import make_player
from kinesis_trl.planning.optimise import TrajectoryOptimiser
from kinesis_trl.shipped import FEEDFORWARD_POLICY, SHIPPED_POLICY, asset

TINY = NetworkConfig(hidden=(32, 16))
SETTINGS = ImitationConfig(
    num_envs=2,
    control="coordinated",
    observation=ObservationConfig().plus("joint_error", "joint_rate_error", "muscle_length", "last_action"),
)


def library(body):
    return MotionLibrary.build([text_to_clip("walk forward for 1 meter", body)], body, inverse=SolveConfig())


@pytest.fixture(scope="module")
def walk(body):
    return library(body)


@pytest.fixture(scope="module")
def other():
    body = load_body("legs_abs")
    return body, library(body)


@pytest.fixture
def taught(body, walk):
    """A policy of the usual body with made-up weights and statistics."""
    torch.manual_seed(0)
    env = ImitationEnv(body, walk, SETTINGS)
    actor = new_actor(LatticeConfig(network=TINY, symmetric=True), env)
    critic = new_critic(CriticConfig(network=TINY, symmetric=True), env)
    with torch.no_grad():
        actor.net.head.weight.mul_(20)
        actor.log_std[:14] = torch.linspace(-3, -1, 14)
        for net in (actor.net, critic.net):
            net.norm.mean.copy_(0.1 * torch.randn(env.observation_width))
            net.norm.std.copy_(0.5 + torch.rand(env.observation_width))
            net.norm.count.fill_(1000)
    return env, PolicyCheckpoint(policy=actor, critic=critic, body=body.name)


def test_what_both_bodies_have_makes_the_same_actions_and_values(taught, other):
    env, checkpoint = taught
    body, motions = other
    new = ImitationEnv(body, motions, SETTINGS)
    actor, critic = transfer(checkpoint, new)
    old_obs = checkpoint.policy.net.norm.mean + 0.3 * torch.randn(5, env.observation_width)
    new_obs = torch.randn(5, new.observation_width)
    mine, theirs = list(body.independent_joints), list(env.body.independent_joints)
    for term in new.layout.terms:
        place, before = new.layout.places[term.name], env.layout.places[term.name]
        names = {"joint_error": (mine, theirs), "joint_rate_error": (mine, theirs), "last_action": (mine, theirs)}
        names["muscle_length"] = (list(body.muscle_names), list(env.body.muscle_names))
        if term.name in names:
            for k, name in enumerate(names[term.name][0]):
                if name in names[term.name][1]:
                    new_obs[:, place.start + k] = old_obs[:, before.start + names[term.name][1].index(name)]
        else:
            new_obs[:, place] = old_obs[:, before]
    legs = [mine.index(name) for name in theirs]
    with torch.no_grad():
        made, expected = actor.mean(new_obs), checkpoint.policy.mean(old_obs)
        np.testing.assert_allclose(made[:, legs], expected, atol=1e-5)
        assert (np.delete(made.numpy(), legs, axis=1) == 0).all() and len(mine) == 17
        np.testing.assert_allclose(critic.net(new_obs), checkpoint.critic.net(old_obs), atol=1e-5)
    np.testing.assert_array_equal(actor.log_std.detach()[legs], checkpoint.policy.log_std.detach()[:14])


def test_what_never_changed_in_the_old_body_has_no_say(taught, other):
    _, checkpoint = taught
    checkpoint.policy.net.norm.std[7] = 1e-9
    body, motions = other
    new = ImitationEnv(body, motions, SETTINGS)
    actor, _ = transfer(checkpoint, new)
    seen = torch.zeros(1, new.observation_width)
    far = seen.clone()
    far[0, 7] = 3.0
    mirrored = int(actor.net.seen.index[7])
    far[0, mirrored] = seen[0, mirrored] if mirrored != 7 else 3.0
    with torch.no_grad():
        assert torch.equal(actor.mean(seen), actor.mean(far))


def test_what_ships_walks_with_more_muscles_than_it_was_trained_with(other):
    body, motions = other
    player = make_player(str(asset(SHIPPED_POLICY)), body, ImitationConfig())
    assert player.trained_on == "myolegs"
    settings = replace(player.settings, num_envs=1, start="beginning", random_heading=False)
    env = ImitationEnv(body, motions, settings)
    policy, td = player.policy(env), env.reset()
    with torch.no_grad():
        for _ in range(60):
            td = env.step(policy(td))["next"]
            assert not td["terminated"].any()
    assert float(env.distances.max()) < 0.15


def test_trajectories_of_another_body_are_searched_by_the_policy_as_it_goes_over(other):
    body, motions = other
    path = asset(FEEDFORWARD_POLICY)
    player = make_player(str(path), body, ImitationConfig())
    optimiser = TrajectoryOptimiser(body, motions, path, player, OptimisationConfig())
    env = ImitationEnv(body, motions, replace(player.settings, num_envs=1))
    assert optimiser._critic.net(env.reset()["observation"]).isfinite().all()


def test_what_cannot_be_matched_says_so(taught, other, body, tmp_path):
    env, checkpoint = taught
    _, motions = other
    for change in ({"control": "pd", "observation": ObservationConfig()}, {"observation": ObservationConfig()}):
        with pytest.raises(CheckpointError, match="acts on joints"):
            transfer(checkpoint, ImitationEnv(other[0], motions, replace(SETTINGS, **change)))
    save_policy(tmp_path, checkpoint.policy, body=body.name, notes=describe(env.settings))
    env = ImitationEnv(other[0], motions, SETTINGS)
    make_player(str(tmp_path), other[0], ImitationConfig()).policy(env)
    planner = MppiConfig(samples=2, steps=1, every=1)
    planning = make_player(str(tmp_path), other[0], ImitationConfig(), planner=planner).policy(env)
    assert planning(env.reset())["action"].shape == env.action_spec.shape  # without a value function too
