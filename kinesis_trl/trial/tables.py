"""OpenSim tables of a trial: ground reaction (.mot) and muscle activity (.sto, .mot, .csv, .anc)."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.motion.clip import ClipFormatError
from kinesis_trl.motion.markers.recorded import Emg, TrialError, Wrenches
from kinesis_trl.motion.readers.tables import Table, read_table
from kinesis_trl.motion.streams import open_file

Array = NDArray[np.float64]

_FORCE = re.compile(r"^(?P<before>.*?)force(?P<after>.*?)_?v(?P<axis>[xyz])$", re.IGNORECASE)
_LARGEST = 500_000_000
_PRESSED, _FAR = 50.0, 50.0
"""Newtons from which a point of application means something, and metres beyond which nobody steps on a plate."""
_FROM_Y_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])


def read_forces(path: Path) -> Wrenches:
    """Ground reaction from a table with columns as ground_force_r_vx, …_px and ground_torque_r_x; y up, turned to z up.

    What such tables differ in is found: force on the plates instead of the person, z up, points in mm.

    Raises:
        TrialError: no such columns, or values that cannot be used.
    """
    if path.suffix.lower() == ".anc":
        raise TrialError(f"{path}: plates of a .anc file need a calibration beside it; export them as .mot or .c3d.")
    table = _table(path)
    groups: dict[tuple[str, str], dict[str, int]] = {}
    for k, name in enumerate(table.columns):
        if found := _FORCE.match(name):
            groups.setdefault((found["before"], found["after"]), {})[found["axis"].lower()] = k
    groups = {key: axes for key, axes in groups.items() if len(axes) == 3}
    if not groups:
        raise TrialError(
            f"{path} has no ground reaction: expected columns as ground_force_r_vx, ground_force_r_px and "
            f"ground_torque_r_x; found {', '.join(table.columns[:8])}."
        )
    time, notes = _time(path, table), list(table.notes)
    each = [_about_origin(path, table, before, after, axes, notes) for (before, after), axes in groups.items()]
    force, moment = (np.stack([pair[k] for pair in each], axis=1) for k in range(2))
    force, moment = _turned(path, force, moment, notes)
    bad = ~(np.isfinite(force).all((1, 2)) & np.isfinite(moment).all((1, 2)))
    if bad.all():
        raise TrialError(f"{path}: no sample of the ground reaction is finite.")
    if bad.any():
        notes.append(f"{path.name}: {int(bad.sum())} samples of the ground reaction are not finite; bridged")
        for values in (force, moment):
            for column in values.reshape(len(time), -1).T:
                column[bad] = np.interp(time[bad], time[~bad], column[~bad])
    names = tuple(f"{before}{after}".replace("__", "_").strip("_") or "force" for before, after in groups)
    return Wrenches(names=names, time=time, force=force, moment=moment, notes=tuple(notes))


def _about_origin(
    path: Path, table: Table, before: str, after: str, axes: dict[str, int], notes: list[str]
) -> tuple[Array, Array]:
    """Force and its moment about the origin (N, 3) of one plate or foot, in the table's axes."""
    lower = [name.lower() for name in table.columns]
    force = table.values[:, [axes[a] for a in "xyz"]]
    points = [f"{before}force{after}_p{a}".lower() for a in "xyz"]
    torques = [
        [f"{before}{word}{after}_{mark}{a}".lower() for a in "xyz"]
        for mark in ("", "m")
        for word in ("torque", "moment")
    ]
    named = next((t for t in torques if all(name in lower for name in t)), None)
    if not all(name in lower for name in points):
        raise TrialError(f"{path}: {before}force{after} has no point of application ({', '.join(points)}).")
    point = table.values[:, [lower.index(name) for name in points]]
    torque = np.zeros_like(force) if named is None else table.values[:, [lower.index(name) for name in named]]
    if named is None:
        notes.append(f"{before}force{after} has no free moment; taken as 0")
    size = np.linalg.norm(force, axis=1)
    point = np.where((size < 1e-9)[:, None], 0.0, point)  # there it means nothing
    pressed = (size > _PRESSED) & np.isfinite(point).all(1)
    if pressed.any() and np.median(np.abs(point[pressed]).max(1)) > _FAR:
        point, torque = point / 1000.0, torque / 1000.0
        notes.append(f"{before}force{after}: points more than {_FAR:.0f} m away are taken as mm, torques as N mm")
    return force, np.cross(point, force) + torque


