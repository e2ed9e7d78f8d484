"""Ways to use inverse muscle dynamics for learning, compared over the same training time and several seeds.

Example: .venv/bin/python -m experiments.ladder --seconds 600 --seeds 0 1 --out runs/ladder

Every rung learns to walk forward from random weights by the preset `laptop`, changed in one thing. A rung that was
measured is not measured again.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import matplotlib
import numpy as np
import torch
import tyro
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

from experiments.imitation import LAPTOP
from kinesis_trl.agents.checkpoint import save_policy
from kinesis_trl.agents.lattice import LatticeConfig
from kinesis_trl.agents.provenance import provenance
from kinesis_trl.atomic import replacing, write_text
from kinesis_trl.body.model import load_body
from kinesis_trl.body.muscles import action_for_length
from kinesis_trl.envs.described import describe
from kinesis_trl.envs.imitation import ImitationEnv
from kinesis_trl.motion.library import MotionLibrary
from kinesis_trl.motion.solving import SolveConfig
from kinesis_trl.motion.sources import open_library
from kinesis_trl.training.actors import new_actor
from kinesis_trl.training.config import EvaluationConfig, TrainConfig
from kinesis_trl.training.dagger import Dagger, DaggerConfig
from kinesis_trl.training.run_log import TrackingConfig
from kinesis_trl.training.trainer import Trainer

matplotlib.use("Agg")

_FORWARD = ("walk slow", "walk medium", "walk fast")
_TAUGHT = 0.25  # share of the time for regression, where there is any
_ACTOR = LAPTOP.actor
assert isinstance(_ACTOR, LatticeConfig)
_PLAIN = replace(LAPTOP, env=replace(LAPTOP.env, control="pd", observe_moments=False))


def _spaced(space: Literal["muscles", "excitations"], **actor: Any) -> TrainConfig:
    feedforward = replace(LAPTOP.env.feedforward, space=space)
    env = replace(LAPTOP.env, feedforward=feedforward)
    return replace(LAPTOP, env=env, actor=replace(_ACTOR, **actor))


RUNGS: dict[str, tuple[str, TrainConfig]] = {
    "joints": ("residual on the inverse target lengths, one action a joint along the moment arms", LAPTOP),
    "muscles": (
        "residual on the inverse target lengths, one action a muscle, noise along the moment arms",
        _spaced("muscles", directions="moment-arms"),
    ),
    "excitations": ("excitations with the inverse activations as bias", _spaced("excitations")),
    "regression": ("target lengths, taught the inverse ones on perturbed states for a quarter of the time", _PLAIN),
    "scratch": ("target lengths, from random weights", _PLAIN),
}
"""What is compared."""


@dataclass(frozen=True, kw_only=True)
class LadderConfig:
    """What to compare, and for how long."""

    seconds: float = 600.0
    """Seconds of collecting and learning of every run; evaluation comes on top."""
    seeds: tuple[int, ...] = (0, 1)
    """Seeds of every rung."""
    rungs: tuple[str, ...] = tuple(RUNGS)
    """Which rungs."""
    every: int = 100_000
    """Steps between evaluations."""
    out: Path = Path("runs/ladder")
    """Folder of the runs, of ladder.json and of ladder.png."""

    def __post_init__(self) -> None:
        unknown = sorted(set(self.rungs) - set(RUNGS))
        if unknown:
            raise ValueError(f"unknown rungs {', '.join(unknown)}; choose of {', '.join(RUNGS)}.")
        if not (self.seconds > 0 and self.seeds and self.every > 0):
            raise ValueError("seconds and every must be positive, and there must be a seed.")


@dataclass(frozen=True)
class Climb:
    """One run of one rung."""

    rung: str
    seed: int
    steps: int
    """Policy steps made."""
    seconds: list[float]
    """Training time of each evaluation."""
    coverage: list[float]
    """Strict coverage then, as a share, on the test clips of forward walking."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what is not measured yet, and write the table and the plot."""
    config = tyro.cli(LadderConfig, description=__doc__, prog="experiments.ladder", args=arguments)
    console = Console()
    try:
        climbs = [_climb(name, seed, config, console) for seed in config.seeds for name in config.rungs]
    except KeyboardInterrupt:
        console.print("stopped; the same command goes on")
        sys.exit(130)
    console.print(table(climbs))
    report = {"provenance": provenance(), "climbs": [vars(climb) for climb in climbs]}
    write_text(config.out / "ladder.json", json.dumps(report, indent=1))
    draw(climbs, config.out / "ladder.png")
    console.print(f"wrote {config.out}/ladder.json and ladder.png")


