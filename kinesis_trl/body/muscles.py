"""Hill-type muscle force and the length controller; pure functions on arrays of shape (…, muscles).

Gain and bias follow MuJoCo's muscle model (MuJoCo documentation, "Modeling: Muscles"; functions
mju_muscleGain and mju_muscleBias), written without branches so that one call serves all simulations.
Forces are in newtons and negative when the muscle pulls, as in MuJoCo.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
_MIN = mujoco.mjMINVAL
STIFFNESS = 5.0
"""Stiffness kp of the length controller in peak forces per metre."""
DAMPING = 0.1
"""Damping kd of the length controller in its stiffness, seconds."""


@dataclass(frozen=True)
class MuscleParameters:
    """Constants of M muscles, each (M,), derived once from MuJoCo's gainprm, lengthrange and acc0."""

    length_scale: Array
    """Normalised length per metre: L = length_scale · l + length_offset, in optimal fibre lengths."""
    length_offset: Array
    """Normalised length at l = 0."""
    velocity_scale: Array
    """Normalised velocity per m/s; −1 is the fastest shortening."""
    peak_force: Array
    """Peak active force in newtons."""
    shortest: Array
    """Normalised length below which no active force is made (lmin)."""
    longest: Array
    """Normalised length above which no active force is made (lmax)."""
    passive_peak: Array
    """Passive force at (1 + lmax)/2, as a share of 2 · peak force (fpmax)."""
    eccentric_peak: Array
    """Active force at saturating lengthening velocity, relative to isometric (fvmax)."""
    longest_tendon: Array
    """Upper end of each muscle's length range in metres."""

    @classmethod
    def of(cls, model: mujoco.MjModel) -> MuscleParameters:
        """Read the parameters of every actuator of a model whose actuators are all muscles."""
        return cls.from_arrays(model.actuator_gainprm, model.actuator_lengthrange, model.actuator_acc0)

    @classmethod
    def from_arrays(cls, gainprm: Array, lengthrange: Array, acc0: Array) -> MuscleParameters:
        """From MuJoCo's actuator_gainprm (M, ≥9), actuator_lengthrange (M, 2) and actuator_acc0 (M,)."""
        low, high, force, scale, shortest, longest, vmax, fpmax, fvmax = gainprm[:, :9].T
        optimal = (lengthrange[:, 1] - lengthrange[:, 0]) / np.maximum(_MIN, high - low)
        length_scale = 1 / np.maximum(_MIN, optimal)
        return cls(
            length_scale=length_scale,
            length_offset=low - lengthrange[:, 0] * length_scale,
            velocity_scale=1 / np.maximum(_MIN, optimal * vmax),
            peak_force=np.where(force < 0, scale / np.maximum(_MIN, acc0), force),
            shortest=shortest.copy(),
            longest=longest.copy(),
            passive_peak=fpmax.copy(),
            eccentric_peak=fvmax.copy(),
            longest_tendon=lengthrange[:, 1].copy(),
        )


def active_gain(length: Array, velocity: Array, p: MuscleParameters) -> Array:
    """Force per unit of activation (…, M), −F0 · FL(L) · FV(V), in newtons.

    Args:
        length: muscle–tendon length (…, M) in metres.
        velocity: its rate of change (…, M) in m/s, positive when lengthening.
        p: muscle parameters.
    """
    normal = p.length_scale * length + p.length_offset
    # FL rises by two parabolas from lmin to 1 and falls by two from 1 to lmax; t runs 0 … 2 on either flank.
    rising = (normal - p.shortest) / np.maximum(_MIN, 0.5 * (1 - p.shortest))
    falling = (p.longest - normal) / np.maximum(_MIN, 0.5 * (p.longest - 1))
    t = np.clip(np.minimum(rising, falling), 0, 2)
    force_length = 0.5 * t * t - np.square(np.maximum(t - 1, 0))
    v = p.velocity_scale * velocity
    saturation = p.eccentric_peak - 1
    shortening = np.square(np.clip(v, -1, 0) + 1)
    lengthening = saturation - np.square(saturation - np.clip(v, 0, saturation)) / np.maximum(_MIN, saturation)
    return -p.peak_force * force_length * (shortening + lengthening)


