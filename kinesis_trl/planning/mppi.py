"""Model predictive path integral control (MPPI) about a policy.

Before each step, copies of the body are simulated for some steps by the policy with noise on its actions. The return of
each sample, with the value function at the horizon, is the weight of its noise in the correction of the action
(Williams et al. 2017, IEEE International Conference on Robotics and Automation; a learnt value at the horizon as in
Lowrey et al. 2019, International Conference on Learning Representations).

The simulation is the model, so the body's state and lesions are known exactly; pushes are not foreseen. Of the clip
nothing is known but what the policy observes, and nothing is computed beforehand.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from tensordict import TensorDict, TensorDictBase
from torch import Tensor

from kinesis_trl.agents.baselines import Policy
from kinesis_trl.agents.critic import Critic
from kinesis_trl.body.model import BodyModel
from kinesis_trl.envs.base import MyoLegsEnv, put_rows
from kinesis_trl.envs.disturbance import DisturbanceConfig
from kinesis_trl.envs.imitation import ImitationEnv
from kinesis_trl.planning.config import MppiConfig

Array = NDArray[np.float64]


class Mppi:
    """A policy for one environment: the given one, corrected by MPPI.

    A plan holds for some steps. Where all samples end far from the clip, others are tried with more noise, and the next
    step is planned as well.

    Attributes:
        policy: what is corrected.
        plan: (N, steps, A) mean corrections of each row, the next one first.
    """

    def __init__(
        self, env: MyoLegsEnv, policy: Policy, critic: Critic | None, body: BodyModel, config: MppiConfig
    ) -> None:
        """For the rows of `env`.

        Args:
            env: where it acts.
            policy: what it corrects.
            critic: value of the states that it observes; None: what comes after the horizon counts nothing.
            body: the model of the samples; the environment's own may differ.
            config: how to sample.

        Raises:
            ValueError: a task other than imitation.
        """
        if not isinstance(env, ImitationEnv):
            raise ValueError("the planner is for policies that imitate; use --route planner, or --planner.samples 0.")
        self.env, self.config = env, config
        self.policy, self._critic = policy, None if critic is None else critic.eval()
        self._rows = np.repeat(np.arange(env.settings.num_envs), config.samples)
        settings = replace(
            env.settings,
            num_envs=len(self._rows),
            disturbance=DisturbanceConfig(),
            physics=replace(env.settings.physics, failure_dir=None),
        )
        self._model = ImitationEnv(body, env.library, settings)
        self._model.reset()
        self._rng = np.random.default_rng(config.seed)
        self._steps = -1
        self._astray = np.zeros(env.settings.num_envs, dtype=bool)
        self.plan = np.zeros((env.settings.num_envs, config.steps, int(env.action_spec.shape[-1])))

    @torch.no_grad()
    def __call__(self, td: TensorDictBase) -> TensorDictBase:
        """Add "action" (N, A) to a TensorDict with the "observation" of the environment as it is now."""
        made = self.env.episode_steps.numpy()
        self.plan[made == 0] = 0.0
        self._astray &= made > 0
        self._steps = 0 if not made.any() else self._steps + 1
        due = self._steps % self.config.every == 0
        if (rows := self.env.physics.running & (due | self._astray)).any():
            self._plan_anew(rows)
        now = torch.from_numpy(self.plan[:, 0]).float()
        self.plan = np.concatenate([self.plan[:, 1:], np.zeros_like(self.plan[:, :1])], axis=1)
        td = self.policy(td)
        return td.set("action", (td["action"] + now).clamp(-1, 1))

    def _plan_anew(self, rows: NDArray[np.bool_]) -> None:
        """Let the mean of what is tried, by its worth, be the plan of `rows` (N,); try others where all stray."""
        config = self.config
        for attempt in range(1 + config.retries):
            tried = self._tried(1.0 + attempt)
            worth, apart = self._worth(tried, rows)
            scores = config.inverse_temperature * (worth - worth.max(1, keepdims=True))
            share = np.exp(scores / (worth.std(1, keepdims=True) + 1e-9))
            found = np.einsum("nf,nfsa->nsa", share / share.sum(1, keepdims=True), tried)
            self.plan[rows] = found[rows]
            self._astray[rows] = apart.min(1)[rows] > config.astray
            rows = rows & self._astray
            if not rows.any():
                break

    def _tried(self, wider: float) -> Array:
        """Corrections (N, F, S, A): none, the plan, and the plan with noise that is `wider` times as large."""
        config, (rows, steps, width) = self.config, self.plan.shape
        noise = wider * config.noise * self._rng.standard_normal((rows, config.samples, steps, width))
        for step in range(1, steps):
            fresh = np.sqrt(1 - config.ar1**2) * noise[:, :, step]
            noise[:, :, step] = config.ar1 * noise[:, :, step - 1] + fresh
        noise[:, :2] = 0.0
        tried = self.plan[:, None] + noise
        tried[:, 0] = 0.0
        return tried

    def _worth(self, tried: Array, rows: NDArray[np.bool_]) -> tuple[Array, Array]:
        """What corrections (N, F, S, A) of the `rows` (N,) lead to.

        Returns:
            (N, F) discounted rewards and the value at the horizon, 0 where lost; and the largest distance of a tracked
            body from the clip at the horizon in metres, infinite where lost.
        """
        env, count, steps = self._model, len(self._rows), tried.shape[2]
        env.library = self.env.library  # a live reference changes
        put_rows(env.state, self.env.state[torch.from_numpy(self._rows)])
        env.physics.push(np.zeros((count, 3)))
        env.physics.weaken(self.env.physics.strength)
        env.physics.running[:] = alive = self.env.physics.running[self._rows] & rows[self._rows]
        worth, apart = np.zeros(count), np.zeros(count)
        seen = env.state["observation"]
        for step, correction in enumerate(torch.from_numpy(tried).float().flatten(0, 1).unbind(1)):
            after = env.advance((self._chosen(seen) + correction).clamp(-1, 1))
            earned = after["reward"].reshape(-1).double().numpy()
            apart = env.apart_from_unsolved().amax(-1).numpy()
            earned = earned - self.config.distance_cost * apart
            worth += np.where(alive, self.config.discount**step * earned, 0.0)
            alive &= ~after["terminated"].reshape(-1).numpy()
            env.physics.running &= alive  # samples that are lost earn nothing more
            if not alive.any():
                break
        if self._critic is not None:
            end = self._critic.net(seen).reshape(-1).numpy()
            worth += np.where(alive, self.config.discount**steps * end, 0.0)
        apart = np.where(alive, apart, np.inf)
        return worth.reshape(tried.shape[:2]), apart.reshape(tried.shape[:2])

    def _chosen(self, seen: Tensor) -> Tensor:
        """The policy's most probable actions (R, A) for observations (R, O)."""
        if hasattr(self.policy, "choose"):  # without a TensorDict and the distribution about it
            return self.policy.choose(seen)
        return self.policy(TensorDict({"observation": seen}, batch_size=seen.shape[:1]))["action"]
