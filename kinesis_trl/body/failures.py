"""Reports on simulations that became non-finite: the last states and inputs, for a bug report."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path

import mujoco
import numpy as np
from numpy.typing import NDArray

from kinesis_trl.atomic import replacing

_log = logging.getLogger("kinesis_trl.mujoco")


def log_warning(message: str) -> None:
    """MuJoCo's warnings go to Python's log instead of a file MUJOCO_LOG.TXT in the user's folder.

    Those of unstable simulations are details: `BatchPhysics` reports each of them as a failure.
    """
    _log.log(logging.DEBUG if "unstable" in message else logging.WARNING, message)


@dataclass(frozen=True)
class Failure:
    """One simulation that MuJoCo could not carry on."""

    body: str
    """Name of the body."""
    row: int
    """Which simulation of the batch."""
    policy_step: int
    """Policy steps the batch had made."""
    states: NDArray[np.float64]
    """(H, S) the last integration states (mjSTATE_INTEGRATION) before the failure, oldest first."""
    inputs: NDArray[np.float64]
    """(H, M) the target lengths or excitations applied from each of them."""

    def save(self, folder: Path, *, keep: int = 100) -> Path | None:
        """Write the report as .npz, atomically; a folder that already holds `keep` of them is left alone.

        A report that cannot be written (a full disk, say) must not stop the simulation: None is returned.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if len(list(folder.glob("failure_*.npz"))) >= keep:
                return None
            target = folder / f"failure_{os.getpid()}_{self.policy_step:09d}_{self.row:04d}.npz"
            with replacing(target) as temporary:
                np.savez_compressed(
                    temporary,
                    body=self.body,
                    row=self.row,
                    policy_step=self.policy_step,
                    states=self.states,
                    inputs=self.inputs,
                    mujoco_version=mujoco.__version__,
                )
            return target
        except OSError:
            return None
