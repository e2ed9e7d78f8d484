"""The learning rule: advantages by hand, adaptation, divergence."""

import math

import numpy as np
import pytest
import torch
from tensordict import TensorDict
from torchrl.envs.utils import ExplorationType, set_exploration_type

from kinesis_trl.agents.critic import Critic, CriticConfig
from kinesis_trl.agents.lattice import LatticeConfig
from kinesis_trl.agents.networks import NetworkConfig
from kinesis_trl.agents.policy import make_actor
from kinesis_trl.training.config import PPOConfig
from kinesis_trl.training.ppo import DivergedError, Learner

NETWORK = NetworkConfig(hidden=(8, 8))


def learner(*, trained=False, log_std=-2.0, **changes):
    torch.manual_seed(0)
    policy = make_actor(LatticeConfig(network=NETWORK, action_log_std=log_std, latent_log_std=log_std), 3, 2)
    return Learner(policy, Critic(CriticConfig(network=NETWORK), 3), PPOConfig(minibatch=8, **changes), trained)


def batch(learn, n=4, t=8, seed=0, noise=0.1):
    generator = torch.Generator().manual_seed(seed)
    observation = torch.randn(n, t + 1, 3, generator=generator)
    td = TensorDict({"observation": observation[:, :-1]}, [n, t], names=[None, "time"])
    with torch.no_grad():
        td = learn.policy(td)
        td["action"] = td["action"] + noise * torch.randn(n, t, 2, generator=generator)
        td["action_log_prob"] = learn.policy.get_dist(td).log_prob(td["action"])
    flags = {k: torch.zeros(n, t, 1, dtype=torch.bool) for k in ("done", "terminated", "truncated")}
    td["next"] = TensorDict(
        {"observation": observation[:, 1:], "reward": torch.rand(n, t, 1, generator=generator), **flags}, [n, t]
    )
    return td


@pytest.mark.parametrize("bootstrap", [True, False])
def test_advantage_at_a_truncated_end_by_hand(bootstrap):
    """r = 1, V = 2 everywhere: with bootstrap δ = 1 + 0.97·2 − 2, without 1 − 2 at the end."""
    learn = learner(bootstrap=bootstrap, epochs=1)
    with torch.no_grad():
        for p in learn.critic.parameters():
            p.zero_()
        learn.critic.net.head.bias.fill_(2.0)
    td = batch(learn, n=1, t=2)
    td["next", "reward"].fill_(1.0)
    td["next", "truncated"][0, 1] = td["next", "done"][0, 1] = True
    learn.learn(td)
    inner = 1 + 0.97 * 2 - 2
    last = inner if bootstrap else -1.0
    expected = np.array([inner + 0.97 * 0.95 * last + 2, last + 2])
    np.testing.assert_allclose(td["value_target"].squeeze().numpy(), expected, rtol=1e-5)


def test_scaled_rewards_are_what_the_value_function_learns():
    """One-step episodes: the return is the reward, times the scale; what is logged stays as it was."""
    learn = learner(reward_scale=0.01)
    td = batch(learn)
    td["next", "terminated"].fill_(True)
    td["next", "done"].fill_(True)
    reward = td["next", "reward"].fill_(50.0).clone()
    learn.learn(td)
    assert torch.allclose(td["value_target"], 0.01 * reward)
    assert torch.equal(td["next", "reward"], reward)


def test_the_value_function_can_learn_before_the_policy():
    learn = learner(value_first=2)
    seen = []
    for seed in range(3):
        rate = learn.policy_lr
        before = [p.clone() for p in learn.actor_parameters], [p.clone() for p in learn.critic_parameters]
        learn.learn(batch(learn, seed=seed))
        seen.append(
            [
                all(map(torch.equal, *pair))
                for pair in zip(before, (learn.actor_parameters, learn.critic_parameters), strict=True)
            ]
        )
        assert seed == 2 or learn.policy_lr == rate
    assert seen == [[True, False], [True, False], [False, False]]
    again = learner(value_first=2)
    again.load_state_dict(learn.state_dict())
    assert again.iterations == 3


