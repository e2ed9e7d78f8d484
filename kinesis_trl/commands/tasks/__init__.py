"""What can be evaluated: every task of a preset, and those that have a file here, with options of their own.

Such a file is a module with a docstring, a class `Options` of `EvalConfig`, a function
`run(options, body, player, console)` that plays, prints its verdict and tables, writes what was asked for, and returns
the report, and a function `advice(options)` of what to do next. Tasks without one get `goal_task`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from kinesis_trl.body.simulator import Sensing
from kinesis_trl.commands import conclude
from kinesis_trl.commands._options import LesionOptions
from kinesis_trl.envs.control.config import ControlName
from kinesis_trl.evaluation.config import PictureConfig

if TYPE_CHECKING:
    from rich.console import Console

    from kinesis_trl.body.model import BodyModel
    from kinesis_trl.evaluation.video import Run
    from kinesis_trl.planning.controllers import Player


@dataclass(frozen=True, kw_only=True)
class EvalConfig(LesionOptions):
    """What all tasks share."""

    task: ClassVar[str]
    """Name of the task."""

    policy: str = ""
    """A run's policy folder, an original model.pth, or zero, random, reference (target lengths = the reference's
    muscle lengths) or regulator (the feedback of optimised motions); '' takes the regulator for optimised motions
    unless the planner is on, the policy that ships for others, and for route policy the one of the task."""
    control: ControlName | None = None
    """Action as target lengths of a length controller (pd), as excitations (direct), or as a correction of the
    reference's inverse solution (feedforward); None takes what the policy was trained with, else pd."""
    sensing: Sensing | None = None
    """Which moment the policy sees, see PhysicsConfig; None takes what the policy was trained with, and original
    for an original model.pth."""
    json: Path | None = None
    """Write all figures to this file."""
    picture: Path | None = None
    """Write a chart by category, or the paths gone, to this .png or .svg."""
    video: Path | None = None
    """Write a video of some clips or goals side by side, each with the outline of the reference motion, to this
    .mp4."""
    drawing: PictureConfig = field(default_factory=PictureConfig)
    """Size, camera and shadows of the video."""
    video_clips: int = 6
    """How many clips the video shows, spread evenly over the categories, or how many goals."""
    failure_dir: Path | None = None
    """Folder for reports on simulations that became non-finite."""
    seed: int = 0
    """Seed of the random policy, of the goals, and of the walker generated for a sentence."""

    def shipped(self) -> str:
        """The policy that is taken when none is named, as `shipped.asset` takes it."""
        from kinesis_trl.shipped import SHIPPED_POLICY

        return SHIPPED_POLICY

    def outputs(self) -> tuple[Path | None, ...]:
        """Files that are written."""
        return self.json, self.picture, self.video


@dataclass(frozen=True, kw_only=True)
class GoalOptions(EvalConfig):
    """What all tasks with a goal share."""

    route: Literal["planner", "policy"] = "planner"
    """planner: a policy of imitation follows what the gait planner lays; policy: a policy fine-tuned for the task
    sees the goal itself."""

    def shipped(self) -> str:
        """Of the route."""
        from kinesis_trl.shipped import GOAL_POLICIES

        return f"{GOAL_POLICIES}/{self.task}" if self.route == "policy" else super().shipped()


def task_names() -> tuple[str, ...]:
    """All tasks as a user calls them; imitation, the usual one, first."""
    from kinesis_trl.training.presets import shipped_presets

    found = _modules() | {item.run.env.name for item in shipped_presets().values()}
    return tuple(sorted(found, key=lambda name: (name != "imitation", name)))


def _modules() -> set[str]:
    return {path.stem.replace("_", "-") for path in Path(__file__).parent.glob("[a-z]*.py")}


def task_module(name: str) -> ModuleType | SimpleNamespace:
    """The module of a task."""
    return import_module(f"{__name__}.{name.replace('-', '_')}") if name in _modules() else goal_task(name)


def goal_task(name: str) -> SimpleNamespace:
    """Options and functions of a task that has no file here, as such a file has them."""
    from kinesis_trl.training.presets import shipped_presets

    preset = next(preset for preset in shipped_presets().values() if preset.run.env.name == name)

    def run(config: GoalOptions, body: BodyModel, player: Player, console: Console) -> Report:
        from kinesis_trl.evaluation.task import task_of

        task = task_of(preset.run.env)
        report = task.evaluate(body, player, config.route, preset.run.env, config.seed)
        conclude(report, task.verdict(report), console)
        console.print(task.table(report))
        return report

    return SimpleNamespace(
        __doc__=f"Task {name}: {preset.description}.",
        Options=dataclass(frozen=True, kw_only=True)(type("Options", (GoalOptions,), {"task": name})),
        run=run,
        advice=lambda config: f"kinesis train {preset.run.name} trains a policy that sees the goal itself",
    )


def draw(path: Path, body: BodyModel, runs: list[Run], picture: PictureConfig, console: Console) -> None:
    """A video of runs side by side."""
    from kinesis_trl.evaluation.video import write_runs
    from kinesis_trl.progress import progress

    with progress(console, "drawing", max(len(run.qpos) for run in runs), "frames") as advance:
        write_runs(path, body, runs, picture=picture, on_frame=lambda: advance(1))


def player_of(config: EvalConfig, body: BodyModel) -> Player:
    """The policy, in the body as it shall be."""
    from kinesis_trl.envs.config import ImitationConfig
    from kinesis_trl.planning.controllers import make_player
    from kinesis_trl.shipped import asset

    return make_player(
        config.policy or str(asset(config.shipped())),
        body,
        ImitationConfig(physics=replace(config.physics(), failure_dir=config.failure_dir)),
        control=config.control,
        sensing=config.sensing,
        seed=config.seed,
        planner=config.planner,
    )


Report = dict[str, Any]
"""What a task's `run` returns: values for JSON."""
