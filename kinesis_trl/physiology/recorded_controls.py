"""Muscle controls that somebody recorded: the original's own run, or a user's table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.physiology.emg_data import EmgError, number, published_file, read_rows
from kinesis_trl.physiology.gait_cycles import contact_from_code

Array = NDArray[np.float64]

ORIGINAL_SPEED = 1.25
"""Walking speed in m/s at which the original's published comparison was made."""
_CONTACTS = ("right_contact", "left_contact")


@dataclass(frozen=True, kw_only=True)
class RecordedControls:
    """Muscle controls of a run at T equal steps, M muscles."""

    title: str
    """Whose controls, in two or three words."""
    fps: float
    """Samples per second."""
    muscle_names: tuple[str, ...]
    """M muscles, with side."""
    excitation: Array
    """(T, M) excitations in [0, 1]."""
    contact: NDArray[np.bool_]
    """(T, 2) whether the right and the left foot touch the floor."""
    speed: float
    """Walking speed in m/s."""
    original: bool = False
    """Whether it is the original's own run, which is also counted as its published figures count it."""

    @property
    def published_cycles(self) -> NDArray[np.int64]:
        """(C, 2) first sample and end of each gait cycle, as KINESIS' published figures count them.

        A cycle begins where the left foot stands alone, one double support later than foot contact (10 % of the
        cycle), at least 10 samples apart; durations beyond two standard deviations are dropped.
        """
        alone = self.contact[:, 1] & ~self.contact[:, 0]
        starts: list[int] = []
        for start in np.flatnonzero(alone[1:] & ~alone[:-1]) + 1:
            if not starts or start - starts[-1] >= 10:
                starts.append(int(start))
        cycles = np.stack([starts[:-1], starts[1:]], axis=1)
        length = cycles[:, 1] - cycles[:, 0]
        return cycles[np.abs(length - length.mean()) <= 2 * length.std()]


def load_original_controls(folder: Path) -> RecordedControls:
    """Read the run of the original's policy that lies beside the public EMG set.

    Args:
        folder: the folder `emg_assets`.

    Raises:
        EmgError: a file is missing or is not the published one; the message says where to get it.
    """
    code = published_file(Path(folder), "kinesis/gait.npy")[1:]  # the first sample of both is not a number
    excitation = published_file(Path(folder), "kinesis/muscle_controls.npy")[1:]
    names = published_file(Path(folder), "misc/muscle_names.npy")
    return RecordedControls(
        title="original KINESIS",
        fps=30.0,
        muscle_names=tuple(str(name) for name in names),
        excitation=excitation,
        contact=contact_from_code(code),
        speed=ORIGINAL_SPEED,
        original=True,
    )


def load_controls_csv(path: Path) -> RecordedControls:
    """Read controls as a CSV table with a header line.

    Columns: `time` in s in equal steps, `right_contact` and `left_contact` (above 0 where the foot touches the floor),
    `speed` in m/s, whose mean counts, and one column of excitations in [0, 1] per muscle, named with its side as
    soleus_l. Lines that begin with # are skipped.

    Raises:
        EmgError: not such a table; the message names the line or the column.
    """
    header, rows = read_rows(Path(path), "time", "muscle controls")
    place = {title.lower(): k for k, title in enumerate(header)}
    missing = [name for name in (*_CONTACTS, "speed") if name not in place]
    if missing:
        raise EmgError(f"{path}: no column {', '.join(missing)}; found {', '.join(header)}.")
    muscles = [title for title in header if title.lower() not in ("time", "speed", *_CONTACTS)]
    if not muscles:
        raise EmgError(f"{path}: no column of a muscle; found {', '.join(header)}.")
    values = np.array([[number(Path(path), line, cell) for cell in row] for line, row in rows])
    steps = np.diff(values[:, place["time"]])
    if len(values) < 3 or not (steps > 0).all() or np.ptp(steps) > 0.01 * steps.mean():
        raise EmgError(f"{path}: time must rise in equal steps over at least 3 rows; found {len(values)} rows.")
    excitation = values[:, [header.index(title) for title in muscles]]
    outside = (excitation < -1e-6) | (excitation > 1 + 1e-6)
    if outside.any():
        row, column = np.argwhere(outside)[0]
        raise EmgError(
            f"{path}, line {rows[row][0]}: {muscles[column]} is {excitation[row, column]:g}; controls lie in 0 to 1."
        )
    return RecordedControls(
        title=Path(path).stem,
        fps=float(1 / steps.mean()),
        muscle_names=tuple(muscles),
        excitation=excitation,
        contact=values[:, [place[name] for name in _CONTACTS]] > 0,
        speed=float(values[:, place["speed"]].mean()),
    )
