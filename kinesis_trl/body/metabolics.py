"""Metabolic power of muscles by the model of Bhargava, Pandy and Anderson 2004, J. Biomech. 37:81.

As revised by Uchida et al. 2016, PLoS One 11:e0150378: negative work counts, the total power of a muscle is never
negative and its heat never below 1 W/kg. The tendons of our muscles are rigid: the fibre takes the tendon's part of
every change of length, which makes muscles with long tendons dearer than they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.body.muscles import MuscleParameters, active_gain
from kinesis_trl.facts import by_muscle, read_facts

Array = NDArray[np.float64]

SPECIFIC_TENSION = 6e5
"""Peak force per cross-section in N/m²: 60 N/cm², with which the model's peak forces were made (Rajagopal et al. 2016,
IEEE Trans. Biomed. Eng. 63:2068). The 25 N/cm² of isolated muscle would give the legs 45 kg of muscle."""
DENSITY = 1059.7
"""Density of muscle in kg/m³ (Mendez and Keys 1960)."""
LEAST_HEAT = 1.0
"""Least heat of a muscle in W/kg of its mass (Umberger et al. 2003)."""


@dataclass(frozen=True, kw_only=True)
class Contraction:
    """What the models need to know of T samples of M muscles' contractile elements."""

    excitation: Array
    """(T, M) in [0, 1]."""
    activation: Array
    """(T, M) in [0, 1]."""
    length: Array
    """(T, M) fibre length in optimal lengths."""
    velocity: Array
    """(T, M) its rate in m/s, positive when lengthening."""
    force: Array
    """(T, M) active force in newtons, positive."""
    isometric_force: Array
    """(T, M) active force at the same activation and length without movement, in newtons."""
    peak_force: Array
    """(M,) in newtons."""
    optimal_length: Array
    """(M,) in metres."""
    fastest: Array
    """(M,) fastest shortening in optimal lengths per second."""
    mass: Array
    """(M,) in kg."""

    @classmethod
    def of(
        cls, muscles: MuscleParameters, *, excitation: Array, activation: Array, length: Array, velocity: Array
    ) -> Contraction:
        """From muscle–tendon length (T, M) in metres and its rate in m/s; excitation and activation (T, M).

        Where excitation is not known (static optimisation), give activation for it.
        """
        optimal = 1 / muscles.length_scale
        return cls(
            excitation=np.clip(excitation, 0, 1),
            activation=np.clip(activation, 0, 1),
            length=muscles.length_scale * length + muscles.length_offset,
            velocity=velocity,
            force=-active_gain(length, velocity, muscles) * activation,
            isometric_force=-active_gain(length, np.zeros_like(velocity), muscles) * activation,
            peak_force=muscles.peak_force,
            optimal_length=optimal,
            fastest=muscles.length_scale / muscles.velocity_scale,
            mass=muscle_mass(muscles.peak_force, optimal),
        )


def muscle_mass(peak_force: Array, optimal_length: Array) -> Array:
    """(M,) masses in kg of muscles with peak force (M,) N and optimal fibre length (M,) m: ρ F₀ l₀ / σ."""
    return DENSITY * peak_force * optimal_length / SPECIFIC_TENSION


def slow_share(names: Sequence[str]) -> Array:
    """(M,) share of slow-twitch fibres of muscles with side, from the shipped table; 0.5 where it has none."""
    shares = _slow_shares()
    return np.array([shares.get(name.rsplit("_", 1)[0], 0.5) for name in names])


@lru_cache(maxsize=1)
def _slow_shares() -> dict[str, float]:
    return {muscle: float(row["slow_share"]) for muscle, row in by_muscle(read_facts("fibre_types"))}


def bhargava_2004(c: Contraction, slow: Array) -> Array:
    """Metabolic power (T, M) in W; slow (M,) is the share of slow-twitch fibres.

    Ė = Ȧ + Ṁ + Ṡ + Ẇ with, per muscle mass m and for u_s = r sin(π u/2), u_f = (1 − r)(1 − cos(π u/2)):
    activation heat Ȧ = m (40 u_s + 133 u_f), maintenance heat Ṁ = m L(l) (74 u_s + 111 u_f) with L linear through
    (0.5, 0.5), (1, 1), (1.5, 0), shortening heat Ṡ = −α v with α = 0.16 F_iso + 0.18 F in shortening and 0.157 F in
    lengthening, work Ẇ = −F v. The decay of activation heat with time of stimulation is left out, as in OpenSim.
    """
    recruited_slow = slow * np.sin(0.5 * np.pi * c.excitation)
    recruited_fast = (1 - slow) * (1 - np.cos(0.5 * np.pi * c.excitation))
    length_factor = np.interp(c.length, [0.5, 1.0, 1.5], [0.5, 1.0, 0.0])
    steady = c.mass * (
        40 * recruited_slow + 133 * recruited_fast + length_factor * (74 * recruited_slow + 111 * recruited_fast)
    )
    shortening = np.where(c.velocity <= 0, 0.16 * c.isometric_force + 0.18 * c.force, 0.157 * c.force)
    return total_power(steady - shortening * c.velocity, c)


def total_power(heat: Array, c: Contraction) -> Array:
    """Heat and work (T, M) in W, with at least the resting muscle's heat and never negative in sum."""
    return np.maximum(np.maximum(heat, LEAST_HEAT * c.mass) - c.force * c.velocity, 0)


def power_per_activation(muscles: MuscleParameters, slow: Array, *, length: Array, velocity: Array) -> Array:
    """Metabolic power (…, M) in W per unit of activation by `bhargava_2004`, none of them negative.

    At a given muscle–tendon length (…, M) in metres and rate (…, M) in m/s all but the recruitment of fibres is linear
    in activation. Recruitment is taken at half activation: the line from rest, without its heat, to the power there.
    """
    half = np.full(velocity.shape[-1], 0.5)
    at_half = Contraction.of(muscles, excitation=half, activation=half, length=length, velocity=velocity)
    return 2 * bhargava_2004(at_half, slow)
