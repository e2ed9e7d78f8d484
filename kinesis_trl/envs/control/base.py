"""The interface of a control, and what it is told of the reference."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tensordict import TensorDict
from torch import Tensor

from kinesis_trl.body.model import BodyModel
from kinesis_trl.body.simulator import ALL, Physics
from kinesis_trl.envs.control.config import ControlConfig
from kinesis_trl.envs.placement import Placement
from kinesis_trl.envs.symmetry import ActionMirror
from kinesis_trl.motion.library import MotionLibrary

Array = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Reference:
    """What N bodies follow, at the beginning of a policy step."""

    library: MotionLibrary
    """Clips, in flat arrays of all their frames."""
    clip: Tensor
    """(N,) clip that each body follows."""
    time: Tensor
    """(N,) seconds into it, float64."""
    placement: Placement
    """Where the clips lie in the world."""
    policy_dt: float
    """Seconds of a policy step."""

    def frame(self, ahead: float = 0.0, rows: Any = ALL) -> Tensor:
        """(R,) rows of the library's arrays, those nearest to `ahead` seconds from now, for `rows` of the bodies."""
        return self.library.frame_index(self.clip[rows], self.time[rows] + ahead)

    def next_frame(self, rows: Any = ALL) -> Tensor:
        """(R,) rows of the library's arrays at the end of the policy step, for `rows` of the bodies.

        Muscles are told what they should do then: activation follows excitation with a delay.
        """
        return self.frame(self.policy_dt, rows)


class Control(ABC):
    """What the actions of N bodies mean.

    Attributes:
        body: the model.
        state: (N,) what it remembers of each body between policy steps. Environments copy its rows when bodies branch,
            and save it with checkpoints; entries are set in the constructor and changed in place.
        lacking: (N,) largest moment at any joint that muscles could not make in the last policy step, N m; None for a
            control that asks for no moments.
    """

    lacking: Array | None = None

    def __init__(self, body: BodyModel, num: int, config: ControlConfig) -> None:
        self.body = body
        self.state = TensorDict({}, batch_size=[num])

    @property
    @abstractmethod
    def width(self) -> int:
        """A, numbers in an action."""

    @property
    def mirror(self) -> ActionMirror:
        """Left and right of an action; default: of one number per muscle."""
        return ActionMirror(self.body)

    def start(self, rows: Rows, reference: Reference | None) -> Array:
        """Begin episodes in `rows` (R,), whose states are set: (R, M) activations of the muscles; default: relaxed.

        What `state` holds of these rows is set anew here. `reference` is of all N bodies.
        """
        return np.zeros((len(rows), self.body.model.na))

    @abstractmethod
    def step(self, physics: Physics, action: Array, reference: Reference | None) -> tuple[Array, NDArray[np.bool_]]:
        """One policy step of N bodies under actions (N, A) in [−1, 1].

        `physics` and `reference` are as the step begins. A control that decides anew at every substep hands
        `physics.step_controlled` a function.

        Returns:
            effort reward (N,) and rows that failed (N,), as the physics gives them.
        """

    def reference_action(self, reference: Reference) -> Array:
        """(N, A) the action that asks for the reference as it is.

        Raises:
            ValueError: no action does.
        """
        raise ValueError("policy 'reference' gives target lengths; it needs --control pd or feedforward.")

    def target_length(self, action: Array, reference: Reference) -> Array:
        """(N, M) target lengths of the muscles in metres that actions (N, A) stand for.

        Raises:
            ValueError: they stand for none.
        """
        raise ValueError(f"{type(self).__name__} has no target lengths; it needs --control pd or feedforward.")
