"""Distillation: a policy of plain target lengths learns from one that corrects inverse solutions (DAgger).

The learner observes the reference, as its teacher does, or the goal of a task. For a goal the teacher follows planner
references, motions that the gait planner makes to goals drawn as the task draws them; the learner sees the goal alone.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from kinesis_trl.agents.checkpoint import WEIGHTS, load_checkpoint, save_policy
from kinesis_trl.agents.policy import Policy
from kinesis_trl.atomic import write_text
from kinesis_trl.body.model import BodyModel, load_body
from kinesis_trl.body.simulator import PhysicsConfig
from kinesis_trl.envs.control.config import LengthConfig
from kinesis_trl.envs.described import as_described, describe
from kinesis_trl.envs.goal_imitation import GoalImitationEnv
from kinesis_trl.envs.imitation import ImitationConfig, ImitationEnv
from kinesis_trl.envs.layout import without_inverse
from kinesis_trl.envs.planner_references import plan_references
from kinesis_trl.envs.terms.terminations import DistanceRule
from kinesis_trl.evaluation.metrics import evaluate_episodes
from kinesis_trl.evaluation.rollout import play_clips
from kinesis_trl.evaluation.task import Route, task_of
from kinesis_trl.motion.solving import SolveConfig
from kinesis_trl.motion.sources import open_library
from kinesis_trl.planning.controllers import Player
from kinesis_trl.progress import counting, progress
from kinesis_trl.training.config import DistilConfig
from kinesis_trl.training.dagger import Dagger, length_labels, open_learner, open_teacher

COMPARISON = "comparison.json"
"""File in the learner's folder with the evaluation of teacher and learner; written at the end."""
_LENGTH_UNIT = 0.02  # metres: difference of a target length that counts 1, a tenth of a muscle's peak force
_GOAL_RULE = DistanceRule(over="any", distance=0.25)
"""When a body is too far from the planner reference for labels: wider than in imitation, as the learner does not see
it."""


def distil(config: DistilConfig, console: Console) -> dict[str, Any]:
    """Fit, save, and compare; returns the summaries of the evaluation of `teacher` and `learner`.

    With a goal, the teacher is evaluated on planner references, the learner by the goal it sees.

    Raises:
        CheckpointError: no teacher there, or of another body.
        ValueError: a teacher whose control has no target lengths.
    """
    torch.manual_seed(config.seed)
    body = load_body(config.body)
    physics = PhysicsConfig(threads=config.threads)
    settings = ImitationConfig(num_envs=config.num_envs, physics=physics, seed=config.seed)
    if config.goal is not None:
        settings = replace(settings, rule=_GOAL_RULE)
    teacher, theirs = open_teacher(config.policy, body, settings)
    mine = replace(theirs, control=LengthConfig(), observation=without_inverse(theirs.observation))
    env = _environment(config, body, mine, console)
    learner, labelled = open_learner(config.out, config.learner, env)
    dagger = Dagger(
        env,
        length_labels(teacher, theirs, env),
        learner,
        config.dagger,
        view=env.goal_view if isinstance(env, GoalImitationEnv) else None,
        unit=torch.from_numpy(2 * _LENGTH_UNIT / body.muscles.longest_tendon).float(),
        labelled=labelled,
        seed=config.seed,
    )
    task = {"motions": config.motions} if config.goal is None else {"task": config.goal.name}

    def save() -> None:
        notes = describe(mine) | task | {"teacher": str(config.policy), "seed": config.seed}
        save_policy(config.out, learner, body=body.name, notes=notes | {"labels": dagger.labelled})

    with progress(console, "distilling", config.dagger.labels, "labels", completed=labelled) as advance:
        dagger.learn(on_labels=advance, save=save)
    if config.goal is None:
        found = {
            "teacher": _follow(config, body, teacher, theirs),
            "learner": _follow(config, body, learner, mine),
        }
        console.print(_table(found))
    else:
        widths = (learner.observation_width, learner.action_width)
        found = {
            "teacher": _reach(config, body, Player(theirs, lambda env: teacher.eval()), "planner", console),
            "learner": _reach(config, body, Player(mine, lambda env: learner.eval(), widths), "policy", console),
        }
    write_text(config.out / COMPARISON, json.dumps(found, indent=1))
    if config.goal is None:
        covered = [100 * found[who]["kinesis"]["coverage"]["mean"] for who in ("learner", "teacher")]
        console.print(f"The learner covers {covered[0]:.0f} % of its clips, its teacher {covered[1]:.0f} %.")
    console.print(f"regression loss {dagger.loss:.4f} after {dagger.labelled:,} labels; wrote {config.out}")
    return found


