"""Arrays in files from strangers: element type, shape, size and numbers are checked before anything uses them."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.motion.clip import ClipFormatError
from kinesis_trl.motion.streams import BoundedReader, open_file

PLAIN_DTYPE = re.compile(r"[<>=|]?([biufc]\d{1,2}|[SU]\d{0,7}|[O?]|O8)")
"""Element types that are read: numbers, text, and objects by themselves; none with fields."""
LARGEST = 1e6
"""No number of a recorded motion is larger, in any unit of ours."""
_HEADER = re.compile(
    rb"\x93NUMPY\x01\x00(?P<length>..)"
    rb"\{'descr': '(?P<kind>[^'\n]{1,40})', 'fortran_order': False, 'shape': \((?P<shape>[0-9, ]{0,200})\), \} *\n",
    re.DOTALL,
)
_BLOCK = 1 << 22


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


def map_npy(path: Path, shape: tuple[int, ...], kind: str, *, largest: float = LARGEST) -> NDArray[Any]:
    """Numbers of an .npy file, mapped into memory; writing to them leaves the file as it is.

    Args:
        path: the file, as `numpy.save` writes it.
        shape: its expected shape.
        kind: its expected element type, a float in NumPy's spelling ("<f8").
        largest: magnitude that no number may pass.

    Raises:
        ClipFormatError: another shape or type, more or fewer bytes than the header says, or a number that is not
            finite or beyond `largest`. No element type is made of what the file says.
    """
    with open_file(path) as file:
        head = file.read(512)
        size = os.fstat(file.fileno()).st_size
        found = _HEADER.match(head)
        if found is None:
            raise ClipFormatError(f"{path} is damaged: its header is not one of numpy.save; prepare it again.")
        stated = tuple(int(n) for n in found["shape"].split(b",") if n.strip())
        dtype = np.dtype(kind)
        if found["kind"] != kind.encode() or stated != shape:
            raise ClipFormatError(
                f"{path} is damaged: it has {stated} {found['kind'].decode('latin1')!r}, expected {shape} {kind}; "
                "prepare it again."
            )
        needed = found.end() + checked_size(shape, dtype)[1]
        if int.from_bytes(found["length"], "little") != found.end() - 10 or size != needed:
            raise ClipFormatError(f"{path} is damaged: it has {size} bytes, expected {needed}; prepare it again.")
        # copy-on-write: torch needs writable memory, and the file must stay as it is
        array = np.memmap(file, dtype, "c", found.end(), shape)
    _check_numbers(path, array, largest)
    return np.asarray(array)


def _check_numbers(path: Path, array: NDArray[Any], largest: float) -> None:
    """Look at every number once, in blocks."""
    flat = array.reshape(-1)
    for start in range(0, len(flat), _BLOCK):
        block = flat[start : start + _BLOCK]
        if block.dtype.itemsize == 2:  # their exponent tells, ten times as fast as arithmetic in half precision
            whole = not ((block.view(np.uint16) & 0x7C00) == 0x7C00).any()
        else:
            low, high = block.min(), block.max()  # NaN where there is one
            whole = bool(np.isfinite(low) and np.isfinite(high) and -largest <= low and high <= largest)
        if not whole:
            raise ClipFormatError(
                f"{path} holds numbers that are not finite or beyond {largest:g}, as no motion has; prepare it again."
            )
