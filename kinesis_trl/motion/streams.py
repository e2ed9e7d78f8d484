"""Files from strangers as byte streams: decompressed on the way, counted, not trusted about their size."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from kinesis_trl.motion.clip import ClipFormatError

MAX_BYTES = 4 << 30
"""Most bytes that one file may expand to (4 GiB); past it the file is taken for a decompression bomb."""

_CHUNK = 1 << 20
_LZMA_MEMORY = 256 << 20


def open_file(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as error:
        raise ClipFormatError(f"{path}: cannot be opened ({error.strerror}); check the path.") from error


class explained:
    """Context that turns any failure inside it into a ClipFormatError naming the file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, ClipFormatError):
            raise ClipFormatError(f"{self.path}: {error}") from None
        if isinstance(error, MemoryError):
            raise ClipFormatError(f"{self.path}: does not fit into memory; split the file.") from error
        if isinstance(error, Exception):
            raise ClipFormatError(
                f"{self.path}: broken or cut short ({type(error).__name__}: {error}); fetch or save it again."
            ) from error


def blocks(file: IO[bytes]) -> Iterator[bytes]:
    return iter(lambda: file.read(_CHUNK), b"")


def decompressed(file: IO[bytes]) -> Iterator[bytes]:
    """Content of a possibly compressed file in blocks of at most 1 MiB."""
    head = file.read(6)
    file.seek(0)
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
        self._buffer = b""
        self._limit = limit
        self.left = limit

    def _filled(self) -> bool:
        """Whether there is something in the buffer, after fetching the next block if it was empty."""
        while not self._buffer:
            block = next(self._blocks, None)
            if block is None:
                return False
            self._buffer = block
        return True

    def charge(self, count: int) -> None:
        """Take `count` bytes from the budget."""
        if count > self.left:
            raise ClipFormatError(
                f"expands past {self._limit / 2**30:.3g} GiB, as decompression bombs do; split the file."
            )
        self.left -= count

    def read(self, count: int) -> bytes:
        """Up to `count` bytes, fewer only at the end of the stream."""
        self.charge(count)
        parts = []
        while count > 0:
            if not self._filled():
                break
            part, self._buffer = self._buffer[:count], self._buffer[count:]
            parts.append(part)
            count -= len(part)
        self.left += count  # what was asked for but is not there has cost nothing
        return b"".join(parts)

    def readline(self) -> bytes:
        """The rest of the line, as old text pickles need it."""
        parts: list[bytes] = []
        while not parts or not parts[-1].endswith(b"\n"):
            if not self._filled():
                break
            parts.append(self.read(self._buffer.find(b"\n") + 1 or len(self._buffer)))
        return b"".join(parts)

    def exactly(self, count: int) -> bytes:
        """`count` bytes; raises ClipFormatError when the stream has fewer."""
        data = self.read(count)
        if len(data) != count:
            raise ClipFormatError(f"cut short: an array of {count} bytes has only {len(data)}; fetch it again.")
        return data
