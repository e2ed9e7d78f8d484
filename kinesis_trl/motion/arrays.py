"""Arrays and keys of tables in files from strangers: checked before anything uses them."""

from __future__ import annotations

import pickle
import re
import sys
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.motion.clip import ClipFormatError
from kinesis_trl.motion.streams import BoundedReader

PLAIN_DTYPE = re.compile(r"[<>=|]?([biufc]\d{1,2}|[SU]\d{0,7}|[O?]|O8)")
"""Element types that are read: numbers, text, and objects by themselves; none with fields."""


def checked_size(shape: Any, dtype: np.dtype[Any]) -> tuple[tuple[int, ...], int]:
    """Checked shape and the bytes it needs; Python integers, so nothing overflows."""
    shape = tuple(int(n) for n in (shape if isinstance(shape, (tuple, list)) else (shape,)))
    if len(shape) > 8 or any(n < 0 for n in shape):
        raise ClipFormatError(f"an array has the impossible shape {shape}.")
    count = 1
    for n in shape:
        count *= n
    return shape, count * dtype.itemsize


def array_from(reader: BoundedReader, shape: Any, dtype: np.dtype[Any], order: str) -> NDArray[Any]:
    """The next array of `shape` and plain `dtype` in a stream, which must have all its bytes."""
    if dtype.hasobject or not dtype.itemsize or not PLAIN_DTYPE.fullmatch(dtype.str):
        raise ClipFormatError(f"an array has the element type {dtype}; only numbers and text are read.")
    shape, size = checked_size(shape, dtype)
    data = reader.exactly(size)
    check_text(data, dtype)
    return np.frombuffer(data, dtype).reshape(shape, order="F" if order == "F" else "C").copy("K")


def check_text(data: bytes, dtype: np.dtype[Any]) -> None:
    """Refuse text with numbers beyond Unicode's: Python fails at the first use of such a string."""
    codes = np.dtype(np.uint32).newbyteorder(dtype.byteorder)
    if dtype.kind == "U" and data and np.frombuffer(data, codes).max() > sys.maxunicode:
        raise ClipFormatError("an array holds text with impossible characters.")


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
