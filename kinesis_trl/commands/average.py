"""Average the weights of policies that were trained one from another: one policy that does what each learnt.

Example: python -m kinesis_trl.average runs/expert0/policy runs/expert1/policy --weights 0.6 0.4 --out runs/averaged
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console

from kinesis_trl.agents.averaging import average_policies
from kinesis_trl.commands import run_command


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
    average_policies(config.policies, config.out, config.weights)
    console.print(f"wrote {config.out}; measure it with kinesis_trl.eval, an average can be worse than its parts")


def main() -> None:
    """Parse, average, and say what went wrong in one line."""
    run_command(AverageConfig, average, name="average", description=__doc__)


if __name__ == "__main__":
    main()
