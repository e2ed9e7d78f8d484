"""Train an expert, a gate over experts, or the whole curriculum.

Examples:
    python -m kinesis_trl.train laptop --expert 0
    python -m kinesis_trl.train laptop --expert 1 --ppo.clip 0.1
    python -m kinesis_trl.train laptop --moe
    python -m kinesis_trl.train laptop --curriculum --max-experts 2
    python -m kinesis_trl.train point-goal
    python -m kinesis_trl.train directional --warm-start runs/plain/policy
    python -m kinesis_trl.train --config runs/expert0/config.yaml

A run that was stopped goes on when the same command is given again.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Literal

import tyro
from rich.console import Console
from rich.markup import escape

from experiments import directional, point_goal
from experiments.imitation import LAPTOP, PRESETS
from kinesis_trl.agents.checkpoint import load_checkpoint
from kinesis_trl.agents.exceptions import CheckpointError
from kinesis_trl.body.catalog import BodyError
from kinesis_trl.envs.described import as_described
from kinesis_trl.envs.directional import DirectionalConfig
from kinesis_trl.envs.point_goal import PointGoalConfig
from kinesis_trl.motion.clip import ClipFormatError
from kinesis_trl.settings import SettingsError, read_settings
from kinesis_trl.shipped import SHIPPED_POLICY, asset
from kinesis_trl.training.agent import RunError
from kinesis_trl.training.collect import CollectError
from kinesis_trl.training.config import TrainConfig
from kinesis_trl.training.curriculum import (
    CurriculumConfig,
    CurriculumController,
    curriculum_round,
    expert_config,
    mixture_config,
)
from kinesis_trl.training.distillation import GOAL_DAGGER, DistilConfig, policy_without_inverse
from kinesis_trl.training.metrics_file import MetricsFileError
from kinesis_trl.training.ppo import DivergedError
from kinesis_trl.training.trainer import Trainer

PROGRAM = "kinesis_trl.train"


@dataclass(frozen=True, kw_only=True)
class TrainCommand:
    """What to train, and how."""

    expert: int | None = None
    """Train this expert of the curriculum; the first is 0. Later ones start from what the one before left."""
    moe: bool = False
    """Train a gate over all trained experts."""
    curriculum: bool = False
    """Train experts, mine and mix until done."""
    max_experts: int = 3
    """Most experts of the curriculum."""
    few: int = 5
    """The curriculum trains no further expert for this many failed clips or fewer."""
    rule: Literal["kinesis", "strict"] = "kinesis"
    """When a clip counts as failed in the curriculum."""
    gate_steps: int = 2_000_000
    """Policy steps of the gate's training in the curriculum."""
    labels: int = 1_000_000
    """A task with a goal: states that the teacher labels, in all, when a policy that sees the goal is distilled from it
    before PPO (DAgger). The teacher is the policy in warm_start, or the one that ships; one that needs no inverse
    solutions is started from as it is."""
    run: Annotated[TrainConfig, tyro.conf.arg(name="")] = field(default_factory=lambda: LAPTOP)
    """The run."""

    def __post_init__(self) -> None:
        if (self.expert is not None) + self.moe + self.curriculum > 1:
            raise ValueError("give one of --expert, --moe and --curriculum.")
        if self.run.goal is not None and (self.expert is not None or self.moe or self.curriculum):
            raise ValueError("--expert, --moe and --curriculum are for imitation, not for a task with a goal.")


def parse(arguments: Sequence[str]) -> TrainCommand:
    """The command of a command line: a preset by name or `--config FILE`, and changes to single fields.

    Raises:
        SettingsError: the file does not fit.
    """
    arguments = list(arguments)
    if "--config" in arguments:
        at = arguments.index("--config")
        if at + 1 >= len(arguments):
            raise SettingsError("--config needs the path of a config.yaml.")
        run = read_settings(TrainConfig, Path(arguments[at + 1]))
        rest = arguments[:at] + arguments[at + 2 :]
        return tyro.cli(TrainCommand, default=TrainCommand(run=run), args=rest, description=__doc__, prog=PROGRAM)
    everything = PRESETS | point_goal.PRESETS | directional.PRESETS
    presets = {name: (text, TrainCommand(run=run)) for name, (text, run) in everything.items()}
    return tyro.extras.overridable_config_cli(presets, args=arguments, description=__doc__, prog=PROGRAM)


def train(command: TrainCommand, console: Console) -> bool:
    """Carry out the command; False when it was stopped before its end."""
    run = command.run
    if command.curriculum:
        config = CurriculumConfig(
            train=run,
            experts=command.max_experts,
            few=command.few,
            rule=command.rule,
            gate_steps=command.gate_steps,
        )
        return CurriculumController(config, console).run()
    link = None
    if run.goal is not None:
        run = as_imitated(run, console, labels=command.labels)
    if command.expert is not None:
        run = expert_config(run, command.expert)
        link = curriculum_round(run, command.expert)
    elif command.moe:
        run = mixture_config(run)
        link = curriculum_round(run, len(run.experts))
    trainer = Trainer(replace(run), console, curriculum=link)
    start = trainer.progress["step"]
    console.print(f"{run.folder}: {'going on from' if trainer.resumed else 'starting at'} step {start:,}")
    trainer.run()
    return trainer.done() >= 1.0


def as_imitated(run: TrainConfig, console: Console, *, labels: int) -> TrainConfig:
    """A run with a goal whose body is observed and controlled as the policy it starts from has learnt it.

    Without `warm_start` it starts from the policy that ships. From one that corrects inverse solutions of a reference,
    which a goal does not have, a policy that sees the goal is distilled first, once, on `labels` states.

    Raises:
        CheckpointError: no such policy, or a damaged one.
    """
    start = run.warm_start or asset(SHIPPED_POLICY)
    if not start.exists():
        raise CheckpointError(f"no policy at {start}; give the folder of one that imitates.")
    if start.suffix == ".pth":
        return run
    assert isinstance(run.goal, PointGoalConfig | DirectionalConfig)
    distillation = DistilConfig(
        policy=start,
        out=run.runs / f"{run.name}-distilled",
        goal=run.goal,
        body=run.body,
        dagger=replace(GOAL_DAGGER, labels=labels),
        num_envs=run.env.num_envs,
        threads=run.env.physics.threads,
        seed=run.seed,
    )
    start = policy_without_inverse(distillation, console)
    console.print(f"{run.folder}: PPO starts from {start}")
    return replace(run, warm_start=start, env=as_described(run.env, load_checkpoint(start).notes))


def main() -> None:
    """Parse, train, and say what went wrong in one line."""
    console = Console()
    try:
        finished = train(parse(sys.argv[1:]), console)
    except KeyboardInterrupt:
        console.print("stopped; the last checkpoint stays, the same command goes on from it")
        sys.exit(130)
    except (
        BodyError,
        CheckpointError,
        ClipFormatError,
        CollectError,
        DivergedError,
        OSError,
        RunError,
        SettingsError,
        ValueError,
    ) as error:
        console.print(f"[red]{type(error).__name__}[/]: {escape(str(error))}", highlight=False)
        sys.exit(1)
    if not finished:
        console.print("stopped and saved; the same command goes on from here")


if __name__ == "__main__":
    main()
