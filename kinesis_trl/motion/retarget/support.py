"""Which foot carries the body when: stances completed so that a walking body is never without a foot on the floor.

Recorded feet are seen to stand late and to lift early: they slide a little, hover, or lie between two samples. Left as
they are, such moments would have the body's whole weight carried by nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

_SMOOTH = 1.0  # frames over which the pelvis' height is smoothed before it is differentiated


@dataclass(frozen=True, kw_only=True)
class SupportConfig:
    """When a body without a standing foot flies, and how long both feet stand otherwise."""

    flight: float = 3.0
    """Downward acceleration of the pelvis, mean over the moment, from which a body without a foot on the floor flies,
    in m/s²; a body that nothing carries falls at 9.8."""
    highest: float = 0.12
    """Height in metres of the lower foot above which the body is in the air, whatever its pelvis does."""
    double_support: float = 0.1
    """Least time both feet stand while the weight goes from one to the other, in seconds, unless the body flies."""

    def __post_init__(self) -> None:
        if not (self.flight > 0 and self.highest > 0 and self.double_support >= 0):
            raise ValueError(
                f"flight {self.flight} and highest {self.highest} must be positive and double_support "
                f"{self.double_support} not negative."
            )


def complete_support(stance: Mask, height: Array, pelvis: Array, fps: float, config: SupportConfig) -> Mask:
    """Stances lengthened where no foot stands though the body does not fall, and where weight is handed over too fast.

    In a gap the lower foot stands. Parts of a foot stand as they do in the stance that is lengthened.

    Args:
        stance: (T, 2, 2) whether heel and toes (last axis) of each foot stand.
        height: (T, 2) height of the lowest point of each foot, in metres.
        pelvis: (T,) height of the pelvis in metres.
        fps: frames per second.
        config: thresholds.

    Returns:
        (T, 2, 2) mask.
    """
    smooth = gaussian_filter1d(pelvis, _SMOOTH, mode="nearest")
    fall = -np.gradient(np.gradient(smooth)) * fps**2 if len(pelvis) > 2 else np.zeros(len(pelvis))
    stands = np.asarray(stance.any(2))
    flies = np.zeros(len(pelvis), dtype=bool)
    lower = height.argmin(1)
    for gap in runs(np.asarray(~stands.any(1))):
        if fall[gap].mean() > config.flight or height[gap].min(1).max() > config.highest:
            flies[gap] = True
        else:
            stands[np.arange(gap.start, gap.stop), lower[gap]] = True
    _hand_over(stands, flies, round(config.double_support * fps))
    return np.stack([_parts(stance[:, foot], stands[:, foot]) for foot in (0, 1)], axis=1)


def _hand_over(stands: Mask, flies: Mask, least: int) -> None:
    """Let both feet stand for `least` frames about every moment at which the weight goes from one to the other."""
    alone = np.where(stands[:, 0] & ~stands[:, 1], 0, np.where(stands[:, 1] & ~stands[:, 0], 1, -1))
    last, at = -1, 0
    for frame, foot in enumerate(alone):
        if flies[frame]:
            last = -1
        elif foot >= 0:
            if last >= 0 and foot != last:
                lack = least - (frame - at - 1)
                begin, end = at + 1 - (lack + 1) // 2, frame + lack // 2
                if lack > 0:
                    span = slice(max(begin, 0), end)
                    stands[span] |= ~flies[span, None]
            last, at = foot, frame


def _parts(stance: Mask, stands: Mask) -> Mask:
    """Heel and toes (T, 2) of a foot that `stands` (T,): as seen, and as in the nearest frame seen where it was not."""
    seen = np.asarray(stance.any(1))
    out = stance.copy()
    for run in runs(stands & ~seen):
        before = run.start > 0 and seen[run.start - 1]
        after = run.stop < len(seen) and seen[run.stop]
        middle = (run.start + run.stop + 1) // 2 if before and after else run.stop if before else run.start
        out[run.start : middle] = stance[run.start - 1] if before else True
        out[middle : run.stop] = stance[run.stop] if after else True
    return out


def runs(mask: Mask) -> Iterator[slice]:
    """Slices of the runs of true frames."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    for start, stop in edges.reshape(-1, 2):
        yield slice(int(start), int(stop))
