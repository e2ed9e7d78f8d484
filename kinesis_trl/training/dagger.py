"""DAgger: a learner is fitted to what a teacher would do in the states that the learner comes to (Ross et al. 2011).

Ross, Gordon and Bagnell 2011, AISTATS. Teacher and learner act by turns, the teacher less and less. The teacher labels
every state visited with its own action, and the learner is fitted to the labels. The teachers here correct inverse
solutions; their labels are the target lengths that they ask for, which the learner gives without inverse solutions.
Where there are several teachers, each labels its own motions.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tensordict import TensorDictBase
from torch import Tensor
from torch.nn.functional import smooth_l1_loss

from kinesis_trl.agents.actor import GaussianPolicy
from kinesis_trl.agents.checkpoint import WEIGHTS, PolicyCheckpoint, load_checkpoint
from kinesis_trl.agents.fresh import new_actor
from kinesis_trl.agents.policy import ActorConfig, Policy
from kinesis_trl.body.model import BodyModel
from kinesis_trl.body.muscles import action_for_length
from kinesis_trl.envs.base import MyoLegsEnv
from kinesis_trl.envs.config import EnvConfig
from kinesis_trl.envs.described import as_described, describe
from kinesis_trl.envs.imitation import ImitationConfig, ImitationEnv
from kinesis_trl.envs.layout import Layout
from kinesis_trl.training.config import DaggerConfig

Teacher = Callable[[TensorDictBase], tuple[Tensor, Tensor]]
"""Labels (N, A), actions of the learner, for a TensorDict with `observation`; and which (N,) of them count."""
View = Callable[[TensorDictBase], Tensor]
"""What a learner observes (N, O), for a TensorDict with the `observation` of the teacher's environment."""


class Dagger:
    """Fits one learner to one teacher, or to several, each in an environment of its own.

    Attributes:
        labelled: states labelled so far.
        loss: mean loss of the last round of fitting, in squared units of `unit`.
    """

    def __init__(
        self,
        env: MyoLegsEnv,
        teacher: Teacher,
        learner: GaussianPolicy,
        config: DaggerConfig,
        *,
        view: View | None = None,
        unit: Tensor | None = None,
        labelled: int = 0,
        seed: int = 0,
        further: Sequence[tuple[MyoLegsEnv, Teacher]] = (),
    ) -> None:
        """Set up fitting.

        Args:
            env: where both act; labels are actions of this environment.
            teacher: labels the environment's present state.
            learner: its mean action is fitted; the exploration noise stays as it is.
            config: how.
            view: what the learner observes; default: what the teacher does.
            unit: (A,) difference of each action that counts 1; default 1. Larger ones count in proportion only.
            labelled: states that were labelled before, when going on.
            seed: of who acts, of the noise and of the minibatches.
            further: other teachers, with environments of the same observations and actions.
        """
        self.sources = [(env, teacher), *further]
        self.learner, self.config = learner, config
        self._view: View = view or (lambda td: td["observation"])
        width = learner.action_width
        self.unit = torch.ones(width) if unit is None else unit
        self.labelled, self.loss = labelled, float("nan")
        self._optimizer = torch.optim.Adam(learner.net.parameters(), lr=config.lr)
        self._mirror = env.sample_mirror()
        self._generator = torch.Generator().manual_seed(seed)
        size = min(config.memory, config.labels)
        self._observations, self._labels = torch.zeros(size, learner.observation_width), torch.zeros(size, width)
        self._stored = 0

    def learn(self, *, on_labels: Callable[[int], None] | None = None, save: Callable[[], None] | None = None) -> None:
        """Label and fit until `config.labels`.

        `on_labels` gets the number of new labels, `save` is called now and then.
        """
        states, saved = [env.reset() for env, _ in self.sources], time.monotonic()
        self.learner.train()
        while self.labelled < self.config.labels:
            before = self.labelled
            share = 1 - before / max(self.config.labels * self.config.handover, 1e-9)
            pairs = zip(self.sources, states, strict=True)
            states = [self._collect(env, teacher, td, share) for (env, teacher), td in pairs]
            self._fit()
            if on_labels is not None:
                on_labels(self.labelled - before)
            if save is not None and time.monotonic() - saved > self.config.save_seconds:
                save()
                saved = time.monotonic()
        self.learner.eval()
        if save is not None:
            save()

    @torch.no_grad()
    def _collect(self, env: MyoLegsEnv, teacher: Teacher, td: TensorDictBase, share: float) -> TensorDictBase:
        """Act and label for a while from `td` on; the teacher acts in a `share` of the steps."""
        new = []
        for _ in range(self.config.horizon):
            observation = self._view(td)
            label, counts = teacher(td)
            by_teacher = counts & (torch.rand(len(label), generator=self._generator) < share)
            action = torch.where(by_teacher[:, None], label, self.learner.mean(observation))
            action = action + self.config.noise * torch.randn(action.shape, generator=self._generator)
            self._store(observation[counts], label[counts])
            new.append(observation[counts])
            self.labelled += len(label)
            _, td = env.step_and_maybe_reset(td.set("action", action.clamp(-1, 1)))
        self.learner.update_norm(torch.cat(new))
        return td

    def _store(self, observation: Tensor, label: Tensor) -> None:
        if not self._stored and len(label) and not self.learner.net.head.bias.any():
            self.learner.net.head.bias.copy_(label.mean(0))  # a new learner starts with the mean label
        place = (self._stored + torch.arange(len(label))) % len(self._labels)
        self._observations[place], self._labels[place] = observation, label
        self._stored += len(label)

    def _fit(self) -> None:
        filled = min(self._stored, len(self._labels))
        if not filled:
            return
        done = min(self.labelled / self.config.labels, 1.0)
        self._optimizer.param_groups[0]["lr"] = self.config.lr * (1 - 0.9 * done)
        losses = []
        for _ in range(self.config.gradient_steps):
            rows = torch.randint(filled, (min(self.config.minibatch, filled),), generator=self._generator)
            observation, label = self._observations[rows], self._labels[rows]
            if self.config.mirror:
                half = len(rows) // 2
                mirrored = self._mirror(observation[half:], label[half:])
                observation = torch.cat([observation[:half], mirrored[0]])
                label = torch.cat([label[:half], mirrored[1]])
            loss = smooth_l1_loss(self.learner.mean(observation) / self.unit, label / self.unit)
            self._optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self._optimizer.step()
            losses.append(float(loss.detach()))
        self.loss = float(np.mean(losses))


