"""Length control: an action sets the target lengths of a length controller, which KINESIS calls PD control."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.body.muscles import action_for_length, target_length
from kinesis_trl.body.simulator import Physics
from kinesis_trl.envs.control.base import Array, Control, Reference


class LengthControl(Control):
    """An action of −1 … 1 is a target length of zero … the muscle's longest length (`body.muscles.target_length`)."""

    @property
    def width(self) -> int:
        """One number per muscle."""
        return int(self.body.model.nu)

    def step(self, physics: Physics, action: Array, reference: Reference | None) -> tuple[Array, NDArray[np.bool_]]:
        """One policy step towards the target lengths."""
        return physics.step_lengths(target_length(action, self.body.muscles))

    def reference_action(self, reference: Reference) -> Array:
        """(N, M) the action whose target lengths are the reference's muscle lengths at the step's end."""
        length = reference.library.muscle_length[reference.next_frame()].double().numpy()
        return action_for_length(length, self.body.muscles)

    def target_length(self, action: Array, reference: Reference) -> Array:
        """(N, M) target lengths in metres of actions (N, M)."""
        return target_length(action, self.body.muscles)
