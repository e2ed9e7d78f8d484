"""Teach a new policy computed muscle control, to start training from.

Example: python -m kinesis_trl.pretrain --motions locomotion-v1/train --out runs/pretrained
         python -m kinesis_trl.train laptop --warm-start runs/pretrained

It observes and acts as the preset laptop does, unless told otherwise.
"""

from __future__ import annotations

import sys

import torch
import tyro
from rich.console import Console
from rich.markup import escape

from experiments.imitation import LAPTOP
from kinesis_trl.agents.exceptions import CheckpointError
from kinesis_trl.body.catalog import BodyError
from kinesis_trl.motion.clip import ClipFormatError
from kinesis_trl.training.pretraining import PretrainConfig, pretrain


def main() -> None:
    """Parse, teach, and say what went wrong in one line."""
    default = PretrainConfig(out=tyro.MISSING, env=LAPTOP.env, student=LAPTOP.actor)
    config = tyro.cli(PretrainConfig, default=default, description=__doc__, prog="kinesis_trl.pretrain")
    console = Console()
    try:
        pretrain(config, console)
    except (BodyError, CheckpointError, ClipFormatError, ValueError) as error:
        console.print(f"[red]{type(error).__name__}[/]: {escape(str(error))}", highlight=False)
        sys.exit(1)
    except KeyboardInterrupt:
        console.print("stopped; the same command goes on from the last saving")
        sys.exit(130)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
