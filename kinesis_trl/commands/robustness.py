"""Test a policy's robustness: every clip under pushes, with weaker and stronger muscles, and with observation noise.

Example: kinesis robustness --policy runs/expert0/policy --motions locomotion-v1/test --json out.json
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kinesis_trl.commands import check_outputs, conclude, finish, open_motions, record, run_command
from kinesis_trl.commands._options import SimulationOptions
from kinesis_trl.envs.config import ImitationConfig
from kinesis_trl.envs.terms.terminations import RULES
from kinesis_trl.shipped import SHIPPED_POLICY, asset

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from kinesis_trl.evaluation.perturbations import Perturbation


@dataclass(frozen=True, kw_only=True)
class RobustnessConfig(SimulationOptions):
    """What to try, and on what."""

    policy: str = ""
    """zero, random, reference, regulator (for optimised motions), a run's policy folder, or an original model.pth; ''
    takes the policy that ships."""
    motions: str = "locomotion-v1/test"
    """locomotion-v1/train, /test or /demo, a folder written by kinesis prepare, or motion files of any format."""
    pushes: tuple[float, ...] = (20.0, 40.0, 60.0, 80.0, 100.0)
    """Forces in newtons of one push of 0.2 s at the pelvis, from a random side at a random moment."""
    strengths: tuple[float, ...] = (0.9, 1.1)
    """Forces of all muscles, as shares of the body's."""
    noises: tuple[float, ...] = (0.05, 0.075)
    """Noise on the observations, as shares of each observation's deviation in training."""
    json: Path | None = None
    """Write all figures to this file."""
    seed: int = 0
    """Seed of sides, moments and noise."""

    def trials(self) -> dict[str, Perturbation]:
        """What is tried, by what the table calls it."""
        from kinesis_trl.evaluation.perturbations import Perturbation

        return {
            "undisturbed": Perturbation(),
            **{f"push {force:g} N": Perturbation(push=force, seed=self.seed) for force in self.pushes},
            **{f"muscle strength × {share:g}": Perturbation(strength=share) for share in self.strengths},
            **{f"observation noise {share:g} SD": Perturbation(noise=share, seed=self.seed) for share in self.noises},
        }


def try_out(config: RobustnessConfig, console: Console) -> dict[str, Any]:
    """Play all clips under every perturbation; print the table, write what was asked for, return the report."""
    from kinesis_trl.atomic import write_text
    from kinesis_trl.envs.imitation import inverse_for
    from kinesis_trl.evaluation.metrics import score, summarise
    from kinesis_trl.evaluation.perturbations import perturbed, with_strength
    from kinesis_trl.evaluation.rollout import play_clips
    from kinesis_trl.planning.controllers import make_player
    from kinesis_trl.progress import progress

    check_outputs(config.json)
    body = config.load_body()
    settings = ImitationConfig(physics=config.physics())
    policy = config.policy or str(asset(SHIPPED_POLICY))
    player = make_player(policy, body, settings, seed=config.seed, planner=config.planner)
    inverse = inverse_for(player.settings.control)
    library = open_motions(config.motions, body, console, inverse=inverse, workers=config.threads)
    trials = config.trials()
    report: dict[str, Any] = {**record(config), "trials": {}}
    with progress(console, "trying", len(trials) * int((library.frames - 1).sum()), "frames") as advance:
        for name, trial in trials.items():
            tried = with_strength(body, trial.strength)
            episodes = play_clips(tried, library, perturbed(player.policy, trial), player.settings, on_step=advance)
            scores = {rule: summarise([score(e, r) for e in episodes]) for rule, r in RULES.items()}
            report["trials"][name] = {"perturbation": asdict(trial), **scores}
    conclude(report, _verdict(report["trials"]), console)
    console.print(_table(report["trials"]))
    if config.json:
        write_text(config.json, json.dumps(report, indent=1))
    named = f" --policy {config.policy}" if config.policy else ""
    finish(console, config.json, advice=f"kinesis failure_map{named} --motions {config.motions} shows where it is lost")
    return report


def _verdict(trials: dict[str, Any]) -> str:
    """In words, which trial costs most."""
    shares = {name: 100 * scores["kinesis"]["success"]["mean"] for name, scores in trials.items()}
    usual = shares.pop("undisturbed")
    if not shares:
        return f"Undisturbed, {usual:.0f} % of the clips are followed to their end."
    worst = min(shares, key=lambda name: shares[name])
    return (
        f"Undisturbed, {usual:.0f} % of the clips are followed to their end; at worst ({worst}) {shares[worst]:.0f} %."
    )


def _table(trials: dict[str, Any]) -> Table:
    from rich.table import Table

    from kinesis_trl.evaluation.tables import interval

    clips = next(iter(trials.values()))["kinesis"]["clips"]
    table = Table(title=f"Means over {clips} clip{'s' * (clips != 1)} [95 % interval]", title_justify="left")
    for column in ("", "kinesis: success %", "kinesis: coverage %", "strict: coverage %", "strict: MPJPE mm"):
        table.add_column(column, justify="right" if column else "left")
    for name, scores in trials.items():
        cells = [
            interval(e, scale)
            for e, scale in (
                (scores["kinesis"]["success"], 100),
                (scores["kinesis"]["coverage"], 100),
                (scores["strict"]["coverage"], 100),
                (scores["strict"]["mpjpe_mm"], 1),
            )
        ]
        table.add_row(name, *cells)
    return table


main = partial(run_command, RobustnessConfig, try_out, name="robustness", description=__doc__)
