"""Trials for the tests: the public walking trial of OpenSim's Moco examples, and C3D files made from it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kinesis_trl.motion.markers.recorded import Markers
from kinesis_trl.motion.markers.trc import read_trc
from kinesis_trl.trial.analysis import Study
from kinesis_trl.trial.files import TrialFiles
from kinesis_trl.trial.study import StudyConfig, study
from kinesis_trl.trial.tables import read_emg, read_forces

TO_Y_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])


@pytest.fixture(scope="session")
def walk(shared: Path) -> Path:
    """Folder of one person's walking trial with markers, forces and EMG, and of another's joint angles and forces."""
    folder = shared / "data" / "physiology" / "opensim_moco_walk"
    if not folder.is_dir():
        pytest.skip(f"no walking trial at {folder}")
    return folder


@pytest.fixture(scope="session")
def found(walk: Path) -> Study:
    """The trial studied, without a controller."""
    files = TrialFiles(
        motion=walk / "marker_trajectories.trc", forces=walk / "grf_walk.mot", emg=walk / "electromyography.sto"
    )
    return study(files, StudyConfig(controller=False))


@pytest.fixture(scope="session")
def c3d_walk(walk: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same trial as one C3D file in mm: markers, a plate each of types 2, 3 and 4, raw EMG."""
    path = tmp_path_factory.mktemp("c3d") / "walk.c3d"
    return write_c3d(path, walk)


@pytest.fixture(scope="session")
def make_c3d(walk: Path, tmp_path_factory: pytest.TempPathFactory):
    """Writes a C3D file of the trial with something changed."""
    return lambda **changes: write_c3d(tmp_path_factory.mktemp("changed") / "walk.c3d", walk, **changes)


def write_c3d(
    path: Path,
    walk: Path,
    *,
    frames: slice = slice(None),
    swap_plates: bool = False,
    unit: str = "mm",
    labels: dict[str, str] | None = None,
    flat: str = "",
    gap: tuple[str, slice] | None = None,
    stated: str = "",
    belt: float = 0.0,
) -> Path:
    """A C3D file of the trial, z up; every contact of a foot is on a plate of its own.

    With a `belt` in m/s it is as on a treadmill: the laboratory moves forward along x with that speed.
    """
    ezc3d = pytest.importorskip("ezc3d")
    markers, wrenches = read_trc(walk / "marker_trajectories.trc"), read_forces(walk / "grf_walk.mot")
    emg = read_emg(walk / "electromyography.sto")
    file = ezc3d.c3d()
    position = _z_up(markers)[frames]
    position[..., 0] -= belt * np.arange(len(position))[:, None] / 100.0
    position = position * (1000.0 if unit == "mm" else 1.0)
    points = np.full((4, position.shape[1], len(position)), 1.0)
    points[:3] = position.transpose(2, 1, 0)
    if gap is not None:
        points[:3, markers.names.index(gap[0]), gap[1]] = np.nan
    names = [(labels or {}).get(name, name) for name in markers.names]
    parameters = file["parameters"]
    parameters["POINT"]["RATE"]["value"] = [100.0]
    parameters["POINT"]["LABELS"]["value"] = names
    file.add_parameter("POINT", "UNITS", [stated or unit])
    file["header"]["points"]["first_frame"] = frames.start or 0
    file["data"]["points"] = points
    time = np.arange(20 * len(position)) / 2000.0 + (frames.start or 0) / 100.0
    way = np.zeros((len(wrenches.time), 1, 3))
    way[:, 0, 0] = -belt * (wrenches.time - time[0])
    wrenches = replace(wrenches, moment=wrenches.moment + np.cross(way, wrenches.force))
    channels, columns, corners, kinds, origins, matrices = _plates(wrenches, time)
    if swap_plates:
        corners = np.roll(corners, 1, axis=2)
    rng = np.random.default_rng(0)
    for name, envelope in zip(emg.names, emg.signal.T, strict=True):
        raw = rng.normal(size=len(time)) * np.interp(time, emg.time, np.maximum(envelope, 0.0)) * 1e-3
        channels.append(np.zeros(len(time)) if name == flat else raw)
    labels_ = [f"F{k}" for k in range(20)] + [f"R_{name}" for name in emg.names]
    parameters["ANALOG"]["RATE"]["value"] = [2000.0]
    parameters["ANALOG"]["LABELS"]["value"] = labels_
    file["data"]["analogs"] = np.array(channels)[None]
    file.add_parameter("FORCE_PLATFORM", "USED", [3])
    file.add_parameter("FORCE_PLATFORM", "TYPE", kinds)
    file.add_parameter("FORCE_PLATFORM", "CORNERS", corners * (1.0 if unit == "mm" else 1e-3))
    file.add_parameter("FORCE_PLATFORM", "ORIGIN", origins * (1.0 if unit == "mm" else 1e-3))
    file.add_parameter("FORCE_PLATFORM", "CHANNEL", columns)
    file.add_parameter("FORCE_PLATFORM", "CAL_MATRIX", matrices)
    file.write(str(path))
    return path


