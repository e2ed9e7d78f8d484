"""Observations and actions in a mirror: for tests of symmetry, and to train on both sides of every step.

A rule is a permutation (W,) and signs (W,): the mirror image of numbers x (W,) is `sign * x[index]`. Rules of
observation terms are made for a body and a number of later references.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kinesis_trl.body.mirror import REFLECTION
from kinesis_trl.body.model import BodyModel

MirrorRule = tuple[NDArray[np.int64], NDArray[np.float64]]

VECTOR = (1.0, -1.0, 1.0)
"""Signs of a vector's components in the heading frame."""
TWIST = (-1.0, 1.0, -1.0)
"""Signs of an angular velocity's components: it is a pseudovector."""


def signs(*values: float) -> Callable[[BodyModel, int], MirrorRule]:
    """Numbers that stay where they are and keep (1) or change (−1) their sign."""
    return lambda body, later: (np.arange(len(values)), np.array(values, dtype=np.float64))


def observed(sign: Sequence[float]) -> Callable[[BodyModel, int], MirrorRule]:
    """One vector for each observed body."""
    return lambda body, later: _per_body(body.mirror.observed, sign)


def observed_without_root(sign: Sequence[float]) -> Callable[[BodyModel, int], MirrorRule]:
    """One vector for each observed body but the root."""
    return lambda body, later: _per_body(body.mirror.observed[1:] - 1, sign)


def tracked(sign: Sequence[float], *, later: bool = False) -> Callable[[BodyModel, int], MirrorRule]:
    """One vector for each tracked body, or for each of these in each later reference."""

    def rule(body: BodyModel, references: int) -> MirrorRule:
        index, signs = _per_body(body.mirror.tracked, sign)
        count = references if later else 1
        starts = len(index) * np.arange(count)
        return (starts[:, None] + index).reshape(-1).astype(np.int64), np.tile(signs, count)

    return rule


def body_axes(body: BodyModel, later: int) -> MirrorRule:
    """Each observed body's own x and z axis."""
    frame = body.mirror.frame_sign[:, [0, 2]]
    return _per_body(body.mirror.observed, (frame[:, :, None] * REFLECTION).reshape(len(frame), 6))


def joints(body: BodyModel, later: int) -> MirrorRule:
    """One number for each independent joint."""
    mirror = body.mirror
    mine = [body.joint_names.index(name) for name in body.independent_joints]
    index = np.array([mine.index(int(source)) for source in mirror.joint_qpos[mine]])
    return index, mirror.joint_sign[mine].astype(np.float64)


def muscles(body: BodyModel, later: int) -> MirrorRule:
    """One number for each muscle."""
    return body.mirror.muscles, np.ones(len(body.mirror.muscles))


def touch(body: BodyModel, later: int) -> MirrorRule:
    """One number for each touch sensor."""
    return body.mirror.touch, np.ones(len(body.mirror.touch))


def _per_body(source: NDArray[np.int64], sign: Sequence[float] | NDArray[np.float64]) -> MirrorRule:
    """Bodies change places; `sign` (W,) is the same for all of them, or (B, W)."""
    width = np.shape(sign)[-1]
    index = (source[:, None] * width + np.arange(width)).reshape(-1)
    return index, np.broadcast_to(np.asarray(sign, dtype=np.float64), (len(source), width)).reshape(-1)


class ObservationMirror:
    """Mirrors the observation of one body on the x–z plane of its heading frame.

    Attributes:
        index (O,), sign (O,): the mirrored observation is `sign * observation[..., index]`.
    """

    def __init__(self, rules: Sequence[MirrorRule]) -> None:
        """For an observation of parts one after the other, each with its rule."""
        starts = np.cumsum([0, *(len(index) for index, _ in rules)])
        self.index = torch.from_numpy(np.concatenate([s + i for s, (i, _) in zip(starts, rules, strict=False)]))
        self.sign = torch.from_numpy(np.concatenate([sign for _, sign in rules]))

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
        index, sign = _joints(body, 0) if joints else muscles(body, 0)
        self.index, self.sign = torch.from_numpy(index), torch.from_numpy(sign).float()

    def __call__(self, action: Tensor) -> Tensor:
        """Mirrored action (…, A)."""
        return action[..., self.index] * self.sign.to(action.dtype)


_joints = joints  # the name is a flag of `ActionMirror`


@dataclass(frozen=True)
class SampleMirror:
    """Mirrors what a policy saw and did in an environment."""

    observation: ObservationMirror
    action: ActionMirror

    def __call__(self, observation: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        """Mirrored observation (…, O) and action (…, A)."""
        return self.observation(observation), self.action(action)
