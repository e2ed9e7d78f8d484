"""Look before you step: a policy whose every action is tried out in imagination first, in a few futures side by side.

In each future a copy of the body goes on by the policy with noise on its actions; what the future earns, and what the
value function expects of where it ends, say how much its noise counts. Model predictive path integral control
(Williams et al. 2017, IEEE International Conference on Robotics and Automation) about a policy, with a learnt value at
the horizon (compare Lowrey et al. 2019, International Conference on Learning Representations).

The simulation serves as the model, so the body's state and lesions are known exactly; pushes are not foreseen. Nothing
is known of the clip but what the policy is shown of it, and nothing is computed beforehand.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from tensordict import TensorDict, TensorDictBase
from torchrl.envs.utils import ExplorationType, set_exploration_type

from kinesis_trl.agents.baselines import Policy
from kinesis_trl.agents.critic import Critic
from kinesis_trl.body.model import BodyModel
from kinesis_trl.envs.base import MyoLegsEnv
from kinesis_trl.envs.branches import put, rows_of, snapshot
from kinesis_trl.envs.disturbance import DisturbanceConfig
from kinesis_trl.envs.imitation import ImitationEnv
from kinesis_trl.planning.config import LookaheadConfig

Array = NDArray[np.float64]


class Lookahead:
    """A policy for one environment: the given one, plus the correction that did best in its futures.

    Attributes:
        policy: what is corrected.
        plan: (N, steps, A) corrections that each row goes on with, the next one first.
    """

    def __init__(
        self, env: MyoLegsEnv, policy: Policy, critic: Critic | None, body: BodyModel, config: LookaheadConfig
    ) -> None:
        """For the rows of `env`.

        Args:
            env: where it acts.
            policy: what it corrects.
            critic: value of the states that it observes.
            body: what the futures are simulated with; the environment's own may differ, and it does not know.
            config: how to look ahead.

        Raises:
            ValueError: a task other than imitation, or a policy without a value function.
        """
        if not isinstance(env, ImitationEnv):
            raise ValueError("looking ahead is for policies that imitate; use --route planner, or futures 0.")
        if critic is None:
            raise ValueError("looking ahead needs a value function, which this policy does not have; use futures 0.")
        self.env, self.config = env, config
        self.policy, self._critic = policy, critic.eval()
        self._rows = np.repeat(np.arange(env.settings.num_envs), config.futures)
        settings = replace(
            env.settings,
            num_envs=len(self._rows),
            disturbance=DisturbanceConfig(),
            physics=replace(env.settings.physics, failure_dir=None),
        )
        self._futures = ImitationEnv(body, env.library, settings)
        self._futures.reset()
        self._rng = np.random.default_rng(config.seed)
        self.plan = np.zeros((env.settings.num_envs, config.steps, int(env.action_spec.shape[-1])))

    @torch.no_grad()
    def __call__(self, td: TensorDictBase) -> TensorDictBase:
        """Add "action" (N, A) to a TensorDict with the "observation" of the environment as it is now."""
        self.plan[self.env.episode_steps.numpy() == 0] = 0.0
        tried = self._tried()
        worth = self._worth(tried)
        share = np.exp(
            self.config.choice * (worth - worth.max(1, keepdims=True)) / (worth.std(1, keepdims=True) + 1e-9)
        )
        best = np.einsum("nf,nfsa->nsa", share / share.sum(1, keepdims=True), tried)
        self.plan = np.concatenate([best[:, 1:], np.zeros_like(best[:, :1])], axis=1)
        td = self.policy(td)
        return td.set("action", (td["action"] + torch.from_numpy(best[:, 0]).float()).clamp(-1, 1))

    def _tried(self) -> Array:
        """Corrections (N, F, S, A): none, the plan, and the plan with noise."""
        config, (rows, steps, width) = self.config, self.plan.shape
        noise = config.noise * self._rng.standard_normal((rows, config.futures, steps, width))
        for step in range(1, steps):
            fresh = np.sqrt(1 - config.persistence**2) * noise[:, :, step]
            noise[:, :, step] = config.persistence * noise[:, :, step - 1] + fresh
        noise[:, :2] = 0.0
        tried = self.plan[:, None] + noise
        tried[:, 0] = 0.0
        return tried

    def _worth(self, tried: Array) -> Array:
        """What comes of corrections (N, F, S, A), (N, F): discounted rewards and the value of the end, 0 where lost."""
        env, count = self._futures, len(self._rows)
        env.library = self.env.library  # a live reference changes
        seen = put(env, np.arange(count), rows_of(snapshot(self.env), self._rows))
        env.physics.push(np.zeros((count, 3)))
        env.physics.weaken(self.env.physics.works)
        worth, alive = np.zeros(count), np.ones(count, dtype=bool)
        with set_exploration_type(ExplorationType.DETERMINISTIC):
            for step in range(tried.shape[2]):
                td = self.policy(TensorDict({"observation": seen}, batch_size=[count]))
                correction = torch.from_numpy(tried[:, :, step].reshape(count, -1)).float()
                after = env.step(td.set("action", (td["action"] + correction).clamp(-1, 1)))["next"]
                seen = after["observation"]
                earned = after["reward"].reshape(-1).double().numpy()
                earned = earned - self.config.pull * env.apart_from_prepared().amax(-1).numpy()
                worth += np.where(alive, self.config.discount**step * earned, 0.0)
                alive &= ~after["terminated"].reshape(-1).numpy()
            end = self._critic.net(seen).reshape(-1).numpy()
        worth += np.where(alive, self.config.discount ** tried.shape[2] * end, 0.0)
        return worth.reshape(tried.shape[:2])
