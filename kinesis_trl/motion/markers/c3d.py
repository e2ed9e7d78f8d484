"""C3D files by ezc3d, read in a process of its own: markers, force plates of types 2 to 4, EMG channels."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.motion.clip import ClipFormatError
from kinesis_trl.motion.confined import Limits, run_confined
from kinesis_trl.motion.markers.recorded import Emg, Markers, TrialError

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class PlateSignals:
    """One force plate as a C3D file has it."""

    kind: int
    """Type of the platform, 1 to 6."""
    corners: Array
    """(4, 3) in the file's unit of length and frame."""
    origin: Array
    """(3,) in the same unit; what it means depends on the type."""
    calibration: Array | None
    """(6, 6) matrix of type 4."""
    signal: Array
    """(N, channels)."""


@dataclass(frozen=True, kw_only=True)
class MarkerFile:
    """What is in a .c3d or .trc file; units and frame are the file's."""

    markers: Markers | None
    plates: tuple[PlateSignals, ...] = ()
    analog_time: Array = field(default_factory=lambda: np.empty(0))
    """(N,) seconds of the analog samples."""
    channels: Emg | None = None
    """Analog channels that belong to no force plate."""
    problems: tuple[str, ...] = ()


def read_c3d(path: Path) -> MarkerFile:
    """Markers, plates and other channels.

    Raises:
        TrialError: not there, not a C3D file, cut short, or ezc3d is not installed.
    """
    if not path.is_file():
        raise TrialError(f"{path}: no such file; check the path.")
    try:
        import ezc3d  # noqa: F401, PLC0415  an optional package; imported here so that its absence is said before forking
    except ImportError as error:
        raise TrialError(f"{path}: C3D files need the package ezc3d; install kinesis_trl[lab].") from error
    try:
        found = run_confined(path, lambda: _contents(path), Limits.of(path))
    except ClipFormatError as error:
        said = str(error).removeprefix(f"{path}: ").removeprefix(str(path)).lstrip(": ")
        raise TrialError(
            f"{path.name} cannot be read as a C3D file: it is cut, damaged or none ({said:.200})."
        ) from None
    return _made(path, found)


def _contents(path: Path) -> dict[str, Any]:
    """Everything that is needed, as plain arrays; runs in the child process."""
    import ezc3d  # noqa: PLC0415

    file = ezc3d.c3d(str(path))
    groups = file["parameters"]

    def value(group: str, name: str, default: Any) -> Any:
        found = groups.get(group, {}).get(name, {}).get("value", default)
        return found if np.size(found) else default

    header = file["header"]
    points, analogs = file["data"]["points"], file["data"]["analogs"]
    used = int(np.ravel(value("FORCE_PLATFORM", "USED", [0]))[0])
    return {
        "points": np.moveaxis(np.asarray(points[:3], dtype=np.float64), 0, -1).swapaxes(0, 1),
        "labels": [str(s) for s in _labels(groups, "POINT")][: points.shape[1]],
        "rate": float(header["points"]["frame_rate"]),
        "first": int(header["points"]["first_frame"]),
        "announced": _frames_announced(path),
        "unit": str(np.ravel(value("POINT", "UNITS", [""]))[0]),
        "analogs": np.asarray(analogs[0].T, dtype=np.float64),
        "analog_labels": [str(s) for s in _labels(groups, "ANALOG")][: analogs.shape[1]],
        "analog_rate": float(header["analogs"]["frame_rate"]),
        "used": used,
        "types": [int(v) for v in np.ravel(value("FORCE_PLATFORM", "TYPE", []))[:used]],
        "corners": np.asarray(value("FORCE_PLATFORM", "CORNERS", np.empty((3, 4, 0))), dtype=np.float64),
        "origin": np.asarray(value("FORCE_PLATFORM", "ORIGIN", np.zeros((3, used))), dtype=np.float64),
        "channel": np.asarray(value("FORCE_PLATFORM", "CHANNEL", np.empty((0, 0))), dtype=np.float64),
        "matrix": np.asarray(value("FORCE_PLATFORM", "CAL_MATRIX", np.empty((6, 6, 0))), dtype=np.float64),
    }


