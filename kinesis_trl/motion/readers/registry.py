"""What a user may say about motion files."""

from __future__ import annotations

from dataclasses import dataclass

from kinesis_trl.motion.retarget.smpl_model import SmplModel


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """What the user says about files instead of what they say or what is detected."""

    fps: float | None = None
    """Frames per second."""
    up: str | None = None
    """Up axis of the recording: 'x', 'y', 'z', '-x', '-y' or '-z'."""
    unit: float | None = None
    """Metres per unit of length."""
    smpl_model: SmplModel | None = None
    """The user's SMPL model, for the body shape of SMPL data."""
