"""Number tables as text (.mot, .sto, .csv), read row by row with only the columns that are needed."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.motion.clip import ClipFormatError
from kinesis_trl.motion.readers.conventions import MAX_CLIP_FRAMES, tidy_fps

Array = NDArray[np.float64]

_MAX_LINE = 1 << 16
_MAX_HEADER = 200
_MAX_VALUES = 100_000_000


@dataclass(frozen=True)
class Table:
    """Columns of a text table."""

    header: dict[str, str]
    """'key=value' lines above an 'endheader', keys in lower case."""
    columns: tuple[str, ...]
    """Column names; empty when the file has none."""
    values: Array
    """(rows, columns)."""

    def column(self, name: str) -> Array:
        """(rows,) of the column called `name`."""
        return self.values[:, self.columns.index(name)]


def read_table(path: Path) -> Table:
    """Read an OpenSim storage file or a comma-separated table with or without a line of names.

    Raises ClipFormatError for a missing file, ragged or non-numeric rows, fewer rows than the header
    announces, or more than `MAX_CLIP_FRAMES` rows.
    """
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            lines = _lines(file)
            header, first = _header(lines, path)
            comma = "," in first
            words = [word.strip().strip('"') for word in (first.split(",") if comma else first.split())]
            named = not all(_is_number(word) for word in words)
            if not words:
                raise ClipFormatError(f"{path}: has no rows under its header.")
            rows = lines if named else itertools.chain([first], lines)
            # Before memory is taken for rows: their width is that of the first, whatever the names say.
            first = next(rows, "")
            width = len(first.split("," if comma else None))
            if named and first and width != len(words):
                raise ClipFormatError(f"has {width} columns under {len(words)} names; the file is broken.")
            most = min(MAX_CLIP_FRAMES, _MAX_VALUES // max(width, 1))
            rows = itertools.islice(itertools.chain([first], rows), most + 1)
            values = np.loadtxt(rows, delimiter="," if comma else None, ndmin=2, comments=None)
    except OSError as error:
        raise ClipFormatError(f"{path}: cannot be read ({error.strerror}); check the path.") from error
    except ValueError as error:
        if isinstance(error, ClipFormatError):
            raise ClipFormatError(f"{path}: {str(error).removeprefix(f'{path}: ')}") from None
        raise ClipFormatError(f"{path}: rows are ragged, cut short or not numbers ({error!s:.200}).") from None
    if len(values) > most:
        raise ClipFormatError(f"{path}: has more than {most} rows; cut it into shorter files.")
    stated = header.get("nrows", "")
    if stated.isdigit() and int(stated) > len(values):
        raise ClipFormatError(f"{path}: announces {stated} rows and has {len(values)}; it is cut short.")
    return Table(header, tuple(words) if named else (), values)


def _lines(file: TextIO) -> Iterator[str]:
    """Lines that are not blank; raises ClipFormatError for one too long to be a row."""
    for line in iter(lambda: file.readline(_MAX_LINE), ""):
        if len(line) == _MAX_LINE and not line.endswith("\n"):
            raise ClipFormatError(f"has a line of more than {_MAX_LINE} characters, as no table of motion has.")
        if line.strip():
            yield line


def _header(lines: Iterator[str], path: Path) -> tuple[dict[str, str], str]:
    """Entries above 'endheader' and the line after it; without one, nothing and the first line."""
    storage = path.suffix.lower() in (".mot", ".sto")
    entries: dict[str, str] = {}
    for count, line in enumerate(lines):
        if not storage:
            return {}, line
        if line.strip().lower() == "endheader":
            return entries, next(lines, "")
        if count > _MAX_HEADER:
            break
        key, _, value = line.partition("=")
        entries[key.strip().lower()] = value.strip()
    raise ClipFormatError(f"{path}: " + ("has no 'endheader' line." if storage else "is empty."))


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def rate_of(times: Array) -> float:
    """Frames per second of equally spaced times (T,) in seconds; raises ClipFormatError for others."""
    steps = np.diff(times)
    step = float(np.median(steps)) if len(steps) else 0.0
    if not step > 0 or not np.allclose(steps, step, rtol=0.02, atol=1e-6):
        raise ClipFormatError("its times do not rise in equal steps; resample it to a constant rate.")
    return tidy_fps(1.0 / step)
