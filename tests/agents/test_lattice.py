"""Lattice policy: covariance, exact density, cache of the factor, hard cases."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable

import pytest
import torch

from kinesis_trl.agents.exceptions import CovarianceError
from kinesis_trl.agents.lattice import LatticeActor, LatticeConfig
from kinesis_trl.agents.networks import NetworkConfig

OBSERVATION, ACTION, LATENT = 5, 7, 4


@pytest.fixture
def actor() -> LatticeActor:
    torch.manual_seed(0)
    network = NetworkConfig(hidden=(16, LATENT), output_scale=2.0)
    actor = LatticeActor(LatticeConfig(network=network), OBSERVATION, ACTION)
    with torch.no_grad():
        actor.log_std.copy_(torch.randn(ACTION + LATENT) * 0.5 - 1.0)
    return actor


def dense_covariance(actor: LatticeActor) -> torch.Tensor:
    """Sum over latent units of σ² w wᵀ, plus the actions' own variances, one entry at a time."""
    weight, std = actor.net.head.weight.detach().double(), actor.log_std.detach().double().exp()
    covariance = torch.zeros(ACTION, ACTION, dtype=torch.float64)
    for i in range(ACTION):
        covariance[i, i] += std[i] ** 2
        for j in range(ACTION):
            covariance[i, j] += sum(weight[i, k] * weight[j, k] * std[ACTION + k] ** 2 for k in range(LATENT))
    return covariance


def test_covariance_and_density_equal_the_definition(actor: LatticeActor) -> None:
    observation, action = torch.randn(3, OBSERVATION), torch.randn(3, ACTION)
    covariance = dense_covariance(actor)
    torch.testing.assert_close(actor.covariance().detach(), covariance)
    dist = actor.distribution(observation)
    error = action.double() - actor.mean(observation).detach().double()
    quadratic = (error @ torch.linalg.inv(covariance) * error).sum(-1)
    expected = -0.5 * (quadratic + torch.logdet(covariance) + ACTION * math.log(2 * math.pi))
    torch.testing.assert_close(dist.log_prob(action).double(), expected, rtol=1e-5, atol=1e-5)
    entropy = 0.5 * (torch.logdet(covariance) + ACTION * math.log(2 * math.pi * math.e))
    torch.testing.assert_close(dist.entropy().double(), entropy.expand(3), rtol=1e-5, atol=1e-5)


def test_samples_have_the_stated_covariance(actor: LatticeActor) -> None:
    with torch.no_grad():
        samples = actor.distribution(torch.zeros(1, OBSERVATION)).sample((100_000,)).squeeze(1).double()
    covariance = dense_covariance(actor)
    assert (samples.T.cov() - covariance).abs().max() < 0.02 * covariance.diagonal().max()


def test_gradient_of_the_log_probability_is_exact(actor: LatticeActor) -> None:
    actor.double()
    observation, action = torch.randn(2, OBSERVATION).double(), torch.randn(2, ACTION).double()

    def log_prob(weight: torch.Tensor, log_std: torch.Tensor) -> torch.Tensor:
        changed = {"net.head.weight": weight, "log_std": log_std}
        with torch.nn.utils.stateless._reparametrize_module(actor, changed):
            return actor.distribution(observation).log_prob(action)

    inputs = (actor.net.head.weight.detach().requires_grad_(), actor.log_std.detach().requires_grad_())
    assert torch.autograd.gradcheck(log_prob, inputs)


def fused_adam(actor: LatticeActor) -> None:
    # Does not touch the version counters of the parameters in torch 2.13.
    actor.log_std.grad = torch.ones_like(actor.log_std)
    torch.optim.Adam([actor.log_std], lr=0.1, fused=True).step()


def write_data(actor: LatticeActor) -> None:
    actor.net.head.weight.data.mul_(2.0)  # as weight synchronisation does, without a version count


def load_weights(actor: LatticeActor) -> None:
    state = {name: weight.clone() for name, weight in actor.state_dict().items()}
    state["log_std"] -= 1.0
    actor.load_state_dict(state)


