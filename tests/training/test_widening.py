"""Policies that are to observe more act as before until they learn."""

from dataclasses import replace

import pytest
import torch

from kinesis_trl.agents.checkpoint import save_policy
from kinesis_trl.agents.critic import Critic, CriticConfig
from kinesis_trl.agents.exceptions import CheckpointError
from kinesis_trl.agents.lattice import LatticeConfig
from kinesis_trl.agents.networks import NetworkConfig
from kinesis_trl.agents.policy import make_actor
from kinesis_trl.body.residuals import ResidualConfig
from kinesis_trl.envs.described import describe
from kinesis_trl.envs.imitation import ImitationConfig, ImitationEnv
from kinesis_trl.motion.library import MotionLibrary
from kinesis_trl.motion.solving import SolveConfig
from kinesis_trl.training.actors import new_actor
from kinesis_trl.training.agent import make_agent
from kinesis_trl.training.config import TrainConfig
from kinesis_trl.training.widening import widen_critic, widen_policy

SMALL = NetworkConfig(hidden=(8, 8))


def trained(symmetric):
    torch.manual_seed(0)
    policy = make_actor(LatticeConfig(network=SMALL, symmetric=symmetric), 6, 3)
    policy.update_norm(3.0 * torch.randn(50, 6) + 1.0)
    if symmetric:
        policy.net.set_mirror((torch.tensor([1, 0, 2, 3, 5, 4]), torch.tensor([1.0, 1, -1, 1, 1, 1])))
    return policy.eval()


@pytest.mark.parametrize("symmetric", [False, True])
def test_new_numbers_change_nothing_at_first(symmetric):
    policy = trained(symmetric)
    wide = widen_policy(policy, 9).eval()
    seen = torch.randn(20, 6)
    more = torch.cat([seen, 50.0 * torch.randn(20, 3)], dim=-1)
    torch.testing.assert_close(wide.mean(more), policy.mean(seen), atol=1e-6, rtol=1e-5)
    assert wide.observation_width == 9 and wide.action_width == 3


def test_it_can_learn_what_they_are_for():
    wide = widen_policy(trained(True), 9)
    more = torch.cat([torch.randn(20, 6), 50.0 * torch.randn(20, 3)], dim=-1)
    wide.mean(more).square().sum().backward()
    first = next(p for n, p in wide.named_parameters() if n.endswith("hidden.0.weight"))
    assert first.grad[:, 6:].abs().max() > 0
    assert torch.equal(wide.net.norm.std[6:], torch.full((3,), 20.0))


def test_values_stay_as_they_are():
    critic = Critic(CriticConfig(network=SMALL), 6)
    seen = torch.randn(5, 6)
    more = torch.cat([seen, torch.randn(5, 2)], dim=-1)
    torch.testing.assert_close(widen_critic(critic, 8).net(more), critic.net(seen), atol=1e-6, rtol=1e-5)


def test_fewer_numbers_are_refused():
    with pytest.raises(ValueError, match="6 numbers cannot be made 5"):
        widen_policy(trained(False), 5)


def test_a_run_that_observes_moments_may_start_from_a_policy_that_does_not(body, march, tmp_path):
    short = march.with_(qpos=march.qpos[:31])
    library = MotionLibrary.build([short], body, inverse=SolveConfig(residuals=ResidualConfig(rounds=1)))
    blind = ImitationConfig(num_envs=2, control="feedforward", compact=True)
    env = ImitationEnv(body, library, blind)
    actor = LatticeConfig(network=SMALL, symmetric=True)
    policy = new_actor(actor, env)
    policy.update_norm(env.reset()["observation"])
    save_policy(tmp_path / "narrow", policy, body=body.name, notes=describe(blind))
    seeing = replace(blind, observe_moments=True)
    config = TrainConfig(env=seeing, actor=actor, warm_start=tmp_path / "narrow", critic=CriticConfig(network=SMALL))
    wide, critic = make_agent(config, ImitationEnv(body, library, seeing))
    seen = env.reset()["observation"]
    joints = len(body.independent_joints)
    more = torch.cat([seen, torch.randn(2, joints)], dim=-1)
    assert wide.observation_width == critic.observation_width == seen.shape[-1] + joints
    torch.testing.assert_close(wide.eval().mean(more), policy.eval().mean(seen), atol=1e-5, rtol=1e-4)
    quiet, _ = make_agent(replace(config, warm_noise=0.5), ImitationEnv(body, library, seeing))
    torch.testing.assert_close(quiet.scale_tril(), 0.5 * wide.scale_tril())
    with pytest.raises(CheckpointError, match="observation width"):  # it misses more than the moments
        other = replace(config, env=replace(seeing, observe_joints=True))
        make_agent(other, ImitationEnv(body, library, other.env))
