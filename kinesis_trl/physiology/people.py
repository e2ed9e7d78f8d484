"""Recorded people by the files they are in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kinesis_trl.physiology.emg_data import DOWNLOAD, EmgData, EmgError, load_emg_csv, load_wang2023
from kinesis_trl.physiology.falisse import FILE, load_falisse2019
from kinesis_trl.physiology.normative import ReferenceCurve


@dataclass(frozen=True, kw_only=True)
class People:
    """Further people to compare with, whom verdicts do not count."""

    emg: EmgData | None = None
    """Their muscle activity."""
    curves: tuple[ReferenceCurve, ...] = ()
    """Their joints."""


def load_people(paths: Sequence[Path], said: list[str]) -> tuple[EmgData | str, list[People]]:
    """EMG that verdicts count, the first that can be read, or why there is none; and further people.

    Args:
        paths: folders of Wang et al. 2023 or Falisse et al. 2019, or CSV tables.
        said: takes what was left out and why.
    """
    judged: EmgData | None = None
    people, reason = [], f"No recorded muscle activity was given (--emg). {DOWNLOAD} Or give a CSV table of your own."
    for path in paths:
        curves: tuple[ReferenceCurve, ...] = ()
        try:
            if (path / FILE).is_file():
                data, curves = load_falisse2019(path)
            else:
                data = load_wang2023(path) if path.is_dir() else load_emg_csv(path)
        except EmgError as error:
            reason = str(error)
            said.append(f"recorded muscle activity: {error}")
            continue
        said += [f"{path}: {note}" for note in data.notes]
        if curves or judged:
            people.append(People(emg=data if judged else None, curves=curves))
        judged = judged or data
    return judged or reason, people
