"""Play every clip of a library once, from its first frame, and record what happened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from kinesis_trl.agents.baselines import Policy
from kinesis_trl.body.model import BodyModel
from kinesis_trl.envs.disturbance import DisturbanceConfig
from kinesis_trl.envs.imitation import ImitationConfig, ImitationEnv
from kinesis_trl.envs.rollout import rollout
from kinesis_trl.envs.terms.terminations import KINESIS
from kinesis_trl.motion.library import MotionLibrary


@dataclass(frozen=True)
class Episode:
    """One clip played once, from its first frame until its end or until the body was lost."""

    clip: int
    """Index of the clip in the library."""
    steps: int
    """Policy steps the clip asks for (at 30 a second, its frames less one)."""
    distance: NDArray[np.float64]
    """(T, K) distance of each tracked body from the clip as it was prepared, in metres, after each step; T ≤ steps."""
    reward: NDArray[np.float64]
    """(T,) reward of each step."""
    lacking: NDArray[np.float64] | None = None
    """(T,) largest moment in N m that muscles could not make in each step, of a control that asks for moments."""
    qpos: NDArray[np.float64] | None = None
    """(T + 1, nq) coordinates at the start and after each step, if asked for."""
    activation: NDArray[np.float64] | None = None
    """(T + 1, M) muscle activations, if asked for."""
    broken: bool = False
    """Whether the simulation became non-finite."""


def play_clips(
    body: BodyModel,
    library: MotionLibrary,
    policy: Callable[[ImitationEnv], Policy],
    config: ImitationConfig,
    *,
    max_envs: int = 128,
    keep_states: frozenset[int] = frozenset(),
    on_step: Callable[[int], None] | None = None,
) -> list[Episode]:
    """Play every clip of `library` once under the most lenient rule, many side by side.

    An episode goes on until the mean distance passes 0.5 m (the rule `kinesis`), so that any stricter rule can
    be applied to the recorded distances afterwards.

    Args:
        body: the model.
        library: clips to play.
        policy: makes the policy for an environment.
        config: environment settings; start, heading, rule and number of environments are set here.
        max_envs: most clips side by side.
        keep_states: clips whose states are recorded, for videos.
        on_step: called with the number of steps just made, for progress.

    Returns:
        One episode per clip, in the library's order.
    """
    episodes: list[Episode] = []
    for first in range(0, len(library), max_envs):
        chunk = list(range(first, min(first + max_envs, len(library))))
        settings = replace(config, num_envs=len(chunk), start="beginning", random_heading=False, rule=KINESIS)
        settings = replace(settings, disturbance=DisturbanceConfig())
        env = ImitationEnv(body, library, settings)
        env.assign(chunk)
        episodes += _play(env, policy(env), chunk, keep_states, on_step)
    return episodes


def _play(
    env: ImitationEnv,
    policy: Policy,
    clips: list[int],
    keep_states: frozenset[int],
    on_step: Callable[[int], None] | None,
) -> list[Episode]:
    seconds = env.library.duration[torch.tensor(clips)]
    steps = torch.ceil(seconds / env.policy_dt - 1e-6).long().tolist()
    distance: list[list[NDArray[np.float64]]] = [[] for _ in clips]
    reward: list[list[float]] = [[] for _ in clips]
    lacking: list[list[float]] = [[] for _ in clips]
    kept = [row for row, clip in enumerate(clips) if clip in keep_states]
    states: dict[int, list[tuple[NDArray[np.float64], NDArray[np.float64]]]] = {row: [] for row in kept}
    running = np.ones(len(clips), dtype=bool)
    broken = np.zeros(len(clips), dtype=bool)
    env.reset()
    for row in kept:
        states[row].append((env.physics.qpos[row].copy(), env.physics.activation[row].copy()))
    failures = len(env.physics.failures)
    for after in rollout(env, policy, halt=True):
        apart = env.apart_from_unsolved().numpy()
        for row in np.flatnonzero(running).tolist():
            distance[row].append(apart[row])
            reward[row].append(float(after["reward"][row]))
            if env.control.lacking is not None:
                lacking[row].append(float(env.control.lacking[row]))
            if row in states:
                states[row].append((env.physics.qpos[row].copy(), env.physics.activation[row].copy()))
        if len(env.physics.failures) > failures:
            lost = {f.row for f in list(env.physics.failures)[failures:]}
            broken |= running & np.isin(np.arange(len(clips)), list(lost))
            failures = len(env.physics.failures)
        if on_step is not None:
            on_step(int(running.sum()))
        running &= ~after["done"].reshape(-1).numpy()
        if not running.any():
            break
    return [
        Episode(
            clip=clip,
            steps=steps[row],
            distance=np.array(distance[row]),
            reward=np.array(reward[row]),
            lacking=np.array(lacking[row]) if lacking[row] else None,
            qpos=np.array([q for q, _ in states[row]]) if row in states else None,
            activation=np.array([a for _, a in states[row]]) if row in states else None,
            broken=bool(broken[row]),
        )
        for row, clip in enumerate(clips)
    ]
