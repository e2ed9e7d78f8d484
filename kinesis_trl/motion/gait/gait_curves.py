"""What is published about human gait: joint curves, cadence and stance share against speed.

Joint angles in degrees at percent of the gait cycle (0: foot strike); flexion and dorsiflexion positive. Hip
angles are relative to a pelvis that tilts forward by about 12°; `reference` gives them relative to the vertical.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

Array = NDArray[np.float64]

JOINTS = ("hip", "knee", "ankle")
"""Order of the joints in every curve."""
PELVIC_TILT = 12.0
"""Mean forward tilt of the pelvis in the published walking curves, degrees (Pinzone 2014)."""
TOE_OFF = 0.61
"""Share of the cycle at toe-off in the published walking curves."""
RUN_TOE_OFF = 0.38
"""The same in the running curves."""

WALKING = {
    "hip": {0: 36.4, 10: 33.3, 20: 23.0, 30: 12.1, 40: 2.3, 52: -5.3, 60: -0.3, 70: 19.0, 80: 32.9, 90: 37.5},
    "knee": {0: 5.5, 10: 18.8, 20: 16.8, 30: 10.8, 40: 6.8, 50: 11.6, 60: 34.2, 72: 60.4, 80: 50.5, 90: 18.8},
    "ankle": {
        **{0: -2.1, 10: -2.3, 20: 5.2, 30: 8.5, 46: 11.4, 50: 10.0},
        **{60: -14.0, 64: -20.6, 70: -12.7, 80: 0.0, 90: 0.5},
    },
}
"""Adults walking on the level at a comfortable speed: means of Pinzone et al. 2014 (Gait & Posture 40:286),
centre 1."""
SPEEDS = np.array([0.5, 0.9, 1.28, 1.68, 2.1])
"""Speeds in m/s of the five groups of Schwartz et al. 2008, for a leg of 0.9 m."""
HIP_PEAK = np.array([32.0, 34.3, 36.7, 39.9, 45.0])
"""Greatest hip flexion against speed, degrees (Schwartz et al. 2008, J Biomech 41:1639; children)."""
KNEE_PEAK = np.array([44.7, 55.2, 59.1, 61.0, 61.9])
"""Greatest knee flexion in swing against speed, degrees (same)."""
ANKLE_PEAK = np.array([-5.7, -13.6, -19.8, -22.0, -21.9])
"""Greatest plantarflexion at push-off against speed, degrees (same)."""

RUNNING = {
    "hip": {0: 33.0, 10: 30.0, 20: 19.0, 30: 6.0, 38: 0.0, 46: 3.0, 60: 24.0, 72: 41.0, 82: 46.0, 92: 39.0},
    "knee": {
        **{0: 16.0, 8: 29.0, 16: 40.0, 22: 40.0, 30: 29.0, 38: 18.0},
        **{46: 30.0, 56: 63.0, 66: 86.0, 72: 88.0, 80: 72.0, 90: 30.0, 96: 16.0},
    },
    "ankle": {0: 5.0, 8: 11.0, 20: 23.0, 28: 14.0, 38: -17.0, 43: -20.0, 55: -6.0, 66: 1.0, 80: 4.0, 92: 5.0},
}
"""Running at about 2.5 m/s, rounded from the figures of Novacheck 1998 (Gait & Posture 7:77) and Fukuchi et al.
2017 (PeerJ 5:e3298)."""

STEPPING = {
    "hip": {0: 14.0, 15: 13.0, 35: 13.0, 50: 13.0, 61: 16.0, 75: 32.0, 83: 33.0, 93: 19.0},
    "knee": {0: 7.0, 15: 7.0, 35: 6.0, 50: 8.0, 61: 16.0, 75: 41.0, 83: 38.0, 93: 15.0},
    "ankle": {0: 2.0, 15: 1.5, 35: 1.5, 50: 1.0, 61: -3.0, 75: 7.0, 85: 9.0, 93: 5.0},
}
"""Low steps on the spot, as in turning and side-stepping: our choice, enough to clear the floor."""

STANDING = np.array([PELVIC_TILT + 1.0, 3.0, 1.5])
"""Hip, knee and ankle when standing at ease, degrees."""


def _splines(table: dict[str, dict[int, float]]) -> list[CubicSpline]:
    """Periodic curves of hip, knee and ankle through a table's points."""
    closed = [{**table[joint], 100: table[joint][0]} for joint in JOINTS]
    return [CubicSpline(np.array([*c]) / 100.0, [*c.values()], bc_type="periodic") for c in closed]


_WALKING, _RUNNING, _STEPPING = map(_splines, (WALKING, RUNNING, STEPPING))


