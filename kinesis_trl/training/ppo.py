"""PPO on batches of experience: TorchRL's advantages and clipped loss, with the learning rate adapted to the KL."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from tensordict import TensorDictBase
from torch import Tensor, nn
from torch.distributions import MixtureSameFamily
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torchrl.objectives import ClipPPOLoss
from torchrl.objectives.value import GAE

from kinesis_trl.agents.actor import GaussianPolicy
from kinesis_trl.agents.critic import Critic
from kinesis_trl.agents.policy import Policy
from kinesis_trl.training.config import PPOConfig

Tensors = tuple[Tensor, ...] | list[Tensor]

_SCALED = "scaled_reward"
_ENTROPY_SAMPLES = 256
_CALM_EVERY = 4
"""Of so many samples one shows how calm the policy is: that has no noise, and costs two more passes."""
_TOO_FAR = 2.0
"""Times the limit on the divergence at which a pass ends at once; single minibatches are uncertain."""


class DivergedError(RuntimeError):
    """The networks are no longer finite; the run must go back to its last checkpoint."""


@dataclass
class Learner:
    """Policy, value function and their optimisers, improved batch by batch.

    Attributes:
        policy_lr: present learning rate of the policy.
        iterations: batches learnt from.
    """

    policy: Policy
    critic: Critic
    config: PPOConfig
    trained: bool = False
    """Whether the policy has learnt already. Its learning rate then rises from the least: Adam's first steps are as
    large as the rate whatever the gradient, and have thrown trained policies with little noise over."""

    def __post_init__(self) -> None:
        config = self.config
        if (config.smooth or config.small) and not isinstance(self.policy, GaussianPolicy):
            raise ValueError("--ppo.smooth and --ppo.small are for single policies, not for a gate over several.")
        self.advantage = GAE(
            gamma=config.gamma, lmbda=config.lmbda, value_network=None, average_gae=True, deactivate_vmap=True
        )
        self.advantage.set_keys(reward=_SCALED)
        self.loss = ClipPPOLoss(
            self.policy.trained,
            self.critic,
            clip_epsilon=config.clip,
            entropy_bonus=config.entropy > 0,
            entropy_coeff=config.entropy if config.entropy > 0 else None,
            critic_coeff=1.0,
            loss_critic_type="l2",
            functional=False,
        )
        self.actor_parameters = [p for p in self.policy.trained.parameters() if p.requires_grad]
        self.critic_parameters = list(self.critic.parameters())
        adapted = config.target_kl is not None  # a rate that never rises must not start low
        self.policy_lr = config.min_lr if self.trained and adapted else config.policy_lr
        self.iterations = 0
        self._averaged = AveragedModel(self.policy, multi_avg_fn=_average(config.average))
        self.optimizer = torch.optim.Adam(
            [
                {"params": self.actor_parameters, "lr": self.policy_lr},
                {"params": self.critic_parameters, "lr": config.critic_lr},
            ],
            fused=True,
        )
        for parameter in (*self.actor_parameters, *self.critic_parameters):
            # What Adam would make at its first step: a run's state then has the same tensors from the start.
            moments = {name: torch.zeros_like(parameter) for name in ("exp_avg", "exp_avg_sq")}
            step = torch.zeros((), dtype=torch.float32, device=parameter.device)
            self.optimizer.state[parameter] = {"step": step, **moments}

    def learn(self, batch: TensorDictBase, progress: float = 0.0) -> dict[str, float]:
        """One iteration on a batch (N, T); returns means of what happened, for the log.

        Args:
            batch: experience; advantages are added to it.
            progress: share of the run that is done, 0 to 1.

        Raises:
            DivergedError: a loss or gradient is not finite.
        """
        config, share = self.config, self._share(progress)
        if not config.bootstrap:
            batch["next", "terminated"] = batch["next", "done"]
        batch["next", _SCALED] = config.reward_scale * batch["next", "reward"]
        with torch.no_grad():
            batch["state_value"], batch["next", "state_value"] = self._values(batch)
            self.advantage(batch)
        explained = _explained_variance(batch["state_value"], batch["value_target"])
        following = [("next", "observation")] if config.smooth else []
        keys = [*following, "observation", *self.policy.trained.out_keys, "advantage", "value_target", "state_value"]
        samples = batch.select(*keys).reshape(-1)
        size = min(config.minibatch, len(samples))
        seen: dict[str, list[float]] = {}
        limit = math.inf if config.stop_kl is None else share * config.stop_kl
        kl = 0.0
        epochs = 0
        while epochs < config.epochs and kl <= limit:
            epochs += 1
            order = torch.randperm(len(samples), device=samples.device)
            kls = []
            for part in order.split(size):
                if len(part) < size // 2:
                    continue  # a remainder too small to be worth a step
                terms = self._step(samples[part])
                kls.append(terms["kl"])
                for name, value in terms.items():
                    seen.setdefault(name, []).append(value)
                if terms["kl"] > _TOO_FAR * limit:
                    break
            kl = kls[-1] if kls[-1] > _TOO_FAR * limit else sum(kls) / len(kls)
        if self._policy_learns:
            self._adapt(kl, share)
        self.iterations += 1
        self.policy.update_norm(samples["observation"])
        self.critic.update_norm(samples["observation"])
        self._averaged.update_parameters(self.policy)
        return {
            **{name: sum(values) / len(values) for name, values in seen.items()},
            "kl_last_epoch": kl,
            "epochs": float(epochs),
            "explained_variance": explained,
            "policy_lr": self.policy_lr,
            **self._exploration(samples["observation"]),
        }

    def _values(self, batch: TensorDictBase) -> tuple[Tensor, Tensor]:
        """Values (N, T, 1) of observations and of the next ones, most of which the step after begins with."""
        seen, after = batch["observation"], batch["next", "observation"]
        value = self.critic.net(seen)
        other = torch.ones(seen.shape[:-1], dtype=torch.bool, device=seen.device)
        other[:, :-1] = (after[:, :-1] != seen[:, 1:]).any(-1)
        following = value.roll(-1, 1)
        following[other] = self.critic.net(after[other])
        return value, following

    @property
    def _policy_learns(self) -> bool:
        return self.iterations >= self.config.value_first

    @property
    def averaged(self) -> Policy:
        """The policy averaged over the last iterations: steadier than the newest one, for evaluation and use."""
        return self._averaged.module  # type: ignore[return-value]

    @torch.no_grad()
    def _exploration(self, observation: Tensor) -> dict[str, float]:
        """How much the policy tries out, over observations (N, width); nothing of what has no closed form.

        `noise`: mean standard deviation of the actions. `entropy`: of the distribution drawn from, in nats: that of
        the action, or of the expert that a gate chooses.
        """
        found = {}
        factor = getattr(self.policy, "scale_tril", None)
        if factor is not None:
            found["noise"] = float(factor().square().sum(-1).sqrt().mean())
        some = observation[:: max(1, len(observation) // _ENTROPY_SAMPLES)]
        distribution = self.policy.trained.distribution(some)
        if not isinstance(distribution, MixtureSameFamily):
            found["entropy"] = float(distribution.entropy().mean())
        return found

    def state_dict(self) -> dict[str, Any]:
        """Everything that learning goes on from."""
        return {
            "policy": self.policy.state_dict(),
            "critic": self.critic.state_dict(),
            "optimizer": {str(index): moments for index, moments in self.optimizer.state_dict()["state"].items()},
            "policy_lr": self.policy_lr,
            "iterations": self.iterations,
            "averaged": self._averaged.state_dict(),
            "noise": getattr(self.policy, "carried", None),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        self.policy.load_state_dict(state["policy"])
        self.critic.load_state_dict(state["critic"])
        moments = {int(index): moments for index, moments in state["optimizer"].items()}
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": moments, "param_groups": groups})
        self.policy_lr = self.optimizer.param_groups[0]["lr"] = state["policy_lr"]
        self.iterations = state["iterations"]
        self._averaged.load_state_dict(state["averaged"])
        if state.get("noise") is not None:
            self.policy.carried = state["noise"]  # type: ignore[union-attr]

    def _step(self, samples: TensorDictBase) -> dict[str, float]:
        with torch.autocast(samples.device.type if samples.device else "cpu", torch.bfloat16, _autocasts(self.config)):
            losses = self.loss(samples)
            calm = self._calm(samples)
        total = losses["loss_objective"] + losses["loss_critic"] + losses.get("loss_entropy", 0.0) + calm
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()
        limit = self.config.max_grad_norm
        actor = nn.utils.clip_grad_norm_(self.actor_parameters, limit)
        critic = nn.utils.clip_grad_norm_(self.critic_parameters, limit)
        norms = float(actor), float(critic)
        if not all(map(math.isfinite, norms)):
            raise DivergedError(
                f"gradient norms {norms[0]:.3g} (policy) and {norms[1]:.3g} (value) are not finite; go back to the "
                "last checkpoint and lower --ppo.max-lr or --ppo.critic-lr."
            )
        if not self._policy_learns:
            for parameter in self.actor_parameters:
                parameter.grad = None  # what Adam leaves alone
        self.optimizer.step()
        terms = {
            "loss_policy": losses["loss_objective"],
            "loss_value": losses["loss_critic"],
            "kl": losses["kl_approx"],
            "clip_fraction": losses["clip_fraction"],
            **({"loss_calm": calm} if self.config.smooth or self.config.small else {}),
        }
        return {
            **{name: float(value.detach().mean()) for name, value in terms.items()},
            "grad_policy": norms[0],
            "grad_value": norms[1],
        }

    def _calm(self, samples: TensorDictBase) -> Tensor:
        """Loss of large and of changing most probable actions; unlike costs in the reward it has no noise."""
        config = self.config
        if not (config.smooth or config.small):
            return torch.zeros(())
        assert isinstance(self.policy, GaussianPolicy)
        samples = samples[::_CALM_EVERY]
        mean = self.policy.mean(samples["observation"])
        loss = config.small * mean.square().mean()
        if config.smooth:
            after = self.policy.mean(samples["next", "observation"])
            loss = loss + config.smooth * (after - mean).square().mean()
        return loss

    def _share(self, progress: float) -> float:
        """What part of the divergence allowed at the start is allowed now."""
        target, final = self.config.target_kl, self.config.final_kl
        if target is None or final is None:
            return 1.0
        return float((final / target) ** min(max(progress, 0.0), 1.0))

    def _adapt(self, kl: float, share: float = 1.0) -> None:
        """Move the policy's learning rate so that an iteration's divergence comes to `share` of the target."""
        if self.config.target_kl is None:
            return
        target = share * self.config.target_kl
        if kl > 1.5 * target:
            self.policy_lr = max(self.config.min_lr, self.policy_lr / 1.5)
        elif kl < target / 1.5:
            self.policy_lr = min(self.config.max_lr, self.policy_lr * 1.2)
        self.optimizer.param_groups[0]["lr"] = self.policy_lr


def _average(share: float) -> Callable[[Tensors, Tensors, Tensor | int], None]:
    """An exponential average that forgets its first iterations: over a tenth of them at most."""

    def update(average: Tensors, newest: Tensors, count: Tensor | int) -> None:
        kept = min(share, (1.0 + float(count)) / (10.0 + float(count)))
        get_ema_multi_avg_fn(kept)(average, newest, count)

    return update


def _explained_variance(value: Tensor, target: Tensor) -> float:
    spread = target.var()
    return float(1 - (target - value).var() / spread) if spread > 0 else 0.0


def _autocasts(config: PPOConfig) -> bool:
    """Whether networks learn in bfloat16; where the config leaves it open, if the processor multiplies in it."""
    if config.autocast is not None:
        return config.autocast
    able = torch.cpu.get_capabilities()
    return any(able.get(name, False) for name in ("avx512_bf16", "amx_bf16"))
