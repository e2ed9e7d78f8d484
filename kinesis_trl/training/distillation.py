"""A policy of plain target lengths, taught by one that corrects inverse solutions; it needs none to act."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from tensordict import TensorDictBase
from torch import Tensor

from kinesis_trl.agents.checkpoint import load_checkpoint, save_policy
from kinesis_trl.agents.policy import Policy
from kinesis_trl.atomic import write_text
from kinesis_trl.body.model import BodyModel, load_body
from kinesis_trl.body.muscles import action_for_length
from kinesis_trl.body.simulator import PhysicsConfig
from kinesis_trl.envs.described import as_described, describe
from kinesis_trl.envs.imitation import ImitationConfig, ImitationEnv
from kinesis_trl.evaluation.metrics import evaluate_episodes
from kinesis_trl.evaluation.rollout import play_clips
from kinesis_trl.motion.solving import SolveConfig
from kinesis_trl.motion.sources import open_library
from kinesis_trl.progress import counting, progress
from kinesis_trl.training.config import DistilConfig
from kinesis_trl.training.dagger import Dagger, Teacher
from kinesis_trl.training.pretraining import open_student

LENGTH_UNIT = 0.02
"""Difference of a target length in metres that counts 1 in the regression: a tenth of a muscle's peak force."""
COMPARISON = "comparison.json"
"""File in the student's folder that says what it kept; written when it is taught to the end."""


def distil(config: DistilConfig, console: Console) -> dict[str, dict[str, Any]]:
    """Teach, save, and compare; returns the evaluation of `teacher` and `student`, as `evaluate_episodes` makes it.

    Raises:
        CheckpointError: no teacher there, or of another body.
        ValueError: a teacher whose actions are not lengths.
    """
    torch.manual_seed(config.seed)
    body = load_body(config.body)
    physics = PhysicsConfig(threads=config.threads)
    settings = ImitationConfig(num_envs=config.num_envs, physics=physics, seed=config.seed)
    teacher, theirs = open_teacher(config.policy, body, settings)
    mine = replace(theirs, control="pd", observe_moments=False)
    with counting(console, "preparing motions", "clips") as on_clip:
        library, _ = open_library(config.motions, body, inverse=SolveConfig(), on_clip=on_clip)
    env = ImitationEnv(body, library, mine)
    student, labels = open_student(config.out, config.student, env)
    unit = torch.from_numpy(2 * LENGTH_UNIT / body.muscles.longest_tendon).float()
    school = Dagger(env, lengths_of(teacher, env), student, config.dagger, unit=unit, labels=labels, seed=config.seed)

    def save() -> None:
        notes = describe(mine) | {"labels": school.labels, "motions": config.motions, "seed": config.seed}
        save_policy(config.out, student, body=body.name, notes=notes | {"teacher": str(config.policy)})

    with progress(console, "teaching", config.dagger.labels, "labels", completed=labels) as advance:
        school.learn(on_labels=advance, save=save)
    found = {
        "teacher": _evaluate(config, body, teacher, theirs),
        "student": _evaluate(config, body, student, mine),
    }
    write_text(
        config.out / COMPARISON, json.dumps({name: report["summary"] for name, report in found.items()}, indent=1)
    )
    student_covers, teacher_covers = (
        100 * found[who]["summary"]["kinesis"]["coverage"]["mean"] for who in ("student", "teacher")
    )
    console.print(f"The student covers {student_covers:.0f} % of its clips, its teacher {teacher_covers:.0f} %.")
    console.print(
        _table(found), f"regression loss {school.loss:.4f} after {school.labels:,} labels; wrote {config.out}"
    )
    return found


def open_teacher(folder: Path, body: BodyModel, settings: ImitationConfig) -> tuple[Policy, ImitationConfig]:
    """A policy whose actions are lengths, and `settings` as it was trained with.

    Raises:
        CheckpointError: no policy there, or of another body.
        ValueError: one whose actions are not lengths.
    """
    loaded = load_checkpoint(folder, body=body.name)
    theirs = as_described(settings, loaded.notes)
    if theirs.control != "feedforward" or theirs.feedforward.space == "excitations":
        raise ValueError(
            f"{folder} acts by control {theirs.control}, space {theirs.feedforward.space}; "
            "a teacher needs control feedforward and space joints or muscles."
        )
    return loaded.policy, theirs


def lengths_of(policy: Policy, env: ImitationEnv) -> Teacher:
    """What a policy of corrections asks for in the present state of `env`, as actions of control pd.

    A policy that observes moments (`ImitationConfig.observe_moments`) is told them where `env` does not.
    """
    feedforward, muscles = env.feedforward, env.body.muscles
    if feedforward is None:
        raise ValueError("the teacher corrects inverse solutions; prepare the motions with --inverse.")

    sees_moments = policy.observation_width > env.observation_width  # of inverse solutions: not for a plain student

    @torch.no_grad()
    def teach(td: TensorDictBase) -> tuple[Tensor, Tensor]:
        seen = td.select("observation")
        if sees_moments:
            seen["observation"] = torch.cat([seen["observation"], env.moment_error().float()], -1)
        correction = policy(seen)["action"].double().numpy()
        lengths = feedforward.corrected_length(env.next_frame(), correction)
        return torch.from_numpy(action_for_length(lengths, muscles)).float(), torch.ones(len(lengths)).bool()

    return teach


def _evaluate(config: DistilConfig, body: BodyModel, policy: Policy, settings: ImitationConfig) -> dict[str, Any]:
    library, _ = open_library(config.evaluation, body, inverse=SolveConfig())
    return evaluate_episodes(play_clips(body, library, lambda env: policy.eval(), settings), library.clips)


def _table(found: dict[str, dict[str, Any]]) -> Table:
    table = Table(title="what the student keeps", header_style="bold")
    table.add_column("policy")
    for column in ("strict coverage %", "kinesis coverage %", "MPJPE mm"):
        table.add_column(column, justify="right")
    for name, report in found.items():
        strict, lenient = report["summary"]["strict"], report["summary"]["kinesis"]
        cells = (100 * strict["coverage"]["mean"], 100 * lenient["coverage"]["mean"], lenient["mpjpe_mm"]["mean"])
        table.add_row(name, *(f"{value:.1f}" for value in cells))
    return table
