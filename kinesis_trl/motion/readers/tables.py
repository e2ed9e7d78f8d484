"""Number tables as text (.mot, .sto, .csv), read row by row with only the columns that are needed."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.motion.clip import ClipFormatError
from kinesis_trl.motion.readers.conventions import MAX_CLIP_FRAMES, tidy_fps
from kinesis_trl.motion.streams import explained, open_file

Array = NDArray[np.float64]

_MAX_LINE = 1 << 16
_MAX_HEADER = 200
_MAX_VALUES = 100_000_000
_USUAL_RATES = (
    *(10.0, 12.5, 15.0, 20.0, 24e3 / 1001, 24.0, 25.0, 30e3 / 1001, 30.0, 40.0, 48.0, 50.0, 60e3 / 1001, 60.0, 72.0),
    *(
        75.0,
        90.0,
        100.0,
        120e3 / 1001,
        120.0,
        125.0,
        150.0,
        180.0,
        200.0,
        240.0,
        250.0,
        300.0,
        360.0,
        400.0,
        480.0,
        500.0,
        600.0,
        1000.0,
        2000.0,
    ),
)
"""Frame rates of cameras and motion capture, in frames/s."""


@dataclass(frozen=True)
class Table:
    """Columns of a text table."""

    header: dict[str, str]
    """'key=value' lines above an 'endheader', keys in lower case."""
    columns: tuple[str, ...]
    """Column names; empty when the file has none."""
    values: Array
    """(rows, columns)."""
    notes: tuple[str, ...] = ()
    """What the header says and the rows do not bear out."""

    def column(self, name: str) -> Array:
        """(rows,) of the column called `name`."""
        return self.values[:, self.columns.index(name)]

    def rate(self) -> float:
        """Frames per second, by the column 'time'; raises ClipFormatError where there is none."""
        if "time" not in self.columns:
            raise ClipFormatError("has no 'time' column; pass --fps.")
        return rate_of(self.column("time"))


def read_table(path: Path) -> Table:
    """Read an OpenSim storage file or a comma-separated table with or without a line of names.

    Cells are apart by commas, semicolons or blanks; beside the latter two, commas may be decimal. Lines that begin
    with # above a comma-separated table are skipped. A number of rows in the header that is not that of the rows is
    said in `notes`. Raises ClipFormatError for a missing file, ragged or non-numeric rows, or more than
    `MAX_CLIP_FRAMES` rows.
    """
    with open_file(path) as file, explained(path):
        lines = _lines(io.TextIOWrapper(file, encoding="utf-8-sig", errors="replace"))
        header, first = _header(lines, storage=path.suffix.lower() in (".mot", ".sto"))
        mark = next((mark for mark in ";," if mark in first), None)
        words = [word.strip().strip('"') for word in first.split(mark)]
        if not words:
            raise ClipFormatError("has no rows under its header.")
        named = not all(_is_number(word) for word in words)
        row = next(lines, "") if named else first
        columns = len(row.split(mark))
        if mark != "," and "." not in row:
            row, lines = row.replace(",", "."), (line.replace(",", ".") for line in lines)
        if named and row and columns != len(words):
            raise ClipFormatError(f"has {columns} columns under {len(words)} names; the file is broken.")
        most = min(MAX_CLIP_FRAMES, _MAX_VALUES // max(columns, 1))
        rows = itertools.islice(itertools.chain([row], lines), most + 1)
        try:
            values = np.loadtxt(rows, delimiter=mark, ndmin=2, comments=None)
        except ValueError as error:
            if isinstance(error, ClipFormatError):
                raise
            raise ClipFormatError(f"rows are ragged, cut short or not numbers ({error!s:.200}).") from None
        if len(values) > most:
            raise ClipFormatError(f"has more than {most} rows; cut it into shorter files.")
    stated = header.get("nrows", "")
    off = stated.isdecimal() and int(stated) != len(values)
    notes = (f"the header announces {stated} rows; there are {len(values)}",) if off else ()
    return Table(header, tuple(words) if named else (), values, notes)


def _lines(file: TextIO) -> Iterator[str]:
    """Lines that are not blank; raises ClipFormatError for one too long to be a row."""
    for line in iter(lambda: file.readline(_MAX_LINE), ""):
        if len(line) == _MAX_LINE and not line.endswith("\n"):
            raise ClipFormatError(f"has a line of more than {_MAX_LINE} characters, as no table of motion has.")
        if line.strip():
            yield line


def _header(lines: Iterator[str], *, storage: bool) -> tuple[dict[str, str], str]:
    """Entries above 'endheader' and the line after it; without one, nothing and the first line."""
    entries: dict[str, str] = {}
    for count, line in enumerate(lines):
        if not storage:
            if line.lstrip().startswith("#"):
                continue
            return {}, line
        if line.strip().lower() == "endheader":
            return entries, next(lines, "")
        if count > _MAX_HEADER:
            break
        key, _, value = line.partition("=")
        entries[key.strip().lower()] = value.strip()
    raise ClipFormatError("has no 'endheader' line." if storage else "is empty.")


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def rate_of(times: Array) -> float:
    """Frames per second of equally spaced times (T,) in seconds.

    Times that are rounded to 2 decimals are those of a usual frame rate, where one explains all of them, and times with
    more decimals those of a whole number of frames per second; else the rate is the mean over the clip. Raises
    ClipFormatError for unequal steps, and for steps that cannot be seconds.
    """
    step = float(times[-1] - times[0]) / (len(times) - 1) if len(times) > 1 else 0.0
    if not (np.isfinite(times).all() and step > 0):
        raise ClipFormatError("its times do not rise in equal steps; resample it to a constant rate.")
    if step >= 1.0:
        raise ClipFormatError(f"its times rise by {step:.4g} a row; they must be seconds. Convert them or pass --fps.")
    decimals = next((d for d in range(2, 8) if np.allclose(times * 10.0**d, np.round(times * 10.0**d), 0.0, 1e-4)), 8)
    unit = 10.0**-decimals

    def explains(rate: float) -> bool:
        units = 1.0 / (unit * rate)  # steps of whole units are written exactly, others rounded
        allowed = 0.02 if abs(units - round(units)) < 1e-9 else 1.02
        return float(np.ptp(times - np.arange(len(times)) / rate)) <= allowed * unit

    whole = [max(float(np.round(1.0 / step)), 1.0)] if decimals > 2 else []
    if found := [rate for rate in (*_USUAL_RATES, *whole) if explains(rate)]:
        return min(found, key=lambda rate: (rate not in _USUAL_RATES, rate % 1 > 0, abs(rate * step - 1.0)))
    rounded = step > 2 * unit and float(np.ptp(times - np.arange(len(times)) * step)) <= 1.02 * unit
    if not (rounded or np.allclose(np.diff(times), step, rtol=0.02, atol=1e-6)):
        raise ClipFormatError("its times do not rise in equal steps; resample it to a constant rate.")
    return tidy_fps(1.0 / step)
