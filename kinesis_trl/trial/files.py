"""The files of a trial: each is read by itself, so that what cannot be used costs only its own part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np

from kinesis_trl.motion.clip import ClipFormatError, MotionClip
from kinesis_trl.motion.markers.c3d import MarkerFile, read_c3d
from kinesis_trl.motion.markers.frame import Frame
from kinesis_trl.motion.markers.labelled import Labelled, labelled, read_markers
from kinesis_trl.motion.markers.recorded import Emg, TrialError, Wrenches
from kinesis_trl.motion.readers.dispatch import read_confined
from kinesis_trl.motion.readers.tables import read_table
from kinesis_trl.trial.plates import plate_wrenches
from kinesis_trl.trial.tables import read_emg, read_forces

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
    markers: Labelled | None = None
    static: Labelled | None = None
    """Of the standing person."""
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
        except ClipFormatError as error:
            problems.append(str(error))
            return None

    main = files.motion
    angles, file, markers = None, None, None
    if main.suffix.lower() in COORDINATES:
        angles = _angles(main)
        notes += angles.notes
    else:
        file = read_markers(main)
        markers = labelled(file.markers, files.marker_map)
        problems += [*file.problems, *markers.problems]
        notes += markers.notes
    static = None if files.static is None else part(lambda: _static(files.static, files.marker_map))
    problems += [f"static trial: {text}" for text in (static.problems if static else ())]
    wrenches = part(lambda: _wrenches(files.forces, file, markers.frame if markers else None))
    problems += wrenches.problems if wrenches else ()
    emg = part(lambda: _emg(files.emg, file))
    return Trial(
        name=main.stem,
        markers=markers,
        static=static,
        angles=angles,
        wrenches=wrenches,
        emg=emg,
        notes=notes,
        problems=problems,
    )


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


def _static(path: Path | None, own: Path | None) -> Labelled:
    assert path is not None
    try:
        return labelled(read_markers(path).markers, own)
    except ClipFormatError as error:
        raise TrialError(f"the static trial {path.name} is not used: {error}") from error


def _wrenches(path: Path | None, file: MarkerFile | None, frame: Frame | None) -> Wrenches:
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


def _emg(path: Path | None, file: MarkerFile | None) -> Emg:
    if path is not None and path.suffix.lower() != ".c3d":
        return read_emg(path)
    if path is not None:
        file = read_c3d(path)
    if file is None or file.channels is None:
        raise TrialError("no EMG: without --emg or EMG channels in the C3D file muscles are compared with people only.")
    return file.channels
