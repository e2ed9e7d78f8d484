"""Unite experts of different motions in one policy, each teaching its own (DAgger with several teachers).

Example: kinesis unite --experts assets/policies/recorded=motions/train runs/back/policy=motions/back --out runs/united
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from kinesis_trl.commands import finish, run_command
from kinesis_trl.training.unite_config import UniteConfig

if TYPE_CHECKING:
    from rich.console import Console


def run(config: UniteConfig, console: Console) -> None:
    """Unite, and say how to evaluate the learner."""
    from kinesis_trl.training.uniting import unite

    unite(config, console)
    finish(console, config.out, advice=f"kinesis eval --policy {config.out}")


main = partial(
    run_command,
    UniteConfig,
    run,
    name="unite",
    description=__doc__,
    stopped="stopped; the same command goes on from the last saving",
)
