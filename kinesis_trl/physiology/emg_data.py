"""Recorded muscle activity of people: the public set of Wang et al. 2023, or a user's own table."""

from __future__ import annotations

import csv
import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.facts import EMG_SPEEDS
from kinesis_trl.failures import PrintableError, printable
from kinesis_trl.physiology.emg_muscles import UnknownMuscleError, recorded_name
from kinesis_trl.shipped import asset

Array = NDArray[np.float64]

DOWNLOAD = (
    "The set of Wang et al. 2023 (doi 10.1017/wtc.2023.7) is doi 10.5281/zenodo.7422031, CC BY 4.0; the averaged files "
    "read here lie in the folder data/emg_assets of https://github.com/GeStoi/Kinesis_eStoi. Fetch that folder with\n"
    "  git clone --depth 1 --filter=blob:none --sparse https://github.com/GeStoi/Kinesis_eStoi\n"
    "  git -C Kinesis_eStoi sparse-checkout set data/emg_assets\n"
    "and give its path. Their sha256 ships as physiology/wang2023.sha256."
)
"""How to get the public set."""

_SUBJECTS = tuple(f"{k:02d}" for k in range(4, 13))
_POINTS = 100
LARGEST_FILE = 20_000_000
"""Bytes from which on a file is none of those read here."""
_FEWEST_POINTS = 20
_MOST_RECORDINGS = 10_000


class EmgError(PrintableError):
    """EMG that cannot be read; the message says what was found, what was expected and where to get it."""


@dataclass(frozen=True, kw_only=True)
class EmgData:
    """Mean EMG envelopes over the gait cycle of K speeds, S subjects, P points and R muscles."""

    source: str
    """Citation, to be shown beside each comparison."""
    population: str
    """Who was recorded, and how."""
    muscles: tuple[str, ...]
    """R muscles, keys of `RECORDED`."""
    subjects: tuple[str, ...]
    """S subjects."""
    speeds: Array
    """(K,) walking speeds in m/s; NaN where the file does not say."""
    percent: Array
    """(P,) share of the gait cycle in %, from foot contact."""
    mean: Array
    """(K, S, P, R) envelopes in their own units; NaN where a subject was not recorded at a speed."""
    notes: tuple[str, ...] = ()
    """What was left out, and why."""

    def nearest_speed(self, speed: float) -> int:
        """Index of the recorded speed nearest to `speed` in m/s; 0 where speeds are not stated."""
        gaps = np.abs(self.speeds - speed)
        return 0 if np.isnan(gaps).all() else int(np.nanargmin(gaps))

    def recorded(self, index: int) -> tuple[tuple[str, ...], Array]:
        """Subjects recorded at speed `index`, and their envelopes (S', P, R)."""
        there = np.isfinite(self.mean[index]).all((1, 2))
        return tuple(s for s, ok in zip(self.subjects, there, strict=True) if ok), self.mean[index][there]


def load_wang2023(folder: Path) -> EmgData:
    """Read the public EMG set: nine muscles of the left leg, nine people, 0.25 to 1.5 m/s on a treadmill.

    Args:
        folder: the folder `emg_assets`, or its folder `human_emg`.

    Raises:
        EmgError: a file is missing or is not the published one; the message says where to get it.
    """
    folder = Path(folder)
    home = folder.parent if folder.name == "human_emg" else folder
    labels = published_file(home, "human_emg/EMG_labels.npy")
    muscles = tuple(recorded_name(str(label)) for label in labels[1:])
    mean = np.stack(
        [
            np.stack([published_file(home, f"human_emg/EMG_subject_{s}_walk_{v}_avg.npy")[:, 1:] for s in _SUBJECTS])
            for v in (f"{36 * speed:02.0f}" for speed in EMG_SPEEDS)
        ]
    )
    return EmgData(
        source="Wang et al. 2023, Wearable Technologies 4, doi 10.1017/wtc.2023.7",
        population="nine people on a treadmill, left leg, mean linear envelope of many cycles",
        muscles=muscles,
        subjects=_SUBJECTS,
        speeds=np.array(EMG_SPEEDS),
        percent=np.linspace(0, 100, _POINTS),
        mean=mean,
    )


def published_file(home: Path, name: str) -> NDArray:
    """A file of the public set by its name within `emg_assets`.

    Raises:
        EmgError: it is missing or is not the published one; the message says where to get it.
    """
    path = home / name
    if not path.is_file():
        raise EmgError(f"no {name} in {home}. {DOWNLOAD}")
    if path.stat().st_size > LARGEST_FILE:
        raise EmgError(f"{path} is {path.stat().st_size} bytes, far more than the published file. {DOWNLOAD}")
    content = path.read_bytes()
    found, expected = hashlib.sha256(content).hexdigest(), _checksums()[name]
    if found != expected:
        raise EmgError(f"{path} is not the published file: sha256 {found}, expected {expected}. {DOWNLOAD}")
    return np.load(io.BytesIO(content), allow_pickle=False)


def _checksums() -> dict[str, str]:
    """sha256 by file name, from the shipped list in the format of `sha256sum`."""
    lines = asset("physiology/wang2023.sha256").read_text().splitlines()
    return {name: digest for digest, name in (line.split("  ", 1) for line in lines if not line.startswith("#"))}