def test_rewarded_actions_become_likelier():
    learn = learner(epochs=8, target_kl=None, stop_kl=None, policy_lr=1e-3)
    td = batch(learn, n=16, t=8)
    td["next", "terminated"].fill_(True)
    td["next", "done"].fill_(True)  # one-step episodes: the reward is the whole return
    td["next", "reward"] = (td["action"][..., :1] > 0).float()
    before = learn.policy.mean(td["observation"])[..., 0].mean().item()
    for _ in range(4):
        learn.learn(td.clone())
    assert learn.policy.mean(td["observation"])[..., 0].mean().item() > before + 0.05


def test_a_trained_policy_with_little_noise_is_not_thrown_over():
    """Of the same first iteration, with the rate of a new policy and with a trained one's."""
    kl = {}
    for trained in (False, True):
        learn = learner(trained=trained, log_std=-5.0, stop_kl=None, max_grad_norm=10.0)
        kl[trained] = learn.learn(batch(learn, n=16, t=16, noise=0.0))["kl_last_epoch"]
    assert kl[False] > 0.1  # what an iteration is to do
    assert 0 < kl[True] < 0.02
    assert learner(trained=True, target_kl=None, policy_lr=3e-4).policy_lr == 3e-4  # nothing would raise it


def test_a_pass_that_diverges_ends_at_once():
    learn = learner(log_std=-5.0, epochs=4, stop_kl=0.01, target_kl=0.01)
    steps = 0
    step = learn._step

    def counted(samples):
        nonlocal steps
        steps += 1
        return step(samples)

    learn._step = counted
    figures = learn.learn(batch(learn, n=16, t=8, noise=0.0))
    assert figures["kl_last_epoch"] > 0.02 and figures["epochs"] == 1.0
    assert steps < 16  # minibatches of 8 from 128 samples
    assert learn.policy_lr < 1e-3


def test_learning_rate_follows_the_divergence():
    learn = learner()
    for kl, factor in ((0.5, 1 / 1.5), (0.1, 1.0), (0.01, 1.2)):
        rate = learn.policy_lr
        learn._adapt(kl)
        assert learn.policy_lr == pytest.approx(min(1e-3, rate * factor))
        assert learn.optimizer.param_groups[0]["lr"] == learn.policy_lr
        assert learn.optimizer.param_groups[1]["lr"] == 1e-3
    for _ in range(100):
        learn._adapt(9.0)
    assert learn.policy_lr == 1e-5


def test_large_divergence_ends_the_passes():
    figures = learner(epochs=10, stop_kl=1e-6).learn(batch(learner()))
    assert figures["epochs"] < 10


def test_figures_are_finite_and_the_norm_moves_after_learning():
    learn = learner()
    td = batch(learn)
    figures = learn.learn(td)
    assert all(math.isfinite(v) for v in figures.values())
    assert learn.policy.net.norm.count == 32 and learn.critic.net.norm.count == 32


def test_divergence_is_an_error_and_leaves_the_weights():
    learn = learner()
    td = batch(learn)
    td["next", "reward"][0, 0] = torch.nan
    before = [p.clone() for p in learn.policy.parameters()]
    with pytest.raises(DivergedError, match="last checkpoint"):
        learn.learn(td)
    assert all(torch.equal(a, b) for a, b in zip(before, learn.policy.parameters(), strict=True))


@pytest.mark.parametrize(
    "field, value",
    [
        ("gamma", 1.5),
        ("clip", 0.0),
        ("epochs", 0),
        ("policy_lr", 1.0),
        ("critic_lr", 0.0),
        ("reward_scale", 0.0),
        ("value_first", -1),
    ],
)
def test_config_is_checked(field, value):
    with pytest.raises(ValueError):
        PPOConfig(**{field: value})


