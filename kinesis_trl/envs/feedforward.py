"""Feedforward control: what static optimisation found for the reference, and how an action corrects it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from kinesis_trl.body.model import BodyModel
from kinesis_trl.body.simulator import Physics
from kinesis_trl.envs.config import FeedforwardConfig
from kinesis_trl.motion.library import MotionLibrary

Array = NDArray[np.float64]

_RIDGE = 1e-6
"""Share of the largest stiffness that is added to every joint's, for joints that hardly any muscle crosses."""


class Feedforward:
    """The inverse solutions of a motion library as a controller; N simulations, M muscles, A numbers in an action.

    Frames are rows of the library's flat arrays, (N,).
    """

    def __init__(self, body: BodyModel, library: MotionLibrary, config: FeedforwardConfig) -> None:
        """For a library with inverse solutions.

        Raises:
            ValueError: the library has none.
        """
        if library.inverse is None:
            raise ValueError("control feedforward needs motions with inverse solutions; prepare them with --inverse.")
        self.body, self.config, self._inverse = body, config, library.inverse

    @property
    def width(self) -> int:
        """A, numbers in an action."""
        return len(self.body.independent_joints) if self.config.space == "joints" else int(self.body.model.nu)

    def activation(self, frame: Tensor) -> Array:
        """(N, M) activations in 0…1."""
        return self._inverse["activation"][frame].double().numpy()

    def target_length(self, frame: Tensor) -> Array:
        """(N, M) target lengths in metres, uncorrected."""
        return self._inverse["target_length"][frame].double().numpy()

    def corrected_length(self, frame: Tensor, action: Array) -> Array:
        """(N, M) target lengths in metres for actions (N, A) in a space of lengths, clipped to [−1, 1]."""
        bounded = np.clip(action, -1, 1)
        if self.config.space == "joints":
            return self.target_length(frame) + np.einsum("nmj,nj->nm", self._joint_unit(frame), bounded)
        if self.config.space == "muscles":
            return self.target_length(frame) + self._muscle_unit * bounded
        raise ValueError("with feedforward space excitations there are no target lengths; choose joints or muscles.")

    def step(self, physics: Physics, frame: Tensor, action: Array) -> tuple[Array, NDArray[np.bool_]]:
        """One policy step under actions (N, A); returns what the physics does: effort reward, failed rows."""
        if self.config.space == "excitations":
            change = self.config.excitation_scale * np.clip(action, -1, 1)
            return physics.step_excitations(np.clip(self.activation(frame) + change, 0, 1))
        return physics.step_lengths(self.corrected_length(frame, action))

    def nearest_action(self, frame: Tensor, change: Array) -> Array:
        """Actions (N, A) in [−1, 1] that come nearest to changes (N, M) of target lengths (m) or of activations.

        Lengths count by the force they make, which is proportional to peak force; with joints the action then makes
        the same joint moments, as far as no muscle slackens.
        """
        if self.config.space == "excitations":
            return np.clip(change / self.config.excitation_scale, -1, 1)
        if self.config.space == "muscles":
            return np.clip(change / self._muscle_unit, -1, 1)
        unit = self._joint_unit(frame)
        pull = unit * self.body.muscles.peak_force[:, None]
        stiffness = np.einsum("nma,nmb->nab", pull, unit)
        largest = np.einsum("naa->na", stiffness).max(1)
        stiffness += _RIDGE * largest[:, None, None] * np.eye(unit.shape[-1])
        moment = np.einsum("nma,nm->na", pull, change)
        return np.clip(np.linalg.solve(stiffness, moment[..., None])[..., 0], -1, 1)

    def moment_error(self, frame: Tensor, activation: Array) -> Array:
        """(N, J) moments in N m by which muscles at `activation` (N, M) exceed those of the solution at `frame`.

        Force is taken as peak force times activation, without the relations to length and velocity; positive moments
        increase the joint's angle.
        """
        force = self.body.muscles.peak_force * (activation - self.activation(frame))
        return -np.einsum("nmj,nm->nj", self._inverse["moment_arm"][frame].double().numpy(), force)

    def activation_for_moment(self, frame: int) -> Array:
        """(M, J) least change of activations by which `moment_error` rises by 1 N m about each joint at `frame`."""
        arm = self._inverse["moment_arm"][frame].double().numpy()
        return np.asarray(np.linalg.pinv(-(arm * self.body.muscles.peak_force[:, None]).T), dtype=np.float64)

    def directions(self, frame: Tensor) -> Array:
        """(M, J) actions in space muscles that change lengths as an action of 1 on each joint does; mean of `frame`."""
        return self._joint_unit(frame).mean(0) / self._muscle_unit[:, None]

    def _joint_unit(self, frame: Tensor) -> Array:
        """(N, M, J) change of target lengths in metres for an action of 1 on a joint."""
        return self.config.joint_scale * self._inverse["moment_arm"][frame].double().numpy()

    @property
    def _muscle_unit(self) -> Array:
        """(M,) change of target lengths in metres for an action of 1 on a muscle."""
        return self.config.muscle_scale * self.body.muscles.longest_tendon
