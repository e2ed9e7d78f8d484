"""Sampling: bodies follow one clip side by side with noise on their actions, and are resampled by their returns.

A particle filter over the actions of a policy (compare Liu et al. 2010, "Sampling-based contact-rich motion control",
ACM Trans. Graph. 29:128): a body's recent rewards and its value decide how many bodies go on from it. Where all are
lost, they go back and try again with more noise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from tensordict import TensorDict, TensorDictBase

from kinesis_trl.agents.baselines import Policy
from kinesis_trl.agents.critic import Critic
from kinesis_trl.body.model import BodyModel
from kinesis_trl.envs.base import put_rows
from kinesis_trl.envs.disturbance import DisturbanceConfig
from kinesis_trl.envs.imitation import ImitationConfig, ImitationEnv
from kinesis_trl.envs.rollout import rollout
from kinesis_trl.envs.terms.terminations import DistanceRule
from kinesis_trl.motion.library import MotionLibrary
from kinesis_trl.planning.config import SearchConfig

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Found:
    """How the simulated body kept up with a clip of T frames, or, where it was given up, with its first T frames."""

    states: dict[str, Array]
    """T states of its simulation, as `BatchPhysics.get_state` has them."""
    actions: Array
    """(T − 1, A) actions that led from each to the next."""
    distance: Array
    """(T − 1, K) distance in metres of each tracked body from the clip as it was prepared."""
    reward: Array
    """(T − 1,) reward of each step."""
    whole: bool
    """Whether the clip's end was reached."""
    tries: int
    """Times that all bodies were lost on the way."""


@dataclass
class _Search:
    """One clip and its bodies' history; lists have one item a policy step."""

    clip: int
    steps: int
    rows: NDArray[np.int64]
    kept: list[TensorDictBase] = field(default_factory=list)
    """Bodies after each step, in the order in which they go on."""
    scores: list[tuple[Array, Array, Array]] = field(default_factory=list)
    """(P,) what each earned lately, sum of its distances, and (P, A) its noise; like `kept`."""
    made: list[dict[str, Array]] = field(default_factory=list)
    """What each did in a step and what came of it (action, distance, reward), before others went on in its place."""
    parents: list[NDArray[np.int64]] = field(default_factory=list)
    """(P,) which body of those that made a step each one goes on from."""
    tries: int = 0
    furthest: int = 0
    lost_here: int = 0

    @property
    def done(self) -> int:
        return len(self.made)


def search(
    body: BodyModel,
    library: MotionLibrary,
    policy: Callable[[ImitationEnv], Policy],
    critic: Critic,
    settings: ImitationConfig,
    config: SearchConfig,
    clips: Sequence[int],
    *,
    on_step: Callable[[int], None] | None = None,
) -> Iterator[tuple[int, Found]]:
    """Search clips, several at a time; yields each as soon as it is found or given up.

    Args:
        body: the model.
        library: clips with inverse solutions.
        policy: makes the policy for an environment.
        critic: its value function.
        settings: environment; starts, heading, rule, disturbance and number of bodies are set here.
        config: how to search.
        clips: indices into the library.
        on_step: called with how many more policy steps of their clips are done; negative where bodies went back.
    """
    run = _Run(body, library, policy, critic, settings, config)
    waiting = list(clips)
    while waiting or any(run.searches):
        for place, busy in enumerate(run.searches):
            if busy is None and waiting:
                run.begin(place, waiting.pop(0))
        moved = run.step()
        if on_step is not None:
            on_step(moved)
        yield from run.finished()


