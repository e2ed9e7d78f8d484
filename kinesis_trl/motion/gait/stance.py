"""One foot through a motion: when it stands, how it rolls, where it is in its cycle, what load it takes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from kinesis_trl.motion.gait.foot_roll import FootRoll
from kinesis_trl.motion.gait.footsteps import LONG_AGO, NEVER, FootstepPlan, Side, Stance
from kinesis_trl.motion.gait.gait_curves import TOE_OFF, smoothstep

Array = NDArray[np.float64]

_PRESSURE_X = -0.036
"""Centre of pressure in the footprint's frame when standing: 3 cm before the ankle, in metres."""

_PRESSURE_WALKING = 0.022  # m before that in walking
_HEEL, _HEEL_SHARE = 0.075, 0.12
"""How far behind that it begins at a heel strike, in metres, and for what share of the stride it is on its way."""
_FOREFOOT, _TOES, _LATE = 0.13, 0.03, 6.0
"""How far it goes on before the lift, in metres, evenly and at last, and the exponent that says how late. Ankle
moment over vertical force of Pinzone et al. 2014 (Gait & Posture 40:286): 4, 8 and 10 cm before the ankle at 20, 30
and 40 % of the stride."""
_TOE_OFF_PITCH = 64.0  # degrees at 1.25 m/s
_HEEL_RISE = 3.2  # exponent: 13° at half the stride, so that the trailing leg stays straight


@dataclass(frozen=True)
class FootPath:
    """T frames of one foot."""

    stands: NDArray[np.bool_]
    """(T,) whether the foot is on the floor."""
    phase: Array
    """(T,) 0 at strike, `TOE_OFF` at lift, 1 at the next strike; rests in mid-stance while standing long."""
    position: Array
    """(T, 3) origin of the calcaneus while standing, world; last or next stance's otherwise."""
    rotation: Array
    """(T, 3, 3) its orientation."""
    toes: Array
    """(T,) metatarsophalangeal angle while standing."""
    load: Array
    """(T,) relative load, 0 in swing."""
    pressure: Array
    """(T, 2) centre of pressure on the floor, world."""


def foot_path(plan: FootstepPlan, side: Side, roll: FootRoll, time: Array, raised: Array) -> FootPath:
    """Evaluate one foot of a plan at `time` (T,) seconds; its heel rolls up by further angles `raised` (T,)."""
    stances, others = plan.stances[side], plan.stances["l" if side == "r" else "r"]
    count = len(time)
    stands, load = np.zeros(count, dtype=bool), np.zeros(count)
    position, rotation = np.zeros((count, 3)), np.tile(np.eye(3), (count, 1, 1))
    toes, pressure = np.zeros(count), np.zeros((count, 2))
    for stance in stances:
        on = (time >= stance.strike - 1e-9) & (time <= stance.lift + 1e-9)
        if not on.any():
            continue
        since, until = time[on] - stance.strike, stance.lift - time[on]
        angle = _roll_angle(plan, stance, since, until) - raised[on]
        place, turn, bend = roll.at(angle)
        cos, sin = np.cos(stance.yaw), np.sin(stance.yaw)
        world = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
        origin = np.array([stance.x, stance.y, 0.0])
        stands[on], toes[on] = True, bend
        position[on] = place @ world.T + origin
        rotation[on] = world @ turn
        forward = plan.course.sample("forward", time[on])
        ahead = np.clip(forward / 0.5, -1.0, 1.0)
        heel = np.clip(1.0 - since / (_HEEL_SHARE * stance.stride), 0.0, 1.0)
        toe = np.clip(1.0 - until / (0.45 * stance.lift_stride), 0.0, 1.0)
        run = plan.course.sample("run", time[on])
        walk = _PRESSURE_WALKING + _FOREFOOT * toe + _TOES * toe**_LATE - _HEEL * heel
        along = _PRESSURE_X + ahead * ((0.1 + 0.155 * toe) * run + walk * (1.0 - run))
        pressure[on] = origin[:2] + along[:, None] * world[:2, 0]
        load[on] = _load(stance, others, since, until)
    return FootPath(stands, _phase(stances, time), position, rotation, toes, load, pressure)


def _roll_angle(plan: FootstepPlan, stance: Stance, since: Array, until: Array) -> Array:
    """Roll angle of the foot: toes up at strike, flat, heel up before the lift; the reverse when walking backward.

    Angles as they follow from the published hip, knee and ankle curves: 16° at strike and −59° at toe-off when
    walking at 1.25 m/s, less when slower.
    """
    events = np.array([stance.strike, stance.lift])
    forward, run = plan.course.sample("forward", events), plan.course.sample("run", events)
    ahead, back, pace = smoothstep(forward / 0.4), smoothstep(-forward / 0.4), np.abs(forward)
    strike = ahead * 17.0 * np.minimum(pace / 1.25, 1.25) ** 0.7 * (1.0 - 0.5 * run) - back * 14.0
    lift = -ahead * _TOE_OFF_PITCH * np.minimum(0.45 + 0.44 * pace, 1.0) * (1.0 - 0.1 * run)
    lift += back * 6.0 - 22.0 * (1.0 - ahead - back)
    lower = (0.09 + 0.09 * back[0]) * stance.stride
    raising = (0.16 + 0.12 * ahead[1]) * stance.lift_stride * (1.0 - 0.15 * run[1])
    down = np.clip(1.0 - since / lower, 0.0, 1.0) ** 2.2
    up = np.clip(1.0 - until / raising, 0.0, 1.0) ** (_HEEL_RISE - 0.5 * run[1])
    return np.radians(strike[0] * down + lift[1] * up)


def _load(stance: Stance, others: list[Stance], since: Array, until: Array) -> Array:
    """Rises while the other foot leaves the floor, falls after the other foot has struck."""
    leaves = [o.lift - stance.strike for o in others if o.lift > stance.strike - 0.5 and o.strike < stance.strike]
    strikes = [stance.lift - o.strike for o in others if o.strike < stance.lift + 0.5 and o.lift > stance.lift]
    rise = np.clip(min(leaves, default=0.1), 0.05, 0.4)
    fall = np.clip(min(strikes, default=0.1), 0.05, 0.4)
    return np.maximum(smoothstep(since / rise) * smoothstep(until / fall), 1e-4)


def _phase(stances: list[Stance], time: Array) -> Array:
    """Phase from the events of a foot, monotone and smooth."""
    knots: list[tuple[float, float]] = []
    for cycle, (stance, following) in enumerate(zip(stances, [*stances[1:], None], strict=True)):
        strike = stance.strike if stance.strike > LONG_AGO else -10.0
        lift = stance.lift if stance.lift < NEVER else time[-1] + 10.0
        loaded, leaving = strike + 0.33 * stance.stride, lift - 0.25 * stance.lift_stride
        if leaving < loaded + 0.01:
            loaded = strike + (lift - strike) * 0.33 / TOE_OFF
            leaving = strike + (lift - strike) * 0.36 / TOE_OFF
        knots += [(strike, cycle), (loaded, cycle + 0.33), (leaving, cycle + 0.36), (lift, cycle + TOE_OFF)]
        if following is not None:  # an even pace through the swing
            swing = following.strike - lift
            knots += [(lift + part * swing, cycle + TOE_OFF + part * (1.0 - TOE_OFF)) for part in (1 / 3, 2 / 3)]
    at, phase = np.array(knots).T
    return PchipInterpolator(at, phase)(time)
