"""The files of a trial: each is read by itself, so that what cannot be used costs only its own part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np

from kinesis_trl.motion.clip import ClipFormatError, MotionClip
from kinesis_trl.motion.confined import read_confined
from kinesis_trl.motion.readers.tables import read_table
from kinesis_trl.trial.c3d import C3dFile, read_c3d
from kinesis_trl.trial.frame import Frame, upright
from kinesis_trl.trial.marker_sets import MarkerPlace, place_markers
from kinesis_trl.trial.plates import plate_wrenches
from kinesis_trl.trial.recorded import Emg, Markers, TrialError, Wrenches
from kinesis_trl.trial.tables import read_emg, read_forces
from kinesis_trl.trial.trc import read_trc

Found = TypeVar("Found")

COORDINATES = (".mot", ".sto", ".csv")
"""Endings of tables of joint angles."""


@dataclass(frozen=True, kw_only=True)
class TrialFiles:
    """Where a trial's parts are."""

    motion: Path
    """C3D or TRC file of markers, or a table of joint angles."""
    static: Path | None = None
    """C3D or TRC file of the standing person."""
    forces: Path | None = None
    """Table of ground reaction, or a C3D file; None: those of the motion's C3D file."""
    emg: Path | None = None
    """Table of muscle activity, or a C3D file; None: the channels of the motion's C3D file."""
    marker_map: Path | None = None
    """YAML file of labels and landmarks."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What of a trial could be read; `problems` says of the rest why not."""

    name: str
    markers: Markers | None = None
    """World frame, metres, z up."""
    marker_set: str = ""
    places: tuple[MarkerPlace, ...] = ()
    """Of the markers that a set knows."""
    static: Markers | None = None
    static_places: tuple[MarkerPlace, ...] = ()
    angles: MotionClip | None = None
    """Joint angles instead of markers."""
    wrenches: Wrenches | None = None
    """World frame."""
    emg: Emg | None = None
    notes: list[str] = field(default_factory=list)
    """What was detected or changed."""
    problems: list[str] = field(default_factory=list)
    """One sentence for everything that cannot be used."""


def read_trial(files: TrialFiles) -> Trial:
    """Read everything.

    Raises:
        TrialError: neither markers nor joint angles can be used: there is no motion to study.
    """
    notes: list[str] = []
    problems: list[str] = []

    def part(read: Callable[[], Found]) -> Found | None:
        try:
            return read()
        except (TrialError, ClipFormatError) as error:
            problems.append(str(error))
            return None

    main = files.motion
    angles = None
    file, frame, markers, name = None, None, None, ""
    places: tuple[MarkerPlace, ...] = ()
    if main.suffix.lower() in COORDINATES:
        angles = _angles(main)
        notes += angles.notes
    else:
        file = _markers_of(main)
        problems += file.problems
        if file.markers is None:
            raise TrialError(f"{main.name} holds no marker, so there is no motion; give a file with markers.")
        name, placed = place_markers(file.markers.names, files.marker_map)
        placed = _seen(placed, file.markers, problems)
        markers, frame = upright(file.markers, placed)
        places = tuple(placed)
        notes += [f"marker set: {name}", *markers.notes]
        unused = [label for label in file.markers.names if label not in {place.label for place in placed}]
        if unused:
            notes.append(f"markers not used: {', '.join(unused[:20])}{', …' * (len(unused) > 20)}")
    static = None if files.static is None else part(lambda: _static(files.static, files.marker_map))
    wrenches = part(lambda: _wrenches(files.forces, files.marker_map, file, frame))
    emg = part(lambda: _emg(files.emg, file))
    return Trial(
        name=main.stem,
        markers=markers,
        marker_set=name,
        places=places,
        static=None if static is None else static[0],
        static_places=() if static is None else static[1],
        angles=angles,
        wrenches=wrenches,
        emg=emg,
        notes=notes,
        problems=problems,
    )


def _markers_of(path: Path) -> C3dFile:
    suffix = path.suffix.lower()
    if suffix == ".c3d":
        return read_c3d(path)
    if suffix == ".trc":
        return C3dFile(markers=read_trc(path))
    raise TrialError(f"{path}: {suffix or 'no ending'} is no format of markers; give a .c3d or .trc file.")


def _seen(places: list[MarkerPlace], markers: Markers, problems: list[str]) -> list[MarkerPlace]:
    """Places of those markers that are ever seen; says which never are."""
    gone = [place.label for place in places if not np.isfinite(markers.place(place.label)).any()]
    if gone:
        problems.append(f"never seen, and left out: {', '.join(gone)}.")
    gaps = {
        place.label: float(1 - np.isfinite(markers.place(place.label)).all(1).mean())
        for place in places
        if place.label not in gone
    }
    worst = {label: share for label, share in gaps.items() if share > 0.02}
    if worst:
        said = ", ".join(f"{label} {100 * share:.0f} %" for label, share in sorted(worst.items(), key=lambda x: -x[1]))
        problems.append(f"gaps, bridged by the other markers: {said} of the frames.")
    return [place for place in places if place.label not in gone]


def _angles(path: Path) -> MotionClip:
    try:
        clips = read_confined(path).clips
    except ClipFormatError as error:
        raise TrialError(str(error)) from error
    if not clips or clips[0].qpos is None:
        raise TrialError(f"{path}: holds no joint angles; give a table with hip_flexion_r, knee_angle_r, ….")
    table = read_table(path)
    times = [k for k, name in enumerate(table.columns) if name.lower() == "time"]
    return clips[0].with_(extra={"start": float(table.values[0, times[0]]) if times else 0.0})


def _static(path: Path | None, own: Path | None) -> tuple[Markers, tuple[MarkerPlace, ...]]:
    assert path is not None
    file = _markers_of(path)
    if file.markers is None:
        raise TrialError(f"{path.name} holds no marker; the static trial is not used.")
    _, places = place_markers(file.markers.names, own)
    places = [place for place in places if np.isfinite(file.markers.place(place.label)).any()]
    markers, _ = upright(file.markers, places)
    return markers, tuple(places)


def _wrenches(path: Path | None, own: Path | None, file: C3dFile | None, frame: Frame | None) -> Wrenches | None:
    if path is not None and path.suffix.lower() != ".c3d":
        return read_forces(path)
    if path is not None:
        file = read_c3d(path)
        frame = frame or Frame(0.001, np.eye(3))
    if file is None or frame is None or not file.plates:
        raise TrialError(
            "no force plates: without --forces or plates in the C3D file the floor's force is predicted, not measured."
        )
    return plate_wrenches(file.plates, file.analog_time, unit=frame.unit, turn=frame.turn)


def _emg(path: Path | None, file: C3dFile | None) -> Emg:
    if path is not None and path.suffix.lower() != ".c3d":
        return read_emg(path)
    if path is not None:
        file = read_c3d(path)
    if file is None or file.channels is None:
        raise TrialError("no EMG: without --emg or EMG channels in the C3D file muscles are compared with people only.")
    return file.channels
