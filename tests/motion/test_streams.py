"""Byte streams: whole across blocks, counted, and cut short when the data is."""

from __future__ import annotations

from pathlib import Path

import pytest

from kinesis_trl.motion.clip import ClipFormatError
from kinesis_trl.motion.streams import BoundedReader, explained, open_file


def reader(limit: int = 100) -> BoundedReader:
    return BoundedReader(iter((b"ab", b"", b"c\nde", b"f\n", b"gh")), limit)


def test_reads_and_lines_cross_blocks() -> None:
    stream = reader()
    assert (stream.read(1), stream.readline(), stream.read(2), stream.readline()) == (b"a", b"bc\n", b"de", b"f\n")
    assert (stream.readline(), stream.readline(), stream.read(5)) == (b"gh", b"", b"")
    assert stream.left == 100 - 10


def test_the_budget_is_of_bytes_that_are_there() -> None:
    stream = reader(limit=9)
    assert stream.read(9) == b"abc\ndef\ng"
    with pytest.raises(ClipFormatError, match="decompression bomb"):
        stream.read(1)
    with pytest.raises(ClipFormatError, match="decompression bomb"):
        reader(limit=5).exactly(6)
    with pytest.raises(ClipFormatError, match="array of 50 bytes has only 10"):
        reader().exactly(50)


def test_failures_name_the_file(tmp_path: Path) -> None:
    with pytest.raises(ClipFormatError, match=r"none\.pkl: cannot be opened .*check the path"):
        open_file(tmp_path / "none.pkl")
    path = tmp_path / "a.pkl"
    for error, message in ((KeyError("x"), r"broken or cut short"), (MemoryError(), "does not fit into memory")):
        with pytest.raises(ClipFormatError, match=rf"a\.pkl: {message}"), explained(path):
            raise error
    with pytest.raises(KeyboardInterrupt), explained(path):
        raise KeyboardInterrupt