def policy_without_inverse(config: DistilConfig, console: Console) -> Path:
    """Where a policy lies that acts without inverse solutions: the teacher, if it does, else the learner.

    The learner's folder is named after `config.out` and the teacher's weights, so that another teacher has another one;
    a learner with as many labels as are asked for is not fitted again.

    Raises:
        CheckpointError: no policy there, or of another body.
    """
    notes = load_checkpoint(config.policy, body=load_body(config.body).name).notes
    if not as_described(ImitationConfig(), notes).control.needs_reference:
        return config.policy
    weights = hashlib.sha256((config.policy / WEIGHTS).read_bytes()).hexdigest()[:8]
    out = config.out.with_name(f"{config.out.name}-{weights}")
    done = int(load_checkpoint(out).notes.get("labels", 0)) if (out / COMPARISON).exists() else 0
    if done >= config.dagger.labels:
        console.print(f"{out}: distilled before from {config.policy} on {done:,} labels")
        return out
    console.print(
        f"{config.policy} corrects inverse solutions of a reference (control feedforward), which a goal does not have. "
        f"It is the teacher: a policy that sees the goal is distilled from it first, on {config.dagger.labels:,} "
        f"labels (DAgger), into {out}."
    )
    distil(replace(config, out=out), console)
    return out


def _environment(config: DistilConfig, body: BodyModel, settings: ImitationConfig, console: Console) -> ImitationEnv:
    """Where the labels come from: the motions, or planner references to goals."""
    if config.goal is None:
        with counting(console, "preparing motions", "clips") as on_clip:
            library, _ = open_library(config.motions, body, inverse=SolveConfig(), on_clip=on_clip)
        return ImitationEnv(body, library, settings)
    with progress(console, "planner references", config.references, "episodes") as advance:
        references = plan_references(config.goal, body, config.references, seed=config.seed, on_clip=advance)
    return GoalImitationEnv(body, references, config.goal, settings)


def _follow(config: DistilConfig, body: BodyModel, policy: Policy, settings: ImitationConfig) -> dict[str, Any]:
    library, _ = open_library(config.evaluation, body, inverse=SolveConfig())
    report = evaluate_episodes(play_clips(body, library, lambda env: policy.eval(), settings), library.clips)
    summary: dict[str, Any] = report["summary"]
    return summary


def _reach(config: DistilConfig, body: BodyModel, player: Player, route: Route, console: Console) -> dict[str, Any]:
    assert config.goal is not None
    console.print("teacher, on planner references:" if route == "planner" else "learner, which sees the goal:")
    task = task_of(config.goal)
    report = task.evaluate(body, player, route, config.goal, config.seed + 1)
    console.print(task.table(report))
    summary: dict[str, Any] = report["summary"]
    return summary


def _table(found: dict[str, dict[str, Any]]) -> Table:
    table = Table(title="what the learner keeps", header_style="bold")
    table.add_column("policy")
    for column in ("strict coverage %", "kinesis coverage %", "MPJPE mm"):
        table.add_column(column, justify="right")
    for name, summary in found.items():
        strict, lenient = summary["strict"], summary["kinesis"]
        cells = (100 * strict["coverage"]["mean"], 100 * lenient["coverage"]["mean"], lenient["mpjpe_mm"]["mean"])
        table.add_row(name, *(f"{value:.1f}" for value in cells))
    return table
