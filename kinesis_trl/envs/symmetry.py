"""Observations and actions in a mirror: for tests of symmetry, and to train on both sides of every step."""

from __future__ import annotations

from dataclasses import dataclass

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
        self,
        body: BodyModel,
        *,
        lookahead: int = 0,
        orientation: bool = False,
        joints: bool = False,
        moments: bool = False,
        muscle_observations: bool = False,
        action: ActionMirror | None = None,
    ) -> None:
        """Work out the permutation and signs for observations of `body`.

        Args:
            body: the body.
            lookahead: how many later references are observed.
            orientation: whether the turn to the reference is.
            joints: whether the joints' distances from the reference are.
            moments: whether the moments by which muscles exceed the solution are.
            muscle_observations: whether lengths, velocities and forces of the muscles are.
            action: left and right of an action, where the last one is observed.
        """
        mirror = body.mirror
        vector = np.array([1.0, -1.0, 1.0])
        twist = -vector  # angular velocities are pseudovectors
        frame = mirror.frame_sign[:, [0, 2]]  # each body's own x and z axis
        rotation = (frame[:, :, None] * REFLECTION).reshape(len(frame), 6)
        one = np.ones(1)
        by_joint = ActionMirror(body, joints=True)
        joint_blocks = [(by_joint.index.numpy(), by_joint.sign.numpy())] * 2  # angles and rates
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
        if joints:
            blocks += joint_blocks
        if moments:
            blocks += joint_blocks[:1]
        if muscle_observations:
            blocks += [(mirror.muscles, np.ones(len(mirror.muscles)))] * 3
        if action is not None:
            blocks += [(action.index.numpy(), action.sign.numpy().astype(np.float64))]
        start = np.cumsum([0] + [len(index) for index, _ in blocks])
        self.index = torch.from_numpy(np.concatenate([s + i for s, (i, _) in zip(start, blocks, strict=False)]))
        self.sign = torch.from_numpy(np.concatenate([sign for _, sign in blocks]))

    def __call__(self, observation: Tensor) -> Tensor:
        """Mirrored observation (…, O)."""
        return observation[..., self.index] * self.sign.to(observation.dtype)


class ActionMirror:
    """Mirrors actions, of one number per muscle or per independent joint.

    Attributes:
        index (A,), sign (A,): the mirrored action is `sign * action[..., index]`.
    """

    def __init__(self, body: BodyModel, *, joints: bool = False) -> None:
        """Work out the permutation and signs for actions on the muscles, or on the independent joints, of `body`."""
        mirror = body.mirror
        if not joints:
            self.index, self.sign = torch.from_numpy(mirror.muscles), torch.ones(len(mirror.muscles))
            return
        mine = [body.joint_names.index(name) for name in body.independent_joints]
        self.index = torch.tensor([mine.index(int(source)) for source in mirror.joint_qpos[mine]])
        self.sign = torch.from_numpy(mirror.joint_sign[mine]).float()

    def __call__(self, action: Tensor) -> Tensor:
        """Mirrored action (…, A)."""
        return action[..., self.index] * self.sign.to(action.dtype)


@dataclass(frozen=True)
class SampleMirror:
    """Mirrors what a policy saw and did in an environment."""

    observation: ObservationMirror
    action: ActionMirror

    def __call__(self, observation: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        """Mirrored observation (…, O) and action (…, A)."""
        return self.observation(observation), self.action(action)


def _per_body(source: np.ndarray, sign: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    width = sign.shape[1]
    return (source[:, None] * width + np.arange(width)).reshape(-1), sign.reshape(-1)
