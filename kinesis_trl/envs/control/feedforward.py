"""Feedforward control: what static optimisation found for the reference, and how an action corrects it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from kinesis_trl.body.model import BodyModel
from kinesis_trl.body.simulator import Physics
from kinesis_trl.envs.control.base import Control, Reference
from kinesis_trl.envs.control.config import FeedforwardConfig
from kinesis_trl.envs.symmetry import ActionMirror
from kinesis_trl.motion.library import MotionLibrary

Array = NDArray[np.float64]

_RIDGE = 1e-6
"""Share of the largest stiffness that is added to every joint's, for joints that hardly any muscle crosses."""


class InverseSolutions:
    """What static optimisation found for frames of a library, rows (N,) of its flat arrays; M muscles, J joints."""

    def __init__(self, body: BodyModel, library: MotionLibrary) -> None:
        """For a library with inverse solutions.

        Raises:
            ValueError: the library has none.
        """
        if library.inverse is None:
            raise ValueError("control feedforward needs motions with inverse solutions; prepare them with --inverse.")
        self.body, self._inverse = body, library.inverse

    def activation(self, frame: Tensor) -> Array:
        """(N, M) activations in 0…1."""
        return self._inverse["activation"][frame].double().numpy()

    def target_length(self, frame: Tensor) -> Array:
        """(N, M) target lengths in metres."""
        return self._inverse["target_length"][frame].double().numpy()

    def moment_arm(self, frame: Tensor) -> Array:
        """(N, M, J) metres; a muscle's length grows by it when the joint turns by 1 rad."""
        return self._inverse["moment_arm"][frame].double().numpy()

    def moment_error(self, frame: Tensor, activation: Array) -> Array:
        """(N, J) moments in N m by which muscles at `activation` (N, M) exceed those of the solution at `frame`.

        Force is taken as peak force times activation, without the relations to length and velocity; positive moments
        increase the joint's angle.
        """
        force = self.body.muscles.peak_force * (activation - self.activation(frame))
        return -np.einsum("nmj,nm->nj", self.moment_arm(frame), force)

    def activation_for_moment(self, frame: int) -> Array:
        """(M, J) least change of activations by which `moment_error` rises by 1 N m about each joint at `frame`."""
        arm = self._inverse["moment_arm"][frame].double().numpy()
        return np.asarray(np.linalg.pinv(-(arm * self.body.muscles.peak_force[:, None]).T), dtype=np.float64)


class Feedforward(InverseSolutions):
    """Inverse solutions corrected by actions (N, J), one number per independent joint."""

    def __init__(self, body: BodyModel, library: MotionLibrary, config: FeedforwardConfig) -> None:
        """For a library with inverse solutions; ValueError where it has none."""
        super().__init__(body, library)
        self.config = config

    @property
    def width(self) -> int:
        """J, numbers in an action."""
        return len(self.body.independent_joints)

    def corrected_length(self, frame: Tensor, action: Array) -> Array:
        """(N, M) target lengths in metres for actions (N, J), clipped to [−1, 1]."""
        return self.target_length(frame) + np.einsum("nmj,nj->nm", self._joint_unit(frame), np.clip(action, -1, 1))

    def step(self, physics: Physics, frame: Tensor, action: Array) -> tuple[Array, NDArray[np.bool_]]:
        """One policy step under actions (N, J); returns what the physics does: effort reward, failed rows."""
        return physics.step_lengths(self.corrected_length(frame, action))

    def nearest_action(self, frame: Tensor, change: Array) -> Array:
        """Actions (N, J) in [−1, 1] that come nearest to changes (N, M) of target lengths in metres.

        Lengths count by the force they make, which is proportional to peak force; the action then makes the same joint
        moments, as far as no muscle slackens.
        """
        unit = self._joint_unit(frame)
        pull = unit * self.body.muscles.peak_force[:, None]
        stiffness = np.einsum("nma,nmb->nab", pull, unit)
        largest = np.einsum("naa->na", stiffness).max(1)
        stiffness += _RIDGE * largest[:, None, None] * np.eye(unit.shape[-1])
        moment = np.einsum("nma,nm->na", pull, change)
        return np.clip(np.linalg.solve(stiffness, moment[..., None])[..., 0], -1, 1)

    def _joint_unit(self, frame: Tensor) -> Array:
        """(N, M, J) change of target lengths in metres for an action of 1 on a joint."""
        return self.config.joint_scale * self.moment_arm(frame)


class FeedforwardControl(Control):
    """The target lengths of the reference's inverse solution, corrected by one number per independent joint.

    Corrections are spread over the muscles by their moment arms.
    """

    def __init__(self, body: BodyModel, num: int, config: FeedforwardConfig) -> None:
        super().__init__(body, num, config)
        self.config = config

    @property
    def width(self) -> int:
        """One number per independent joint."""
        return len(self.body.independent_joints)

    @property
    def mirror(self) -> ActionMirror:
        """Of one number per independent joint."""
        return ActionMirror(self.body, joints=True)

    def start(self, rows: NDArray[np.int64], reference: Reference | None) -> Array:
        """The activations of the inverse solution, where the config asks for them."""
        if not self.config.activation:
            return super().start(rows, reference)
        known = _known(reference)
        return InverseSolutions(self.body, known.library).activation(known.frame(rows=rows))

    def step(self, physics: Physics, action: Array, reference: Reference | None) -> tuple[Array, NDArray[np.bool_]]:
        """One policy step towards the corrected target lengths."""
        return physics.step_lengths(self.target_length(action, _known(reference)))

    def reference_action(self, reference: Reference) -> Array:
        """(N, J) zeros: the inverse solution, uncorrected."""
        return np.zeros((len(reference.clip), self.width))

    def target_length(self, action: Array, reference: Reference) -> Array:
        """(N, M) target lengths in metres of actions (N, J)."""
        found = Feedforward(self.body, reference.library, self.config)
        return found.corrected_length(reference.next_frame(), action)


def _known(reference: Reference | None) -> Reference:
    if reference is None:
        raise ValueError("control feedforward corrects the inverse solution of a reference, which this task lacks.")
    return reference
