"""Reading pickle, joblib, .npy and .npz files from strangers: what is not data is refused and never run."""

from __future__ import annotations

import zipfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.motion.clip import ClipFormatError
from kinesis_trl.motion.streams import MAX_BYTES, BoundedReader, blocks, decompressed, explained, open_file
from kinesis_trl.motion.unpickling import RestrictedUnpickler, array_from


def load_pickle(
    path: Path,
    *,
    max_bytes: int = MAX_BYTES,
    records: Collection[tuple[str, str]] = (),
    encoding: str = "ASCII",
) -> Any:
    """Object in a pickle or joblib file, plain or compressed (zlib, gzip, bz2, xz, lzma).

    Numbers, text, containers, NumPy arrays and torch tensors (as NumPy arrays) are read. `records` names
    classes, as (module, name), whose instances are returned as inert `Record`s. `encoding` is for text of
    Python 2.
    Raises ClipFormatError for any other class or function (none is called), for broken files, and past
    `max_bytes` of content.
    """
    with open_file(path) as file, explained(path):
        reader = BoundedReader(decompressed(file), max_bytes)
        return RestrictedUnpickler(reader, frozenset(records), encoding=encoding).load()


def load_npy(path: Path, *, max_bytes: int = MAX_BYTES) -> NDArray[Any]:
    """Array in an .npy file; object arrays are read under the rules of `load_pickle`."""
    with open_file(path) as file, explained(path):
        return _read_npy(BoundedReader(blocks(file), max_bytes))


def load_npz(path: Path, *, max_bytes: int = MAX_BYTES) -> dict[str, NDArray[Any]]:
    """Arrays of an .npz file by name, all members together at most `max_bytes` when unpacked."""
    arrays = {}
    with open_file(path) as file, explained(path), zipfile.ZipFile(file) as archive:
        left = max_bytes
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
        if not isinstance(array, np.ndarray) or not array.dtype.hasobject:
            raise ClipFormatError(f"an object array holds {type(array).__name__}, expected an array.")
        return array.reshape(shape, order="F" if fortran else "C")
    return array_from(reader, shape, dtype, "F" if fortran else "C")
