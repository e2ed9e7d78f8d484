"""Force plates: from their channels to force and moment on the person, in the laboratory's frame.

The frame of a plate has its origin at the centre of its surface, x along the edge from corner 2 to corner 1, y from
corner 4 to corner 1, and z into the floor (C3D user guide, "Force platforms"). Moments are moved to that centre.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.motion.markers.c3d import PlateSignals
from kinesis_trl.motion.markers.recorded import TrialError, Wrenches

Array = NDArray[np.float64]

_BASELINE = 0.05


def plate_wrenches(plates: Sequence[PlateSignals], time: Array, *, unit: float, turn: Array) -> Wrenches:
    """Force and moment of all plates that can be used about the laboratory's origin.

    Args:
        plates: P plates.
        time: (N,) seconds of their samples.
        unit: metres per unit of length of corners, origins and moments.
        turn: (3, 3) from the file's frame to the world's, z up.

    Raises:
        TrialError: corners that span no rectangle, of all plates.
    """
    names, forces, moments = [], [], []
    notes: list[str] = []
    problems: list[str] = []
    for number, plate in enumerate(plates, 1):
        corners = plate.corners * unit @ turn.T
        try:
            axes = _axes(corners, number)
        except TrialError as error:
            problems.append(str(error))
            continue
        force, moment = _in_plate(plate, unit)
        force, moment = force @ axes.T, moment @ axes.T
        if force[:, 2].sum() < 0:
            force, moment = -force, -moment
            notes.append(f"plate {number} records the force on the plate; it is turned into that on the person")
        offset = _offset(force, moment)
        if np.abs(offset[2]) > 5.0:
            notes.append(f"plate {number} shows {offset[2]:.0f} N when nobody stands on it; that is taken off")
        force, moment = force - offset[:3], moment - offset[3:]
        names.append(f"plate {number}")
        forces.append(force)
        moments.append(moment + np.cross(corners.mean(0), force))
    if not names:
        raise TrialError(" ".join(problems))
    return Wrenches(
        names=tuple(names),
        time=time,
        force=np.stack(forces, axis=1),
        moment=np.stack(moments, axis=1),
        notes=tuple(notes),
        problems=tuple(problems),
    )


def _axes(corners: Array, number: int) -> Array:
    """(3, 3) axes of a plate in the columns, world."""
    x = corners[0] + corners[3] - corners[1] - corners[2]
    y = corners[0] + corners[1] - corners[2] - corners[3]
    z = np.cross(x, y)
    sizes = np.linalg.norm([x, y], axis=1)
    if not (sizes > 0.1).all() or abs(x @ y) > 0.2 * sizes.prod():
        raise TrialError(
            f"the corners of plate {number} span no rectangle ({(sizes / 2).round(3).tolist()} m); "
            "check FORCE_PLATFORM:CORNERS and the unit of length."
        )
    x, z = x / sizes[0], z / np.linalg.norm(z)
    return np.stack([x, np.cross(z, x), z], axis=1)


def _in_plate(plate: PlateSignals, unit: float) -> tuple[Array, Array]:
    """Force and moment (N, 3) about the centre of the surface, in the plate's frame, newtons and N m."""
    signal = plate.signal
    if plate.kind == 3:
        a, b, depth = plate.origin * unit
        fx12, fx34, fy14, fy23, fz1, fz2, fz3, fz4 = signal.T
        force = np.stack([fx12 + fx34, fy14 + fy23, fz1 + fz2 + fz3 + fz4], axis=1)
        moment = np.stack(
            [
                b * (fz1 + fz2 - fz3 - fz4),
                a * (-fz1 + fz2 + fz3 - fz4),
                b * (-fx12 + fx34) + a * (fy14 - fy23),
            ],
            axis=1,
        )
        to_surface = np.array([0.0, 0.0, -abs(depth)])
    else:
        if plate.calibration is not None:
            signal = signal @ plate.calibration.T
        force, moment = signal[:, :3], signal[:, 3:] * unit
        to_surface = plate.origin * unit
        to_surface = to_surface * (-1.0 if to_surface[2] > 0 else 1.0)
    # moments are about a point below the surface, from which `to_surface` leads to the surface's centre
    return force, moment - np.cross(to_surface, force)


def _offset(force: Array, moment: Array) -> Array:
    """(6,) what the plate shows when nobody stands on it: the median of the samples of least vertical force."""
    count = max(int(_BASELINE * len(force)), 1)
    least = np.argsort(np.abs(force[:, 2]))[:count]
    quiet = np.abs(force[least, 2]).max() < 40.0
    return np.concatenate([np.median(force[least], axis=0), np.median(moment[least], axis=0)]) if quiet else np.zeros(6)