def open_teacher(folder: Path, body: BodyModel, settings: ImitationConfig) -> tuple[Policy, ImitationConfig]:
    """A policy whose actions stand for target lengths, and `settings` as it was trained with.

    Raises:
        CheckpointError: no policy there, or of another body.
        ValueError: one with another control.
    """
    loaded = load_checkpoint(folder, body=body.name)
    theirs = as_described(settings, loaded.notes)
    if not theirs.control.has_lengths:
        raise ValueError(
            f"{folder} acts by control {theirs.control.name}, which has no target lengths to teach; train one with the "
            "preset lengths."
        )
    return loaded.policy, theirs


def open_learner(folder: Path, config: ActorConfig, env: ImitationEnv) -> tuple[GaussianPolicy, int]:
    """The learner in a folder and the number of its labels so far, or a new one.

    Raises:
        ValueError: the folder holds a policy that was not distilled so, or with other settings.
    """
    if not (folder / WEIGHTS).exists():
        return new_actor(config, env), 0
    width, actions = env.observation_width, int(env.action_spec.shape[-1])
    loaded = load_checkpoint(folder, body=env.body.name, observation_width=width, action_width=actions)
    mine = describe(env.settings)
    same = {key: loaded.notes.get(key) for key in mine} == mine
    if "labels" not in loaded.notes or not same or not isinstance(loaded.policy, GaussianPolicy):
        raise ValueError(f"{folder} holds a policy that was trained otherwise; give another --out.")
    if loaded.policy.config != config:
        raise ValueError(f"{folder} holds a learner of other settings; give these, or another --out.")
    return loaded.policy, int(loaded.notes["labels"])


def open_gaussian(folder: Path, body: BodyModel) -> PolicyCheckpoint:
    """A trained policy that others can be fitted to.

    Raises:
        CheckpointError: no policy there, or of another body.
        ValueError: a mixture.
    """
    loaded = load_checkpoint(folder, body=body.name)
    if not isinstance(loaded.policy, GaussianPolicy):
        raise ValueError(f"{folder} is a mixture; take the experts that it is made of.")
    return loaded


def going_on(
    folder: Path, first: GaussianPolicy, made_of: dict[str, Any], body: BodyModel
) -> tuple[GaussianPolicy, int]:
    """The learner in a folder and the number of its labels so far, or a copy of the `first` policy.

    Raises:
        ValueError: what is there was not `made_of` the same, as its notes say.
    """
    if not (folder / WEIGHTS).exists():
        return copy.deepcopy(first), 0
    seen, acts = first.observation_width, first.action_width
    loaded = load_checkpoint(folder, body=body.name, observation_width=seen, action_width=acts)
    same = all(loaded.notes.get(key) == value for key, value in made_of.items())
    if not same or not isinstance(loaded.policy, GaussianPolicy):
        raise ValueError(f"{folder} holds a policy that was not made of the same; give another --out.")
    return loaded.policy, int(loaded.notes["labels"])


def length_labels(policy: Policy, theirs: EnvConfig, env: ImitationEnv) -> Teacher:
    """A teacher trained with the settings `theirs`; labels are target lengths in states of `env`, for control pd.

    It observes what it was trained to observe, also where the learner does not.
    """
    muscles, control = env.body.muscles, theirs.control.make(env.body, env.settings.num_envs)
    if theirs.control.needs_inverse and env.library.inverse is None:
        raise ValueError("the teacher corrects inverse solutions; prepare the motions with --inverse.")
    same, layout = theirs.observation == env.settings.observation, Layout(env.body, theirs.observation)

    @torch.no_grad()
    def label(td: TensorDictBase) -> tuple[Tensor, Tensor]:
        observed = td.select("observation")
        if not same:
            observed["observation"] = layout.compose(env.scene())
        correction = policy(observed)["action"].double().numpy()
        lengths = control.target_length(correction, env.current_reference())
        return torch.from_numpy(action_for_length(lengths, muscles)).float(), torch.ones(len(lengths)).bool()

    return label
