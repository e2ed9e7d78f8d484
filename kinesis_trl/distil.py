"""Teach a policy of plain target lengths what a policy that corrects inverse solutions does.

Example: python -m kinesis_trl.distil --policy runs/expert0/policy --motions locomotion-v1/train --out runs/plain
"""

from __future__ import annotations

import sys

import torch
import tyro
from rich.console import Console
from rich.markup import escape

from kinesis_trl.agents.exceptions import CheckpointError
from kinesis_trl.body.catalog import BodyError
from kinesis_trl.motion.clip import ClipFormatError
from kinesis_trl.training.distillation import DistilConfig, distil


def main() -> None:
    """Parse, teach, and say what went wrong in one line."""
    config = tyro.cli(DistilConfig, description=__doc__, prog="kinesis_trl.distil")
    console = Console()
    try:
        distil(config, console)
    except (BodyError, CheckpointError, ClipFormatError, ValueError) as error:
        console.print(f"[red]{type(error).__name__}[/]: {escape(str(error))}", highlight=False)
        sys.exit(1)
    except KeyboardInterrupt:
        console.print("stopped; the same command goes on from the last saving")
        sys.exit(130)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
