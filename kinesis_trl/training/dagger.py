"""A policy taught by another controller on the states it comes to itself.

DAgger (Ross, Gordon and Bagnell 2011, AISTATS): teacher and student act by turns, the teacher less and less; it says
for every state visited what it would do, and the student is fitted to all that was said.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch
from tensordict import TensorDictBase
from torch import Tensor
from torch.nn.functional import smooth_l1_loss

from kinesis_trl.agents.actor import GaussianPolicy
from kinesis_trl.envs.base import MyoLegsEnv
from kinesis_trl.training.config import DaggerConfig

View = Callable[[TensorDictBase], Tensor]
"""What a student observes (N, O), for a TensorDict with the teacher's `observation`."""
Teacher = Callable[[TensorDictBase], tuple[Tensor, Tensor]]
"""Actions (N, A) for a TensorDict with `observation`, and which (N,) of them count."""


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