def _frames_announced(path: Path) -> int:
    """Frames by the header, whose count ends at 65,535; 0 where it does not tell. ezc3d says what a cut file holds."""
    with path.open("rb") as file:
        first, last = struct.unpack_from("<2H", file.read(512), 6)
    return last - first + 1 if 0 < first <= last < 65535 else 0


def _labels(groups: Any, group: str) -> list[str]:
    """LABELS, LABELS2, … of a group."""
    out: list[str] = []
    for name in ("LABELS", "LABELS2", "LABELS3", "LABELS4"):
        out += list(groups.get(group, {}).get(name, {}).get("value", []))
    return out


def _made(path: Path, found: dict[str, Any]) -> MarkerFile:
    points, problems = np.array(found["points"]), []
    if found["announced"] > len(points):
        problems.append(f"{path.name} is cut: it announces {found['announced']} frames and holds {len(points)}.")
    start = (found["first"]) / found["rate"] if found["rate"] > 0 else 0.0
    markers = None
    if points.size and found["rate"] > 0:
        names = [str(name) for name in found["labels"]]
        names += [f"unlabelled {k}" for k in range(len(names), points.shape[1])]
        points[(points == 0).all(-1) | ~np.isfinite(points).all(-1)] = np.nan
        markers = Markers(
            names=tuple(names),
            position=points,
            rate=found["rate"],
            start=start,
            unit=found["unit"],
        )
    else:
        problems.append(f"{path.name} holds no marker.")
    analogs, rate = np.array(found["analogs"]), found["analog_rate"]
    time = start + np.arange(len(analogs)) / rate if rate > 0 else np.empty(0)
    plates, taken = [], set()
    for index, kind in enumerate(found["types"]):
        try:
            plate, columns = _plate(found, index, kind, analogs)
        except (IndexError, ValueError) as error:
            problems.append(f"{path.name}: force plate {index + 1} cannot be used ({error}).")
            continue
        plates.append(plate)
        taken |= columns
    rest = [k for k in range(analogs.shape[1]) if k not in taken] if analogs.ndim == 2 and len(analogs) else []
    labels = [str(name) for name in found["analog_labels"]] + [""] * (analogs.shape[-1] if analogs.ndim == 2 else 0)
    channels = None
    if rest and len(time):
        called = tuple(labels[k] or f"channel {k + 1}" for k in rest)
        channels = Emg(names=called, time=time, signal=analogs[:, rest])
    return MarkerFile(
        markers=markers, plates=tuple(plates), analog_time=time, channels=channels, problems=tuple(problems)
    )


def _plate(found: dict[str, Any], index: int, kind: int, analogs: Array) -> tuple[PlateSignals, set[int]]:
    """One plate and the columns of the analog signals it takes.

    Raises:
        ValueError: of another type, or parameters that are missing.
    """
    if kind not in (2, 3, 4):
        raise ValueError(f"it is of type {kind}; types 2, 3 and 4 can be used, export it as one of these")
    corners = np.array(found["corners"])
    if corners.ndim != 3 or corners.shape[2] <= index:
        raise ValueError("the file does not say where its corners are")
    wanted = 8 if kind == 3 else 6
    channel = np.array(found["channel"])
    columns = channel[:wanted, index].astype(int) - 1 if channel.ndim == 2 and channel.shape[1] > index else np.empty(0)
    if len(columns) < wanted or (columns < 0).any() or (columns >= analogs.shape[1]).any():
        raise ValueError(f"its {wanted} channels are not among the {analogs.shape[1]} of the file")
    matrix = np.array(found["matrix"])
    calibration = None
    if kind == 4:
        if matrix.ndim != 3 or matrix.shape[2] <= index or matrix.shape[:2] != (6, 6):
            raise ValueError("it is of type 4 and has no calibration matrix")
        calibration = matrix[:, :, index]
    origin = np.array(found["origin"]).reshape(3, -1)
    plate = PlateSignals(
        kind=kind,
        corners=corners[:, :, index].T,
        origin=origin[:, index] if origin.shape[1] > index else np.zeros(3),
        calibration=calibration,
        signal=analogs[:, columns],
    )
    return plate, set(columns.tolist())
