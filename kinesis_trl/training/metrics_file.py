"""metrics.jsonl: the numbers of a run, one JSON object a line, whole after a kill and equal after a resume."""

from __future__ import annotations

import json
import logging
import math
import os
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from kinesis_trl.atomic import write_bytes
from kinesis_trl.reading import open_regular

_LONGEST_LINE = 1 << 20  # bytes; ours hold some hundred numbers
_WARNING_INTERVAL = 60.0  # seconds
_log = logging.getLogger(__name__)


class MetricsFileError(OSError):
    """metrics.jsonl cannot be opened or written."""


class MetricsFile:
    """Appends scalars to a file; every line is handed to the operating system before `write` returns.

    Lines that a full disk refuses wait in memory until there is room again.
    """

    def __init__(self, path: Path | str, *, resume_step: int | None = None) -> None:
        """Open the file for appending, after dropping what a killed run left beyond its last checkpoint.

        Lines of steps after `resume_step` go, since the resumed run will write them again; None keeps every
        whole line. A line cut off by the kill goes too. Raises MetricsFileError.
        """
        self.path = Path(path)
        self._waiting: deque[bytes] = deque()
        self._warned = -math.inf
        try:
            if self.path.is_symlink() or (self.path.exists() and not self.path.is_file()):
                raise OSError("no regular file")
            self.path.parent.mkdir(parents=True, exist_ok=True)
            _drop_later_lines(self.path, resume_step)
            self._stream: BinaryIO = self.path.open("ab", buffering=0)
        except OSError as error:
            raise MetricsFileError(
                f"{self.path}: cannot be opened for writing ({error}). Choose a run folder you may write to."
            ) from error

    def write(self, scalars: Mapping[str, float], step: int) -> None:
        """Append one line: `step` and the scalars; what is not finite becomes null, as JSON has no NaN.

        Where the disk refuses, the file ends with a whole line, and a warning is logged once a minute.
        """
        if "step" in scalars:
            raise ValueError("a scalar is named 'step', expected another name: the line's step stands under it.")
        finite = {n: v if math.isfinite(v) else None for n, v in ((n, float(v)) for n, v in scalars.items())}
        self._waiting.append(json.dumps({"step": int(step), **finite}).encode() + b"\n")
        try:
            self.flush()
        except MetricsFileError as error:
            if time.monotonic() - self._warned > _WARNING_INTERVAL:
                self._warned = time.monotonic()
                _log.warning("%s", error)

    def flush(self) -> None:
        """Write the lines that wait. Raises MetricsFileError when the disk refuses; all lines before are whole."""
        while self._waiting:
            line = self._waiting[0]
            end = os.fstat(self._stream.fileno()).st_size
            try:
                if self._stream.write(line) != len(line):
                    raise OSError("disk full: the line was written in part")
            except OSError as error:
                with suppress(OSError):
                    self._stream.truncate(end)
                raise MetricsFileError(
                    f"{self.path}: {len(self._waiting)} lines could not be written ({error}) and wait in memory; all "
                    "before are whole. Free space, and the run writes them."
                ) from error
            self._waiting.popleft()

    def close(self) -> None:
        """Write what waits and close the file; may be called twice."""
        if self._stream.closed:
            return
        try:
            self.flush()
        except MetricsFileError as error:
            _log.warning("%s", error)
        self._stream.close()

    def __enter__(self) -> MetricsFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read_metrics(path: Path | str) -> Iterator[dict[str, float | None]]:
    """The lines of a metrics file in order, each with its `step`; lines that are cut off or damaged are skipped.

    Raises FileNotFoundError.
    """
    for _, row in _whole_lines(Path(path)):
        yield row


def _drop_later_lines(path: Path, resume_step: int | None) -> None:
    """Rewrite the file, in one atomic step, without damaged lines and those after `resume_step`."""
    if not path.exists():
        return
    kept = [line for line, row in _whole_lines(path) if resume_step is None or row["step"] <= resume_step]
    content = b"".join(kept)
    if len(content) != path.stat().st_size:
        write_bytes(path, content)


def _whole_lines(path: Path) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """Each readable line with what it holds."""
    with open_regular(path) as stream:
        number = 0
        while line := stream.readline(_LONGEST_LINE):
            number += 1
            row = _parse(line)
            if row is not None:
                yield line, row
            elif line.endswith(b"\n"):  # without an end it is what a kill leaves, nothing to warn of
                _log.warning("%s, line %d is damaged and was left out", path, number)


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        row = json.loads(line) if line.endswith(b"\n") else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(row, dict) or type(row.get("step")) is not int:
        return None
    return row
