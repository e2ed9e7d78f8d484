"""Rehearsal: how a policy must be led through a clip, found by many bodies that follow it side by side.

All bodies begin alike and act by the policy, each with small deviations of its own. Every few steps those that do well
go on in the place of those that do not (a particle filter over controls; Liu et al. 2010, "Sampling-based contact-rich
motion control", ACM TOG 29; here a trained policy proposes and its value function looks ahead). The deviations that led
the best body through the clip are added to the clip's target lengths; whoever follows it then needs nothing new.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tensordict import TensorDict
from torch import Tensor

from kinesis_trl.agents.critic import Critic
from kinesis_trl.body.model import BodyModel
from kinesis_trl.envs.disturbance import DisturbanceConfig
from kinesis_trl.envs.imitation import ImitationConfig, ImitationEnv
from kinesis_trl.envs.terminations import KINESIS, STRICT, DistanceRule
from kinesis_trl.evaluation.policies import Policy
from kinesis_trl.motion.library import MotionLibrary

_PLAIN = 0.1  # share of the bodies that follow the policy as it is


@dataclass(frozen=True, kw_only=True)
class RehearsalConfig:
    """How clips are rehearsed."""

    bodies: int = 128
    """How many bodies follow a clip side by side."""
    hold: int = 3
    """Policy steps for which a body keeps its deviation, and after which bodies are chosen anew."""
    noise: float = 0.15
    """Standard deviation of the deviations of actions, which lie in −1…1."""
    temperature: float = 1.0
    """Difference in expected return at which a body is chosen e times as often."""
    memory: float = 0.97
    """Share of the reward of earlier steps that counts a step later."""
    limit: DistanceRule = STRICT
    """When a body is lost."""
    retries: int = 8
    """How often a clip is taken up again some steps earlier when all bodies are lost, each time with wider
    deviations; after these a lost body may go on by the rule `kinesis`."""
    back: int = 4
    """How many choices the first retry at a place goes back; the next ones go back further."""
    widen: float = 1.3
    """Factor on the deviations at every retry at the same place."""
    seed: int = 0
    """Seed of the deviations and choices."""

    def __post_init__(self) -> None:
        for name in ("bodies", "hold", "back"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}.")
        if self.retries < 0:
            raise ValueError(f"retries must not be negative, got {self.retries}.")
        if not (self.noise > 0 and self.temperature > 0 and 0 <= self.memory <= 1 and self.widen >= 1):
            raise ValueError("noise and temperature must be positive, memory lie in 0…1 and widen be at least 1.")


@dataclass(frozen=True)
class Rehearsed:
    """What became of one clip."""

    name: str
    steps: int
    """Policy steps the clip asks for."""
    kept: int
    """Steps until the best body was lost by the limit of the rehearsal; all where it never was."""
    reached: int
    """Steps until it was lost by the rule `kinesis`."""
    retries: int
    """How often it was taken up again."""


def rehearse(
    body: BodyModel,
    library: MotionLibrary,
    policy: Callable[[ImitationEnv], Policy],
    critic: Critic | None,
    settings: ImitationConfig,
    config: RehearsalConfig,
    *,
    on_frame: Callable[[int], None] | None = None,
) -> tuple[MotionLibrary, list[Rehearsed]]:
    """Rehearse every clip of a library with inverse solutions.

    Args:
        body: the model.
        library: clips; not changed.
        policy: makes the policy for an environment.
        critic: its value function, looks ahead; None: only what happened counts.
        settings: the environment the policy was trained in.
        config: how.
        on_frame: called with the number of frames just mastered, for progress.

    Returns:
        The library with other target lengths, and what became of each clip.

    Raises:
        ValueError: control is not feedforward, or acts on excitations: there are no target lengths to lead by.
    """
    if settings.control != "feedforward" or settings.feedforward.space == "excitations":
        raise ValueError(
            f"rehearsal changes the target lengths of control feedforward; this policy was trained with control "
            f"{settings.control}, feedforward space {settings.feedforward.space}."
        )
    assert library.inverse is not None
    settings = replace(settings, num_envs=config.bodies, start="beginning", random_heading=False, rule=KINESIS)
    settings = replace(settings, disturbance=DisturbanceConfig())
    lengths, found = library.inverse["target_length"].clone(), []
    for clip in range(len(library)):
        env = ImitationEnv(body, library, settings)
        env.assign([clip] * config.bodies)
        search = _Search(env, policy(env), critic, config, seed=config.seed + clip)
        done, deviation = search.run(on_frame)
        assert env.feedforward is not None
        frames = int(library.start[clip]) + 1 + torch.arange(len(deviation))
        led = env.feedforward.corrected_length(frames, deviation)
        lengths[frames] = torch.from_numpy(led).to(lengths.dtype)
        found.append(done)
    return library.with_inverse(target_length=lengths), found


@dataclass
class _Moment:
    """All bodies between two stretches."""

    env: dict[str, Any]
    seen: Tensor
    score: NDArray[np.float64]
    lost: NDArray[np.bool_]
    gone: NDArray[np.bool_]


@dataclass
class _Stretch:
    """What all bodies did between two choices."""

    deviation: list[NDArray[np.float64]] = field(default_factory=list)
    """(N, A) of each step."""
    lost: list[NDArray[np.bool_]] = field(default_factory=list)
    """(N,) lost by the limit, of each step."""
    gone: list[NDArray[np.bool_]] = field(default_factory=list)
    parents: NDArray[np.int64] | None = None
    """(N,) whom each body of the next stretch goes on from."""


class _Search:
    """Bodies that follow one clip."""

    def __init__(
        self, env: ImitationEnv, policy: Policy, critic: Critic | None, config: RehearsalConfig, seed: int
    ) -> None:
        self.env, self.policy, self.critic, self.config = env, policy, critic, config
        self.rng = np.random.default_rng(seed)
        self.steps = int(env.library.frames[env._assigned[0]]) - 1

    @torch.no_grad()
    def run(self, on_frame: Callable[[int], None] | None) -> tuple[Rehearsed, NDArray[np.float64]]:
        """What became of the clip, and deviations (T, A) of the steps that the best body made."""
        config, count = self.config, self.config.bodies
        seen = self.env.reset()["observation"]
        nobody = np.zeros(count, dtype=bool)
        moments = [_Moment(self.env.get_state(), seen, np.zeros(count), nobody, nobody)]
        stretches: list[_Stretch] = []
        noise, furthest, tries, retries, forgiving = config.noise, 0, 0, 0, False
        while True:
            stretch, moment = self._stretch(moments[-1], noise, self.steps - config.hold * len(stretches))
            lost = moment.gone if forgiving else moment.lost
            if lost.all() and retries < config.retries and not forgiving:
                retries, tries = retries + 1, tries + 1
                noise = config.noise * config.widen**tries
                keep = max(len(stretches) - config.back * tries, 0)
                del stretches[keep:], moments[keep + 1 :]
                self.env.set_state(moments[-1].env)
                continue
            if lost.all() and not forgiving:
                forgiving, lost = True, moment.gone
            stretches.append(stretch)
            value = self._value(moment)
            value[lost] = -np.inf
            best = self._last(stretch) if lost.all() else int(value.argmax())
            made = sum(len(s.deviation) for s in stretches)
            if made > furthest:
                if on_frame is not None:
                    on_frame(made - furthest)
                furthest, noise, tries = made, config.noise, 0
            if made >= self.steps or lost.all():
                return self._traced(stretches, best, retries)
            moments.append(self._choose(moment, value, stretch))
            if len(moments) > 1 + config.back * (config.retries + 1):
                moments[-1 - config.back * (config.retries + 1)].env = {}  # never gone back to

    def _stretch(self, start: _Moment, noise: float, left: int) -> tuple[_Stretch, _Moment]:
        """A few steps of all bodies from the present state of the environment."""
        count, width = self.config.bodies, self.env.action_spec.shape[-1]
        wanted = self.rng.normal(0.0, noise, (count, width))
        wanted[: max(1, round(_PLAIN * count))] = 0.0
        seen, score, lost, gone = start.seen, start.score, start.lost.copy(), start.gone.copy()
        stretch = _Stretch()
        for _ in range(min(self.config.hold, left)):
            td = self.policy(TensorDict({"observation": seen}, batch_size=[count]))
            own = td["action"].clamp(-1, 1)
            action = (own + torch.from_numpy(wanted).float()).clamp(-1, 1)
            td = self.env.step(td.set("action", action))["next"]
            seen = td["observation"]
            gone = gone | td["terminated"].reshape(-1).numpy()
            lost = lost | gone | self.config.limit.failed(self.env.apart_from_prepared()).numpy()
            score = self.config.memory * score + td["reward"].reshape(-1).double().numpy()
            stretch.deviation.append((action - own).double().numpy())
            stretch.lost.append(lost)
            stretch.gone.append(gone)
        return stretch, _Moment({}, seen, score, lost, gone)

    def _value(self, moment: _Moment) -> NDArray[np.float64]:
        """(N,) what each body earned of late, and is expected to earn."""
        ahead = 0.0 if self.critic is None else self.critic.net(moment.seen).reshape(-1).double().numpy()
        return np.asarray(moment.score + ahead)

    def _choose(self, moment: _Moment, value: NDArray[np.float64], stretch: _Stretch) -> _Moment:
        """Bodies in the places of others, by what they are worth; the first is the best."""
        weight = np.exp((value - value.max()) / self.config.temperature)
        edges = np.cumsum(weight / weight.sum())
        points = (np.arange(len(value)) + self.rng.random()) / len(value)
        parents = np.minimum(np.searchsorted(edges, points), len(value) - 1)
        parents = self.rng.permutation(parents)
        parents[0] = value.argmax()
        stretch.parents = parents
        rows = torch.from_numpy(parents)
        self.env.branch(rows)
        return _Moment(
            self.env.get_state(), moment.seen[rows], moment.score[parents], moment.lost[parents], moment.gone[parents]
        )

    @staticmethod
    def _last(stretch: _Stretch) -> int:
        """The body that was gone last."""
        return int(np.sum(stretch.gone, axis=0).argmin())

    def _traced(self, stretches: Sequence[_Stretch], row: int, retries: int) -> tuple[Rehearsed, NDArray[np.float64]]:
        """The past of a body: its deviations, and when it was lost."""
        deviation: list[NDArray[np.float64]] = []
        lost: list[bool] = []
        gone: list[bool] = []
        for stretch in reversed(stretches):
            if stretch.parents is not None:
                row = int(stretch.parents[row])
            deviation += [step[row] for step in reversed(stretch.deviation)]
            lost += [bool(step[row]) for step in reversed(stretch.lost)]
            gone += [bool(step[row]) for step in reversed(stretch.gone)]
        kept, reached = len(lost) - sum(lost), len(gone) - sum(gone)
        name = self.env.library.clips[int(self.env.clip[0])].name
        return Rehearsed(name, self.steps, kept, reached, retries), np.array(deviation[::-1])
