"""Policies under trial: pushed at the pelvis, seeing through noise, on stronger or weaker muscles."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from tensordict import TensorDictBase

from kinesis_trl.agents.baselines import Policy
from kinesis_trl.body.model import BodyModel
from kinesis_trl.envs.imitation import ImitationEnv


@dataclass(frozen=True, kw_only=True)
class Perturbation:
    """What goes wrong while a clip is played."""

    strength: float = 1.0
    """Active and passive force of all muscles, as a share of the body's; references and controller do not know."""
    push: float = 0.0
    """Force of one push at the pelvis in newtons, from a random horizontal side at a random moment of each clip."""
    push_seconds: float = 0.2
    """How long the push lasts."""
    noise: float = 0.0
    """Deviation of Gaussian noise on every observation, as a share of that observation's deviation in training."""
    seed: int = 0
    """Seed of sides, moments and noise."""


def with_strength(body: BodyModel, strength: float) -> BodyModel:
    """`body` with the forces of all muscles scaled; its controller still reckons with the muscles as they were.

    Raises:
        ValueError: a strength that is not positive.
    """
    if strength <= 0:
        raise ValueError(f"a strength of {strength} leaves no muscle; expected a positive share.")
    model = copy.copy(body.model)
    for parameters in (model.actuator_gainprm, model.actuator_biasprm):
        parameters[:, 2] *= strength
    other = replace(body, model=model)
    vars(other)["muscles"] = body.muscles  # fills the cached property
    return other


def perturbed(policy: Callable[[ImitationEnv], Policy], perturbation: Perturbation) -> Callable[[ImitationEnv], Policy]:
    """The same policy under a perturbation; it serves `play_clips` as the undisturbed one does.

    Raises:
        ValueError: noise for a policy that keeps no statistics of its observations.
    """
    return lambda env: _Perturbed(env, policy(env), perturbation)


def _deviations(policy: Policy) -> torch.Tensor:
    """(O,) standard deviations of the observations in training, from the policy's norm or its gate's."""
    policy = getattr(policy, "policy", policy)  # of one with a planner
    for owner in (policy, getattr(policy, "gate", None)):
        norm = getattr(getattr(owner, "net", None), "norm", None)
        if norm is not None:
            return torch.as_tensor(norm.std).float()
    raise ValueError("noise is measured in deviations of the observations, which this policy does not keep.")


class _Perturbed:
    """Pushes and blurs before each action; for environments that start every row's clip at its beginning."""

    def __init__(self, env: ImitationEnv, policy: Policy, perturbation: Perturbation) -> None:
        self._env, self._policy, self._perturbation = env, policy, perturbation
        self._rng = np.random.default_rng(perturbation.seed)
        count = env.settings.num_envs
        angle = self._rng.uniform(-np.pi, np.pi, count)
        self._force = perturbation.push * np.stack([np.cos(angle), np.sin(angle), np.zeros(count)], axis=-1)
        self._moment = self._rng.random(count)  # as a share of what the clip leaves
        self._deviation = torch.zeros(env.observation_width)
        if perturbation.noise:
            self._deviation = perturbation.noise * _deviations(policy)

    def __call__(self, td: TensorDictBase) -> TensorDictBase:
        env, lasts = self._env, self._perturbation.push_seconds
        if self._perturbation.push:
            time = env.time.numpy()
            begin = self._moment * np.maximum(env.library.duration[env.clip].numpy() - lasts, 0.0)
            now = (time >= begin - 1e-9) & (time < begin + lasts - 1e-9)
            env.physics.push(self._force * now[:, None])
        if not self._perturbation.noise:
            return self._policy(td)
        seen = td["observation"]
        noise = torch.from_numpy(self._rng.standard_normal(seen.shape)).float()
        return self._policy(td.copy().set("observation", seen + noise * self._deviation))
