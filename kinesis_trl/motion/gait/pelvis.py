"""Where the pelvis goes above given footsteps: a centre of mass that ground forces can carry."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation

from kinesis_trl.motion.gait.curve_fit import Rows, derivative, fit, value
from kinesis_trl.motion.gait.footsteps import FootstepPlan, Side
from kinesis_trl.motion.gait.gait_curves import smoothstep
from kinesis_trl.motion.gait.stance import FootPath

Array = NDArray[np.float64]

GRAVITY = 9.81
HEIGHT = 0.91
"""Of the cart that stands for the centre of mass when this body walks, in metres over the floor."""
_LEAN, _NOD, _NOD_PEAK = -2.0, 0.8, 0.42
"""Pitch of the pelvis in walking and its amplitude twice a stride in degrees, and the phase at which it is greatest."""
_REACH_ROUNDS = 8
_FINE = 8  # samples per frame


def vertical_acceleration(plan: FootstepPlan, time: Array) -> Array:
    """(T,) m/s²: −g in flight, in running stances what carries the body from flight to flight; 0 in walking.

    A running stance's force is a half sine whose impulse carries the weight for one step. Sampled finely and
    averaged over each frame's two intervals with the triangle that a second difference of positions sees.
    """
    dt = (time[1] - time[0]) / _FINE
    fine = time[0] + dt * np.arange(-_FINE, (len(time) + 1) * _FINE)
    force, carried = np.zeros(len(fine)), np.zeros(len(fine), dtype=bool)
    for stance in (*plan.stances["r"], *plan.stances["l"]):
        on = (fine >= stance.strike) & (fine <= stance.lift)
        carried |= on
        contact = stance.lift - stance.strike
        if contact < 1.0:
            step = 0.25 * (stance.stride + stance.lift_stride)
            force[on] += 0.5 * np.pi * step / contact * np.sin(np.pi * (fine[on] - stance.strike) / contact)
    rise = GRAVITY * np.where(carried, plan.course.sample("run", fine) * (force - 1.0), -1.0)
    triangle = 1.0 - np.abs(np.arange(-_FINE, _FINE + 1)) / _FINE
    return np.convolve(rise, triangle / triangle.sum(), mode="same")[_FINE:-_FINE][::_FINE][: len(time)]


def centre_of_mass(
    feet: dict[Side, FootPath],
    rise: Array,
    dt: float,
    past: Array | None = None,
    moving: tuple[Array | None, Array | None] = (None, None),
) -> Array:
    """Horizontal path (T, 2) of a centre of mass that the feet's centres of pressure accelerate.

    On a cart of height h, c̈ = (g + z̈)/h · (c − p) (Kajita et al. 2003, ICRA, "cart-table"); solved for the whole
    motion at once, at rest above the feet at both ends, or going on from a `past` (P, 2) of the first P frames, or
    through a place (2,) where the body is `moving` at the beginning or the end.
    `rise` (T,) is z̈, −g in flight.
    """
    load = np.stack([f.load for f in feet.values()])
    pressure = np.stack([f.pressure for f in feet.values()])
    total = load.sum(0)
    carried = total > 0
    centre = (load[..., None] * pressure).sum(0) / np.where(carried, total, 1.0)[:, None]
    frames = len(centre)
    stiffness = np.where(carried, np.maximum(GRAVITY + rise, 0.0), 0.0) / HEIGHT
    own = stiffness[1:-1]
    stencil = np.tile(np.array([1.0, -2.0, 1.0]) / dt**2, (frames - 2, 1))
    stencil[:, 1] -= own
    usual = GRAVITY / HEIGHT
    cart = Rows(stencil, -own[:, None] * centre[1:-1], np.full(frames - 2, usual**-2))
    ends = np.zeros(frames)
    ends[:4] = 0.0 if past is not None or moving[0] is not None else 10.0
    ends[-4:] = 0.0 if moving[1] is not None else 10.0
    still = derivative(frames, 1, dt, np.zeros((frames - 1, 2)), ends[1:])
    centre, ends = centre.copy(), ends.copy()  # the rows above hold on to theirs
    if past is not None:
        centre[: len(past)], ends[: len(past)] = past, 1e3
    for frame, place in zip((0, -1), moving, strict=True):
        if place is not None:
            centre[frame], ends[frame] = place, 10.0
    jerk = derivative(frames, 3, dt, np.zeros((frames - 3, 2)), (0.02 / usual) ** 2)
    return fit(frames, [cart, value(centre, ends), still, jerk])


def orientation(plan: FootstepPlan, feet: dict[Side, FootPath], com: Array, time: Array, lean: float) -> Array:
    """Orientation (T, 3, 3) of the pelvis: heading, rotation with the legs, list over the standing leg, lean.

    Rotation of 4° and list of 2.5° to each side at 1.3 m/s (rounded from Perry 1992, Gait Analysis), a nod twice a
    stride (Pinzone et al. 2014: 0.8°, furthest forward at 42 %) and 6° of forward lean in running (Novacheck 1998).
    The trunk is one piece with the pelvis: leant back by 2° in walking, hips are as much extended as flexed in stance.
    """
    forward, run = plan.course.sample("forward", time), plan.course.sample("run", time)
    heading = plan.course.sample("heading", time)
    pace = np.clip(np.abs(forward) / 1.3, 0.0, 1.2)
    right, left = feet["r"].phase, feet["l"].phase

    def swing(shift: float) -> Array:
        return 0.5 * (np.cos(2 * np.pi * (left - shift)) - np.cos(2 * np.pi * (right - shift)))

    yaw = heading - np.radians(4.0) * pace * np.sign(forward) * swing(0.0)
    roll = np.radians(2.5) * pace * (1 - 0.4 * run) * swing(0.22)
    dt = time[1] - time[0]
    acceleration = np.gradient(np.gradient(com, dt, axis=0), dt, axis=0)
    onward = acceleration[:, 0] * np.cos(heading) + acceleration[:, 1] * np.sin(heading)
    onward = gaussian_filter1d(onward, 0.25 / dt)
    standing = 1.0 - smoothstep(np.abs(forward) / 0.3)
    nod = 0.5 * (np.cos(4 * np.pi * (right - _NOD_PEAK)) + np.cos(4 * np.pi * (left - _NOD_PEAK)))
    usual = np.radians((_LEAN + _NOD * nod) * pace * (1.0 - run) + 6.2 * run)
    pitch = usual + lean * (1 - standing) + 0.6 * np.arctan(onward / GRAVITY)
    return Rotation.from_euler("ZYX", np.stack([yaw, pitch, roll], axis=1)).as_matrix()


def height(wanted: Array, weight: Array, limit: Array, rise: Array, run: Array, dt: float) -> Array:
    """Height (T,) of the root in metres.

    Args:
        wanted: (T, 2) heights at which either leg's knee is as published.
        weight: (T, 2) how much they count; 0 for a swinging leg.
        limit: (T, 2) heights at which the leg is straight; +inf for a swinging leg.
        rise: (T,) vertical acceleration in m/s² that flight and running demand.
        run: (T,) share of running.
        dt: seconds between frames.
    """
    frames = len(wanted)
    flight = rise < -0.5 * GRAVITY
    demand = np.maximum(run, flight)[1:-1]
    smooth = derivative(frames, 3, dt, 0.0, 0.05**6 * (1.0 - 0.9 * np.maximum(run, flight)[1:-2]))
    ballistic = derivative(frames, 2, dt, rise[1:-1], 0.08**4 * demand)
    lowest = np.where(np.isfinite(limit), limit, np.inf).min(1)
    reachable = np.isfinite(lowest)
    ceiling, strain = np.where(reachable, lowest, 0.0), np.zeros(frames)
    follow = [value(wanted[:, k], weight[:, k] * (1.0 - 0.8 * run) + 1e-6) for k in range(2)]
    out = fit(frames, [*follow, smooth, ballistic])
    for _ in range(_REACH_ROUNDS):  # raise the price of overreaching where it still happens
        over = reachable & (out > ceiling)
        if not over.any():
            break
        strain = np.where(over, np.maximum(4.0 * strain, 10.0), strain)
        out = fit(frames, [*follow, smooth, ballistic, value(ceiling - 5e-4, strain)])
    return out
