"""A policy taught by another controller on the states it comes to itself.

DAgger (Ross, Gordon and Bagnell 2011, AISTATS): teacher and student act by turns, the teacher less and less; it says
for every state visited what it would do, and the student is fitted to all that was said.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tensordict import TensorDictBase
from torch import Tensor
from torch.nn.functional import smooth_l1_loss

from kinesis_trl.agents.actor import GaussianPolicy
from kinesis_trl.agents.checkpoint import load_checkpoint
from kinesis_trl.agents.gaussian import GaussianConfig
from kinesis_trl.agents.lattice import LatticeConfig
from kinesis_trl.envs.base import MyoLegsEnv
from kinesis_trl.envs.described import describe
from kinesis_trl.envs.imitation import ImitationEnv
from kinesis_trl.training.actors import new_actor

View = Callable[[TensorDictBase], Tensor]
"""What a student observes (N, O), for a TensorDict with the teacher's `observation`."""
Teacher = Callable[[TensorDictBase], tuple[Tensor, Tensor]]
"""Actions (N, A) for a TensorDict with `observation`, and which (N,) of them count."""


@dataclass(frozen=True, kw_only=True)
class DaggerConfig:
    """How a student is taught."""

    labels: int = 200_000
    """States for which the teacher is asked, in all."""
    horizon: int = 16
    """Policy steps of each environment between two rounds of fitting."""
    gradient_steps: int = 32
    """Gradient steps of a round."""
    minibatch: int = 1024
    """Samples per gradient step."""
    lr: float = 1e-3
    """Learning rate at the start; it falls to a tenth by the end."""
    handover: float = 0.4
    """Share of the labels after which only the student acts; until then the teacher acts ever more rarely."""
    noise: float = 0.05
    """Deviation of the noise on all actions made, which leads to more states; labels have none."""
    mirror: bool = True
    """Whether half of what is fitted is what a left–right mirror shows. Not for a student that does not see which side
    is to act: from a stand the teacher lifts one foot first, in the mirror the other, and the mean lifts neither."""
    memory: int = 200_000
    """Newest states that are fitted; a state takes 1.3 kB."""
    save_seconds: float = 120.0
    """Seconds between two savings of the student."""

    def __post_init__(self) -> None:
        for name in ("labels", "horizon", "gradient_steps", "minibatch", "memory"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}.")
        if not (self.lr > 0 and 0 <= self.handover <= 1 and self.noise >= 0 and self.save_seconds >= 0):
            raise ValueError("lr must be positive, handover lie in 0…1, noise and save_seconds not be negative.")


def open_student(folder: Path, config: LatticeConfig | GaussianConfig, env: ImitationEnv) -> tuple[GaussianPolicy, int]:
    """The student in a folder and how many labels it has seen, or a new one.

    Raises:
        ValueError: the folder holds a policy that was not taught so, or with other settings.
    """
    width, actions = env.observation_width, int(env.action_spec.shape[-1])
    if not (folder / "policy.safetensors").exists():
        return new_actor(config, env), 0
    loaded = load_checkpoint(folder, body=env.body.name, observation_width=width, action_width=actions)
    told = {key: loaded.notes.get(key) for key in describe(env.rules)}
    if "labels" not in loaded.notes or told != describe(env.rules) or not isinstance(loaded.policy, GaussianPolicy):
        raise ValueError(f"{folder} holds a policy that was trained otherwise; give another --out.")
    if loaded.policy.config != config:
        raise ValueError(f"{folder} holds a student of other settings; give these, or another --out.")
    return loaded.policy, int(loaded.notes["labels"])


