"""Success, frame coverage and position error of recorded episodes, per clip and by category."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from kinesis_trl.envs.terms.terminations import RULES, DistanceRule
from kinesis_trl.evaluation.rollout import Episode
from kinesis_trl.motion.library import ClipEntry

FEWEST = 5
"""Clips from which on an interval says something."""
LACKS = 5.0
"""Moment in N m from which on muscles are said not to have made what was asked of them."""


@dataclass(frozen=True)
class ClipScore:
    """How one clip was followed under one rule."""

    success: bool
    """The clip's end was reached."""
    coverage: float
    """Share of the clip's frames before the episode failed, 0 … 1."""
    mpjpe: float
    """Mean distance of the tracked bodies from their references in mm, up to and including the frame that failed."""
    reward: float
    """Mean reward per step up to there."""


def score(episode: Episode, rule: DistanceRule) -> ClipScore:
    """Apply `rule` to a recorded episode; a simulation that became non-finite failed at its last step."""
    failed = rule.failed(torch.from_numpy(episode.distance)).numpy()
    if episode.broken:
        failed[-1] = True
    end = int(failed.argmax()) if failed.any() else len(failed)
    success = end == episode.steps
    counted = slice(0, end if success else end + 1)
    return ClipScore(
        success=success,
        coverage=end / episode.steps,
        mpjpe=float(1000 * episode.distance[counted].mean()),
        reward=float(episode.reward[counted].mean()),
    )


@dataclass(frozen=True)
class Estimate:
    """A mean over clips with its 95 % interval; fewer than `FEWEST` have none."""

    mean: float
    low: float | None
    high: float | None


def _bootstrap(values: NDArray[np.float64], *, draws: int = 2000, seed: int = 0) -> Estimate:
    """Mean and 95 % percentile interval over resampled clips (Efron 1979); the seed is fixed."""
    if len(values) < FEWEST:
        return Estimate(float(values.mean()), None, None)
    picks = np.random.default_rng(seed).integers(len(values), size=(draws, len(values)))
    low, high = np.percentile(values[picks].mean(1), [2.5, 97.5])
    return Estimate(float(values.mean()), float(low), float(high))


def _wilson(hits: NDArray[np.bool_]) -> Estimate:
    """Share of successes and its 95 % score interval (Wilson 1927)."""
    n, p, z = len(hits), float(hits.mean()), 1.959964
    if n < FEWEST:
        return Estimate(p, None, None)
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return Estimate(p, min(p, max(0.0, float(centre - half))), max(p, min(1.0, float(centre + half))))


def summarise(scores: Sequence[ClipScore]) -> dict[str, Any]:
    """Number of clips, and success, coverage, MPJPE (mm) and reward as mean with 95 % interval."""
    pick: Callable[[str], NDArray[Any]] = lambda name: np.array([getattr(s, name) for s in scores])  # noqa: E731
    return {
        "clips": len(scores),
        "success": asdict(_wilson(pick("success"))),
        "coverage": asdict(_bootstrap(pick("coverage"))),
        "mpjpe_mm": asdict(_bootstrap(pick("mpjpe"))),
        "reward": asdict(_bootstrap(pick("reward"))),
    }


def _lacking(moments: NDArray[np.float64]) -> dict[str, Any]:
    """Moments (T,) in N m that muscles could not make: how many steps lack more than `LACKS`, the mean and the most."""
    return {
        "steps": len(moments),
        "clipped_steps": int((moments > LACKS).sum()),
        "mean_nm": float(moments.mean()),
        "largest_nm": float(moments.max()),
    }


def evaluate_episodes(episodes: Sequence[Episode], clips: Sequence[ClipEntry]) -> dict[str, Any]:
    """Scores of all episodes under every rule: per clip, by category and over all, as plain data for JSON."""
    rules = {name: [score(e, rule) for e in episodes] for name, rule in RULES.items()}
    categories = sorted({clips[e.clip].category for e in episodes})
    report: dict[str, Any] = {"clips": [], "summary": {}, "by_category": {}}
    for i, episode in enumerate(episodes):
        entry = clips[episode.clip]
        row: dict[str, Any] = {
            "name": entry.name,
            "category": entry.category,
            "seconds": (entry.frames - 1) / 30,
            "broken": episode.broken,
        }
        report["clips"].append(row | {name: asdict(scores[i]) for name, scores in rules.items()})
    lacking = [episode.lacking for episode in episodes if episode.lacking is not None]
    if lacking:
        report["lacking_moment"] = _lacking(np.concatenate(lacking))
    for name, scores in rules.items():
        report["summary"][name] = summarise(scores)
        for category in categories if any(categories) else ():
            members = [s for s, e in zip(scores, episodes, strict=True) if clips[e.clip].category == category]
            report["by_category"].setdefault(category or "other", {})[name] = summarise(members)
    return report
