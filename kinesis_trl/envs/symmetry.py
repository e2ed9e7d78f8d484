"""Observations in a mirror, to find out how symmetric a policy or a task is."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from kinesis_trl.body.mirror import REFLECTION
from kinesis_trl.body.model import BodyModel


class ObservationMirror:
    """Mirrors the imitation observation of one body on the x–z plane of its heading frame.

    Attributes:
        index (O,), sign (O,): the mirrored observation is `sign * observation[..., index]`.
    """

    def __init__(
        self, body: BodyModel, *, lookahead: int = 0, orientation: bool = False, muscle_observations: bool = False
    ) -> None:
        """Work out the permutation and signs for observations of `body`.

        Args:
            body: the body.
            lookahead: how many later references are observed.
            orientation: whether the turn to the reference is.
            muscle_observations: whether lengths, velocities and forces of the muscles are.
        """
        mirror = body.mirror
        vector = np.array([1.0, -1.0, 1.0])
        twist = -vector  # angular velocities are pseudovectors
        frame = mirror.frame_sign[:, [0, 2]]  # each body's own x and z axis
        rotation = (frame[:, :, None] * REFLECTION).reshape(len(frame), 6)
        one = np.ones(1)
        blocks = [
            (np.arange(1), one),  # height
            (np.arange(4), np.array([1.0, -1.0, 1.0, 1.0])),  # roll changes sign, pitch does not
            _per_body(mirror.observed[1:] - 1, np.tile(vector, (len(frame) - 1, 1))),
            _per_body(mirror.observed, rotation),
            _per_body(mirror.observed, np.tile(vector, (len(frame), 1))),
            _per_body(mirror.observed, np.tile(twist, (len(frame), 1))),
            (mirror.touch, np.ones(len(mirror.touch))),
            *[_per_body(mirror.tracked, np.tile(vector, (len(mirror.tracked), 1)))] * (3 + lookahead),
        ]
        if orientation:
            blocks += [(np.arange(3), twist)]
        if muscle_observations:
            blocks += [(mirror.muscles, np.ones(len(mirror.muscles)))] * 3
        start = np.cumsum([0] + [len(index) for index, _ in blocks])
        self.index = torch.from_numpy(np.concatenate([s + i for s, (i, _) in zip(start, blocks, strict=False)]))
        self.sign = torch.from_numpy(np.concatenate([sign for _, sign in blocks]))

    def __call__(self, observation: Tensor) -> Tensor:
        """Mirrored observation (…, O)."""
        return observation[..., self.index] * self.sign.to(observation.dtype)


def _per_body(source: np.ndarray, sign: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    width = sign.shape[1]
    return (source[:, None] * width + np.arange(width)).reshape(-1), sign.reshape(-1)
