"""Options of learning from the planner; importable without PyTorch, so that `--help` need not wait for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from kinesis_trl.envs.terms.terminations import KINESIS
from kinesis_trl.planning.config import MppiConfig
from kinesis_trl.training.config import DaggerConfig

IMPROVE_DAGGER = DaggerConfig(labels=300_000, gradient_steps=24, lr=3e-4, noise=0.02, memory=48_000)
"""How a policy is fitted to its planner; labels of long ago would pull it back to what it was."""


@dataclass(frozen=True, kw_only=True)
class ImproveConfig:
    """A policy, motions, how the planner corrects it, and where the better policy goes."""

    policy: Path
    """Policy to start from, with its value function."""
    motions: str
    """Motions to learn on, as for training."""
    out: Path
    """Folder of the better policy; one that is there goes on."""
    body: str = "myolegs"
    """Body by name: legs (80 muscles), legs_abs (86), legs_back (290), or a path to a KINESIS model file."""
    keep: str | None = None
    """Motions on which the policy stays as it is, as for training, such as those that it walks calmly."""
    keep_beyond: float | None = 0.15
    """Mean distance of the tracked bodies from their references, in metres, beyond which it stays as it is in other
    episodes of `motions`: with pushes, and begun turned away or late, so that it does not forget how to recover.
    `None`: no such episodes."""
    planner: MppiConfig = field(default_factory=lambda: MppiConfig(samples=12, steps=12))
    """MPPI about the policy as it is, whose corrected actions are the labels."""
    dagger: DaggerConfig = field(default_factory=lambda: IMPROVE_DAGGER)
    """How the policy is fitted."""
    num_envs: int = 64
    """Number of environments stepped together, each with the planner's samples."""
    threads: int = 1
    """Threads of the simulation; results do not depend on it."""
    seed: int = 0
    """Seed of everything."""

    def __post_init__(self) -> None:
        if self.keep_beyond is not None and not 0 <= self.keep_beyond < KINESIS.distance:
            raise ValueError(f"keep_beyond {self.keep_beyond} must lie in 0…{KINESIS.distance}, the largest excluded.")
        if not self.planner.samples:
            raise ValueError("planner.samples must be at least 2: the planner is what the policy learns from.")
