"""What a motion file leaves open or gets wrong: its up axis, unit of length, frame rate and size."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.motion.clip import ClipFormatError

Array = NDArray[np.float64]

MAX_CLIP_FRAMES = 500_000
"""Longest clip a reader takes (4.6 h at 30 frames/s, 69 min at 120); a longer file is refused, to be cut."""
LEG_LENGTH = 0.82
"""Hip–knee–ankle length of an average adult in metres, by which a skeleton's unit is recognised."""
UNITS: dict[str, float] = {
    "metre": 1.0,
    "centimetre": 0.01,
    "millimetre": 0.001,
    "inch": 0.0254,
    "CMU unit (inch/0.45)": 0.0254 / 0.45,
    "foot": 0.3048,
}
"""Units of length met in motion files, in metres."""
_LEG_TOLERANCE = 1.45
_UP_MAPS: dict[str, list[list[int]]] = {
    "z": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "y": [[0, 0, 1], [1, 0, 0], [0, 1, 0]],
    "x": [[0, 1, 0], [0, 0, 1], [1, 0, 0]],
    "-z": [[1, 0, 0], [0, -1, 0], [0, 0, -1]],
    "-y": [[0, 0, 1], [-1, 0, 0], [0, -1, 0]],
    "-x": [[0, 1, 0], [0, 0, -1], [-1, 0, 0]],
}


def up_rotation(up: str) -> Array:
    """Rotation (3, 3) that takes a world whose `up` axis is given ('y', '-z', …) to z up.

    For y-up data it also takes +z, where such figures usually face, to +x.
    """
    if up not in _UP_MAPS:
        raise ClipFormatError(f"up axis {up!r} is none of {', '.join(_UP_MAPS)}.")
    return np.array(_UP_MAPS[up], dtype=np.float64)


def detect_up(positions: Array, joint_names: tuple[str, ...], *, usual: str) -> tuple[str, str]:
    """Up axis of a recording and the sentence that says how it was found.

    positions: (T, J, 3) with Pelvis, L_Ankle and R_Ankle among `joint_names`. The axis along which the pelvis
    is above the ankles in the median frame; when none stands out (someone lying down) it is `usual`.
    """
    index = [joint_names.index(name) for name in ("Pelvis", "L_Ankle", "R_Ankle")]
    pelvis, left, right = np.moveaxis(positions[:, index], 1, 0)
    rise = np.median(pelvis - (left + right) / 2, axis=0)
    axis = int(np.abs(rise).argmax())
    if not np.abs(rise[axis]) > 0.8 * np.linalg.norm(rise):
        return usual, f"up axis not clear from the body; taken as {usual}, usual for this format"
    found = ("-" if rise[axis] < 0 else "") + "xyz"[axis]
    if found != usual:
        return found, f"up axis is {found}, though {usual} is usual for this format; turned to z up"
    return found, f"up axis {found}" + ("" if found == "z" else ", turned to z up")


def detect_unit(leg_length: float) -> tuple[float, str]:
    """Metres per unit of a skeleton whose hip–knee–ankle length is `leg_length` units, and how it was found.

    Raises ClipFormatError when no known unit makes it a leg of 0.57 to 1.19 m.
    """
    if leg_length > 0:
        name, metres = min(UNITS.items(), key=lambda unit: abs(np.log(leg_length * unit[1] / LEG_LENGTH)))
        if 1 / _LEG_TOLERANCE <= leg_length * metres / LEG_LENGTH <= _LEG_TOLERANCE:
            return metres, f"unit {name}: legs of {leg_length:.4g} units are {leg_length * metres:.2f} m"
    raise ClipFormatError(
        f"legs of {leg_length:.4g} units fit a person in none of {', '.join(UNITS)}; pass --unit (metres per unit)."
    )


def tidy_fps(fps: float) -> float:
    """The frame rate, rounded where a file's decimals only just miss a whole number (1/0.00833 s)."""
    whole = float(np.round(fps))
    return whole if abs(fps - whole) < 1e-4 * fps else float(fps)


def check_frames(frames: int) -> None:
    """Raise ClipFormatError for a clip that is empty or too long to be read into memory."""
    if frames == 1:
        raise ClipFormatError("is a single pose (1 frame), not a motion; a clip needs at least 2 frames.")
    if frames < 2:
        raise ClipFormatError(f"has {frames} frames; a clip needs at least 2.")
    if frames > MAX_CLIP_FRAMES:
        raise ClipFormatError(f"has {frames} frames, more than {MAX_CLIP_FRAMES}; cut it into shorter files.")


def words(name: str) -> str:
    """What a clip's name says in words: '0-KIT_7_WalkInClockwiseCircle07_poses' → 'walk in clockwise
    circle'."""
    bare = re.sub(r"^(\d+-)?[A-Z]+_\d+_|_(poses|stageii)$", "", name)
    return re.sub(r"[\W_\d]+|(?<=[a-z])(?=[A-Z])", " ", bare).strip().lower()
