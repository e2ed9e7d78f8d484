"""Some of an environment's bodies, kept as they are now, to go on from there later or in the place of others."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kinesis_trl.envs.imitation import ImitationEnv

Rows = NDArray[np.int64]
Snapshot = dict[str, Any]

_WHOLE = ("generator", "clip_weights", "failures", "effort", "planner")
"""What an environment's state holds of no body in particular."""


def snapshot(env: ImitationEnv) -> Snapshot:
    """All that belongs to single bodies, N rows each; copies."""
    state = env.get_state()
    return {key: value for key, value in state.items() if key not in _WHOLE}


def rows_of(kept: Snapshot, rows: Rows) -> Snapshot:
    """Some rows of a snapshot, copied, in the order given."""
    return {
        key: rows_of(value, rows) if isinstance(value, dict) else value[rows if _is_array(value) else _index(rows)]
        for key, value in kept.items()
    }


def put(env: ImitationEnv, rows: Rows, kept: Snapshot) -> Tensor:
    """Let `rows` (R,) go on from a snapshot of as many bodies; the others are left alone.

    Returns:
        (N, O) observations of all bodies as they are now.
    """
    state = env.get_state()
    for key, value in kept.items():
        if isinstance(value, dict):
            for name, array in value.items():
                state[key][name][rows] = array
        else:
            state[key][rows if _is_array(value) else _index(rows)] = value
    env.set_state(state)
    return torch.as_tensor(state["observation"])


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray)


def _index(rows: Rows) -> Tensor:
    return torch.from_numpy(rows)
