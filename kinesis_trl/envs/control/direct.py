"""Direct control: an action sets the excitations."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.body.simulator import Physics
from kinesis_trl.envs.control.base import Array, Control, Reference


class DirectControl(Control):
    """An action of −1 … 1 is an excitation of 0 … 1, held for the policy step."""

    @property
    def width(self) -> int:
        """One number per muscle."""
        return int(self.body.model.nu)

    def step(self, physics: Physics, action: Array, reference: Reference | None) -> tuple[Array, NDArray[np.bool_]]:
        """One policy step at constant excitations."""
        return physics.step_excitations(0.5 * (action + 1))
