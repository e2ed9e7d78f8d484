"""DAgger: a learner recovers a linear teacher on the states it comes to, whoever acts."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from tensordict import TensorDict

from kinesis_trl.agents.gaussian import GaussianActor, GaussianConfig
from kinesis_trl.agents.networks import NetworkConfig
from kinesis_trl.training.config import GOAL_DAGGER
from kinesis_trl.training.dagger import Dagger, DaggerConfig

SEEN, DONE = 4, 2


class Toy:
    """16 points that drift by what is done; only the keys and calls that DAgger needs."""

    settings = SimpleNamespace(num_envs=16)

    def __init__(self):
        self.actions = []
        self.state = torch.zeros(16, SEEN)
        self.generator = torch.Generator().manual_seed(0)

    def sample_mirror(self):
        return lambda seen, done: (-seen, -done)  # odd, as the teacher below is

    def reset(self):
        self.state = torch.randn(16, SEEN, generator=self.generator)
        return TensorDict({"observation": self.state}, batch_size=[16])

    def step_and_maybe_reset(self, td):
        self.actions.append(td["action"].clone())
        self.state = 0.9 * self.state + 0.3 * torch.randn(16, SEEN, generator=self.generator)
        return td, TensorDict({"observation": self.state}, batch_size=[16])


RULE = torch.tensor([[0.2, -0.1, 0.0, 0.3], [0.0, 0.15, -0.2, 0.1]])


def teacher(td):
    return td["observation"] @ RULE.T, torch.ones(16, dtype=torch.bool)


def make_learner():
    torch.manual_seed(0)
    return GaussianActor(GaussianConfig(network=NetworkConfig(hidden=(32,))), SEEN, DONE)


def test_a_linear_rule_is_recovered():
    learner = make_learner()
    config = DaggerConfig(labels=3_000, horizon=8, gradient_steps=20, minibatch=128, lr=5e-3)
    Dagger(Toy(), teacher, learner, config).learn()
    seen = torch.randn(500, SEEN)
    error = (learner.mean(seen) - seen @ RULE.T).square().mean() / (seen @ RULE.T).square().mean()
    assert error < 0.01


@pytest.mark.parametrize("settings", [GOAL_DAGGER, DaggerConfig()])
def test_who_begins_on_one_side_of_its_own_is_followed_only_without_a_mirror(settings):
    """As a planner that steps off with the right foot, whose learner would lift neither."""
    learner = make_learner()
    label = torch.tensor([0.3, -0.2])
    config = replace(settings, labels=1_500, horizon=8, gradient_steps=20, minibatch=128, lr=5e-3)
    Dagger(Toy(), lambda td: (label.expand(16, 2), torch.ones(16, dtype=torch.bool)), learner, config).learn()
    done = learner.mean(torch.zeros(1, SEEN))[0]
    torch.testing.assert_close(done, torch.zeros(2) if config.mirror else label, atol=0.02, rtol=0)
    assert config.mirror is (settings is not GOAL_DAGGER)


def test_labels_that_do_not_count_are_never_fitted():
    learner = make_learner()

    def partly(td):
        label, _ = teacher(td)
        counts = td["observation"][:, 0] > 0
        return torch.where(counts[:, None], label, torch.full_like(label, 1e6)), counts

    dagger = Dagger(Toy(), partly, learner, DaggerConfig(labels=640, horizon=8, gradient_steps=3))
    dagger.learn()
    assert dagger.loss < 1.0
    assert dagger._labels[: dagger._stored].abs().max() < 10


def test_the_teacher_acts_first_and_the_learner_later():
    toy, learner = Toy(), make_learner()
    with torch.no_grad():
        learner.net.head.bias.fill_(0.5)  # far from anything the teacher does
    config = DaggerConfig(labels=1600, horizon=10, gradient_steps=1, lr=1e-9, handover=0.5, noise=0.0)

    def still(td):
        return torch.zeros(16, DONE), torch.ones(16, dtype=torch.bool)

    Dagger(toy, still, learner, config).learn()
    own = torch.stack([(action != 0).any(-1).float().mean() for action in toy.actions])
    assert own[0] == 0 and (own[60:] == 1).all() and 0.2 < own[20:40].mean() < 0.8


def test_saving_and_counting():
    toy, learner, saved, new = Toy(), make_learner(), [], []
    config = DaggerConfig(labels=960, horizon=4, gradient_steps=1, save_seconds=0.0)
    dagger = Dagger(toy, teacher, learner, config, labelled=640)
    dagger.learn(on_labels=new.append, save=lambda: saved.append(dagger.labelled))
    assert sum(new) == 320 and dagger.labelled == 960
    assert saved == [*range(704, 961, 64), 960]  # after every round, and at the end


@pytest.mark.parametrize("wrong", [{"labels": 0}, {"lr": 0.0}, {"handover": 1.5}, {"noise": -1.0}])
def test_settings_are_checked(wrong):
    with pytest.raises(ValueError, match="must"):
        DaggerConfig(**wrong)


def test_a_learner_may_see_something_else_than_its_teacher():
    learner = make_learner()
    config = DaggerConfig(labels=3_000, horizon=8, gradient_steps=20, minibatch=128, lr=5e-3)
    Dagger(Toy(), teacher, learner, config, view=lambda td: td["observation"].flip(-1)).learn()
    seen = torch.randn(500, SEEN)
    error = (learner.mean(seen.flip(-1)) - seen @ RULE.T).square().mean() / (seen @ RULE.T).square().mean()
    assert error < 0.01
