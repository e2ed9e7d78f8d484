"""Mixture: choice, freezing, fine-tuning, experts of different sizes."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from tensordict import TensorDict
from torchrl.envs.utils import ExplorationType, set_exploration_type

from kinesis_trl.agents.gaussian import GaussianActor, GaussianConfig
from kinesis_trl.agents.lattice import LatticeActor, LatticeConfig
from kinesis_trl.agents.mixture import MixtureConfig, make_mixture
from kinesis_trl.agents.networks import NetworkConfig

OBSERVATION, ACTION = 5, 3
SMALL = NetworkConfig(hidden=(8,), output_scale=1.0)


def experts() -> list[LatticeActor | GaussianActor]:
    large = NetworkConfig(hidden=(16, 12), activation="tanh", output_scale=1.0)
    return [
        LatticeActor(LatticeConfig(network=large), OBSERVATION, ACTION),
        LatticeActor(LatticeConfig(network=SMALL, normalise=False), OBSERVATION, ACTION),
        GaussianActor(GaussianConfig(network=SMALL), OBSERVATION, ACTION),
    ]


def make(**fields: bool) -> Any:
    torch.manual_seed(1)
    return make_mixture(MixtureConfig(gate=SMALL, **fields), experts())


def batch(rows: int = 400) -> TensorDict:
    return TensorDict({"observation": 3 * torch.randn(rows, OBSERVATION)}, [rows])


def test_evaluation_takes_the_mean_of_the_most_probable_expert() -> None:
    mixture, data = make(), batch()
    with torch.no_grad(), set_exploration_type(ExplorationType.DETERMINISTIC):
        out = mixture(data.clone())
        probs = mixture.gate.distribution(data["observation"]).probs
        actions = torch.stack([expert.mean(data["observation"]) for expert in mixture.experts], 1)
    best = probs.argmax(-1)
    assert best.unique().numel() == 3  # every expert acts somewhere
    assert torch.equal(out["expert"], best)
    torch.testing.assert_close(out["action"], actions[torch.arange(400), best])
    torch.testing.assert_close(out["expert_log_prob"], probs.amax(-1).log())
    torch.testing.assert_close(mixture.expert_actions(data["observation"]), actions)


def test_exploration_draws_experts_by_their_probability() -> None:
    mixture, data = make(), batch(1).expand(20_000)
    with torch.no_grad(), set_exploration_type(ExplorationType.RANDOM):
        chosen = mixture(data.clone())["expert"]
        probs = mixture.gate.distribution(data["observation"][0]).probs
    torch.testing.assert_close(chosen.bincount(minlength=3) / 20_000, probs, atol=0.02, rtol=0)


def test_sampling_in_evaluation_is_an_option() -> None:
    data = batch(1).expand(1000)
    with torch.no_grad(), set_exploration_type(ExplorationType.DETERMINISTIC):
        assert make()(data.clone())["expert"].unique().numel() == 1
        assert make(always_sample=True)(data.clone())["expert"].unique().numel() > 1


def test_experts_are_frozen_copies_even_in_training() -> None:
    originals = experts()
    mixture: Any = make_mixture(MixtureConfig(gate=SMALL), originals).train()
    before = {name: value.clone() for name, value in mixture.experts.state_dict().items()}
    optimizer = torch.optim.AdamW(mixture.parameters(), lr=0.1, weight_decay=0.1)
    with set_exploration_type(ExplorationType.RANDOM):
        mixture(batch())["expert_log_prob"].mean().backward()
    optimizer.step()
    mixture.update_norm(batch()["observation"])
    assert all(torch.equal(value, before[name]) for name, value in mixture.experts.state_dict().items())
    assert not any(module.training for module in mixture.experts.modules())
    assert int(mixture.gate.net.norm.count) == 400
    with pytest.raises(RuntimeError, match="frozen"):
        mixture.experts[0].update_norm(batch()["observation"])
    originals[0].update_norm(batch()["observation"])  # the caller's own expert may go on training
    assert all(p.requires_grad for expert in originals for p in expert.parameters())


def test_finetuned_density_is_the_weighted_sum_of_the_experts() -> None:
    mixture, data = make(finetune=True).double(), batch(6).double()
    observation, action = data["observation"], torch.randn(6, ACTION).double()
    with torch.no_grad():
        probs = mixture.gate.distribution(observation).probs
        parts = [expert.distribution(observation).log_prob(action) for expert in mixture.experts]
        expected = sum(p * lp.exp() for p, lp in zip(probs.unbind(-1), parts, strict=True)).log()
        torch.testing.assert_close(mixture.get_dist(data).log_prob(action), expected)


def test_finetuning_trains_gate_experts_and_norms_and_starts_from_the_frozen_mixture() -> None:
    frozen, tuned = make(), make(finetune=True)
    tuned.load_state_dict(frozen.state_dict())
    data = batch()
    with torch.no_grad(), set_exploration_type(ExplorationType.DETERMINISTIC):
        torch.testing.assert_close(tuned(data.clone())["action"], frozen(data.clone())["action"])
    tuned.get_dist(data).log_prob(torch.zeros(400, ACTION)).mean().backward()
    assert all(p.grad is not None and p.grad.any() for p in tuned.parameters())
    again: Any = make_mixture(MixtureConfig(gate=SMALL, finetune=True), list(frozen.experts))
    again.update_norm(data["observation"])  # experts that were frozen learn again
    assert int(again.experts[0].net.norm.count) == 400
    assert all(p.requires_grad for p in again.parameters())


def test_gate_starts_nearly_undecided_with_the_default_scale() -> None:
    mixture = make_mixture(MixtureConfig(), experts())
    with torch.no_grad():
        entropy = mixture.gate.distribution(batch()["observation"]).entropy()
    assert entropy.min() > 0.95 * math.log(3)


def test_experts_must_be_several_and_agree() -> None:
    narrow = GaussianActor(GaussianConfig(network=SMALL), OBSERVATION, ACTION - 1)
    for bad in ([experts()[0]], [], [*experts(), narrow]):
        with pytest.raises(ValueError, match="expected two or more of the same widths"):
            make_mixture(MixtureConfig(gate=SMALL), bad)
