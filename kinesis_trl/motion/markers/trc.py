"""Marker files as text: .trc of Motion Analysis and OpenSim."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from kinesis_trl.motion.clip import ClipFormatError
from kinesis_trl.motion.markers.recorded import Markers, TrialError
from kinesis_trl.motion.readers.tables import rate_of
from kinesis_trl.motion.streams import open_file

_LARGEST = 500_000_000
_FEWEST = 10


def read_trc(path: Path) -> Markers:
    """Markers of a .trc file, in its unit and frame; blank cells and markers at the origin are gaps.

    Raises:
        TrialError: no such file, or one that is cut short or malformed; names the line.
    """
    with open_file(path) as file:
        content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise TrialError(f"{path} has more than {_LARGEST >> 20} MiB, more than any trial of markers.")
    lines = content.decode("utf-8-sig", errors="replace").splitlines()
    try:
        about = dict(zip(lines[1].lower().split(), lines[2].split(), strict=False))
        names = tuple(word.strip() for word in lines[3].split("\t")[2:] if word.strip())
    except (ValueError, IndexError):
        raise TrialError(
            f"{path} has no .trc header (rates in its second and third line, labels in the fourth)."
        ) from None
    if not names:
        raise TrialError(f"{path} names no marker in its fourth line.")
    if 3 * len(names) * len(lines) > 1_000_000 + 8 * len(content):
        raise TrialError(f"{path} names {len(names)} markers, and its {len(lines)} lines are far shorter than that.")
    rows = []
    for number, line in enumerate(lines[4:], 5):
        if not line.strip() or line.lstrip().startswith("X1"):
            continue
        cells = [cell.strip() for cell in line.rstrip("\r\n").split("\t")]
        cells += [""] * (2 + 3 * len(names) - len(cells))
        try:
            rows.append([float(cell) if cell else np.nan for cell in cells[: 2 + 3 * len(names)]])
        except ValueError:
            raise TrialError(f"{path}, line {number}: a cell is no number; the file is cut or broken there.") from None
    if len(rows) < _FEWEST:
        raise TrialError(f"{path} has {len(rows)} frames; a trial needs at least {_FEWEST}. Is it cut short?")
    table = np.array(rows)
    position = table[:, 2:].reshape(len(table), len(names), 3)
    position[(position == 0).all(-1) | ~np.isfinite(position).all(-1)] = np.nan
    notes = []
    stated = about.get("numframes", "")
    if stated.isdecimal() and int(stated) != len(table):
        notes.append(f"{path.name} announces {stated} frames and holds {len(table)}")
    try:
        rate = rate_of(table[:, 1])
    except ClipFormatError as error:
        raise TrialError(f"{path}: {str(error).replace(' or pass --fps', '')}") from None
    try:
        said = float(about.get("datarate", "nan"))
    except ValueError:
        said = np.nan
    if np.isfinite(said) and abs(said - rate) > 0.02 * rate:
        notes.append(f"{path.name} states {said:g} frames/s, its times rise by those of {rate:g}: the times are taken")
    return Markers(
        names=names,
        position=position,
        rate=rate,
        start=float(table[0, 1]),
        unit=about.get("units", ""),
        notes=tuple(notes),
    )