def passive_bias(length: Array, p: MuscleParameters) -> Array:
    """Passive force (…, M) in newtons at muscle–tendon length (…, M) in metres; zero up to optimal length."""
    normal = p.length_scale * length + p.length_offset
    x = np.maximum(normal - 1, 0) / np.maximum(_MIN, 0.5 * (p.longest - 1))
    return -p.peak_force * p.passive_peak * 0.5 * (x * x - np.square(np.maximum(x - 1, 0)))


def target_length(action: Array, p: MuscleParameters) -> Array:
    """Target lengths (…, M) in metres for actions (…, M) in [−1, 1]: (a + 1)/2 of the longest length."""
    return 0.5 * (np.clip(action, -1, 1) + 1) * p.longest_tendon


def action_for_length(length: Array, p: MuscleParameters) -> Array:
    """Inverse of `target_length`: the action (…, M) that asks for `length` (…, M) in metres."""
    return np.clip(2 * length / p.longest_tendon - 1, -1, 1)


def length_controller_force(length: Array, velocity: Array, target: Array, p: MuscleParameters) -> Array:
    """Pulling force (…, M) wanted by the length controller, within [−F0, 0] newtons.

    F = kp (l* − l) − kd l̇ with kp = 5 F0 per metre and kd = 0.1 kp (KINESIS, arXiv 2503.14637).
    """
    kp = STIFFNESS * p.peak_force
    return np.clip(kp * (target - length) - DAMPING * kp * velocity, -p.peak_force, 0)


def target_for_force(force: Array, length: Array, velocity: Array, p: MuscleParameters) -> Array:
    """Target length (…, M) in metres at which the length controller asks for `force` (…, M) newtons in [−F0, 0].

    The inverse of `length_controller_force`: l* = l + (F + kd l̇) / kp.
    """
    kp = STIFFNESS * p.peak_force
    return length + np.clip(force, -p.peak_force, 0) / kp + DAMPING * velocity


def excitation_for_force(force: Array, length: Array, velocity: Array, p: MuscleParameters) -> Array:
    """Excitation (…, M) in [0, 1] that would make `force` (…, M) newtons at the present length and velocity."""
    gain = np.minimum(active_gain(length, velocity, p), -1)
    return np.clip((force - passive_bias(length, p)) / gain, 0, 1)


def length_controller(length: Array, velocity: Array, target: Array, p: MuscleParameters) -> Array:
    """Excitation (…, M) of the length controller for target lengths (…, M) in metres."""
    return excitation_for_force(length_controller_force(length, velocity, target, p), length, velocity, p)


def effort_reward(excitation: Array) -> Array:
    """exp(−0.05 (‖u‖₁ + ‖u‖₂)) of excitations u (…, M), the energy term of the reward; (…,)."""
    return np.exp(-0.05 * (np.abs(excitation).sum(-1) + np.sqrt(np.square(excitation).sum(-1))))


def lesion_mask(names: Sequence[str], lesioned: Iterable[str]) -> Array:
    """(M,) 1 for an intact muscle and 0 for one whose excitation is cut.

    Args:
        names: the body's muscles.
        lesioned: names of the muscles to cut, e.g. ["tibant_l", "tibant_r"].

    Raises:
        ValueError: a name that the body does not have.
    """
    mask = np.ones(len(names))
    for name in lesioned:
        if name not in names:
            close = difflib.get_close_matches(name, names, n=3) or list(names)[:3]
            raise ValueError(f"no muscle {name!r} in this body; did you mean {', '.join(close)}?")
        mask[list(names).index(name)] = 0.0
    return mask
