"""Distil a policy of plain target lengths from one that corrects inverse solutions (DAgger).

Example: python -m kinesis_trl.distil --policy runs/expert0/policy --motions locomotion-v1/train --out runs/plain
"""

from __future__ import annotations

import torch

from kinesis_trl.commands import run_command
from kinesis_trl.training.distillation import DistilConfig, distil


def main() -> None:
    """Parse, distil, and say what went wrong in one line."""
    run_command(
        DistilConfig,
        distil,
        name="distil",
        description=__doc__,
        stopped="stopped; the same command goes on from the last saving",
    )


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
