"""Show where in its clips a policy fails: bodies start at random frames, and failures are counted by frame.

Example: kinesis failure_map --motions motions/mine --json failures.json --picture failures.png
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from kinesis_trl.commands import check_outputs, conclude, finish, open_motions, record, run_command
from kinesis_trl.commands._options import SimulationOptions
from kinesis_trl.envs.config import ImitationConfig
from kinesis_trl.envs.terms.terminations import RULES
from kinesis_trl.shipped import SHIPPED_POLICY, asset

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True, kw_only=True)
class FailureMapConfig(SimulationOptions):
    """What to play, for how long, and what to write."""

    policy: str = ""
    """zero, random, reference, regulator (for optimised motions), a run's policy folder, or an original model.pth; ''
    takes the policy that ships."""
    motions: str = "locomotion-v1/test"
    """locomotion-v1/train, /test or /demo, a folder written by kinesis prepare, or motion files of any format."""
    rule: Literal["strict", "kinesis"] = "strict"
    """When a body is lost: a tracked body more than 0.15 m away, or all of them 0.5 m on average."""
    steps: int = 300
    """Policy steps of each body."""
    num_envs: int = 128
    """Bodies."""
    json: Path | None = None
    """Write all figures to this file."""
    picture: Path | None = None
    """Write a chart of the worst clips over time to this .png or .svg."""
    seed: int = 0
    """Seed of clips, moments and headings."""

    def __post_init__(self) -> None:
        if self.steps < 1 or self.num_envs < 1:
            raise ValueError(f"steps {self.steps} and num_envs {self.num_envs} must be at least 1.")


def look(config: FailureMapConfig, console: Console) -> dict[str, Any]:
    """Play, print the table, write what was asked for; returns the report."""
    from kinesis_trl.atomic import write_text
    from kinesis_trl.envs.imitation import inverse_for
    from kinesis_trl.evaluation import failure_map
    from kinesis_trl.planning.controllers import make_player
    from kinesis_trl.progress import progress

    check_outputs(config.json, config.picture)
    body = config.load_body()
    settings = ImitationConfig(num_envs=config.num_envs, physics=config.physics())
    policy = config.policy or str(asset(SHIPPED_POLICY))
    player = make_player(policy, body, settings, seed=config.seed, planner=config.planner)
    inverse = inverse_for(player.settings.control)
    library = open_motions(config.motions, body, console, inverse=inverse, workers=config.threads)
    with progress(console, "playing", config.steps * config.num_envs, "steps") as advance:
        found = failure_map.count_failures(
            body,
            library,
            player.policy,
            player.settings,
            rule=RULES[config.rule],
            steps=config.steps,
            seed=config.seed,
            on_step=advance,
        )
    report = record(config) | failure_map.report_failures(found, library)
    conclude(report, failure_map.verdict(report), console)
    console.print(failure_map.failure_table(report))
    if config.json:
        write_text(config.json, json.dumps(report, indent=1))
    if config.picture:
        failure_map.draw_failures(report, config.picture)
    finish(
        console,
        config.json,
        config.picture,
        advice="kinesis train laptop --motions FOLDER trains on motions of your own",
    )
    return report


main = partial(run_command, FailureMapConfig, look, name="failure_map", description=__doc__)
