"""One policy that does on each expert's motions what the expert does."""

from dataclasses import replace

import pytest
import torch

from kinesis_trl.agents.checkpoint import load_checkpoint, save_policy
from kinesis_trl.agents.config import CriticConfig
from kinesis_trl.agents.fresh import new_actor, new_critic
from kinesis_trl.agents.lattice import LatticeConfig
from kinesis_trl.agents.networks import NetworkConfig
from kinesis_trl.body.residuals import ResidualConfig
from kinesis_trl.envs.control.config import CoordinatedConfig
from kinesis_trl.envs.described import describe
from kinesis_trl.envs.imitation import ImitationConfig, ImitationEnv
from kinesis_trl.motion.library import MotionLibrary
from kinesis_trl.motion.solving import SolveConfig
from kinesis_trl.training.config import DaggerConfig
from kinesis_trl.training.unite_config import UniteConfig
from kinesis_trl.training.uniting import _in_unit_of, unite
from tests.conftest import marching

ENV = ImitationConfig(num_envs=8, control="coordinated")
DAGGER = DaggerConfig(labels=1920, horizon=12, gradient_steps=100, minibatch=128, lr=2e-3)


@pytest.fixture(scope="module")
def motions(body, tmp_path_factory):
    """Two libraries of one clip each, walking ahead and stepping on the spot."""
    folder, once = tmp_path_factory.mktemp("motions"), SolveConfig(residuals=ResidualConfig(rounds=1))
    for name, clip in {"ahead": marching(body, frames=31), "spot": marching(body, frames=31, speed=0.0)}.items():
        MotionLibrary.build([clip], body, inverse=once).save(folder / name)
    return folder


@pytest.fixture
def config(body, motions, tmp_path):
    for seed, name in enumerate(("ahead", "spot")):
        save_expert(tmp_path / name, body, motions / name, ENV, seed)
    experts = tuple(f"{tmp_path / name}={motions / name}" for name in ("ahead", "spot"))
    return UniteConfig(experts=experts, out=tmp_path / "united", dagger=DAGGER, num_envs=8)


def save_expert(folder, body, motions, settings, seed):
    """A policy of random actions."""
    torch.manual_seed(seed)
    env = ImitationEnv(body, MotionLibrary.load(motions, body), settings)
    actor = new_actor(LatticeConfig(network=NetworkConfig(hidden=(32, 16), output_scale=2.0)), env)
    actor.update_norm(env.reset()["observation"])
    critic = new_critic(CriticConfig(network=NetworkConfig(hidden=(16,))), env)
    save_policy(folder, actor, body=body.name, critic=critic, notes=describe(settings))


def apart(one, other, body, library):
    """RMS of what two policies do differently at the starts of a library."""
    observation = ImitationEnv(body, MotionLibrary.load(library, body), ENV).reset()["observation"]
    with torch.no_grad():
        return float((one.mean(observation) - other.mean(observation)).square().mean().sqrt())


def test_each_expert_is_followed_on_its_own_motions(config, body, motions, console, tmp_path):
    learner = unite(config, console)
    loaded = {name: load_checkpoint(tmp_path / name) for name in ("ahead", "spot")}
    experts = {name: expert.policy for name, expert in loaded.items()}
    between = apart(experts["ahead"], experts["spot"], body, motions / "spot")
    assert apart(learner, experts["spot"], body, motions / "spot") < 0.5 * between
    assert apart(learner, experts["ahead"], body, motions / "ahead") < 0.5 * between
    saved = load_checkpoint(config.out)
    assert saved.notes["labels"] == 1920 and saved.notes["experts"] == list(config.experts)
    assert torch.equal(saved.policy.net.head.weight, learner.net.head.weight)
    assert torch.equal(saved.critic.net.head.weight, loaded["ahead"].critic.net.head.weight)
    unite(replace(config, dagger=replace(DAGGER, labels=2112)), console)
    assert load_checkpoint(config.out).notes["labels"] == 2112


def test_an_expert_of_another_unit_does_the_same_in_mine(body, motions, tmp_path):
    """Half the moment for twice the action: the same second of motion, where no action reaches its limit."""
    wide, narrow = (replace(ENV, control=CoordinatedConfig(moment=moment)) for moment in (0.7, 0.35))
    narrow, wide = (replace(task, observation=task.observation.plus("last_action")) for task in (narrow, wide))
    save_expert(tmp_path / "narrow", body, motions / "ahead", narrow, 0)
    policy, library = load_checkpoint(tmp_path / "narrow").policy.eval(), MotionLibrary.load(motions / "ahead", body)
    with torch.no_grad():
        policy.net.head.weight *= 0.2
        before = ImitationEnv(body, library, narrow).rollout(20, policy, auto_reset=True)
        assert _in_unit_of(wide, policy, narrow, body).control == wide.control
        after = ImitationEnv(body, library, wide).rollout(20, policy, auto_reset=True)
    assert 0.05 < float(before["action"].abs().max()) < 1
    assert torch.allclose(after["action"], 0.5 * before["action"], atol=1e-5)


def test_what_cannot_be_united_is_refused(config, body, motions, console, tmp_path):
    with pytest.raises(ValueError, match="at least two"):
        unite(replace(config, experts=config.experts[:1]), console)
    with pytest.raises(ValueError, match="POLICY=MOTIONS"):
        unite(replace(config, experts=(*config.experts, str(tmp_path / "ahead"))), console)
    save_expert(tmp_path / "lengths", body, motions / "spot", replace(ENV, control="feedforward"), 2)
    with pytest.raises(ValueError, match="observes or acts otherwise"):
        unite(replace(config, experts=(config.experts[0], f"{tmp_path / 'lengths'}={motions / 'spot'}")), console)
    with pytest.raises(ValueError, match="not made of the same"):
        unite(replace(config, out=tmp_path / "ahead"), console)
    unite(replace(config, dagger=replace(DAGGER, labels=16, gradient_steps=1)), console)
    with pytest.raises(ValueError, match="not made of the same"):
        unite(replace(config, experts=config.experts[::-1]), console)
