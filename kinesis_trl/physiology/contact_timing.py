"""When feet strike and lift, against when the motion that is followed has them do so."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.physiology.recording import Recording

_PRESSED = 0.05  # body weights from which a foot stands
_SAME = 0.25  # seconds within which two strikes are the same one


def contact_timing(body: Sequence[Recording], motion: Sequence[Recording]) -> dict[str, float]:
    """Contacts of both feet against those of the same clips, replayed with the forces of static optimisation.

    Early strikes shift the whole gait cycle: muscles that act on time then seem to act late in it.

    Args:
        body: what a body did.
        motion: recordings of the motions it followed, by clip names; others do not count.

    Returns:
        Mean lateness of the `strike` and of the `lift` and their standard deviations in seconds, negative where they
        come early; and the number of strikes compared, `contacts`.

    Raises:
        ValueError: no clip, or no contact, in both.
    """
    known = {recording.clip: recording for recording in motion}
    strikes: list[float] = []
    lifts: list[float] = []
    for here in body:
        there = known.get(here.clip)
        for side in (0, 1) if there is not None else ():
            assert there is not None
            for late, mine, theirs in zip((strikes, lifts), _contacts(here, side), _contacts(there, side), strict=True):
                nearest = [float(mine[np.abs(mine - time).argmin()] - time) for time in theirs if len(mine)]
                late += [difference for difference in nearest if abs(difference) < _SAME]
    if not strikes or not lifts:
        raise ValueError("no contact of body and motion to compare.")
    return {
        "strike": float(np.mean(strikes)),
        "strike_sd": float(np.std(strikes)),
        "lift": float(np.mean(lifts)),
        "lift_sd": float(np.std(lifts)),
        "contacts": len(strikes),
    }


def _contacts(recording: Recording, side: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Seconds of strikes and of lifts of the right (0) or left (1) foot."""
    stands = recording.ground_force[:, side, 2] > _PRESSED * recording.weight
    strikes = np.flatnonzero(~stands[:-1] & stands[1:]) + 1
    lifts = np.flatnonzero(stands[:-1] & ~stands[1:]) + 1
    return strikes / recording.rate, lifts / recording.rate
