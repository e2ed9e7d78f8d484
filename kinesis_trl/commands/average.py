"""Average the weights of policies that were trained one from another into one policy.

Example: kinesis average runs/expert0/policy runs/expert1/policy --weights 0.6 0.4 --out runs/averaged
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from kinesis_trl.commands import finish, run_command

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True, kw_only=True)
class AverageConfig:
    """Whose weights, in what shares, and where the average goes."""

    policies: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Policy folders of the same networks, settings and body."""
    out: Path
    """Folder of the averaged policy."""
    weights: tuple[float, ...] = ()
    """A share for each policy, which add up to 1; without them all count the same."""


def average(config: AverageConfig, console: Console) -> None:
    """Write the average."""
    from kinesis_trl.agents.averaging import average_policies

    average_policies(config.policies, config.out, config.weights)
    console.print(f"{len(config.policies)} policies were averaged; an average can be worse than its parts.")
    finish(console, config.out, advice=f"kinesis eval --policy {config.out}")


main = partial(run_command, AverageConfig, average, name="average", description=__doc__)
