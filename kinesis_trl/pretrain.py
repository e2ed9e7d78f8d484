"""Teach a new policy computed muscle control, to start training from.

Example: python -m kinesis_trl.pretrain --motions locomotion-v1/train --out runs/pretrained
         python -m kinesis_trl.train laptop --warm-start runs/pretrained

It observes and acts as the preset laptop does, unless told otherwise.
"""

from __future__ import annotations

import torch
import tyro

from experiments.imitation import LAPTOP
from kinesis_trl.commands import run_command
from kinesis_trl.training.pretraining import PretrainConfig, pretrain


def main() -> None:
    """Parse, teach, and say what went wrong in one line."""
    run_command(
        PretrainConfig,
        pretrain,
        name="pretrain",
        description=__doc__,
        stopped="stopped; the same command goes on from the last saving",
        default=PretrainConfig(out=tyro.MISSING, env=LAPTOP.env, student=LAPTOP.actor),
    )


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
