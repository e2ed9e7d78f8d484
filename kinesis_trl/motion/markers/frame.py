"""The laboratory's frame and unit: markers in metres with z up, and the same turn for force plates."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.motion.markers.recorded import Markers, TrialError
from kinesis_trl.motion.markers.sets import MarkerPlace
from kinesis_trl.motion.readers.conventions import up_rotation

Array = NDArray[np.float64]

_METRES = {
    "mm": 0.001,
    "millimet": 0.001,
    "cm": 0.01,
    "centimet": 0.01,
    "m": 1.0,
    "met": 1.0,
    "in": 0.0254,
    "inch": 0.0254,
}
"""Metres per unit of length, by what files call it."""
_HEIGHT = (0.5, 1.4)
"""Height in metres of a standing person's pelvis above its feet."""
_KEEP_X: Array = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])


@dataclass(frozen=True)
class Frame:
    """How a file's places become the world's."""

    unit: float
    """Metres per unit of the file."""
    turn: Array
    """(3, 3) rotation from the file's axes to z up."""


def upright(markers: Markers, places: Sequence[MarkerPlace]) -> tuple[Markers, Frame]:
    """Markers in metres, z up; the unit and the axis that are found are said in its notes.

    Raises:
        TrialError: no vertical axis, or no unit in which the person has a person's size.
    """
    height = _above(markers, places, "pelvis") - _above(markers, places, "calcn", "toes")
    axis = int(np.abs(height).argmax())
    if not np.abs(height[axis]) > 0.8 * np.linalg.norm(height):
        raise TrialError(
            "no axis of the laboratory is vertical: the pelvis is not above the feet along any of them. "
            "Check the labels of pelvis and feet, or turn the frame upright."
        )
    up = ("-" if height[axis] < 0 else "") + "xyz"[axis]
    tall = float(np.abs(height[axis]))
    stated = _METRES.get(re.sub(r"(er|re|e)?s?$", "", markers.unit.strip().lower()))
    notes = [f"markers in {'an unstated unit' if stated is None else markers.unit}, {up} up"]
    unit = stated
    if unit is None or not _HEIGHT[0] <= tall * unit <= _HEIGHT[1]:
        fitting = [u for u in (1.0, 0.01, 0.001) if _HEIGHT[0] <= tall * u <= _HEIGHT[1]]
        if not fitting:
            raise TrialError(
                f"the pelvis is {tall:.4g} {markers.unit or 'units'} above the feet; expected 0.5 to 1.4 m. "
                "Check the unit of length, or that these labels are pelvis and feet of one person."
            )
        unit = fitting[0]
        if stated is not None:
            notes.append(
                f"the file states {markers.unit}, but the pelvis would be {tall * stated:.4g} m above the feet: "
                f"lengths are taken as {'mm' if unit == 0.001 else 'cm' if unit == 0.01 else 'm'}"
            )
    turn = _KEEP_X if up == "y" else up_rotation(up)
    position = markers.position * unit @ turn.T
    return replace(markers, position=position, unit="m", notes=(*markers.notes, *notes)), Frame(unit, turn)


def _above(markers: Markers, places: Sequence[MarkerPlace], *parts: str) -> Array:
    """(3,) mean place of the markers of some parts."""
    seen = [markers.place(place.label) for place in places if place.part.split("_")[0] in parts]
    if not seen:
        raise TrialError(f"no marker is on {' or '.join(parts)}, which says what is up.")
    rows = np.concatenate(seen)
    rows = rows[np.isfinite(rows).all(1)]
    if not len(rows):
        raise TrialError(f"the markers on {' and '.join(parts)} are never seen; fill their gaps.")
    return np.asarray(np.median(rows, axis=0))
