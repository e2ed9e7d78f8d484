"""MotionClip: what every reader returns and every later stage takes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.failures import PrintableError

FPS = 30.0
"""Frame rate of every clip that is on the body."""
MAX_FRAMES = 5_000_000
"""Longest clip that is accepted (46 hours at 30 frames/s); a larger count is a broken header."""


class ClipFormatError(PrintableError):
    """A motion file or clip cannot be used; the message names it, what was found and what mends it."""


@dataclass(frozen=True, kw_only=True)
class MotionClip:
    """One recorded motion, either as joint positions or as coordinates (qpos) of the body.

    Exactly one of `positions` and `qpos` is given. World frame: z up, metres, radians; a person standing
    with the identity pelvis orientation faces +x and has +y on the left.
    """

    name: str
    """Unique within its source, e.g. the file's stem or the key in a collection."""
    fps: float
    """Frames per second."""
    positions: NDArray[np.float64] | None = None
    """Joint positions (T, J, 3) in metres."""
    joint_names: tuple[str, ...] = ()
    """Names of the J joints, in SMPL's spelling (Pelvis, L_Hip, L_Knee, L_Ankle, L_Toe, …)."""
    pelvis_quat: NDArray[np.float64] | None = None
    """Pelvis orientation (T, 4) wxyz where the source records one; otherwise retargeting derives it."""
    qpos: NDArray[np.float64] | None = None
    """Body coordinates (T, nq): root position, root quaternion wxyz, joints."""
    label: str = ""
    """What the motion shows, in words."""
    category: str = ""
    """Short group name for tables and learning curves, e.g. 'walk forward'."""
    source: str = ""
    """File or data set the clip came from."""
    licence: str = ""
    """Terms the source states, where it does."""
    notes: tuple[str, ...] = ()
    """What the reader detected or changed (units, axes, frame rate), for the preparation report."""
    doubts: tuple[str, ...] = ()
    """What makes it doubtful that the motion was read as it is meant, in sentences."""
    extra: dict[str, Any] = field(default_factory=dict)
    """Further facts a format carries (gender, betas, …); never needed to use the clip."""

    def __post_init__(self) -> None:
        if not 1.0 <= self.fps <= 2000.0:
            raise ClipFormatError(f"{self.name}: frame rate {self.fps} is not between 1 and 2000 frames/s; pass --fps.")
        if (self.positions is None) == (self.qpos is None):
            raise ClipFormatError(f"{self.name}: a clip holds either joint positions or qpos, exactly one.")
        frames, joints = self.frames, len(self.joint_names)
        if not 2 <= frames <= MAX_FRAMES:
            raise ClipFormatError(f"{self.name}: {frames} frames; a clip needs 2 to {MAX_FRAMES}.")
        shapes: dict[str, tuple[int, ...]] = {"positions": (frames, joints, 3), "pelvis_quat": (frames, 4)}
        if self.qpos is not None:
            shapes["qpos"] = (frames, *(np.shape(self.qpos)[1:2] or (0,)))
        for what, shape in shapes.items():
            array = getattr(self, what)
            if array is not None and np.shape(array) != shape:
                raise ClipFormatError(
                    f"{self.name}: {what} has shape {np.shape(array)}, expected {shape}; it has {joints} joint names."
                )
            if array is not None:
                check_finite(array, f"{self.name}: {what}")

    @property
    def frames(self) -> int:
        """Number of frames T."""
        array = self.positions if self.positions is not None else self.qpos
        return 0 if array is None else len(array)

    @property
    def seconds(self) -> float:
        """Duration from the first to the last frame, in seconds."""
        return (self.frames - 1) / self.fps

    def with_(self, **changes: Any) -> MotionClip:
        """A copy with some fields replaced; the same checks apply."""
        return replace(self, **changes)


def check_finite(array: NDArray[np.float64], what: str) -> None:
    """Raise ClipFormatError naming the first frame of `array` (T, …) that is not finite."""
    bad = ~np.isfinite(array).reshape(len(array), -1).all(1)
    if bad.any():
        raise ClipFormatError(
            f"{what} is not finite in {int(bad.sum())} of {len(array)} frames (first: {int(bad.argmax())}); "
            "cut or fill these frames."
        )
