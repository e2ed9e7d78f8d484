"""Files from strangers as text: regular ones only, of bounded length; a pipe or device would keep us waiting."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import IO


def open_regular(path: Path) -> IO[bytes]:
    """A regular file, or a link to one, open for reading; OSError at once for anything else."""
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    if stat.S_ISREG(os.fstat(handle).st_mode):
        return open(handle, "rb")
    os.close(handle)
    raise OSError(errno.EINVAL, "is no regular file, but a folder, pipe or device", str(path))


def read_text(path: Path, *, most: int, errors: str = "strict") -> str:
    """UTF-8 text of at most `most` bytes, without a byte order mark; `errors` as `bytes.decode` takes it.

    Raises:
        OSError: no such file, no regular file, or a longer one.
        UnicodeDecodeError: not UTF-8.
    """
    with open_regular(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"has more than {most:,} bytes, which no file of this kind needs", str(path))
    return content.decode("utf-8-sig", errors)
