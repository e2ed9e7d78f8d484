"""Options of uniting experts; importable without PyTorch, so that `--help` need not wait for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from kinesis_trl.training.config import DaggerConfig

UNITE_DAGGER = DaggerConfig(labels=400_000, horizon=40, gradient_steps=60, lr=3e-4, handover=0.6, memory=400_000)
"""How a learner is fitted to several teachers."""


@dataclass(frozen=True, kw_only=True)
class UniteConfig:
    """Experts, their motions, and where the one policy goes."""

    experts: tuple[str, ...]
    """At least two policies and their motions, each as POLICY=MOTIONS, motions as for training. The learner begins with
    the weights of the first, keeps its value function, and acts in its unit of moment."""
    out: Path
    """Folder of the learner; one that is there goes on."""
    body: str = "myolegs"
    """Body by name: legs (80 muscles), legs_abs (86), legs_back (290), or a path to a KINESIS model file."""
    dagger: DaggerConfig = field(default_factory=lambda: UNITE_DAGGER)
    """How it is fitted."""
    num_envs: int = 64
    """Number of environments stepped together for each expert."""
    threads: int = 1
    """Threads of the simulation; results do not depend on it."""
    seed: int = 0
    """Seed of everything."""
