"""Compare our functions with arrays computed by the original; prints one JSON object.

Exit status 1 when any quantity's largest absolute error passes its tolerance (1e-9 for muscles, 1e-6 for the
environment, 1e-5 for policies, 3e-5 for their log-probabilities, which the original computes in float32),
2 when the folder cannot be used.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from kinesis_trl.commands import run_command

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True, kw_only=True)
class ParityConfig:
    """Which reference arrays to compare with."""

    golden: Path
    """Folder with kinesis_reference.npz and the original's checkpoints."""


def judge(config: ParityConfig, console: Console) -> None:
    """Print the errors and exit with the verdict."""
    from kinesis_trl.evaluation.parity import GoldenError, compare

    try:
        results = compare(config.golden)
    except GoldenError as error:
        sys.stderr.write(f"parity: {error}\n")
        sys.exit(2)
    report = {name: result.error for name, result in results.items()}
    failed = [name for name, result in results.items() if not result.passed]
    verdict = f"{len(report) - len(failed)} of {len(report)} quantities agree with the original within their tolerance."
    said = {"verdict": verdict, "largest_absolute_error": report, "failed": failed}
    sys.stdout.write(json.dumps(said, indent=1) + "\n")
    sys.exit(1 if failed else 0)


main = partial(run_command, ParityConfig, judge, name="parity", description=__doc__, simulates=False)