class Dagger:
    """One student at school.

    Attributes:
        labels: states labelled so far.
        loss: mean loss of the last round of fitting, in squared units of `unit`.
    """

    def __init__(
        self,
        env: MyoLegsEnv,
        teacher: Teacher,
        student: GaussianPolicy,
        config: DaggerConfig,
        *,
        view: View | None = None,
        unit: Tensor | None = None,
        labels: int = 0,
        seed: int = 0,
    ) -> None:
        """Prepare a school.

        Args:
            env: where both act; the student's actions are this environment's.
            teacher: says what to do in the environment's present state.
            student: its mean action is fitted; the noise stays as it is.
            config: how.
            view: what the student observes; default: what the teacher does.
            unit: (A,) difference of each action that counts 1; default 1. Larger ones count in proportion only.
            labels: states the student was taught before, when going on.
            seed: of who acts, of the noise and of the minibatches.
        """
        self.env, self.teacher, self.student, self.config = env, teacher, student, config
        self._view: View = view or (lambda td: td["observation"])
        width = student.action_width
        self.unit = torch.ones(width) if unit is None else unit
        self.labels, self.loss = labels, float("nan")
        self._optimizer = torch.optim.Adam(student.net.parameters(), lr=config.lr)
        self._mirror = env.sample_mirror()
        self._generator = torch.Generator().manual_seed(seed)
        size = min(config.memory, config.labels)
        self._seen, self._told = torch.zeros(size, student.observation_width), torch.zeros(size, width)
        self._stored = 0

    def learn(
        self,
        *,
        on_labels: Callable[[int], None] | None = None,
        save: Callable[[], None] | None = None,
        stop: Callable[[], bool] | None = None,
    ) -> None:
        """Teach until `config.labels`, or until `stop` says so.

        `on_labels` gets the number of new labels, `save` is called now and then.
        """
        td, saved = self.env.reset(), time.monotonic()
        self.student.train()
        while self.labels < self.config.labels and not (stop is not None and stop()):
            before = self.labels
            td = self._collect(td)
            self._fit()
            if on_labels is not None:
                on_labels(self.labels - before)
            if save is not None and time.monotonic() - saved > self.config.save_seconds:
                save()
                saved = time.monotonic()
        self.student.eval()
        if save is not None:
            save()

    @torch.no_grad()
    def _collect(self, td: TensorDictBase) -> TensorDictBase:
        share = 1 - self.labels / max(self.config.labels * self.config.handover, 1e-9)
        new = []
        for _ in range(self.config.horizon):
            seen = self._view(td)
            told, counts = self.teacher(td)
            teaches = counts & (torch.rand(len(seen), generator=self._generator) < share)
            action = torch.where(teaches[:, None], told, self.student.mean(seen))
            action = action + self.config.noise * torch.randn(action.shape, generator=self._generator)
            self._store(seen[counts], told[counts])
            new.append(seen[counts])
            self.labels += len(seen)
            _, td = self.env.step_and_maybe_reset(td.set("action", action.clamp(-1, 1)))
        self.student.update_norm(torch.cat(new))
        return td

    def _store(self, seen: Tensor, told: Tensor) -> None:
        if not self._stored and len(told) and not self.student.net.head.bias.any():
            self.student.net.head.bias.copy_(told.mean(0))  # a new student starts with the usual answer
        place = (self._stored + torch.arange(len(seen))) % len(self._seen)
        self._seen[place], self._told[place] = seen, told
        self._stored += len(seen)

    def _fit(self) -> None:
        filled = min(self._stored, len(self._seen))
        if not filled:
            return
        done = min(self.labels / self.config.labels, 1.0)
        self._optimizer.param_groups[0]["lr"] = self.config.lr * (1 - 0.9 * done)
        losses = []
        for _ in range(self.config.gradient_steps):
            rows = torch.randint(filled, (min(self.config.minibatch, filled),), generator=self._generator)
            seen, told = self._seen[rows], self._told[rows]
            if self.config.mirror:
                half = len(rows) // 2
                mirrored = self._mirror(seen[half:], told[half:])
                seen = torch.cat([seen[:half], mirrored[0]])
                told = torch.cat([told[:half], mirrored[1]])
            loss = smooth_l1_loss(self.student.mean(seen) / self.unit, told / self.unit)
            self._optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self._optimizer.step()
            losses.append(float(loss.detach()))
        self.loss = float(np.mean(losses))
