"""Reading pickle, joblib, .npy and .npz files from strangers: what is not data is refused and never run."""

from __future__ import annotations

import zipfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.motion.arrays import array_from
from kinesis_trl.motion.clip import ClipFormatError
from kinesis_trl.motion.streams import TORCH_SAVED, BoundedReader, blocks, budget, decompressed, explained, open_file
from kinesis_trl.motion.unpickling import TORCH_MAGIC, Record, RestrictedUnpickler

_MOST_VALUES, _DEEPEST = 50_000_000, 100
_CONTAINERS = (dict, list, tuple, set, frozenset, np.ndarray, Record)


def load_pickle(
    path: Path, *, max_bytes: int | None = None, records: Collection[tuple[str, str]] = (), encoding: str = "ASCII"
) -> Any:
    """Object in a pickle or joblib file, plain or compressed (zlib, gzip, bz2, xz, lzma).

    Numbers, text, containers, NumPy arrays and torch tensors (as NumPy arrays) are read. `records` names
    classes, as (module, name), whose instances are returned as inert `Record`s. `encoding` is for text of
    Python 2.
    Raises ClipFormatError for any other class or function (none is called), for broken files, and past
    `max_bytes` of content (by default what `streams.budget` gives).
    """
    with open_file(path) as file, explained(path):
        reader = BoundedReader(decompressed(file), max_bytes or budget(file))
        content = RestrictedUnpickler(reader, frozenset(records), encoding=encoding).load()
        if isinstance(content, int) and content == TORCH_MAGIC:
            raise ClipFormatError(f"is {TORCH_SAVED}")
        _check_nesting(content)
        return content


def load_npy(path: Path, *, max_bytes: int | None = None) -> NDArray[Any]:
    """Array in an .npy file; object arrays are read under the rules of `load_pickle`."""
    with open_file(path) as file, explained(path):
        return _read_npy(BoundedReader(blocks(file), max_bytes or budget(file)))


def load_npz(path: Path, *, max_bytes: int | None = None) -> dict[str, NDArray[Any]]:
    """Arrays of an .npz file by name, all members together at most `max_bytes` when unpacked."""
    arrays = {}
    with open_file(path) as file, explained(path), zipfile.ZipFile(file) as archive:
        left = max_bytes or budget(file)
        for member in archive.infolist():
            if not member.filename.endswith(".npy"):
                continue
            if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise ClipFormatError(f"{member.filename} is compressed in an unusual way; use numpy.savez.")
            with archive.open(member) as stream:
                reader = BoundedReader(blocks(stream), left)
                arrays[member.filename.removesuffix(".npy")] = _read_npy(reader)
                left = reader.left
    return arrays


def _read_npy(reader: BoundedReader) -> NDArray[Any]:
    version = np.lib.format.read_magic(reader)  # type: ignore[arg-type]
    header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in header:
        raise ClipFormatError(f"npy version {version} is not read; save it again with numpy.save.")
    shape, fortran, dtype = header[version](reader)  # type: ignore[arg-type]
    if dtype.hasobject:
        array = RestrictedUnpickler(reader, frozenset()).load()
        _check_nesting(array)
        if not isinstance(array, np.ndarray) or not array.dtype.hasobject:
            raise ClipFormatError(f"an object array holds {type(array).__name__}, expected an array.")
        return array.reshape(shape, order="F" if fortran else "C")
    return array_from(reader, shape, dtype, "F" if fortran else "C")


def _check_nesting(content: Any) -> None:
    """Refuse containers that hold themselves, or one another so often that to walk through them never ends."""
    counts: dict[int, int] = {}  # values under each container, as often as they are met on a walk
    above: set[int] = set()
    waiting = [content]
    while waiting:
        value = waiting[-1]
        parts = _parts(value)
        if id(value) in above:  # all its parts are counted by now
            above.remove(id(value))
            counts[id(value)] = 1 + sum(counts.get(id(part), 1) for part in parts)
            if counts[id(value)] > _MOST_VALUES:
                raise ClipFormatError("holds the same lists again and again, as bombs do; save each value once.")
        if id(value) in counts:
            waiting.pop()
            continue
        above.add(id(value))
        if len(above) > _DEEPEST or any(id(part) in above for part in parts):
            raise ClipFormatError(f"is nested more than {_DEEPEST} deep; expected motions by name.")
        waiting += [part for part in parts if isinstance(part, _CONTAINERS) and id(part) not in counts]


def _parts(value: Any) -> Collection[Any]:
    if isinstance(value, dict):
        return value.values()
    if isinstance(value, np.ndarray):
        return value.ravel().tolist() if value.dtype.hasobject else ()
    if isinstance(value, Record):
        return (value.state,)
    return value if isinstance(value, (list, tuple, set, frozenset)) else ()