def _climb(name: str, seed: int, config: LadderConfig, console: Console) -> Climb:
    done = config.out / f"{name}-{seed}.json"
    if done.exists():
        return Climb(**json.loads(done.read_text()))
    motions = {split: _forward(split, config.out) for split in ("train", "test")}
    run = replace(
        RUNGS[name][1],
        name=f"{name}-{seed}",
        runs=config.out,
        motions=str(motions["train"]),
        seed=seed,
        total_steps=10**9,
        total_seconds=config.seconds,
        evaluation=EvaluationConfig(every=config.every, motions=str(motions["test"]), images=0),
        tracking=TrackingConfig(aim=False),
    )
    taught = 0.0
    if name == "regression":
        taught = config.seconds * _TAUGHT
        run = replace(run, warm_start=_taught(run, taught, console), total_seconds=config.seconds - taught)
    trainer = Trainer(run, console)
    steps = int(trainer.run()["step"])
    if trainer.done() < 1.0:  # a trainer ends quietly when it is asked to stop
        raise KeyboardInterrupt
    last = trainer.evaluate()["summary"]["strict"]["coverage"]["mean"]
    seconds, coverage, clock = [], [], taught
    before = 0
    for line in (run.folder / "metrics.jsonl").read_text().splitlines():
        row = json.loads(line)
        if "train/steps_per_second" in row:
            clock += (row["step"] - before) / row["train/steps_per_second"]
            before = row["step"]
        if "eval/strict_coverage" in row:
            seconds.append(clock)
            coverage.append(row["eval/strict_coverage"])
    climb = Climb(name, seed, steps, [*seconds, clock], [*coverage, last])
    write_text(done, json.dumps(vars(climb)))
    return climb


def _forward(split: str, folder: Path) -> Path:
    """Where the forward walking clips of a split of locomotion-v1 lie, solved."""
    body, out = load_body(LAPTOP.body), folder / f"forward-{split}"
    if not (out / "library.json").exists():
        library, _ = open_library(f"locomotion-v1/{split}", body, inverse=SolveConfig(), workers=2)
        chosen = [i for i, clip in enumerate(library.clips) if clip.category in _FORWARD]
        library.subset(chosen).save(out)
    return out


def _taught(run: TrainConfig, seconds: float, console: Console) -> Path:
    """A policy of target lengths fitted to the inverse ones on the states it comes to, for a time."""
    out = run.folder.with_name(f"{run.name}-taught")
    if out.exists():
        return out
    torch.manual_seed(run.seed)
    body = load_body(run.body)
    env = ImitationEnv(body, MotionLibrary.load(Path(run.motions), body), replace(run.env, seed=run.seed))
    student = new_actor(run.actor, env)
    muscles, feedforward = body.muscles, env.feedforward
    assert feedforward is not None

    def teach(_: Any) -> tuple[torch.Tensor, torch.Tensor]:
        lengths = feedforward.target_length(env.next_frame())
        action = torch.from_numpy(action_for_length(lengths, muscles)).float()
        return action, torch.ones(len(action), dtype=torch.bool)

    end = time.perf_counter() + seconds
    school = Dagger(env, teach, student, DaggerConfig(labels=10**9, handover=0.0), seed=run.seed)
    school.learn(stop=lambda: time.perf_counter() > end)
    console.print(f"{run.name}: regression loss {school.loss:.2e} after {school.labels:,} labels")
    save_policy(out, student, body=body.name, notes=describe(run.env) | {"labels": school.labels, "seed": run.seed})
    return out


def table(climbs: Sequence[Climb]) -> Table:
    """Final coverage, steps and speed of every rung, one column a seed."""
    seeds = sorted({climb.seed for climb in climbs})
    made = Table(title="strict coverage of forward walking after the same training time", header_style="bold")
    made.add_column("rung")
    made.add_column("what it is")
    for seed in seeds:
        made.add_column(f"seed {seed}, %", justify="right")
    made.add_column("steps, M", justify="right")
    for name, (words, _) in RUNGS.items():
        mine = {climb.seed: climb for climb in climbs if climb.rung == name}
        if mine:
            cells = [f"{100 * mine[seed].coverage[-1]:.1f}" if seed in mine else "" for seed in seeds]
            steps = np.mean([climb.steps for climb in mine.values()]) / 1e6
            made.add_row(name, words, *cells, f"{steps:.2f}")
    return made


def draw(climbs: Sequence[Climb], path: Path) -> None:
    """Coverage against training time, one colour a rung, one line a seed."""
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    names = [name for name in RUNGS if any(climb.rung == name for climb in climbs)]
    for colour, name in enumerate(names):
        for climb in (climb for climb in climbs if climb.rung == name):
            label = name if climb.seed == min(c.seed for c in climbs if c.rung == name) else None
            minutes = np.array([0.0, *climb.seconds]) / 60
            axes.plot(minutes[1:], 100 * np.array(climb.coverage), f"C{colour}.-", label=label)
    axes.set(xlabel="training time in minutes", ylabel="strict coverage of test clips, %")
    axes.set(xlim=(0, None), ylim=(0, None))
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    with replacing(path) as target:
        figure.savefig(target, dpi=130)


if __name__ == "__main__":
    main()