def replace_parameter(actor: LatticeActor) -> None:
    raised: torch.Tensor = actor.log_std.detach() + 0.3
    actor.log_std = torch.nn.Parameter(raised)


def to_double(actor: LatticeActor) -> None:
    actor.double()


CHANGES = [fused_adam, write_data, load_weights, replace_parameter, to_double]


@pytest.mark.parametrize("change", CHANGES)
def test_cached_factor_follows_every_change(actor: LatticeActor, change: Callable[..., None]) -> None:
    with torch.no_grad():
        first = actor.scale_tril()
        assert actor.scale_tril() is first  # unchanged weights: nothing is factorised again
    change(actor)
    with torch.no_grad():
        factor = actor.scale_tril()
    assert factor.dtype == actor.log_std.dtype
    torch.testing.assert_close((factor @ factor.T).double(), actor.covariance().detach(), rtol=1e-5, atol=1e-6)
    assert change is to_double or not torch.allclose(factor, first)


def test_gradient_flows_after_a_rollout_has_cached_the_factor(actor: LatticeActor) -> None:
    observation = torch.randn(2, OBSERVATION)
    with torch.no_grad():
        actor.distribution(observation)
    actor.distribution(observation).log_prob(torch.randn(2, ACTION)).sum().backward()
    assert actor.log_std.grad is not None and actor.log_std.grad.all()


def test_a_copy_does_not_share_the_cache(actor: LatticeActor) -> None:
    with torch.no_grad():
        before = actor.scale_tril().clone()
        twin = copy.deepcopy(actor)
        twin.log_std.add_(1.0)
        assert not torch.allclose(twin.scale_tril(), before)
        assert torch.equal(actor.scale_tril(), before)


def test_nearly_singular_covariance_is_factorised(actor: LatticeActor) -> None:
    # Four strong directions in seven dimensions over the smallest noise: condition number above 1e10.
    with torch.no_grad():
        actor.log_std[:ACTION] = -9.0  # clamped to −5
        actor.log_std[ACTION:] = 2.0
        actor.net.head.weight.mul_(1e3)
        factor = actor.scale_tril().double()
        covariance = actor.covariance()
    assert torch.linalg.cond(covariance) > 1e10
    torch.testing.assert_close(factor @ factor.T, covariance, rtol=1e-5, atol=1e-5 * float(covariance.max()))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("gradient", [True, False])
def test_hopeless_covariance_is_a_clear_error(actor: LatticeActor, value: float, gradient: bool) -> None:
    with torch.no_grad():
        actor.net.head.weight.fill_(value)
    with torch.set_grad_enabled(gradient), pytest.raises(CovarianceError, match="last checkpoint"):
        actor.distribution(torch.zeros(1, OBSERVATION))


def test_a_symmetric_policy_acts_in_a_mirror_as_its_mirror_image_does() -> None:
    torch.manual_seed(0)
    config = LatticeConfig(network=NetworkConfig(hidden=(16, 8)), symmetric=True)
    actor = LatticeActor(config, 6, 4)
    seen = torch.tensor([1, 0, 3, 2, 4, 5]), torch.tensor([1.0, 1.0, -1.0, -1.0, -1.0, 1.0])
    made = torch.tensor([2, 3, 0, 1]), torch.tensor([1.0, -1.0, 1.0, -1.0])
    actor.net.set_mirror(seen, made)
    actor.update_norm(torch.randn(50, 6) + torch.arange(6.0))
    observation = torch.randn(5, 6)
    reflected = observation[:, seen[0]] * seen[1]
    expected = actor.mean(observation)[:, made[0]] * made[1]
    torch.testing.assert_close(actor.mean(reflected), expected)
    assert not torch.allclose(actor.mean(observation), expected, atol=1e-3)
    again = LatticeActor(config, 6, 4)
    again.load_state_dict(actor.state_dict())
    torch.testing.assert_close(again.mean(observation), actor.mean(observation))
