"""Which values a pickle may use as keys of tables: those whose hash is quick and cannot be chosen at will."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from kinesis_trl.motion.clip import ClipFormatError


def check_keys(keys: Iterable[Any]) -> None:
    """Refuse keys whose hash takes long or can be chosen: a few tuples in tuples keep a table busy for years."""
    for key in keys:
        number = isinstance(key, int) and key.bit_length() <= 64
        scalar = isinstance(key, np.generic) and key.dtype.kind in "biufSU"
        if not (number or scalar or key is None or type(key) in (str, bytes, float)):
            kind = "integer beyond 64 bits" if isinstance(key, int) else type(key).__name__
            raise ClipFormatError(f"has a key of type {kind}; motion data has names and numbers. Nothing was run.")


KEYS: dict[int, Callable[[list[Any]], Iterable[Any]]] = {
    pickle.SETITEM[0]: lambda stack: stack[-2:-1],
    pickle.SETITEMS[0]: lambda stack: stack[::2],
    pickle.DICT[0]: lambda stack: stack[::2],
    pickle.ADDITEMS[0]: lambda stack: stack,
    pickle.FROZENSET[0]: lambda stack: stack,
}
"""What a step makes keys of, out of the stack since the last mark."""
