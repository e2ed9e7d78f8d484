"""Motion files are read in a child process that has little time and memory, and ends with the file.

Whatever a file from a stranger does to its reader (work without end, memory without end, a crash in a library), the
process that asked only learns that the file was refused. What the child sends back is JSON and plain numbers.
On systems without `fork` the file is read in the process itself.
"""

from __future__ import annotations

import faulthandler
import gc
import json
import math
import os
import resource
import select
import signal
import struct
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.failures import printable
from kinesis_trl.motion.clip import ClipFormatError

_FORKS = sys.platform == "linux"
_LONGEST_TEXT = 10_000
_PATIENCE = (30.0, 20.0)  # seconds on the clock, and more for each second of processor time that is allowed
_LENGTH = struct.Struct("<Q")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What reading one file may take."""

    seconds: float
    """Processor time in seconds; twenty times as long and half a minute may pass."""
    memory: int
    """Bytes beyond what the process had before."""

    @classmethod
    def of(cls, path: Path, *, modelled: bool = False) -> Limits:
        """Limits by the size of a file; more where a body is fitted: the surface of an SMPL model, or markers."""
        size = path.stat().st_size if path.is_file() else 0
        seconds, memory = 1.0 + 5e-6 * size, (512 << 20) + 24 * size
        if modelled:
            return cls(seconds=seconds + 600.0, memory=memory + (4 << 30))
        return cls(seconds=min(seconds, 1800.0), memory=memory)


def run_confined(path: Path, read: Callable[[], Any], limits: Limits) -> Any:
    """What `read` returns, when it stays within the limits.

    Args:
        path: the file it reads, for messages.
        read: runs in a child process; returns numbers, text, arrays of numbers, None, and dicts by text, lists and
            tuples of them, which come back as tuples. Text comes back without control characters.
        limits: what it may take.

    Raises:
        ClipFormatError: it raised this or another error, or went past its limits, or its process died.
    """
    if not _FORKS:
        return _unpacked(*_attempted(path, read, limits))
    receiving, sending = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the child uses none of the other threads' locks
        child = os.fork()
    if child == 0:
        os.close(receiving)
        _answer(path, read, limits, sending)
    os.close(sending)
    status = None
    try:
        answer = _received(receiving, time.monotonic() + _PATIENCE[0] + _PATIENCE[1] * limits.seconds)
        if answer is not None:
            status = os.waitpid(child, 0)[1]
    finally:
        os.close(receiving)
        if status is None:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    if answer is None or status is None or os.WIFSIGNALED(status):
        raise _died(path, status, limits)
    return _unpacked(*_parsed(path, answer))


def _attempted(path: Path, read: Callable[[], Any], limits: Limits) -> tuple[Any, list[NDArray[Any]]]:
    """What was read as JSON and arrays, or {"error": the reason}."""
    arrays: list[NDArray[Any]] = []
    try:
        return {"found": _packed(read(), arrays)}, arrays
    except ClipFormatError as error:
        return {"error": str(error)}, []
    except MemoryError:
        return {"error": f"{path}: does not fit into {limits.memory >> 20} MiB; split the file."}, []
    except Exception as error:  # whatever a reader did not expect, the file is at fault
        return {"error": f"{path}: malformed content ({type(error).__name__}: {error!s:.300})."}, []


def _answer(path: Path, read: Callable[[], Any], limits: Limits, sending: int) -> None:
    """In the child: read, send what was found, and end without any of the parent's clean-up."""
    code = 1
    try:
        gc.freeze()  # what the parent left to collect may end threads that did not come along, and wait for them
        faulthandler.disable()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_PROF, limits.seconds)  # ends the process also in the middle of a C function
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        wanted = pages * resource.getpagesize() + limits.memory
        resource.setrlimit(resource.RLIMIT_AS, (wanted if hard < 0 else min(wanted, hard), hard))
        if (torch := sys.modules.get("torch")) is not None:
            torch.set_num_threads(1)  # its pool of threads did not come along
        head, arrays = _attempted(path, read, limits)
        head["arrays"] = [[array.dtype.str, array.shape] for array in arrays]
        text = json.dumps(head).encode()
        with open(sending, "wb") as stream:
            stream.write(_LENGTH.pack(len(text)))
            stream.write(text)
            for array in arrays:
                stream.write(np.ascontiguousarray(array).tobytes())
        code = 0
    finally:
        os._exit(code)


def _packed(value: Any, arrays: list[NDArray[Any]]) -> Any:
    """A value as JSON; arrays are put aside."""
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        arrays.append(value)
        return {"array": len(arrays) - 1}
    if isinstance(value, dict):
        return {"dict": [[str(key), _packed(item, arrays)] for key, item in value.items()]}
    if isinstance(value, (list, tuple)):
        return [_packed(item, arrays) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)


def _received(receiving: int, until: float) -> bytearray | None:
    """All that the child sends; None when it has not ended in time."""
    answer = bytearray()
    while True:
        ready, _, _ = select.select([receiving], [], [], max(until - time.monotonic(), 0.0))
        if not ready:
            return None
        block = os.read(receiving, 1 << 20)
        if not block:
            return answer
        answer += block


def _died(path: Path, status: int | None, limits: Limits) -> ClipFormatError:
    name = "" if status is None else signal.Signals(os.WTERMSIG(status)).name
    if name in ("", "SIGPROF"):
        return ClipFormatError(
            f"{path}: takes more than {limits.seconds:.2g} s to read, as no file of its size does; it is broken or "
            "made to keep a reader busy."
        )
    return ClipFormatError(f"{path}: ended its reader ({name}), as broken files do; fetch or save it again.")


def _parsed(path: Path, answer: bytearray) -> tuple[Any, list[NDArray[Any]]]:
    """The child's JSON and arrays."""
    try:
        start = _LENGTH.size + _LENGTH.unpack_from(answer)[0]
        head = json.loads(answer[_LENGTH.size : start])
        arrays = []
        for kind, shape in head["arrays"]:
            arrays.append(np.frombuffer(answer, np.dtype(kind), math.prod(shape), start).reshape(shape))
            start += arrays[-1].nbytes
    except (struct.error, KeyError, TypeError, ValueError) as error:
        raise ClipFormatError(f"{path}: its reader gave no whole answer ({error}); read it again.") from error
    return head, arrays


def _unpacked(head: Any, arrays: list[NDArray[Any]]) -> Any:
    """What was packed; raises the error that stands in its place."""

    def value_of(packed: Any) -> Any:
        if isinstance(packed, dict):
            if "array" in packed:
                return arrays[packed["array"]]
            return {printable(key): value_of(item) for key, item in packed["dict"]}
        if isinstance(packed, list):
            return tuple(value_of(item) for item in packed)
        return printable(packed[:_LONGEST_TEXT]) if isinstance(packed, str) else packed

    if "error" in head:
        raise ClipFormatError(printable(head["error"][:_LONGEST_TEXT]))
    return value_of(head["found"])
