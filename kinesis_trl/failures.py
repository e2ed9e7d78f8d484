"""What went wrong, in one line that says what to do; a fault of ours keeps its trace."""

from __future__ import annotations

import csv
import errno
import faulthandler
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_MENDS = {
    errno.ENOSPC: "free some space, or choose another folder",
    errno.EDQUOT: "free some space, or choose another folder",
    errno.EROFS: "choose a folder that can be written to",
    errno.EACCES: "change its permissions, or choose another folder",
    errno.EPERM: "change its permissions, or choose another folder",
    errno.ENOENT: "check the path",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
    errno.EADDRINUSE: "choose another --port",
}
"""What to do about an error of the operating system, by its number."""


class PrintableError(ValueError):
    """An error about a file from elsewhere: what its message quotes moves no cursor and fits any encoding."""

    def __str__(self) -> str:
        return printable(super().__str__())


def explanation(error: Exception) -> str | None:
    """What to tell the user of an error; None for a fault of ours.

    Exceptions of this package are written for the user, in up to five lines; those of others become one line.
    """
    kind, said = type(error).__name__, str(error)
    if type(error).__module__.startswith("kinesis_trl."):
        return f"{kind}: {said}"
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename is not None else ""
        mend = _MENDS.get(error.errno or 0)
        return f"{kind}: {where}{error.strerror}{f'; {mend}' if mend else ''}."
    if isinstance(error, ModuleNotFoundError):
        return f"{kind}: {said}; install it with pip, or everything with make setup."
    if isinstance(error, MemoryError):
        return f"{kind}: not enough memory; take fewer environments, workers or clips at once."
    if isinstance(error, RecursionError):
        return f"{kind}: something is nested too deeply; a file may be damaged."
    if isinstance(error, RuntimeError) and "home directory" in said:
        return f"{kind}: there is no home folder; set HOME, or KINESIS_TRL_CACHE to a folder that can be written to."
    if isinstance(error, RuntimeError) and "MUJOCO_GL" in said:
        return f"{kind}: {said}; set MUJOCO_GL to egl, osmesa or glfw, or unset it."
    if isinstance(error, OSError | ValueError | csv.Error):
        return f"{kind}: {' '.join(said.split())}"
    return None


def printable(text: str, keep: str = "\n\t") -> str:
    """Text with a replacement character for what moves a terminal's cursor or cannot be encoded, but for `keep`."""
    return "".join(c if c.isprintable() or c in keep else "\N{REPLACEMENT CHARACTER}" for c in text)


@contextmanager
def explained(stopped: str) -> Iterator[None]:
    """Run a command: Ctrl-C exits with `stopped` and code 130, an error that can be explained with 1.

    With KINESIS_TRACE set, explained errors show their trace as well.
    """
    try:
        yield
    except KeyboardInterrupt:
        _say(stopped)
        sys.exit(130)
    except BrokenPipeError:  # such as kinesis eval | head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except Exception as error:
        text = explanation(error)
        if text is None or os.environ.get("KINESIS_TRACE"):
            raise
        _say(text)
        sys.exit(1)


def _say(text: str) -> None:
    """To the standard output, in characters that it has; nothing where it is full or closed."""
    encoding = sys.stdout.encoding or "ascii"
    try:
        sys.stdout.write(printable(text).encode(encoding, "replace").decode(encoding) + "\n")
        sys.stdout.flush()
    except OSError:
        sys.exit(1)


def prepare_process() -> None:
    """Let a place that lacks what libraries count on do: a terminal without Unicode, a user without a name."""
    with suppress(ValueError, OSError):  # standard error is no file
        faulthandler.enable()  # a crash in C, as where another program cuts a file that is mapped, says where
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    if sys.platform != "win32":
        import pwd  # noqa: PLC0415  only there

        try:
            pwd.getpwuid(os.getuid())
        except KeyError:
            os.environ.setdefault("USER", f"uid{os.getuid()}")
