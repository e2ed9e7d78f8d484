"""Teach a policy of plain target lengths what a policy that corrects inverse solutions does.

Example: kinesis distil --policy runs/expert0/policy --motions locomotion-v1/train --out runs/plain
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kinesis_trl.commands import finish, run_command
from kinesis_trl.training.config import DistilConfig

if TYPE_CHECKING:
    from rich.console import Console


def teach(config: DistilConfig, console: Console) -> None:
    """Teach, compare, and say what to do with the student."""
    from kinesis_trl.training.distillation import distil

    distil(config, console)
    finish(console, config.out, advice=f"kinesis eval --policy {config.out}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse, teach, and say what went wrong in one line."""
    run_command(
        DistilConfig,
        teach,
        arguments,
        name="distil",
        description=__doc__,
        stopped="stopped; the same command goes on from the last saving",
    )