def load_emg_csv(path: Path) -> EmgData:
    """Read a user's EMG: mean envelopes over the gait cycle as a CSV table with a header line.

    Columns: `percent` (of the gait cycle, rising from at most 1 to at least 99), optionally `subject` and `speed`
    (m/s), and one column per muscle by its name or abbreviation. Rows of one subject and speed follow each other in
    time; every such recording is resampled to 100 points. Lines that begin with # are skipped.

    What cannot be used (a column of an unknown muscle, a recording that is too short or does not span the cycle) is
    left out and said in `notes`.

    Raises:
        EmgError: nothing usable remains, or the file is not such a table.
    """
    header, rows = read_rows(Path(path), "percent", "EMG envelopes")
    notes: list[str] = []
    columns: dict[str, int] = {}
    for k, title in enumerate(header):
        if title.lower() in ("percent", "subject", "speed"):
            continue
        try:
            name = recorded_name(title)
        except UnknownMuscleError as error:
            notes.append(f"column {title!r} left out: {error}")
            continue
        if name in columns:
            notes.append(f"column {title!r} left out: {name} is already in column {header[columns[name]]!r}.")
        else:
            columns[name] = k
    if not columns:
        raise EmgError(f"{path}: no column names a known muscle (found {', '.join(header)}). {' '.join(notes)}")
    place = {title.lower(): k for k, title in enumerate(header)}
    recordings: dict[tuple[str, float], list[list[float]]] = {}
    for line, row in rows:
        speed = number(path, line, row[place["speed"]]) if "speed" in place else np.inf  # NaN would be no key
        subject = row[place["subject"]] if "subject" in place else "1"
        values = [number(path, line, row[k], header[k]) for k in (place["percent"], *columns.values())]
        recordings.setdefault((subject, speed), []).append(values)
    return _assemble(Path(path), recordings, tuple(columns), notes)


def read_rows(path: Path, needed: str, kind: str) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Header, and (line number, cells) of every row, all of the header's width; lines that begin with # are skipped.

    Args:
        path: a CSV table in UTF-8.
        needed: a column that must be there.
        kind: what the table should hold, in words.

    Raises:
        EmgError: no such table.
    """
    if not path.is_file():
        raise EmgError(f"no file at {path}; expected a CSV table of {kind}, or see: {DOWNLOAD}")
    if path.stat().st_size > LARGEST_FILE:
        raise EmgError(f"{path} has {path.stat().st_size} bytes; expected {kind}, at most {LARGEST_FILE} bytes.")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise EmgError(f"{path} is not text ({error}); expected a CSV table in UTF-8.") from error
    lines = [
        (k, line) for k, line in enumerate(printable(text).splitlines(), 1) if line.strip() and not line.startswith("#")
    ]
    cells = [(k, _cells(path, k, line, lines[0][1])) for k, line in lines]
    if len(cells) < 2 or needed not in [title.lower() for title in cells[0][1]]:
        found = ", ".join(cells[0][1]) if cells else "nothing"
        raise EmgError(f"{path}: expected a header line with a column {needed!r} and rows below it; found {found}.")
    header = cells[0][1]
    for line, row in cells[1:]:
        if len(row) != len(header):
            raise EmgError(f"{path}, line {line}: {len(row)} cells, but the header has {len(header)}.")
    return header, cells[1:]


def _cells(path: Path, number: int, line: str, header: str) -> list[str]:
    """Cells of one line; a row never goes over several. EmgError names the row and the column of a stray quote."""
    try:
        return [cell.strip() for cell in next(csv.reader([line], strict=True))]
    except (csv.Error, StopIteration) as error:
        longest = max(line.split(","), key=len)
        column = line[: line.rfind('"') if '"' in line else line.index(longest)].count(",")
        titles = header.replace('"', "").split(",")
        where = f"column {column + 1}" + (f" ({titles[column].strip()})" if column < len(titles) else "")
        raise EmgError(
            f"{path}, line {number}, {where}: {error}; look for a stray quote or an overlong cell."
        ) from None


def number(path: Path, line: int, cell: str, column: str = "") -> float:
    """A finite number in a cell; EmgError that names line and column where it is none."""
    try:
        value = float(cell)
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        where = f"line {line}, column {column}" if column else f"line {line}"
        raise EmgError(f"{path}, {where}: {cell!r} is not a finite number.")
    return value


def _assemble(
    path: Path,
    recordings: dict[tuple[str, float], list[list[float]]],
    muscles: tuple[str, ...],
    notes: list[str],
) -> EmgData:
    grid = np.linspace(0, 100, _POINTS)
    usable: dict[tuple[str, float], Array] = {}
    for (subject, speed), values in recordings.items():
        table = np.array(values)
        percent = table[:, 0]
        spans = -1 < percent[0] <= 1 and 99 <= percent[-1] <= 100
        if len(percent) >= _FEWEST_POINTS and (np.diff(percent) > 0).all() and spans:
            usable[subject, speed] = np.stack([np.interp(grid, percent, column) for column in table[:, 1:].T], axis=1)
        else:
            notes.append(
                f"subject {subject} left out: {len(percent)} rows from {percent[0]:g} to {percent[-1]:g} %; expected "
                f"at least {_FEWEST_POINTS}, rising from 0 or 1 to 99 or 100 %."
            )
    if not usable:
        raise EmgError(f"{path}: no recording spans a gait cycle. {' '.join(notes)}")
    subjects = tuple(dict.fromkeys(subject for subject, _ in usable))
    speeds = sorted({speed for _, speed in usable})
    if len(subjects) * len(speeds) > _MOST_RECORDINGS:
        raise EmgError(
            f"{path}: {len(subjects)} subjects at {len(speeds)} speeds; at most {_MOST_RECORDINGS} together."
        )
    mean = np.full((len(speeds), len(subjects), len(grid), len(muscles)), np.nan)
    for (subject, speed), table in usable.items():
        mean[speeds.index(speed), subjects.index(subject)] = table
    return EmgData(
        source=path.name,
        population="the user's own recording",
        muscles=muscles,
        subjects=subjects,
        speeds=np.where(np.isinf(speeds), np.nan, speeds),
        percent=grid,
        mean=mean,
        notes=tuple(notes),
    )