class _Run:
    """Bodies of all clips that are searched at present; rows of one clip are together."""

    def __init__(
        self,
        body: BodyModel,
        library: MotionLibrary,
        policy: Callable[[ImitationEnv], Policy],
        critic: Critic,
        settings: ImitationConfig,
        config: SearchConfig,
    ) -> None:
        count = config.clips * config.bodies
        self.env = ImitationEnv(
            body,
            library,
            replace(
                settings,
                num_envs=count,
                start="beginning",
                random_heading=False,
                rule=DistanceRule(over="mean", distance=config.far),
                disturbance=DisturbanceConfig(),
                seed=config.seed,
            ),
        )
        self.config, self.critic, self.policy = config, critic, policy(self.env)
        self.rng = np.random.default_rng(config.seed)
        self.searches: list[_Search | None] = [None] * config.clips
        self.assigned = np.zeros(count, dtype=np.int64)
        self.noise = np.zeros((count, int(self.env.action_spec.shape[-1])))
        self.earned, self.apart = np.zeros(count), np.zeros(count)
        self.action = np.zeros_like(self.noise)
        self.env.reset()
        self._steps = rollout(self.env, self._noisy)

    def begin(self, place: int, clip: int) -> None:
        """Let the bodies at `place` start a clip."""
        rows = np.arange(place * self.config.bodies, (place + 1) * self.config.bodies)
        self.assigned[rows] = clip
        self.env.assign(self.assigned)
        mask = torch.zeros(len(self.assigned), 1, dtype=torch.bool)
        mask[rows] = True
        self.env.reset(TensorDict({"_reset": mask}, batch_size=[len(mask)]))
        for array in (self.noise, self.earned, self.apart):
            array[rows] = 0.0
        found = _Search(clip, int(self.env.library.frames[clip]) - 1, rows)
        self._keep(found, self.env.state[torch.from_numpy(rows)])
        self.searches[place] = found

    def step(self) -> int:
        """One policy step of all bodies; returns by how many steps the clips' searches got further."""
        config = self.config
        fresh = np.sqrt(1 - config.ar1**2) * config.noise * self.rng.standard_normal(self.noise.shape)
        for one in self._running():
            fresh[one.rows] *= 1 + 0.25 * min(one.lost_here, 4)
        self.noise = config.ar1 * self.noise + fresh
        after = next(self._steps)
        lost = after["terminated"].reshape(-1).numpy()
        made = {
            "action": self.action,
            "distance": self.env.apart_from_unsolved().numpy(),
            "reward": after["reward"].reshape(-1).double().numpy(),
        }
        apart = made["distance"].mean(-1)
        self.apart = self.apart + apart
        self.earned = config.memory * self.earned + made["reward"] - config.distance_cost * apart
        with torch.no_grad():
            worth = self.earned + self.critic.net(after["observation"]).reshape(-1).double().numpy()
        now = self.env.state.clone()
        before = sum(one.done for one in self._running())
        for one in self._running():
            here = {name: array[one.rows] for name, array in made.items()}
            self._go_on(one, here, ~lost[one.rows], worth[one.rows], now)
        return sum(one.done for one in self._running()) - before

    def _noisy(self, td: TensorDictBase) -> TensorDictBase:
        """The policy's action with the present noise; kept."""
        td = self.policy(td)
        self.action = np.clip(td["action"].double().numpy() + self.noise, -1, 1)
        return td.set("action", torch.from_numpy(self.action).float())

    def finished(self) -> Iterator[tuple[int, Found]]:
        """Clips that are done, and their places freed."""
        for place, one in enumerate(self.searches):
            if one is not None and (one.done == one.steps or one.tries > self.config.tries):
                self.searches[place] = None
                yield one.clip, _best(one)

    def _running(self) -> list[_Search]:
        return [one for one in self.searches if one is not None]

    def _go_on(
        self, one: _Search, made: dict[str, Array], alive: NDArray[np.bool_], worth: Array, now: TensorDictBase
    ) -> None:
        if not alive.any():
            self._go_back(one)
            return
        count = len(alive)
        survivors = np.flatnonzero(alive)
        parents = np.arange(count)
        last = one.done + 1 == one.steps
        if (one.done + 1) % self.config.every == 0 or last or not alive.all():
            shares = self.config.inverse_temperature * _scores(worth[survivors])
            parents = survivors[_systematic(shares, count, self.rng)]
        one.made.append(made)
        one.parents.append(parents)
        rows = one.rows[parents]
        for array in (self.noise, self.earned, self.apart):
            array[one.rows] = array[rows]
        chosen = now[torch.from_numpy(rows)]
        if (parents != np.arange(count)).any():
            put_rows(self.env.state, chosen, torch.from_numpy(one.rows))
        self._keep(one, chosen)

    def _go_back(self, one: _Search) -> None:
        if one.done > one.furthest + self.config.back:  # another difficulty than the last
            one.lost_here = 0
        one.furthest = max(one.furthest, one.done)
        one.tries += 1
        one.lost_here += 1
        if one.tries > self.config.tries:
            return
        to = max(0, one.done - self.config.back * min(one.lost_here, 4))
        del one.made[to:], one.parents[to:], one.kept[to + 1 :], one.scores[to + 1 :]
        self.earned[one.rows], self.apart[one.rows], self.noise[one.rows] = (part.copy() for part in one.scores[to])
        put_rows(self.env.state, one.kept[to], torch.from_numpy(one.rows))

    def _keep(self, one: _Search, bodies: TensorDictBase) -> None:
        one.kept.append(bodies)
        one.scores.append((self.earned[one.rows].copy(), self.apart[one.rows].copy(), self.noise[one.rows].copy()))


def _scores(worth: Array) -> Array:
    """In standard deviations from the mean."""
    return (worth - worth.mean()) / (worth.std() + 1e-9)


def _systematic(log_share: Array, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Indices (count,) drawn in proportion to the exponentials (Kitagawa 1996, systematic resampling)."""
    share = np.exp(log_share - log_share.max())
    places = (rng.random() + np.arange(count)) / count
    return np.minimum(np.searchsorted(np.cumsum(share / share.sum()), places), len(share) - 1)


def _best(one: _Search) -> Found:
    """The way of the body that stayed closest, traced back from where the search ended."""
    row = int(np.argmin(one.scores[-1][1]))
    states = [_state(one.kept[-1], row)]
    made: list[dict[str, Array]] = []
    for step in range(one.done - 1, -1, -1):
        row = int(one.parents[step][row])
        made.append({name: array[row] for name, array in one.made[step].items()})
        states.append(_state(one.kept[step], row))
    return Found(
        states={name: np.stack([state[name] for state in reversed(states)]) for name in states[0]},
        actions=_along(made, "action"),
        distance=_along(made, "distance"),
        reward=_along(made, "reward"),
        whole=one.done == one.steps,
        tries=one.tries,
    )


def _along(made: list[dict[str, Array]], name: str) -> Array:
    return np.array([step[name] for step in reversed(made)])


def _state(kept: TensorDictBase, row: int) -> dict[str, Array]:
    return {name: array[row].numpy() for name, array in kept["physics"].items()}
