"""Files from strangers as byte streams: decompressed on the way, counted, not trusted about their size."""

from __future__ import annotations

import bz2
import json
import lzma
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from kinesis_trl.motion.clip import ClipFormatError
from kinesis_trl.reading import open_regular

_MOST_BYTES, _SMALL, _EXPANSION = 4 << 30, 64 << 20, 514

_CHUNK = 1 << 20
TORCH_SAVED = (
    "a file of torch.save, expected a pickle of arrays; in Python: "
    "import torch, joblib; joblib.dump(torch.load('x.pkl'), 'y.pkl')."
)
_FOREIGN = {
    b"PK\x03\x04": TORCH_SAVED.replace(", expected", " or a zip archive (rename one of numpy.savez to .npz), expected"),
    b"\x93NUMPY": "an array of numpy.save, expected a pickle; rename it to .npy.",
    b"\x89HDF": "an HDF5 file, expected a pickle; save its arrays with numpy.savez.",
}
_LZMA_MEMORY = 256 << 20


def open_file(path: Path) -> IO[bytes]:
    """A regular file, open for reading; a pipe or device, which may never end, is refused without waiting for it.

    Raises:
        ClipFormatError: no such file, or something else than a file.
    """
    try:
        return open_regular(path)
    except OSError as error:
        raise ClipFormatError(f"{path}: cannot be opened ({error.strerror}); check the path.") from error


def read_json(path: Path, *, max_bytes: int = 256 << 20) -> Any:
    """Content of a JSON file.

    Raises:
        ClipFormatError: no such file, longer than `max_bytes`, not JSON, or nested too deeply.
    """
    with open_file(path) as file:
        text = file.read(max_bytes + 1)
    if len(text) > max_bytes:
        raise ClipFormatError(f"{path}: has more than {max_bytes >> 20} MiB, which no file of this kind needs.")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ClipFormatError(f"{path}: is damaged, no JSON ({error}); fetch or make it again.") from error


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn any failure inside into a ClipFormatError that names the file."""
    try:
        yield
    except ClipFormatError as error:
        raise ClipFormatError(f"{path}: {error}") from None
    except MemoryError as error:
        raise ClipFormatError(f"{path}: does not fit into memory; split the file.") from error
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        raise ClipFormatError(f"{path}: broken or cut short ({what}); fetch or save it again.") from error


def budget(file: IO[bytes]) -> int:
    """Most bytes that a file may expand to: 64 MiB and 514 times its size, up to 4 GiB.

    Past it the file is taken for a decompression bomb. Motion rarely shrinks tenfold when it is compressed, and a step
    of a pickle, which has at least one byte, is charged with 512.
    """
    return min(_MOST_BYTES, _SMALL + _EXPANSION * os.fstat(file.fileno()).st_size)


def blocks(file: IO[bytes]) -> Iterator[bytes]:
    return iter(lambda: file.read(_CHUNK), b"")


def decompressed(file: IO[bytes]) -> Iterator[bytes]:
    """Content of a possibly compressed file in blocks of at most 1 MiB."""
    head = file.read(6)
    file.seek(0)
    for magic, what in _FOREIGN.items():
        if head.startswith(magic):
            raise ClipFormatError(f"is {what}")
    if head.startswith((b"\x04\x22\x4d\x18", b"ZF")):
        raise ClipFormatError("compressed by lz4 or a joblib before 0.10; save it again with zlib or gzip.")
    if head.startswith((b"\x78", b"\x1f\x8b")):
        return _inflate(file)
    if head.startswith(b"BZh"):
        return _unpack(file, bz2.BZ2Decompressor())
    if head.startswith((b"\xfd7zXZ", b"\x5d\x00")):
        return _unpack(file, lzma.LZMADecompressor(memlimit=_LZMA_MEMORY))
    return blocks(file)


def _inflate(file: IO[bytes]) -> Iterator[bytes]:
    stream = zlib.decompressobj(wbits=47)  # 32 + 15: zlib or gzip by its header, any window
    for block in blocks(file):
        rest = block
        while rest and not stream.eof:
            yield stream.decompress(rest, _CHUNK)
            rest = stream.unconsumed_tail
    yield stream.flush()  # a few bytes that the last block's limit kept back


def _unpack(file: IO[bytes], stream: bz2.BZ2Decompressor | lzma.LZMADecompressor) -> Iterator[bytes]:
    for block in blocks(file):
        if stream.eof:
            return
        yield stream.decompress(block, _CHUNK)
        while not stream.needs_input and not stream.eof:
            yield stream.decompress(b"", _CHUNK)


class BoundedReader:
    """Read-only stream over blocks that stops past a byte budget and never allocates ahead of real data."""

    def __init__(self, blocks: Iterator[bytes], limit: int) -> None:
        self._blocks = blocks
        self._block, self._place = b"", 0
        self._limit = limit
        self.left = limit

    def _filled(self) -> bool:
        """Whether something of the block is left, after fetching the next one if nothing was."""
        while self._place >= len(self._block):
            block = next(self._blocks, None)
            if block is None:
                return False
            self._block, self._place = block, 0
        return True

    def charge(self, count: int) -> None:
        """Take `count` bytes from the budget."""
        if count > self.left:
            raise ClipFormatError(
                f"expands past {self._limit / 2**20:,.0f} MiB, as decompression bombs do; split the file."
            )
        self.left -= count

    def read(self, count: int) -> bytes:
        """Up to `count` bytes, fewer only at the end of the stream."""
        self.charge(count)
        if 0 <= count <= len(self._block) - self._place:  # nearly always; a step of a pickle reads single bytes
            self._place += count
            return self._block[self._place - count : self._place]
        parts = []
        while count > 0 and self._filled():
            parts.append(self._block[self._place : self._place + count])
            self._place += len(parts[-1])
            count -= len(parts[-1])
        self.left += count  # what was asked for but is not there has cost nothing
        return b"".join(parts)

    def readline(self) -> bytes:
        """The rest of the line, as old text pickles need it."""
        parts: list[bytes] = []
        while (not parts or not parts[-1].endswith(b"\n")) and self._filled():
            end = self._block.find(b"\n", self._place) + 1 or len(self._block)
            parts.append(self.read(end - self._place))
        return b"".join(parts)

    def exactly(self, count: int) -> bytes:
        """`count` bytes; raises ClipFormatError when the stream has fewer."""
        data = self.read(count)
        if len(data) != count:
            raise ClipFormatError(f"cut short: an array of {count} bytes has only {len(data)}; fetch it again.")
        return data