def _sample(splines: list[CubicSpline], phase: Array) -> Array:
    return np.stack([s(phase % 1.0) for s in splines], axis=-1)


def smoothstep(x: Array) -> Array:
    """0 below 0, 1 above 1, smooth to the second derivative between."""
    x = np.clip(x, 0.0, 1.0)
    return x**3 * (10.0 - 15.0 * x + 6.0 * x**2)


def walking(phase: Array, speed: Array) -> Array:
    """Published hip, knee and ankle angles (…, 3) in degrees at `phase` (0 … 1 of the cycle) and speeds in m/s.

    The curves of a comfortable speed with their peaks scaled to those at other speeds: hip about its mean, the
    knee's loading response with the speed and its swing with the peak, the ankle's push-off with its peak.
    """
    phase = np.asarray(phase) % 1.0
    hip, knee, ankle = np.moveaxis(_sample(_WALKING, phase), -1, 0)
    middle = 14.0
    hip_scale = (np.interp(speed, SPEEDS, HIP_PEAK) - middle) / (37.5 - middle)
    in_swing = smoothstep((phase - 0.45) / 0.15) * smoothstep((1.0 - phase) / 0.08)
    loading = np.clip(0.25 + 0.6 * np.asarray(speed), 0.4, 1.15)
    base = 6.0
    knee_scale = (1 - in_swing) * loading + in_swing * (np.interp(speed, SPEEDS, KNEE_PEAK) - base) / (60.4 - base)
    push = smoothstep((phase - 0.46) / 0.1) * smoothstep((0.8 - phase) / 0.12)
    push_scale = np.interp(speed, SPEEDS, ANKLE_PEAK) / -20.6
    ankle = ankle * (1 - push + push * np.where(ankle < 0, push_scale, 1.0))
    return np.stack([middle + hip_scale * (hip - middle), base + knee_scale * (knee - base), ankle], axis=-1)


def running(phase: Array) -> Array:
    """Hip, knee and ankle angles (…, 3) of running, degrees; toe-off at `TOE_OFF` like in walking."""
    phase = np.asarray(phase) % 1.0
    warped = np.interp(phase, [0.0, TOE_OFF, 1.0], [0.0, RUN_TOE_OFF, 1.0])
    return _sample(_RUNNING, warped)


def reference(phase: Array, forward: Array, run: Array) -> Array:
    """Joint angles (…, 3) in radians relative to an upright pelvis, for any direction.

    Args:
        phase: (…) 0 at foot strike, `TOE_OFF` at toe-off, 1 at the next strike.
        forward: (…) forward speed in m/s, negative backward (the walking curves in reversed time, as Thorstensson
            1986, Acta Physiol Scand 128:169, and Winter 1989, J Mot Behav 21:291, describe), about 0 for steps on
            the spot and to the side.
        run: (…) 0 for walking, 1 for running.
    """
    ahead, back = smoothstep(forward / 0.4), smoothstep(-forward / 0.4)
    reversed_phase = (TOE_OFF - np.asarray(phase)) % 1.0
    angles = (
        ahead[..., None] * walking(phase, np.abs(forward))
        + back[..., None] * walking(reversed_phase, np.abs(forward))
        + (1 - ahead - back)[..., None] * _sample(_STEPPING, np.asarray(phase))
    )
    angles = (1 - run)[..., None] * angles + run[..., None] * running(phase)
    return np.radians(angles - [PELVIC_TILT, 0.0, 0.0])


def walking_cadence(speed: Array) -> Array:
    """Steps per second at a walking speed in m/s: proportional to speed^0.58 (Grieve & Gear 1966, Ergonomics 9:379).

    1.93 at 1.25 m/s, within the usual 1.7 to 2.1 for a leg of 0.87 m.
    """
    return 1.93 * (np.maximum(speed, 0.0) / 1.25) ** 0.58


def walking_stance(speed: Array) -> Array:
    """Stance share of the cycle: 62 % at 1.25 m/s, longer when slow (Hebenstreit et al. 2015, Hum Mov Sci 43:118)."""
    return np.minimum(0.577 + 0.052 / np.maximum(speed, 0.05), 0.72)


def running_cadence(speed: Array) -> Array:
    """Steps per second when running: 2.7 at 2 m/s, rising slowly (Cavagna et al. 1988, J Physiol 399:81)."""
    return 2.5 + 0.11 * np.asarray(speed)


def running_stance(speed: Array) -> Array:
    """Contact share of the running cycle: 38 % at 2 m/s, 31 % at 3 m/s (rounded from Novacheck 1998)."""
    return np.clip(0.345 - 0.07 * (np.asarray(speed) - 2.5), 0.28, 0.42)
