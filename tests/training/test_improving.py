"""A policy that learns what the planner finds about it."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from kinesis_trl.agents.checkpoint import load_checkpoint, save_policy
from kinesis_trl.agents.config import CriticConfig
from kinesis_trl.agents.exceptions import CheckpointError
from kinesis_trl.agents.fresh import new_actor, new_critic
from kinesis_trl.agents.lattice import LatticeConfig
from kinesis_trl.agents.networks import NetworkConfig
from kinesis_trl.body.residuals import ResidualConfig
from kinesis_trl.envs.described import describe
from kinesis_trl.envs.imitation import ImitationConfig, ImitationEnv
from kinesis_trl.motion.library import MotionLibrary
from kinesis_trl.motion.solving import SolveConfig
from kinesis_trl.planning.config import MppiConfig
from kinesis_trl.planning.mppi import Mppi
from kinesis_trl.training import improving
from kinesis_trl.training.config import DaggerConfig
from kinesis_trl.training.improve_config import ImproveConfig
from kinesis_trl.training.improving import ASTRAY, PUSHES, improve, planned, unchanged
from tests.conftest import marching

ENV = ImitationConfig(num_envs=4, control="coordinated")
PLANNER = MppiConfig(samples=4, steps=3, every=2, noise=0.2)
DAGGER = DaggerConfig(labels=48, horizon=6, gradient_steps=40, minibatch=32, lr=1e-3, handover=1.0, noise=0.0)


@pytest.fixture(scope="module")
def motions(body, tmp_path_factory):
    folder = tmp_path_factory.mktemp("motions") / "ahead"
    MotionLibrary.build(
        [marching(body, frames=31)], body, inverse=SolveConfig(residuals=ResidualConfig(rounds=1))
    ).save(folder)
    return folder


@pytest.fixture
def config(body, motions, tmp_path):
    env = ImitationEnv(body, MotionLibrary.load(motions, body), ENV)
    torch.manual_seed(0)
    actor = new_actor(LatticeConfig(network=NetworkConfig(hidden=(32, 16)), noise_memory=0.5), env)
    actor.update_norm(env.reset()["observation"])
    critic = new_critic(CriticConfig(network=NetworkConfig(hidden=(16,))), env)
    save_policy(tmp_path / "start", actor, body=body.name, critic=critic, notes=describe(ENV))
    return ImproveConfig(
        policy=tmp_path / "start",
        motions=str(motions),
        out=tmp_path / "better",
        keep_beyond=None,
        planner=PLANNER,
        dagger=DAGGER,
        num_envs=4,
    )


def test_labels_are_what_the_planner_would_do_without_noise(config, body, motions):
    policy = load_checkpoint(config.policy).policy
    env = ImitationEnv(body, MotionLibrary.load(motions, body), ENV)
    td = env.reset()
    planner = Mppi(env, policy, None, body, PLANNER)
    action, counts = planned(planner)(td)
    assert counts.all() and "action" not in td
    # what is left of the plan begins a step later; its first correction was made
    again = Mppi(env, policy, None, body, PLANNER)
    with torch.no_grad():
        again._plan_anew(np.ones(len(td), dtype=bool))
        expected = policy.mean(td["observation"]) + torch.from_numpy(again.plan[:, 0]).float()
    torch.testing.assert_close(action, expected.clamp(-1, 1), atol=1e-6, rtol=0)
    assert np.abs(again.plan[:, 0]).max() > 1e-3


def test_an_improved_policy_is_saved_and_goes_on(config, console):
    start = load_checkpoint(config.policy)
    learner = improve(config, console)
    saved = load_checkpoint(config.out)
    assert saved.notes["labels"] == 48 and saved.notes["improved"] == str(config.policy)
    assert torch.equal(saved.policy.net.head.weight, learner.net.head.weight)
    assert not torch.equal(learner.net.head.weight, start.policy.net.head.weight)
    assert torch.equal(saved.critic.net.head.weight, start.critic.net.head.weight)
    improve(replace(config, dagger=replace(DAGGER, labels=72)), console)
    assert load_checkpoint(config.out).notes["labels"] == 72


def test_the_policy_comes_to_do_what_its_planner_does(config, console, body, motions, monkeypatch):
    seen = []

    def planner(env, policy, critic, body, settings):
        seen.append((policy, settings))
        return lambda td: td.set("action", torch.full((len(td), 14), 0.3))

    monkeypatch.setattr(improving, "Mppi", planner)
    learner = improve(replace(config, dagger=replace(DAGGER, labels=480)), console)
    assert seen[0][0] is learner and seen[0][1] == PLANNER  # it is the better policy that is searched about
    env = ImitationEnv(body, MotionLibrary.load(motions, body), replace(ENV, seed=9))
    with torch.no_grad():
        mean = learner.mean(env.reset()["observation"])
    assert float((mean - 0.3).abs().mean()) < 0.1


def test_what_is_kept_counts_only_where_the_body_is_off_its_references(config, body, motions):
    policy = load_checkpoint(config.policy).policy
    settings = replace(ENV, num_envs=32, starts=ASTRAY, disturbance=PUSHES)
    env = ImitationEnv(body, MotionLibrary.load(motions, body), settings)
    td = env.reset()
    for _ in range(4):
        _, td = env.step_and_maybe_reset(td.set("action", torch.zeros(32, 14)))
    off = env.distances.mean(-1)
    action, counts = unchanged(policy, env, beyond=float(off.median()))(td)
    assert counts.sum() == 16 and off[counts].min() > off[~counts].max()
    with torch.no_grad():
        torch.testing.assert_close(action, policy.mean(td["observation"]).clamp(-1, 1))
    assert unchanged(policy, env)(td)[1].all()


@pytest.mark.parametrize(("keep", "beyond"), [(True, None), (False, 0.0)])
def test_the_policy_as_it_was_teaches_too(config, console, body, motions, monkeypatch, keep, beyond):
    monkeypatch.setattr(improving, "Mppi", lambda *_: lambda td: td.set("action", torch.full((len(td), 14), 0.3)))
    kept = replace(config, keep=str(motions) if keep else None, keep_beyond=beyond)
    learner = improve(replace(kept, dagger=replace(DAGGER, labels=960)), console)
    env = ImitationEnv(body, MotionLibrary.load(motions, body), replace(ENV, num_envs=32, seed=9))
    seen = env.reset()["observation"]
    with torch.no_grad():
        before = load_checkpoint(config.policy).policy.mean(seen)
        part = (learner.mean(seen) - before).mean() / (0.3 - before).mean()
    assert 0.25 < float(part) < 0.75  # where two teachers differ, their mean is learnt


def test_what_cannot_be_improved_is_refused(config, console, tmp_path):
    with pytest.raises(ValueError, match="at least 2: the planner"):
        replace(config, planner=MppiConfig(samples=0))
    with pytest.raises(ValueError, match=r"keep_beyond 0.6 must lie in 0…0.5"):
        replace(config, keep_beyond=0.6)
    with pytest.raises(CheckpointError):
        improve(replace(config, policy=tmp_path / "nothing"), console)
    with pytest.raises(ValueError, match="not made of the same"):
        improve(replace(config, out=config.policy), console)
