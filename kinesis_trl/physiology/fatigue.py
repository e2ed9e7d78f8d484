"""Fatigue: how the muscles' compartments change while a body moves, and a study of long walking."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.agents.baselines import Policy
from kinesis_trl.body.model import BodyModel
from kinesis_trl.envs.imitation import ImitationEnv
from kinesis_trl.envs.rollout import restart, rollout
from kinesis_trl.envs.terms.terminations import STRICT
from kinesis_trl.physiology.recording import Array, Recording

_POINTS = 25
"""Points of a curve over time."""
_NAMED = 12
"""Muscles that are named."""


def compartments(recordings: Sequence[Recording], body: BodyModel) -> dict[str, Any]:
    """Shares of the muscles over time, by group and of those that tire most, averaged over recordings.

    Raises:
        ValueError: no recording of muscles that tire.
    """
    tired = [recording for recording in recordings if len(recording.fatigued)]
    if not tired:
        raise ValueError("the muscles did not tire.")
    count = min(len(recording.time) for recording in tired)
    at = np.unique(np.linspace(0, count - 1, _POINTS).astype(int))
    active = np.mean([recording.activation[at] for recording in tired], axis=0)
    fatigued = np.mean([recording.fatigued[at] for recording in tired], axis=0)
    mean = np.mean([recording.activation[:count].mean(0) for recording in tired], axis=0)
    return shares(body, tired[0].time[at], active, fatigued, mean) | {"n": len(tired)}


def shares(body: BodyModel, seconds: Array, active: Array, fatigued: Array, mean: Array) -> dict[str, Any]:
    """Compartments by muscle group over time, and the muscles that tired most.

    Args:
        body: the body.
        seconds: (T,) times.
        active: (T, M) active shares.
        fatigued: (T, M) fatigued shares.
        mean: (M,) activation, averaged over all the time.
    """
    groups = {
        group: {
            "active": active[:, ids].mean(1),
            "resting": (1 - active - fatigued)[:, ids].mean(1),
            "fatigued": fatigued[:, ids].mean(1),
        }
        for group, ids in body.muscle_groups.items()
    }
    order = np.argsort(-fatigued[-1])[:_NAMED]
    most = [
        {"muscle": body.muscle_names[m], "fatigued": fatigued[-1, m], "activation": mean[m]} for m in order.tolist()
    ]
    return {"seconds": seconds, "groups": groups, "most": most}


@dataclass(frozen=True, kw_only=True)
class LongWalk:
    """What N bodies did for K minutes (the last one may be shorter)."""

    minutes: Array
    """(K,) minutes at whose ends figures are taken."""
    coverage: Array
    """(K,) share of the frames with all bodies within 0.15 m of the reference."""
    error: Array
    """(K,) mean distance in metres of the tracked bodies from the reference."""
    falls: NDArray[np.int64]
    """(K,) falls of all bodies."""
    first_fall: Array
    """(N,) minutes until each body first fell; infinite where it never did."""
    activation: Array
    """(K, M) mean activation of the muscles."""
    fatigued: Array
    """(K, M) fatigued shares at the end of each minute."""
    walked: float
    """Metres that the references go, on average."""


def walk_long(
    env: ImitationEnv, policy: Policy, minutes: float, on_step: Callable[[int], None] | None = None
) -> LongWalk:
    """Let every row walk its own clip again and again, falls included, with fatigue kept throughout.

    After a fall, and at its clip's end, a body begins its clip anew.

    Raises:
        ValueError: muscles that do not tire, or recover between episodes.
    """
    fatigue = env.physics.fatigue
    if fatigue is None or fatigue.config.start != "kept":
        raise ValueError("a long walk needs the condition fatigue with start=kept.")
    steps, count, per = round(minutes * 60 / env.policy_dt), env.settings.num_envs, round(60 / env.policy_dt)
    edges = [*range(per, steps, per), steps]
    first = np.full(count, np.inf)
    kept: list[tuple[float, float, int, Array, Array]] = []
    near, error, fell, active, since = 0, 0.0, 0, np.zeros(env.body.model.nu), 0
    root, metres = env.library.qpos[:, :2].double(), 0.0
    env.reset()
    before = env.library.frame_index(env.clip, env.time)
    for k, after in zip(range(1, steps + 1), rollout(env, policy), strict=False):
        apart, lost = env.distances, after["terminated"].reshape(-1).numpy()
        near += int((apart.amax(-1) < STRICT.distance).sum())
        error += float(apart.mean())
        fell += int(lost.sum())
        first[lost & np.isinf(first)] = k * env.policy_dt / 60
        restart(env, after["done"])
        active += env.physics.activation.mean(0)
        since += 1
        now = env.library.frame_index(env.clip, env.time)
        moved = (root[now] - root[before]).norm(dim=-1)
        metres, before = metres + float(moved[~after["done"].reshape(-1)].sum()) / count, now
        if k == edges[len(kept)]:
            kept.append((near / since / count, error / since, fell, active / since, fatigue.fatigued.mean(0)))
            near, error, fell, active, since = 0, 0.0, 0, np.zeros_like(active), 0
        if on_step is not None:
            on_step(1)
    covered, apart_, falls, activation, fatigued = (np.array(values) for values in zip(*kept, strict=True))
    return LongWalk(
        minutes=np.array(edges) * env.policy_dt / 60,
        coverage=covered,
        error=apart_,
        falls=falls,
        first_fall=first,
        activation=activation,
        fatigued=fatigued,
        walked=metres,
    )


def sharing_changes(body: BodyModel, walk: LongWalk) -> list[dict[str, Any]]:
    """How the load of each muscle group is shared in the first and in the last minute: shares of its peak force times
    activation, of the muscles whose share changes most."""
    changes = []
    for group, ids in body.muscle_groups.items():
        pull = walk.activation[[0, -1]][:, ids] * body.muscles.peak_force[ids]
        share = pull / np.maximum(pull.sum(1, keepdims=True), 1e-9)
        changes += [
            {"group": group, "muscle": body.muscle_names[m], "first": share[0, k], "last": share[1, k]}
            for k, m in enumerate(ids.tolist())
        ]
    return sorted(changes, key=lambda row: -abs(row["last"] - row["first"]))[:_NAMED]
