"""Train an expert, a gate over experts, or the whole curriculum.

Examples:
    kinesis train laptop --expert 0
    kinesis train laptop --expert 1 --ppo.clip 0.1
    kinesis train laptop --moe
    kinesis train laptop --curriculum --max-experts 2
    kinesis train point-goal
    kinesis train directional --warm-start runs/plain/policy
    kinesis train my_walk.py
    kinesis train --config runs/expert0/config.yaml

A run that was stopped goes on when the same command is given again. Further settings, such as the weights of the
reward, are in a file: kinesis train laptop --write-config my.yaml, edit it, kinesis train --config my.yaml.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from kinesis_trl.agents.exceptions import CheckpointError
from kinesis_trl.commands import finish, make_console, parse_options
from kinesis_trl.commands._options import sized_as
from kinesis_trl.envs.goal_config import GoalConfig
from kinesis_trl.failures import explained
from kinesis_trl.settings import SettingsError, file_only_fields, read_settings, to_yaml
from kinesis_trl.shipped import FEEDFORWARD_POLICY, asset
from kinesis_trl.training.config import TrainConfig
from kinesis_trl.training.presets import Preset, preset, presets_of, shipped_presets

if TYPE_CHECKING:
    from rich.console import Console

STOPPED = "stopped; the last checkpoint stays, the same command goes on from it"


@dataclass(frozen=True, kw_only=True)
class TrainCommand:
    """What to train, and how."""

    run: Annotated[TrainConfig, tyro.conf.arg(name="")] = field(default_factory=lambda: preset("laptop"))
    """The run."""
    subject: str = ""
    """A person's own size, as height=1.62,mass=58 in metres and kg, or a .yaml file with these and segment lengths
    (thigh, shank, foot, pelvis, trunk, in metres); '': as the body is."""
    write_config: Path | None = None
    """Write all settings of the run, also those that are no options, to this .yaml and end."""


@dataclass(frozen=True, kw_only=True)
class ImitationCommand(TrainCommand):
    """A run that imitates, alone or as part of a curriculum."""

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

    def __post_init__(self) -> None:
        if (self.expert is not None) + self.moe + self.curriculum > 1:
            raise ValueError("give one of --expert, --moe and --curriculum.")
        if not self.run.env.follows_clips:
            raise ValueError("experts, gates and the curriculum are for imitation, not for a task with a goal.")


@dataclass(frozen=True, kw_only=True)
class GoalCommand(TrainCommand):
    """A run with a goal."""

    labels: int = 1_000_000
    """States that the teacher labels, in all, when a policy that sees the goal is distilled from it before PPO
    (DAgger). The teacher is the policy in warm_start, or the one that ships; one that needs no inverse solutions is
    started from as it is."""


def parse(arguments: Sequence[str]) -> TrainCommand:
    """The command of a command line: a preset by name or of a Python file, or `--config FILE`, and single fields.

    Raises:
        SettingsError: the file does not fit, or an option that only a file sets.
        PresetError: a Python file without a preset.
    """
    arguments, known = list(arguments), shipped_presets()
    if "--config" in arguments:
        at = arguments.index("--config")
        if at + 1 >= len(arguments):
            raise SettingsError("--config needs the path of a config.yaml.")
        path = Path(arguments[at + 1])
        run = read_settings(TrainConfig, path)
        return _options(run, arguments[:at] + arguments[at + 2 :], f"--config {path}", str(path))
    if arguments and arguments[0].endswith(".py"):
        path = Path(arguments.pop(0))
        if not path.is_file():
            raise SettingsError(f"no file {path}; name a preset ({', '.join(known)}) or a Python file that makes one.")
        known = presets_of(path)
        if len(known) == 1 and not (arguments and arguments[0] in known):
            arguments.insert(0, *known)
    if not arguments or arguments[0] not in known:
        _list_presets(known, arguments)
    chosen = known[arguments[0]]
    return _options(chosen.run, arguments[1:], arguments[0], chosen.description)


def _options(run: TrainConfig, arguments: list[str], name: str, text: str) -> TrainCommand:
    """A run with the fields changed that the options name."""
    _refuse_file_only(run, arguments)
    about = f"{name}: {text}\n\n{__doc__}"
    kind = ImitationCommand if run.env.follows_clips else GoalCommand
    command = parse_options(kind, arguments, name=f"train {name}", description=about, default=kind(run=run))
    return replace(command, run=replace(command.run, body=sized_as(command.run.body, command.subject)), subject="")


def _list_presets(known: dict[str, Preset], arguments: list[str]) -> None:
    """Say which presets there are, and exit: with 0 when that was asked for."""
    asked = arguments[:1] in (["--help"], ["-h"])
    out = sys.stdout if asked else sys.stderr
    if asked:
        out.write(f"usage: kinesis train PRESET|FILE.py [options]\n\n{__doc__}\n")
    elif arguments:
        close = get_close_matches(arguments[0], known, n=1)
        out.write(f"kinesis train: no preset {arguments[0]!r}{f'; did you mean {close[0]}?' if close else '.'}\n")
    out.write("Presets, each with its options (kinesis train PRESET --help):\n")
    for name, item in known.items():
        out.write(f"  {name:<12} {item.description}\n")
    sys.exit(0 if asked else 2)


def _refuse_file_only(run: TrainConfig, arguments: Sequence[str]) -> None:
    given = {a.removeprefix("--").split("=")[0].replace("-", "_") for a in arguments if a.startswith("--")}
    given = {name.replace(".no_", ".") for name in given}
    for name in sorted(file_only_fields(run)):
        for option in given:
            if option == name or option.startswith(f"{name}."):
                raise SettingsError(
                    f"--{option.replace('_', '-')} is set in a file: kinesis train laptop --write-config my.yaml, "
                    "edit it, kinesis train --config my.yaml."
                )


def train(command: TrainCommand, console: Console) -> bool:
    """Carry out the command; False when it was stopped before its end."""
    from kinesis_trl.training.curriculum import (
        CurriculumConfig,
        CurriculumController,
        curriculum_round,
        expert_config,
        mixture_config,
    )
    from kinesis_trl.training.trainer import Trainer

    run, link = command.run, None
    if isinstance(command, GoalCommand):
        run = as_imitated(run, console, labels=command.labels)
    if isinstance(command, ImitationCommand) and command.curriculum:
        config = CurriculumConfig(
            train=run,
            experts=command.max_experts,
            few=command.few,
            rule=command.rule,
            gate_steps=command.gate_steps,
        )
        return CurriculumController(config, console).run()
    if isinstance(command, ImitationCommand) and command.expert is not None:
        run = expert_config(run, command.expert)
        link = curriculum_round(run, command.expert)
    elif isinstance(command, ImitationCommand) and command.moe:
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
    from kinesis_trl.agents.checkpoint import load_checkpoint
    from kinesis_trl.envs.described import as_described
    from kinesis_trl.training.config import GOAL_DAGGER, DistilConfig
    from kinesis_trl.training.distillation import policy_without_inverse

    start = run.warm_start or asset(FEEDFORWARD_POLICY)
    if not start.exists():
        raise CheckpointError(f"no policy at {start}; give the folder of one that imitates.")
    if start.suffix == ".pth":
        return run
    assert isinstance(run.env, GoalConfig)
    distillation = DistilConfig(
        policy=start,
        out=run.runs / f"{run.name}-distilled",
        goal=run.env,
        body=run.body,
        dagger=replace(GOAL_DAGGER, labels=labels),
        num_envs=run.env.num_envs,
        threads=run.env.physics.threads,
        seed=run.seed,
    )
    start = policy_without_inverse(distillation, console)
    console.print(f"{run.folder}: PPO starts from {start}")
    return replace(run, warm_start=start, env=as_described(run.env, load_checkpoint(start).notes))


def closing(command: TrainCommand, console: Console, *, finished: bool) -> None:
    """Say where the run is and what to do next."""
    run = command.run
    if not finished:
        console.print("stopped and saved; the same command goes on from here")
        return
    shown = "" if run.runs == Path("runs") else f" --runs {run.runs}"
    name = run.name
    advice = f"kinesis eval --policy {run.folder / 'policy'}"
    if isinstance(command, GoalCommand):
        advice = f"kinesis eval --task {run.env.name} --route policy --policy {run.folder / 'policy'}"
    elif isinstance(command, ImitationCommand) and command.expert is not None:
        name, advice = f"expert{command.expert}", f"kinesis mine --run {run.runs / f'expert{command.expert}'}"
    elif isinstance(command, ImitationCommand) and (command.moe or command.curriculum):
        name = "moe" if (run.runs / "moe" / "policy").is_dir() else "expert0"  # one expert may suffice
        advice = f"kinesis eval --policy {run.runs / name / 'policy'}"
    console.print(f"{name} is trained.", markup=False, highlight=False)
    finish(console, run.runs / name, advice=f"{advice}; kinesis aim{shown} shows how it learnt")


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse, train, and say what went wrong in one line."""
    with explained(STOPPED):
        command = parse(sys.argv[1:] if arguments is None else arguments)
        console = make_console()
        if command.write_config is not None:
            from kinesis_trl.atomic import write_text

            write_text(command.write_config, to_yaml(command.run))
            finish(console, command.write_config, advice=f"kinesis train --config {command.write_config}")
            return
        closing(command, console, finished=train(command, console))
