"""Activation dynamics of muscles: how activation follows excitation, and which excitation leads it where.

MuJoCo's first-order dynamics (Millard et al. 2013, J. Biomech. Eng. 135:021005) without smoothing between both rates:
da/dt = (u − a) / τ with τ = τ_rise (0.5 + 1.5 a) where u > a and τ_fall / (0.5 + 1.5 a) where u < a, integrated by
Euler's rule.
"""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from kinesis_trl.body import compiled_muscles

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ActivationDynamics:
    """Time constants of M muscles, (M,) each, in seconds, and the physics step."""

    rise: Array
    fall: Array
    step: float

    @classmethod
    def of(cls, model: mujoco.MjModel) -> ActivationDynamics:
        """Of a model whose actuators are all muscles.

        Raises:
            ValueError: muscles with smoothed dynamics, which have no such inverse.
        """
        rise, fall, smooth = model.actuator_dynprm[:, :3].T
        if (smooth != 0).any():
            raise ValueError("muscles have smoothed activation dynamics; expected dynprm[2] = 0.")
        return cls(rise.copy(), fall.copy(), float(model.opt.timestep))

    def after(self, activation: Array, excitation: Array) -> Array:
        """Activations (N, M) one physics step after `activation` (N, M) under `excitation` (N, M) in [0, 1]."""
        rates = self._rates(activation)
        return activation + np.where(excitation > activation, *rates) * (excitation - activation)

    def excitation_for(self, activation: Array, wanted: Array) -> Array:
        """Excitations (N, M) in [0, 1] that bring `activation` to `wanted` in one step, or as near as they can."""
        out = np.empty(wanted.shape)
        compiled_muscles.excitation_for(activation, wanted, self.rise, self.fall, self.step, out)
        return out

    def _rates(self, activation: Array) -> tuple[Array, Array]:
        """Share of the difference made up in a physics step, (N, M) each, when rising and when falling."""
        ease = 0.5 + 1.5 * np.clip(activation, 0, 1)
        return self.step / (self.rise * ease), self.step / self.fall * ease
