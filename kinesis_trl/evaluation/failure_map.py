"""Where in its clips a policy fails: bodies start everywhere, not only at the beginning."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from rich.table import Table
from rich.text import Text

from kinesis_trl.agents.baselines import Policy
from kinesis_trl.body.model import BodyModel
from kinesis_trl.envs.disturbance import DisturbanceConfig
from kinesis_trl.envs.imitation import ImitationConfig, ImitationEnv
from kinesis_trl.envs.rollout import restart, rollout
from kinesis_trl.envs.sampling import StartConfig
from kinesis_trl.envs.terms.terminations import DistanceRule
from kinesis_trl.motion.library import FPS, MotionLibrary

Counts = NDArray[np.int64]

BIN = 15
"""Frames in one cell of the report: half a second."""
_HALF = 4
"""Frames to either side of the moment at which most failures are."""


@dataclass(frozen=True)
class Failures:
    """What happened in every frame of one clip."""

    passed: Counts
    """(T,) times a body left the frame for the next one."""
    failed: Counts
    """(T,) times it was lost on the way."""

    @property
    def per_100(self) -> float:
        """Failures per 100 policy steps; 0 for a clip never visited."""
        return float(100 * self.failed.sum() / max(self.passed.sum(), 1))

    @property
    def worst(self) -> float | None:
        """Seconds into the clip around which most bodies are lost; None where none is."""
        if not self.failed.any():
            return None
        return float(self._near().argmax()) / FPS

    @property
    def share_at_worst(self) -> float:
        """Share of all failures within 0.13 s of that moment: near 1 where one moment of the clip is the trouble."""
        return float(self._near().max() / max(self.failed.sum(), 1))

    def by_half_second(self) -> list[float | None]:
        """Share of bodies lost in each half second, estimated by failures per passage; None where none passed."""
        edges = range(0, len(self.passed), BIN)
        out: list[float | None] = []
        for first in edges:
            passed, failed = self.passed[first : first + BIN], self.failed[first : first + BIN]
            stays = np.prod(1 - failed[passed > 0] / passed[passed > 0])
            out.append(float(1 - stays) if passed.any() else None)
        return out

    def _near(self) -> Counts:
        return np.convolve(self.failed, np.ones(2 * _HALF + 1, dtype=np.int64), "same")[: len(self.failed)]


def count_failures(
    body: BodyModel,
    library: MotionLibrary,
    policy: Callable[[ImitationEnv], Policy],
    settings: ImitationConfig,
    *,
    rule: DistanceRule,
    steps: int,
    seed: int = 0,
    on_step: Callable[[int], None] | None = None,
) -> list[Failures]:
    """Play from random moments of random clips with deterministic actions; a body that is lost starts elsewhere.

    Args:
        body: the model.
        library: clips to play; every one as likely.
        policy: makes the policy for an environment.
        settings: environment; its number of bodies is kept; starts, rule and disturbance are set here.
        rule: when a body is lost.
        steps: policy steps of each body.
        seed: of clips, moments and headings.
        on_step: called with the number of steps just made, for progress.

    Returns:
        One count per clip, in the library's order.
    """
    starts = StartConfig(failure_share=0.0)
    settings = replace(settings, start="random", starts=starts, rule=rule, seed=seed, disturbance=DisturbanceConfig())
    env = ImitationEnv(body, library, settings)
    found = [Failures(np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)) for n in library.frames.tolist()]
    env.reset()
    played = rollout(env, policy(env))
    for _ in range(steps):
        clips, frames = env.clip.tolist(), (env.time * FPS).round().long().tolist()
        after = next(played)
        lost = after["terminated"].reshape(-1).tolist()
        for clip, frame, gone in zip(clips, frames, lost, strict=True):
            found[clip].passed[frame] += 1
            found[clip].failed[frame] += gone
        restart(env, after["done"])
        if on_step is not None:
            on_step(len(clips))
    return found


def report_failures(found: list[Failures], library: MotionLibrary) -> dict[str, Any]:
    """Summary and every clip, as JSON values."""
    passed, failed = (sum(int(getattr(f, name).sum()) for f in found) for name in ("passed", "failed"))
    return {
        "summary": {"steps": passed, "failures": failed, "failures_per_100_steps": 100 * failed / max(passed, 1)},
        "clips": [
            {
                "name": entry.name,
                "category": entry.category,
                "steps": int(f.passed.sum()),
                "failures": int(f.failed.sum()),
                "failures_per_100_steps": f.per_100,
                "worst_s": f.worst,
                "share_at_worst": f.share_at_worst,
                "lost_by_half_second": f.by_half_second(),
            }
            for entry, f in zip(library.clips, found, strict=True)
        ],
    }


def verdict(report: dict[str, Any]) -> str:
    """The result in words: how often bodies are lost, and in which clips most."""
    summary, clips = report["summary"], sorted(report["clips"], key=lambda row: -row["failures_per_100_steps"])
    worst = [row for row in clips if row["failures"]][:3]
    if not worst:
        return "No body was lost anywhere."
    places = (row["name"] + ("" if row["worst_s"] is None else f" (about {row['worst_s']:.1f} s)") for row in worst)
    return (
        f"A body is lost {summary['failures_per_100_steps']:.2f} times in 100 steps, most often in {', '.join(places)}."
    )


def failure_table(report: dict[str, Any], most: int = 40) -> Table:
    """Clips by failures per step, the worst first."""
    summary, clips = report["summary"], sorted(report["clips"], key=lambda row: -row["failures_per_100_steps"])
    title = f"{summary['failures_per_100_steps']:.2f} failures per 100 steps from everywhere"
    table = Table(title=title if len(clips) <= most else f"{title}; the {most} worst of {len(clips)} clips")
    for column in ("clip", "category", "steps", "failures", "per 100 steps", "worst at s", "share there %"):
        table.add_column(column, justify="left" if column in ("clip", "category") else "right")
    for row in clips[:most]:
        worst = "–" if row["worst_s"] is None else f"{row['worst_s']:.1f}"
        table.add_row(
            Text(row["name"]),
            Text(row["category"]),
            str(row["steps"]),
            str(row["failures"]),
            f"{row['failures_per_100_steps']:.2f}",
            worst,
            f"{100 * row['share_at_worst']:.0f}",
        )
    return table


def draw_failures(report: dict[str, Any], path: Path, most: int = 60) -> None:
    """One row a clip, one cell each half second, redder where more bodies are lost; white: no body passed."""
    rows = sorted(report["clips"], key=lambda row: -row["failures_per_100_steps"])[:most]
    width = max(len(row["lost_by_half_second"]) for row in rows)
    cells = np.full((len(rows), width), np.nan)
    for k, row in enumerate(rows):
        shares = row["lost_by_half_second"]
        cells[k, : len(shares)] = [np.nan if share is None else share for share in shares]
    figure = Figure(figsize=(9, 1.6 + 0.2 * len(rows)), layout="constrained")
    axes = figure.subplots()
    picture = axes.imshow(
        np.ma.masked_invalid(cells),
        aspect="auto",
        cmap="Reds",
        vmin=0,
        vmax=1,
        extent=(0, width * BIN / FPS, len(rows) - 0.5, -0.5),
    )
    axes.set(xlabel="time in the clip, s", title="share of bodies lost in each half second")
    axes.set_yticks(range(len(rows)), [row["name"][:32] for row in rows], fontsize=6)
    figure.colorbar(picture, ax=axes, shrink=0.6)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
