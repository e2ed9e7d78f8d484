"""Some of an environment's bodies go on from where others are, or were: snapshot = clone, branch = index."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from tensordict import TensorDictBase
from torch import Tensor

from kinesis_trl.envs.base import MyoLegsEnv, put_rows

Rows = NDArray[np.int64]
Snapshot: TypeAlias = TensorDictBase
"""(N,) what belongs to single bodies; see `MyoLegsEnv.state`."""


def snapshot(env: MyoLegsEnv) -> Snapshot:
    """(N,) all that belongs to single bodies; a copy."""
    return env.state.clone()


def rows_of(kept: Snapshot, rows: Rows) -> Snapshot:
    """(R,) some rows of a snapshot, copied, in the order given."""
    return kept[torch.from_numpy(rows)]


def put(env: MyoLegsEnv, rows: Rows, kept: Snapshot) -> Tensor:
    """Let `rows` (R,) go on from a snapshot of as many bodies; the others are left alone.

    Returns:
        (N, O) observations of all bodies as they are now.
    """
    put_rows(env.state, kept, torch.from_numpy(rows))
    return env.state["observation"].clone()