def _turned(path: Path, force: Array, moment: Array, notes: list[str]) -> tuple[Array, Array]:
    """Force and moment (N, P, 3) on the person, z up."""
    total = np.nansum(force, axis=(0, 1))
    vertical = int(np.abs(total).argmax())
    if total[vertical] < 0:
        force, moment = -force, -moment
        notes.append(f"{path.name} records the force on the plates; it is turned into that on the person")
    if vertical == 2:
        notes.append(f"{path.name}: the force is along z, so that z is taken as up instead of y")
        return force, moment
    return force @ _FROM_Y_UP.T, moment @ _FROM_Y_UP.T


def read_emg(path: Path) -> Emg:
    """Muscle activity from a table with a column of times and one of each channel; also .anc of Motion Analysis.

    Raises:
        TrialError: no such table.
    """
    if path.suffix.lower() == ".anc":
        return _read_anc(path)
    table = _table(path)
    time = _time(path, table)
    columns = [k for k, name in enumerate(table.columns) if name.lower() != "time"]
    if not columns:
        raise TrialError(f"{path} has no channel beside its times.")
    return Emg(names=tuple(table.columns[k] for k in columns), time=time, signal=table.values[:, columns])


def _read_anc(path: Path) -> Emg:
    """Channels of a .anc file: a line that begins with Name, one of ranges in mV and one of bits may stand above."""
    with open_file(path) as file:
        lines = file.read(_LARGEST).decode(errors="replace").splitlines()
    try:
        start = next(k for k, line in enumerate(lines) if line.split("\t")[0].strip().lower() == "name")
        names = tuple(word.strip() for word in lines[start].split("\t")[1:] if word.strip())
        rows = [line.split("\t")[: len(names) + 1] for line in lines[start + 3 :] if line.strip()]
        values = np.array(rows, dtype=np.float64)
    except (StopIteration, ValueError) as error:
        raise TrialError(
            f"{path} is no .anc file that can be read ({type(error).__name__}: {error!s:.100})."
        ) from error
    if len(values) < 2 or not np.isfinite(values).all():
        raise TrialError(f"{path} holds no samples, or one that is no finite number.")
    return Emg(names=names, time=values[:, 0], signal=values[:, 1:])


def _table(path: Path) -> Table:
    try:
        table = read_table(path)
    except ClipFormatError as error:
        raise TrialError(str(error)) from error
    if not table.columns or len(table.values) < 2:
        raise TrialError(f"{path} has no named columns with rows below them.")
    return table


def _time(path: Path, table: Table) -> np.ndarray:
    """(N,) seconds; made of equal steps where times are rounded."""
    if "time" not in [name.lower() for name in table.columns]:
        raise TrialError(f"{path} has no column of times.")
    time = table.values[:, [name.lower() for name in table.columns].index("time")]
    if not (np.isfinite(time).all() and (np.diff(time) >= 0).all() and time[-1] > time[0]):
        raise TrialError(f"{path}: its times do not rise; they must be seconds in rising order.")
    step = (time[-1] - time[0]) / (len(time) - 1)
    if step >= 1.0:
        raise TrialError(f"{path}: its times rise by {step:.4g} a row; they must be seconds. Convert them.")
    even = np.linspace(time[0], time[-1], len(time))
    if float(np.abs(time - even).max()) > max(2.0 * step, 0.02):
        at = int(np.diff(time).argmax())
        raise TrialError(f"{path}: its times jump from {time[at]:.4g} to {time[at + 1]:.4g} s; fill or cut that gap.")
    return np.asarray(even)
