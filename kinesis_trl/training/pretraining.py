"""A policy that has learnt from computed muscle control, before any reinforcement learning."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from tensordict import TensorDictBase
from torch import Tensor
from tyro.conf import AvoidSubcommands

from kinesis_trl.agents.actor import GaussianPolicy
from kinesis_trl.agents.checkpoint import load_checkpoint, save_policy
from kinesis_trl.agents.gaussian import GaussianConfig
from kinesis_trl.agents.lattice import LatticeConfig
from kinesis_trl.body.model import load_body
from kinesis_trl.envs.described import describe
from kinesis_trl.envs.imitation import ImitationConfig, ImitationEnv
from kinesis_trl.motion.solving import SolveConfig
from kinesis_trl.motion.sources import open_library
from kinesis_trl.progress import progress
from kinesis_trl.training.actors import new_actor
from kinesis_trl.training.computed_control import ComputedControl, ComputedControlConfig
from kinesis_trl.training.dagger import Dagger, DaggerConfig

Act = Callable[[TensorDictBase], Tensor]


@dataclass(frozen=True, kw_only=True)
class PretrainConfig:
    """What is taught, on what, and where it goes."""

    out: Path
    """Folder of the policy; give it to `kinesis train --warm-start`. One that is there is taught further."""
    motions: str = "locomotion-v1/train"
    """As for training."""
    body: str = "myolegs"
    """Body by name, or a path to a KINESIS model file."""
    env: ImitationConfig = field(default_factory=lambda: ImitationConfig(num_envs=128, control="feedforward"))
    """The task; control feedforward or pd."""
    student: Annotated[LatticeConfig | GaussianConfig, AvoidSubcommands] = field(default_factory=LatticeConfig)
    """The policy."""
    teacher: ComputedControlConfig = field(default_factory=ComputedControlConfig)
    """Computed muscle control."""
    dagger: DaggerConfig = field(default_factory=lambda: DaggerConfig(labels=100_000))
    """How it is taught."""
    seed: int = 0
    """Seed of everything."""

    def __post_init__(self) -> None:
        if self.env.control == "direct":
            raise ValueError("computed control knows no control direct; choose feedforward or pd.")


@dataclass(frozen=True)
class Survival:
    """How long bodies stay with their references from random starts."""

    frames: float
    """Mean policy steps until failure, the clip's end or the limit."""
    per_failure: float
    """Policy steps made by all bodies per failure: what the mean would be in clips without end."""


def pretrain(config: PretrainConfig, console: Console) -> dict[str, Survival]:
    """Teach, save, and compare teacher and student with the action 0; returns the comparison by name."""
    torch.manual_seed(config.seed)
    body = load_body(config.body)
    library, _ = open_library(config.motions, body, inverse=SolveConfig())
    env = ImitationEnv(body, library, replace(config.env, seed=config.seed))
    control = ComputedControl(env, config.teacher)
    student, labels = open_student(config.out, config.student, env)

    def teach(td: TensorDictBase) -> tuple[Tensor, Tensor]:
        action, solved = control.action()
        return torch.from_numpy(action).float(), torch.from_numpy(solved)

    school = Dagger(env, teach, student, config.dagger, labels=labels, seed=config.seed)

    def save() -> None:
        notes = describe(config.env) | {"labels": school.labels, "motions": config.motions, "seed": config.seed}
        save_policy(config.out, student, body=body.name, notes=notes)

    with progress(console, "teaching", config.dagger.labels, "labels", completed=labels) as advance:
        school.learn(on_labels=advance, save=save)
    actors: dict[str, Act] = {
        "zero": lambda td: torch.zeros(env.action_spec.shape),
        "teacher": lambda td: teach(td)[0],
        "student": lambda td: student.mean(td["observation"]),
    }
    found = compare(env, actors, seed=config.seed + 1)
    console.print(
        _table(found), f"regression loss {school.loss:.4f} after {school.labels:,} labels; wrote {config.out}"
    )
    return found


def open_student(folder: Path, config: LatticeConfig | GaussianConfig, env: ImitationEnv) -> tuple[GaussianPolicy, int]:
    """The student in a folder and how many labels it has seen, or a new one.

    Raises:
        ValueError: the folder holds a policy that was not taught so, or with other settings.
    """
    width, actions = env.observation_width, int(env.action_spec.shape[-1])
    if not (folder / "policy.safetensors").exists():
        return new_actor(config, env), 0
    loaded = load_checkpoint(folder, body=env.body.name, observation_width=width, action_width=actions)
    told = {key: loaded.notes.get(key) for key in describe(env.rules)}
    if "labels" not in loaded.notes or told != describe(env.rules) or not isinstance(loaded.policy, GaussianPolicy):
        raise ValueError(f"{folder} holds a policy that was trained otherwise; give another --out.")
    if loaded.policy.config != config:
        raise ValueError(f"{folder} holds a student of other settings; give these, or another --out.")
    return loaded.policy, int(loaded.notes["labels"])


def compare(env: ImitationEnv, actors: dict[str, Act], *, seed: int) -> dict[str, Survival]:
    """`survival` of each of `actors` from the same random starts, wherever episodes failed before."""
    found = {}
    for name, act in actors.items():
        env.generator = np.random.default_rng(seed)
        env.sampler.failures[:] = 0.0  # else each actor's failures would choose the next one's starts
        found[name] = survival(env, act)
    return found


@torch.no_grad()
def survival(env: ImitationEnv, act: Act, *, limit: int = 60) -> Survival:
    """From where the environment starts, one episode of each body under `act`, for at most `limit` policy steps."""
    td = env.reset()
    count = env.settings.num_envs
    going, steps, failed = (np.ones(count, dtype=bool), np.zeros(count), np.zeros(count, dtype=bool))
    for _ in range(limit):
        td = env.step(td.set("action", act(td)))["next"]
        lost, ended = (_rows(td[key]) for key in ("terminated", "truncated"))
        steps += going & ~lost
        failed |= going & lost
        going &= ~(lost | ended)
        if not going.any():
            break
    return Survival(float(steps.mean()), float(steps.sum() / max(failed.sum(), 1)))


def _rows(flag: Tensor) -> NDArray[np.bool_]:
    return flag.squeeze(-1).numpy()


def _table(found: dict[str, Survival]) -> Table:
    table = Table(title="policy steps until failure, from random starts", header_style="bold")
    for column in ("actions", "mean, at most 60", "per failure"):
        table.add_column(column, justify="left" if column == "actions" else "right")
    for name, value in found.items():
        table.add_row(name, f"{value.frames:.1f}", f"{value.per_failure:.1f}")
    return table
