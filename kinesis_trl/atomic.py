"""Files and folders that are either the old one or the new one, never half of either, and leave nothing behind.

What is being written lies beside its destination under a name such as `.NAME.a1b2c3d4.part`, and is locked for as
long as its writer lives. A killed process leaves it unlocked; `sweep` removes it, or, where the kill came while one
folder took the place of another, puts the old folder back.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_LEFT = re.compile(r"\.(?P<name>.+)\.[0-9a-f]{8}\.(?P<kind>part|old)(?P<suffix>\.[^.]+)?")
_UNSUPPORTED = {errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS}
_TAKEN = {errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR}


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, with its suffix, that replaces it when the block ends without error.

    Folders are made. What was written is on disk when the block is left. Raises OSError, leaving the old file
    whole and no temporary one; also where `path` is a device, a pipe, a folder or a symbolic link.
    """
    path = Path(path)
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise OSError(errno.EEXIST, "there is something else than a regular file; name another one", str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary, handle = _staged(path, folder=False)
    try:
        yield temporary
        with temporary.open("rb") as stream:
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
        os.close(handle)
    _sync(path.parent)


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """A temporary folder beside `path` that takes its place when the block ends without error.

    The folder that was there is removed only once the new one is in place. Raises OSError, leaving the old folder
    whole and no temporary one; also where `path` is a symbolic link.
    """
    path = Path(path)
    if path.is_symlink():
        raise OSError(errno.EEXIST, "there is a symbolic link; name the folder itself", str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    staged, handle = _staged(path, folder=True)
    retired: list[tuple[Path, int]] = []
    try:
        yield staged
        staged.chmod(0o755)
        while True:
            try:
                os.rename(staged, path)
                break
            except OSError as error:
                if error.errno not in _TAKEN:
                    raise
            retired += _retire(path)
        _sync(path.parent)
    except BaseException:
        for old, _ in retired:
            with suppress(OSError):  # another process has put its own in the place meanwhile
                os.rename(old, path)
        raise
    finally:
        for folder in (staged, *(old for old, _ in retired)):
            shutil.rmtree(folder, ignore_errors=True)
        for held in (handle, *(held for _, held in retired)):
            os.close(held)


def write_bytes(path: Path, content: bytes) -> None:
    """Replace a file's content in one step; where the disk has no room for it, nothing is written at all."""
    with replacing(path) as temporary, temporary.open("wb", buffering=0) as stream:
        reserve(stream.fileno(), len(content))
        view = memoryview(content)
        while view:
            view = view[stream.write(view) :]


def write_text(path: Path, content: str) -> None:
    """Replace a file's content (UTF-8) in one step."""
    write_bytes(path, content.encode())


def reserve(handle: int, size: int) -> None:
    """Take `size` bytes of disk for an open file, where the system can; raises OSError when there is no room."""
    if not size or not hasattr(os, "posix_fallocate"):
        return
    try:
        os.posix_fallocate(handle, 0, size)
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise


def sweep(folder: Path, name: str | None = None) -> None:
    """Remove what killed processes left in `folder`, of the file or folder `name` or of all.

    What a living process is writing stays, also where locks do not work. Never raises.
    """
    folder = Path(folder)
    with suppress(OSError):
        for left in list(folder.iterdir()):
            found = _LEFT.fullmatch(left.name)
            if found is None or name not in (None, found["name"], f"{found['name']}{found['suffix'] or ''}"):
                continue
            with suppress(OSError):
                _remove(left, folder / found["name"], retired=found["kind"] == "old")


def _remove(left: Path, home: Path, *, retired: bool) -> None:
    """Remove a leftover that no process holds; a folder whose successor never came goes back to its `home`."""
    handle = os.open(left, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if retired and not home.exists():
            os.rename(left, home)
        elif left.is_dir():
            shutil.rmtree(left)
        else:
            left.unlink()
    finally:
        os.close(handle)


def _staged(path: Path, *, folder: bool) -> tuple[Path, int]:
    """A new temporary file or folder for `path`, and the handle that holds its lock."""
    while True:
        token = secrets.token_hex(4)
        if folder:
            staged = path.with_name(f".{path.name}.{token}.part")
            staged.mkdir(mode=0o700)
            handle = os.open(staged, os.O_RDONLY)
        else:
            staged = path.with_name(f".{path.stem}.{token}.part{path.suffix}")
            handle = os.open(staged, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        _lock(handle)
        # A sweep may have come between the making and the locking: then it is made again.
        with suppress(OSError):
            if os.path.samestat(os.stat(staged), os.fstat(handle)):
                return staged, handle
        os.close(handle)


def _retire(path: Path) -> list[tuple[Path, int]]:
    """Move a folder out of the way; nothing where another process was faster."""
    retired = path.with_name(f".{path.name}.{secrets.token_hex(4)}.old")
    try:
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return []
    _lock(handle)
    try:
        os.rename(path, retired)
    except FileNotFoundError:
        os.close(handle)
        return []
    return [(retired, handle)]


def _lock(handle: int) -> None:
    with suppress(OSError):  # a file system without locks: what is left there is never swept
        fcntl.flock(handle, fcntl.LOCK_EX)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
