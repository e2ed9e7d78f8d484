"""Study fatigue: walk until the muscles tire, and find when the policy can no longer track walking.

Examples:
    kinesis fatigue --minutes 20 --speed 1.3
    kinesis fatigue --condition fatigue parameters=kinesis --policy runs/mine/policy --out tired
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kinesis_trl.body.fatigue import Condition, FatigueConfig
from kinesis_trl.commands import check_outputs, finish, record, run_command
from kinesis_trl.commands._options import BodyOptions
from kinesis_trl.shipped import SHIPPED_POLICY, asset

if TYPE_CHECKING:
    from rich.console import Console

    from kinesis_trl.body.model import BodyModel
    from kinesis_trl.physiology.fatigue import LongWalk


@dataclass(frozen=True, kw_only=True)
class FatigueStudy(BodyOptions):
    """Who walks for how long."""

    minutes: float = 20.0
    """Minutes of walking."""
    speed: float = 1.3
    """Speed in m/s."""
    walkers: int = 4
    """Generated walkers, each with a gait of its own, side by side."""
    condition: Condition = field(default_factory=FatigueConfig)
    """How muscles tire: fatigue with parameters as FIELD=VALUE, such as parameters=kinesis fatigue=0.02."""
    policy: str = ""
    """A run's policy folder; '' takes the policy that ships."""
    bout: float = 60.0
    """Seconds of a clip, after which it begins anew; the muscles stay as they are."""
    out: Path = Path("fatigue")
    """Folder for fatigue.json and fatigue.svg."""
    threads: int = field(default_factory=lambda: os.cpu_count() or 1)
    """Threads of the simulation; results do not depend on it."""
    seed: int = 0
    """Seed of the first walker."""

    def __post_init__(self) -> None:
        if not (self.minutes > 0 and self.speed > 0 and self.walkers >= 1 and self.bout >= 5):
            raise ValueError("minutes and speed must be positive, walkers at least 1, and a bout at least 5 seconds.")
        if self.condition is None:
            raise ValueError("healthy muscles do not tire; give --condition fatigue.")


def study(config: FatigueStudy, console: Console) -> dict[str, Any]:
    """Walk, write figures and picture, and say what happened."""
    from kinesis_trl.atomic import write_text
    from kinesis_trl.physiology.analysis import plain
    from kinesis_trl.physiology.fatigue import shares, sharing_changes

    check_outputs(config.out / "fatigue.json", config.out / "fatigue.svg")
    body = config.load_body()
    walk = _walk(config, body, console)
    figures: dict[str, Any] = {
        **record(config),
        "walk": asdict(walk),
        "muscles": shares(body, 60 * walk.minutes, walk.activation, walk.fatigued, walk.activation.mean(0)),
        "sharing": sharing_changes(body, walk),
        "muscle_names": body.muscle_names,
    }
    config.out.mkdir(parents=True, exist_ok=True)
    figures = plain(figures)
    write_text(config.out / "fatigue.json", json.dumps(figures, indent=1))
    write_text(config.out / "fatigue.svg", _picture(figures))
    _say(config, walk, figures, console)
    return figures


def _walk(config: FatigueStudy, body: BodyModel, console: Console) -> LongWalk:
    from kinesis_trl.body.simulator import PhysicsConfig
    from kinesis_trl.envs.imitation import ImitationConfig, ImitationEnv, inverse_for
    from kinesis_trl.envs.terms.terminations import KINESIS
    from kinesis_trl.motion.gait.language import text_to_clip
    from kinesis_trl.motion.library import MotionLibrary
    from kinesis_trl.physiology.fatigue import walk_long
    from kinesis_trl.planning.controllers import make_player
    from kinesis_trl.progress import progress

    assert config.condition is not None
    physics = PhysicsConfig(threads=config.threads, condition=replace(config.condition, start="kept"))
    settings = ImitationConfig(
        num_envs=config.walkers, start="beginning", random_heading=False, rule=KINESIS, physics=physics
    )
    player = make_player(config.policy or str(asset(SHIPPED_POLICY)), body, settings, seed=config.seed)
    text = f"walk forward at {config.speed:g} m/s for {min(config.bout, 60 * config.minutes):g} seconds"
    with console.status("Preparing the walk …"):
        clips = [text_to_clip(text, body, config.seed + k) for k in range(config.walkers)]
        solve = inverse_for(player.settings.control)
        library = MotionLibrary.build(clips, body, inverse=solve, workers=config.threads)
    env = ImitationEnv(body, library, player.settings)
    env.assign(list(range(config.walkers)))
    with progress(console, "walking", round(60 * config.minutes / env.policy_dt), "frames") as advance:
        return walk_long(env, player.policy(env), config.minutes, advance)


def _picture(figures: dict[str, Any]) -> str:
    """Tracking, and the fatigued share of each muscle group, over the minutes."""
    from kinesis_trl.physiology.figures import line_panel

    minutes = figures["walk"]["minutes"]
    lines = {group: (minutes, values["fatigued"]) for group, values in figures["muscles"]["groups"].items()}
    return line_panel(lines, "minutes", "fatigued share", named=True)


def _say(config: FatigueStudy, walk: LongWalk, figures: dict[str, Any], console: Console) -> None:
    from rich.table import Table

    fallen = sorted(walk.first_fall[walk.first_fall < float("inf")].tolist())
    lost = [float(m) for m, c in zip(walk.minutes, walk.coverage, strict=True) if c < 0.5]
    outcome = (
        f"{len(fallen)} of {config.walkers} fell, the first after {fallen[0]:.1f} minutes"
        if fallen
        else f"None of {config.walkers} fell in {config.minutes:g} minutes"
    )
    failed = f"tracking fails from minute {lost[0]:.0f} on" if lost else "tracking holds to the end"
    console.print(f"{outcome}; {failed} (half of the frames within 0.15 m).")
    table = Table(title=f"{walk.walked:.0f} m at {config.speed:g} m/s", title_justify="left")
    for column in ("minute", "frames within 0.15 m", "mean error, cm", "falls", "mean fatigued share"):
        table.add_column(column, justify="right")
    every = max(1, len(walk.minutes) // 10)
    for k in sorted({*range(0, len(walk.minutes), every), len(walk.minutes) - 1}):
        table.add_row(
            f"{walk.minutes[k]:.0f}",
            f"{100 * walk.coverage[k]:.1f} %",
            f"{100 * walk.error[k]:.1f}",
            str(walk.falls[k]),
            f"{100 * walk.fatigued[k].mean():.1f} %",
        )
    console.print(table)
    tired = ", ".join(f"{row['muscle']} {100 * row['fatigued']:.0f} %" for row in figures["muscles"]["most"][:8])
    console.print(f"Most fatigued: {tired}.")
    changed = ", ".join(
        f"{row['muscle']} {100 * row['first']:.0f} → {100 * row['last']:.0f} % of {row['group']}"
        for row in figures["sharing"][:6]
    )
    console.print(f"Shares of the load that changed most, first to last minute: {changed}.")
    finish(
        console,
        config.out / "fatigue.json",
        config.out / "fatigue.svg",
        advice="kinesis report --condition fatigue shows strides and muscles",
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the command line and walk."""
    run_command(FatigueStudy, study, arguments, name="fatigue", description=__doc__)
