"""Every kind of policy inside TorchRL's collector, advantage and loss; and that they learn there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from tensordict import TensorDict, TensorDictBase
from torchrl.collectors import Collector
from torchrl.data import Bounded, Categorical, Composite, Unbounded
from torchrl.envs import EnvBase
from torchrl.envs.utils import ExplorationType, check_env_specs, set_exploration_type
from torchrl.objectives import ClipPPOLoss
from torchrl.objectives.value import GAE

from kinesis_trl.agents.critic import Critic, CriticConfig
from kinesis_trl.agents.gaussian import GaussianActor, GaussianConfig
from kinesis_trl.agents.lattice import LatticeActor, LatticeConfig
from kinesis_trl.agents.mixture import MixtureActor, MixtureConfig, make_mixture
from kinesis_trl.agents.networks import NetworkConfig
from kinesis_trl.agents.policy import Policy, make_actor

pytestmark = pytest.mark.slow

NETWORK = NetworkConfig(hidden=(32, 16))
HORIZON, SPEED = 16, 0.2
RATE = 6e-3


class PointMass(EnvBase):
    """Points start uniformly in [-1, 1]^width, move by 0.2 · action, and lose their distance from 0.

    Standing still returns about −12 in two dimensions and −8 in one; going straight home −1.1 and −0.6.
    """

    def __init__(self, points: int, width: int, seed: int) -> None:
        super().__init__(batch_size=torch.Size([points]))
        shape = (points, width)
        self.observation_spec = Composite(observation=Unbounded(shape), shape=(points,))
        self.action_spec = Bounded(-1.0, 1.0, shape)
        self.reward_spec = Unbounded((points, 1))
        flag = Categorical(2, dtype=torch.bool, shape=(points, 1))
        self.full_done_spec = Composite(done=flag, terminated=flag.clone(), truncated=flag.clone(), shape=(points,))
        self._set_seed(seed)
        self.position, self.time = torch.zeros(shape), torch.zeros(points, 1, dtype=torch.int64)

    def _set_seed(self, seed: int | None) -> None:
        self.generator = torch.Generator().manual_seed(seed or 0)

    def _flags(self, done: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"done": done, "terminated": torch.zeros_like(done), "truncated": done.clone()}

    def _reset(self, tensordict: TensorDictBase | None = None, **_: object) -> TensorDict:
        everyone = torch.ones_like(self.time, dtype=torch.bool)
        mask = everyone if tensordict is None else tensordict.get("_reset", everyone)
        start = 2 * torch.rand(self.position.shape, generator=self.generator) - 1
        self.position = torch.where(mask, start, self.position)
        self.time = self.time.masked_fill(mask, 0)
        flags = self._flags(torch.zeros_like(everyone))
        return TensorDict({"observation": self.position.clone(), **flags}, self.batch_size)

    def _step(self, tensordict: TensorDictBase) -> TensorDict:
        self.position = self.position + SPEED * tensordict["action"].clamp(-1, 1)
        self.time = self.time + 1
        content = {
            "observation": self.position.clone(),
            "reward": -self.position.norm(dim=-1, keepdim=True),
            **self._flags(self.time >= HORIZON),
        }
        return TensorDict(content, self.batch_size)


def evaluate(policy: Policy, width: int) -> float:
    """Mean return of the most probable actions over 256 episodes."""
    env = PointMass(256, width, seed=99)
    with torch.no_grad(), set_exploration_type(ExplorationType.DETERMINISTIC):
        return float(env.rollout(HORIZON, policy)["next", "reward"].sum(1).mean())


def learn(
    policy: Policy, width: int, steps: int, *, functional: bool = False, epochs: int = 4, rows: int = 512
) -> Iterator[TensorDictBase]:
    """Plain PPO; yields the losses of every update."""
    critic = Critic(CriticConfig(network=NETWORK), width)
    advantage = GAE(gamma=0.95, lmbda=0.95, value_network=critic, average_gae=True)
    loss = ClipPPOLoss(policy.trained, critic, entropy_bonus=False, loss_critic_type="l2", functional=functional)
    optimizer = torch.optim.Adam([p for p in loss.parameters() if p.requires_grad], lr=RATE)
    collector = Collector(
        PointMass(64, width, seed=1),
        policy,
        frames_per_batch=64 * HORIZON,
        total_frames=steps,
        auto_register_policy_transforms=False,
    )
    for batch in collector:
        with torch.no_grad():
            advantage(batch)
        data = batch.reshape(-1)
        for _ in range(epochs):
            for chosen in torch.randperm(len(data)).split(rows):
                losses = loss(data[chosen])
                optimizer.zero_grad()
                (losses["loss_objective"] + losses["loss_critic"]).backward()
                optimizer.step()
                yield losses.detach()
        policy.update_norm(data["observation"])
        critic.update_norm(data["observation"])
    collector.shutdown()


def constant_expert(action: float) -> GaussianActor:
    expert = GaussianActor(GaussianConfig(network=NETWORK), 1, 1)
    with torch.no_grad():
        expert.net.head.weight.zero_()
        expert.net.head.bias.fill_(action)
    return expert


def all_kinds() -> dict[str, Policy]:
    lattice = LatticeConfig(network=NETWORK)
    mixture = MixtureConfig(gate=NETWORK)
    experts = [make_actor(lattice, 2, 2), make_actor(GaussianConfig(network=NETWORK), 2, 2)]
    return {
        "lattice": make_actor(lattice, 2, 2),
        "gaussian": make_actor(GaussianConfig(network=NETWORK), 2, 2),
        "mixture": make_mixture(mixture, experts),
        "finetuned": make_mixture(MixtureConfig(gate=NETWORK, finetune=True), experts),
    }


def test_configs_choose_their_actor() -> None:
    kinds = all_kinds()
    assert isinstance(kinds["lattice"], LatticeActor) and isinstance(kinds["gaussian"], GaussianActor)


def test_the_toy_problem_is_a_sound_environment() -> None:
    check_env_specs(PointMass(3, 2, seed=0), seed=3)


@pytest.mark.parametrize("functional", [True, False])
@pytest.mark.parametrize("kind", ["lattice", "gaussian", "mixture", "finetuned"])
def test_collector_advantage_and_loss_take_the_policy_as_it_is(kind: str, functional: bool) -> None:
    torch.manual_seed(0)
    policy = all_kinds()[kind]
    start = {name: p.detach().clone() for name, p in policy.named_parameters()}
    losses = list(learn(policy, 2, steps=2 * 64 * HORIZON, functional=functional, epochs=1))
    # Nothing has changed since the batch was collected, so that both log-probabilities agree.
    assert abs(float(losses[0]["kl_approx"])) < 1e-5
    assert float(losses[-1]["kl_approx"].abs()) > 0
    changed = {name for name, p in policy.named_parameters() if not torch.equal(p, start[name])}
    assert changed == {name for name, p in policy.named_parameters() if p.requires_grad}
    assert changed and (kind == "mixture") == all(name.startswith("gate.") for name in changed)


@pytest.mark.parametrize("kind", ["lattice", "gaussian", "mixture", "finetuned"])
def test_entropy_bonus_reaches_the_noise_or_the_gate(kind: str) -> None:
    torch.manual_seed(0)
    policy = all_kinds()[kind]
    loss = ClipPPOLoss(policy.trained, Critic(CriticConfig(network=NETWORK), 2), entropy_bonus=True)
    with torch.no_grad(), set_exploration_type(ExplorationType.RANDOM):
        batch = policy(TensorDict({"observation": torch.randn(32, 2)}, [32]))
    batch["advantage"] = batch["value_target"] = torch.randn(32, 1)
    loss(batch)["loss_entropy"].backward()
    name = "gate.net.head.weight" if kind in ("mixture", "finetuned") else "log_std"
    assert policy.get_parameter(name).grad.any()


def test_lattice_policy_learns_to_go_home() -> None:
    torch.manual_seed(0)
    policy = make_actor(LatticeConfig(network=NETWORK, action_log_std=-1.0, latent_log_std=-1.0), 2, 2)
    assert evaluate(policy, 2) < -9.0
    for _ in learn(policy, 2, steps=20 * 64 * HORIZON):
        pass
    assert evaluate(policy, 2) > -1.6


def test_gate_learns_which_of_two_experts_is_right() -> None:
    torch.manual_seed(0)
    policy = make_mixture(MixtureConfig(gate=NETWORK), [constant_expert(-1.0), constant_expert(1.0)])
    assert isinstance(policy, MixtureActor)
    assert evaluate(policy, 1) < -5.0
    for _ in learn(policy, 1, steps=16 * 64 * HORIZON):
        pass
    # Always at full speed, the points hover within one step of home: −0.6 and 16 times −0.1.
    assert evaluate(policy, 1) > -2.5
    position = torch.linspace(-1, 1, 200)[:, None]
    with torch.no_grad():
        chosen = policy.gate.distribution(position).mode
    far = position.squeeze(-1).abs() > 0.2
    assert torch.equal(chosen[far], (position.squeeze(-1) < 0).long()[far])
