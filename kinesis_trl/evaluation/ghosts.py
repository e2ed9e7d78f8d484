"""Where the ghost of a clip stands beside a body that follows it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.motion.library import MotionLibrary


def ghost(library: MotionLibrary, clip: int, frame: int) -> NDArray[np.float64]:
    """Coordinates (nq,) of a clip as it was prepared, which metrics compare with, in the axes of an episode.

    Episodes begin at the origin, where the reference is moved with its first frame.

    Args:
        library: of the clip.
        clip: its index.
        frame: of the clip; its last one stands for all after it.
    """
    entry = library.clips[clip]
    qpos: NDArray[np.float64] = library.unsolved_qpos[entry.start + min(frame, entry.frames - 1)].numpy().copy()
    qpos[:2] -= library.qpos[entry.start, :2].numpy()
    return qpos