def test_averaged_policy_by_hand():
    """The first iteration is copied, of which the second keeps 2/11 and the third `average` at most (3/12 otherwise);
    running norms are the newest ones."""
    learn = learner(average=0.2)
    seen = []
    for seed in range(3):
        learn.learn(batch(learn, seed=seed))
        seen.append(learn.policy.net.head.weight.detach().clone())
    expected = 0.2 * (2 / 11 * seen[0] + 9 / 11 * seen[1]) + 0.8 * seen[2]
    assert torch.allclose(learn.averaged.net.head.weight, expected, atol=1e-7)
    assert torch.equal(learn.averaged.net.norm.mean, learn.policy.net.norm.mean)
    assert not torch.equal(learn.averaged.net.head.weight, seen[2])


def test_the_divergence_allowed_falls_geometrically_over_the_run():
    learn = learner(target_kl=0.16, final_kl=0.01, stop_kl=0.4)
    assert [learn._share(progress) for progress in (0.0, 0.5, 1.0, 1.2)] == pytest.approx([1, 0.25, 1 / 16, 1 / 16])
    learn.policy_lr = rate = 1e-4
    learn._adapt(0.03, learn._share(0.0))
    assert learn.policy_lr > rate
    rate = learn.policy_lr
    learn._adapt(0.03, learn._share(1.0))
    assert learn.policy_lr < rate
    assert learner(target_kl=0.1)._share(0.7) == 1.0


def test_refuses_a_divergence_that_grows():
    with pytest.raises(ValueError, match="final_kl"):
        PPOConfig(target_kl=0.05, final_kl=0.1)


def test_large_and_changing_actions_cost_what_the_config_says_and_learning_calms_them():
    torch.manual_seed(0)
    learn = learner(smooth=3000.0, small=500.0, policy_lr=1e-3, target_kl=None, stop_kl=None)
    td = batch(learn)
    samples = td.reshape(-1)
    with torch.no_grad():
        mean, after = (learn.policy.mean(samples[::4][key]) for key in ("observation", ("next", "observation")))
        expected = 500.0 * mean.square().mean() + 3000.0 * (after - mean).square().mean()
        assert float(learn._calm(samples)) == pytest.approx(float(expected))
    td["next", "reward"] = torch.zeros_like(td["next", "reward"])
    for _ in range(10):
        figures = learn.learn(td.clone())
    assert figures["loss_calm"] < 0.7 * float(expected)
    assert float(learner()._calm(samples)) == 0.0
    with pytest.raises(ValueError, match="must not be negative"):
        PPOConfig(small=-1.0)


def test_noise_with_a_memory_is_learnt_with_its_own_probabilities():
    torch.manual_seed(0)
    policy = make_actor(LatticeConfig(network=NETWORK, noise_memory=0.7), 3, 2)
    learn = Learner(
        policy, Critic(CriticConfig(network=NETWORK), 3), PPOConfig(minibatch=8, epochs=1, policy_lr=1e-9, min_lr=1e-9)
    )
    observation = torch.randn(4, 9, 3)
    steps = []
    with torch.no_grad(), set_exploration_type(ExplorationType.RANDOM):
        for t in range(8):
            steps.append(policy(TensorDict({"observation": observation[:, t]}, [4])))
    td = torch.stack(steps, dim=1)
    assert td["noise"][:, 1:].abs().min() > 0
    flags = {k: torch.zeros(4, 8, 1, dtype=torch.bool) for k in ("done", "terminated", "truncated")}
    td["next"] = TensorDict({"observation": observation[:, 1:], "reward": torch.rand(4, 8, 1), **flags}, [4, 8])
    td.names = [None, "time"]
    assert learn.learn(td)["kl"] == pytest.approx(0.0, abs=1e-5)  # the same policy, so the same probabilities
    kept = learn.state_dict()
    assert torch.equal(kept["noise"], policy.carried)