def _z_up(markers: Markers) -> np.ndarray:
    return markers.position * 1e-3 @ np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]).T


def _plates(wrenches, time):
    """Channels, and parameters in mm, of three plates: both contacts of the right foot and that of the left."""
    spans = [(0, 0.2, 1.2), (1, 0.7, 1.7), (0, 1.3, 2.3)]
    channels, columns, corners, origins, matrices = [], np.zeros((8, 3)), np.zeros((3, 4, 3)), [], np.zeros((6, 6, 3))
    for plate, (foot, start, end) in enumerate(spans):
        inside = (time > start) & (time < end)
        force, moment = (
            np.stack([np.interp(time, wrenches.time, v[:, foot, a]) for a in range(3)], axis=1) * inside[:, None]
            for v in (wrenches.force, wrenches.moment)
        )
        table = (wrenches.time > start) & (wrenches.time < end) & (wrenches.force[:, foot, 2] > 50)
        up, turning = wrenches.force[table, foot, 2], wrenches.moment[table, foot]
        centre = np.array([(-turning[:, 1] / up).mean(), (turning[:, 0] / up).mean(), 0.0]).round(2)
        axes = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, -1.0]])  # columns: x left, y forward, z down
        half = np.array([[0.25, 0.3, 0], [-0.25, 0.3, 0], [-0.25, -0.3, 0], [0.25, -0.3, 0]])
        corners[:, :, plate] = 1000 * (centre + half @ axes.T).T
        local, turn = force @ axes, (moment - np.cross(centre, force)) @ axes
        origin = np.array([0.0, 0.0, -0.04])
        signals, kind_origin = _as_type(plate + 2, local, turn, origin)
        if plate == 2:
            matrices[:, :, plate] = np.diag([2.0, 2.0, 4.0, 1.0, 1.0, 0.5])
            signals = signals / np.diag(matrices[:, :, plate])
        first = len(channels)
        columns[: signals.shape[1], plate] = np.arange(first + 1, first + 1 + signals.shape[1])
        channels += list(signals.T)
        origins.append(1000 * kind_origin)
    return channels, columns, corners, [2, 3, 4], np.array(origins).T, matrices


def _as_type(kind, force, moment, origin):
    """What a plate records of the force ON it (that on the person turned round), moments in N mm about its origin."""
    force, moment = -force, -moment
    at_origin = moment + np.cross(origin, force)
    if kind != 3:
        return np.concatenate([force, 1000 * at_origin], axis=1), origin
    a, b = 0.12, 0.2
    mx, my, mz = at_origin.T
    fx, fy, fz = force.T
    # four vertical sensors, two lines of horizontal ones: any split with these sums and moments will do
    fz1 = fz / 4 + mx / (4 * b) - my / (4 * a)
    fz2 = fz / 4 + mx / (4 * b) + my / (4 * a)
    fz3 = fz / 4 - mx / (4 * b) + my / (4 * a)
    fz4 = fz / 4 - mx / (4 * b) - my / (4 * a)
    fx12, fx34 = fx / 2 - mz / (2 * b), fx / 2 + mz / (2 * b)
    return np.stack([fx12, fx34, fy / 2, fy / 2, fz1, fz2, fz3, fz4], axis=1), np.array([a, b, origin[2]])
