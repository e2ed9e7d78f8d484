"""From one motion into another without a jump: what they differ by dies away."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.motion.gait.gait_curves import smoothstep

Array = NDArray[np.float64]


def dying(offset: Array, frames: int, fade: int) -> Array:
    """A difference that is given in the first frames, goes on at its last rate, and dies away.

    Args:
        offset: (P, …) earlier motion less later motion in the P ≥ 2 frames known of both.
        frames: T, length of the later motion.
        fade: frames in which the difference dies away.

    Returns:
        (T, …) to add to the later motion; continuous in value and rate at frame P − 1, zero from P − 1 + `fade` on.
    """
    since = np.arange(frames - len(offset)) + 1.0
    share = (1.0 - smoothstep(since / fade)).reshape(-1, *[1] * (offset.ndim - 1))
    rate = (offset[-1] - offset[-3]) / 2.0 if len(offset) > 2 else offset[-1] - offset[-2]
    later = (offset[-1] + rate * since.reshape(share.shape)) * share
    return np.concatenate([offset, later])
