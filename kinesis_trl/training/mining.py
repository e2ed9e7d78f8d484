"""Negative mining: which of its own training clips a policy does not follow."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from kinesis_trl.agents.checkpoint import load_policy
from kinesis_trl.atomic import sweep, write_text
from kinesis_trl.body.model import load_body
from kinesis_trl.envs.config import ImitationConfig
from kinesis_trl.evaluation.metrics import evaluate_episodes
from kinesis_trl.evaluation.rollout import play_clips
from kinesis_trl.training.agent import RunError
from kinesis_trl.training.collect import open_clips
from kinesis_trl.training.run_folder import POLICY, load_run

MINED = "mined.txt"
REPORT = "mining.json"


@dataclass(frozen=True)
class Mined:
    """What a policy left over."""

    failed: tuple[str, ...]
    """Names of the clips it did not follow to their end."""
    report: dict[str, Any]
    """The whole evaluation on its training clips."""


def mine(
    folder: Path,
    *,
    rule: Literal["kinesis", "strict"] = "kinesis",
    threads: int = 1,
    on_step: Callable[[int, int], None] | None = None,
) -> Mined:
    """Play a run's policy on its own training clips, and write the names of those it failed.

    Writes mined.txt (one name a line, what `TrainConfig.clips` takes) and mining.json into the run's folder.

    Args:
        folder: the run.
        rule: when a clip counts as failed.
        threads: simulation threads.
        on_step: called with the steps made so far and those in all, first with 0, for progress.

    Raises:
        RunError: no run there, one without a policy, or a folder that cannot be written to.
    """
    config = load_run(folder)
    sweep(folder)
    body = load_body(config.body)
    library = open_clips(config, body)
    policy = load_policy(folder / POLICY, body=body.name).eval()
    if not isinstance(config.env, ImitationConfig):
        raise RunError(f"{folder} learns {config.env.name}, not imitation: it has no clips to mine.")
    settings = replace(config.env, physics=replace(config.env.physics, threads=threads))
    total, made = int((library.frames - 1).sum()), 0

    def count(steps: int) -> None:
        nonlocal made
        made += steps
        if on_step is not None:
            on_step(made, total)

    count(0)
    episodes = play_clips(body, library, lambda env: policy, settings, on_step=count)
    report = evaluate_episodes(episodes, library.clips)
    failed = tuple(row["name"] for row in report["clips"] if not row[rule]["success"])
    heading = f"# {len(failed)} of {len(library)} clips that {config.name} does not follow under the rule {rule}\n"
    try:
        write_text(folder / REPORT, json.dumps({"rule": rule, **report}, indent=1))
        write_text(folder / MINED, heading + "".join(f"{name}\n" for name in failed))
    except OSError as error:
        raise RunError(f"{folder}: what was mined cannot be written ({error}); free space and mine again.") from error
    return Mined(failed, report)
