"""A policy that sees a goal, taught by one that imitates the planner's way there."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from kinesis_trl.agents.checkpoint import load_checkpoint, save_policy
from kinesis_trl.agents.lattice import LatticeConfig
from kinesis_trl.atomic import write_text
from kinesis_trl.body.model import BodyModel, load_body
from kinesis_trl.body.simulator import PhysicsConfig
from kinesis_trl.envs.described import describe
from kinesis_trl.envs.directional import DirectionalConfig
from kinesis_trl.envs.guided import GuidedEnv
from kinesis_trl.envs.guides import make_guides
from kinesis_trl.envs.imitation import ImitationConfig
from kinesis_trl.envs.point_goal import PointGoalConfig
from kinesis_trl.envs.terminations import DistanceRule
from kinesis_trl.evaluation.directional import make_rider, report_ride, ride, ride_table
from kinesis_trl.evaluation.point_goal import Route, report_trips, travel_to_goals, trip_table
from kinesis_trl.planning.controllers import Player
from kinesis_trl.progress import progress
from kinesis_trl.training.dagger import Dagger, DaggerConfig, open_student
from kinesis_trl.training.distillation import COMPARISON, LENGTH_UNIT, lengths_of, open_teacher

TEACHING = DaggerConfig(labels=1_000_000, noise=0.01, mirror=False)
"""How a student of goals is taught unless told otherwise."""


@dataclass(frozen=True, kw_only=True)
class GuidanceConfig:
    """Who teaches, which task, and where the student goes."""

    policy: Path
    """The teacher: a policy folder, trained with control feedforward and space joints or muscles."""
    out: Path
    """Folder of the student, a policy with control pd; one that is there is taught further."""
    task: PointGoalConfig | DirectionalConfig
    """Its goals or commands are drawn by its own rules."""
    guides: int = 256
    """Episodes that the planner lays down to be taught on."""
    rule: DistanceRule = field(default_factory=lambda: DistanceRule(over="any", distance=0.25))
    """When a body is too far from the planner's way for the teacher to say what to do: wider than in imitation, as the
    student does not see the way."""
    student: LatticeConfig = field(default_factory=lambda: LatticeConfig(action_log_std=-3.0, latent_log_std=-3.0))
    """The student; its noise is not learnt here."""
    dagger: DaggerConfig = field(default_factory=lambda: TEACHING)
    """How it is taught."""
    trials: int = 100
    """Goals on which teacher and student are compared at the end; in directional control the script of commands."""
    body: str = "myolegs"
    """Body by name, or a path to a KINESIS model file."""
    num_envs: int = 128
    """Number of environments stepped together."""
    threads: int = 1
    """Threads of the simulation; results do not depend on it."""
    seed: int = 0
    """Seed of everything."""


def guide(config: GuidanceConfig, console: Console) -> dict[str, dict[str, Any]]:
    """Teach, save, and compare on the task; returns the summaries of `teacher` (route planner) and `student`.

    The teacher follows the planner's way and sees it; the student sees the goal alone, in the same states, and learns
    the target lengths that the teacher asks for.

    Raises:
        CheckpointError: no teacher there, or of another body.
        ValueError: a teacher whose actions are not lengths.
    """
    torch.manual_seed(config.seed)
    body = load_body(config.body)
    physics = PhysicsConfig(threads=config.threads)
    settings = ImitationConfig(num_envs=config.num_envs, physics=physics, rule=config.rule, seed=config.seed)
    teacher, theirs = open_teacher(config.policy, body, settings)
    mine = replace(theirs, control="pd", observe_moments=False)
    with progress(console, "laying ways", config.guides, "ways") as advance:
        guides = make_guides(config.task, body, config.guides, seed=config.seed, on_clip=advance)
    env = GuidedEnv(body, guides, config.task, mine)
    student, labels = open_student(config.out, config.student, env)
    unit = torch.from_numpy(2 * LENGTH_UNIT / body.muscles.longest_tendon).float()
    school = Dagger(
        env,
        lengths_of(teacher, env),
        student,
        config.dagger,
        view=env.goal_view,
        unit=unit,
        labels=labels,
        seed=config.seed,
    )

    def save() -> None:
        notes = describe(mine) | {"labels": school.labels, "task": type(config.task).__name__, "seed": config.seed}
        save_policy(config.out, student, body=body.name, notes=notes | {"teacher": str(config.policy)})

    with progress(console, "teaching", config.dagger.labels, "labels", completed=labels) as advance:
        school.learn(on_labels=advance, save=save)
    widths = (student.observation_width, student.action_width)
    found = {
        "teacher": _evaluate(config, body, Player(theirs, lambda env: teacher.eval()), "planner", console),
        "student": _evaluate(config, body, Player(mine, lambda env: student.eval(), widths), "policy", console),
    }
    write_text(config.out / COMPARISON, json.dumps(found, indent=1))
    console.print(f"regression loss {school.loss:.4f} after {school.labels:,} labels; wrote {config.out}")
    return found


def guided_policy(config: GuidanceConfig, console: Console) -> Path:
    """Where a policy lies that acts without inverse solutions: the teacher, if it does, else its student.

    The student's folder is named after `config.out` and the teacher's weights, so that another teacher has another one;
    a student that was taught as many labels as are asked for is not taught again.

    Raises:
        CheckpointError: no policy there, or of another body.
    """
    if load_checkpoint(config.policy, body=load_body(config.body).name).notes.get("control") != "feedforward":
        return config.policy
    weights = hashlib.sha256((config.policy / "policy.safetensors").read_bytes()).hexdigest()[:8]
    out = config.out.with_name(f"{config.out.name}-{weights}")
    if _labels(out) < config.dagger.labels:
        console.print(
            f"{config.policy} corrects inverse solutions of a reference (control feedforward), which a goal does not "
            f"have; it first teaches a policy that sees the goal, in {out}."
        )
        guide(replace(config, out=out), console)
    return out


def _labels(out: Path) -> int:
    """On how many labels the student in a folder was taught and compared; 0 where there is none."""
    if not (out / COMPARISON).exists():
        return 0
    return int(load_checkpoint(out).notes.get("labels", 0))


def _evaluate(
    config: GuidanceConfig, body: BodyModel, player: Player, route: Route, console: Console
) -> dict[str, Any]:
    who = "the teacher on the planner's way" if route == "planner" else "the student, which sees the goal"
    console.print(f"{who}:")
    if isinstance(config.task, PointGoalConfig):
        trips, _ = travel_to_goals(body, player, route, config.task, count=config.trials, seed=config.seed + 1)
        report = report_trips(trips)
        console.print(trip_table(report))
    else:
        report = report_ride(ride(make_rider(body, player, route, config.task)))
        console.print(ride_table(report))
    summary: dict[str, Any] = report["summary"]
    return summary
