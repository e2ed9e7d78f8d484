"""The floor's force on each foot: plates filtered, assigned to feet by where they press, and what is not known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.signal import butter, sosfiltfilt

from kinesis_trl.body.measured_floor import MeasuredFloor
from kinesis_trl.motion.markers.recorded import TrialError, Wrenches

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

_NEAR = 0.08
"""Metres from a foot up to which a contact is surely that foot's."""
_MOST = 20_000.0
"""Force in newtons that no person exerts on a plate."""


@dataclass(frozen=True, kw_only=True)
class FloorConfig:
    """How force plates are read."""

    cutoff: float = 15.0
    """Cut-off in Hz of the low-pass of forces and moments (Butterworth, second order, forth and back)."""
    press: float = 20.0
    """Vertical force in newtons from which something stands on a plate."""
    shortest: float = 0.05
    """Contacts shorter than this are ignored, in seconds."""
    reach: float = 0.2
    """Distance in metres of the centre of pressure from a foot beyond which it is not that foot's."""
    stand_height: float = 0.035
    """Height in metres above its lowest at which the heel or the toes of a foot may still stand."""
    stand_speed: float = 0.5
    """Speed in m/s below which they do."""


@dataclass(frozen=True)
class Contact:
    """One time something stood on a plate."""

    plate: int
    """Its place among the plates."""
    start: float
    end: float
    """Seconds."""
    side: int
    """0 right, 1 left, −1 no foot was there."""
    distance: float
    """Mean distance in metres of the centre of pressure from that foot, or from the nearer one."""


@dataclass(frozen=True)
class Floor:
    """Forces on the feet in the frames of the motion, and how they came about."""

    measured: MeasuredFloor
    contacts: tuple[Contact, ...]
    notes: tuple[str, ...]
    problems: tuple[str, ...]
    """One sentence for every force that cannot be used."""
    standing: Mask
    """(T, 2) whether each foot stands, by its force where it is known, else by how it moves."""


def feet_on_floor(heel: Array, toes: Array, rate: float, config: FloorConfig) -> Mask:
    """(T, 2) whether feet stand by their heels and toes (T, 2, 3): low and slow."""
    stands = np.zeros(heel.shape[:2], dtype=bool)
    for part in (heel, toes):
        low = part[..., 2] - np.quantile(part[..., 2], 0.02, axis=0) < config.stand_height
        slow = np.linalg.norm(np.gradient(part, 1 / rate, axis=0), axis=-1) < config.stand_speed
        stands |= low & slow
    for side in range(2):
        stands[:, side] = ndimage.binary_closing(stands[:, side], np.ones(max(round(0.06 * rate), 1), dtype=bool))
    return stands


def floor_of(wrenches: Wrenches, time: Array, heel: Array, toes: Array, config: FloorConfig) -> Floor:
    """Forces on both feet at the motion's times.

    Args:
        wrenches: of the plates, world frame.
        time: (T,) seconds of the motion's frames.
        heel, toes: (T, 2, 3) places of right and left heel and toes in metres.
        config: how.

    Raises:
        TrialError: nothing ever presses, or nothing that presses is under a foot.
    """
    rate = (len(time) - 1) / (time[-1] - time[0])
    if wrenches.time[-1] <= time[0] or wrenches.time[0] >= time[-1]:
        raise TrialError(
            f"the forces are of {wrenches.time[0]:.2f} to {wrenches.time[-1]:.2f} s, the motion of {time[0]:.2f} to "
            f"{time[-1]:.2f} s; give those of one trial."
        )
    most = float(np.abs(wrenches.force).max())
    if most > _MOST:
        raise TrialError(f"forces reach {most:.3g} N, which no person presses with; cut that spike or check the unit.")
    force, moment = (low_passed(v, wrenches.rate, config.cutoff) for v in (wrenches.force, wrenches.moment))
    contacts = _contacts(wrenches, force, moment, time, heel, toes, config)
    total = {name: np.zeros((len(wrenches.time), 2, 3)) for name in ("force", "moment")}
    loaded = np.zeros((len(wrenches.time), 2), dtype=bool)
    for contact in contacts:
        if contact.side < 0:
            continue
        rows = (wrenches.time >= contact.start) & (wrenches.time <= contact.end)
        total["force"][rows, contact.side] += force[rows, contact.plate]
        total["moment"][rows, contact.side] += moment[rows, contact.plate]
        loaded[rows, contact.side] = True
    if not loaded.any():
        raise TrialError(_nothing(contacts, wrenches))
    known_time = (time >= wrenches.time[0] - 0.5 / rate) & (time <= wrenches.time[-1] + 0.5 / rate)
    forces, moments = (_sampled(wrenches.time, total[name], time) for name in ("force", "moment"))
    pressed = _sampled(wrenches.time, loaded.astype(np.float64), time) > 0.5
    by_motion = feet_on_floor(heel, toes, rate, config)
    known = known_time[:, None] & (pressed | ~by_motion)
    known |= known_time[:, None] & _between(pressed, rate)
    point, free = centre_of_pressure(forces, moments)
    measured = MeasuredFloor(force=forces * known[..., None], point=point, moment=free * known[..., None], known=known)
    notes, problems = _notes(contacts, wrenches, known)
    return Floor(measured, tuple(contacts), notes, problems, np.where(known, pressed, by_motion))


def centre_of_pressure(force: Array, moment: Array) -> tuple[Array, Array]:
    """Centre of pressure on z = 0 and free moment about the vertical, from force and moment about the origin.

    force, moment: (…, 3) in newtons and N m. Where less than 1 N presses, both are zero.
    """
    vertical = force[..., 2]
    pressed = vertical > 1.0
    safe = np.where(pressed, vertical, 1.0)
    point = np.stack([-moment[..., 1] / safe, moment[..., 0] / safe, np.zeros_like(safe)], axis=-1)
    free = np.zeros_like(point)
    free[..., 2] = moment[..., 2] - np.cross(point, force)[..., 2]
    return point * pressed[..., None], free * pressed[..., None]


def low_passed(values: Array, rate: float, cutoff: float) -> Array:
    """Values (N, …) without what is faster than `cutoff` Hz (Butterworth, second order, forth and back)."""
    if not 0 < cutoff < 0.45 * rate or len(values) < 10:
        return values
    sections = butter(2, cutoff, fs=rate, output="sos")
    return np.asarray(sosfiltfilt(sections, values, axis=0, padlen=min(len(values) - 1, round(rate))))


def _contacts(
    wrenches: Wrenches,
    force: Array,
    moment: Array,
    time: Array,
    heel: Array,
    toes: Array,
    config: FloorConfig,
) -> list[Contact]:
    out = []
    heels, tips = _sampled(time, heel, wrenches.time), _sampled(time, toes, wrenches.time)
    point, _ = centre_of_pressure(force, moment)
    inside = (wrenches.time >= time[0]) & (wrenches.time <= time[-1])
    for plate in range(force.shape[1]):
        on = (force[:, plate, 2] > config.press) & inside
        labels, count = ndimage.label(on)
        for label in range(1, count + 1):
            rows = np.flatnonzero(labels == label)
            if len(rows) < config.shortest * wrenches.rate:
                continue
            weight = force[rows, plate, 2]
            apart = [_from_segment(point[rows, plate, :2], heels[rows, s, :2], tips[rows, s, :2]) for s in range(2)]
            lifted = [np.minimum(heels[rows, s, 2], tips[rows, s, 2]) - heel[:, s, 2].min() for s in range(2)]
            distances = [
                float(np.average(a + np.maximum(up - 0.08, 0.0), weights=weight))
                for a, up in zip(apart, lifted, strict=True)
            ]
            side = int(np.argmin(distances))
            near = distances[side]
            # contacts reach to where the filtered force is zero, or the push-off's tail would be lost
            first, last = _reach(force[:, plate, 2], rows)
            out.append(
                Contact(
                    plate,
                    float(wrenches.time[first]),
                    float(wrenches.time[last]),
                    side if near <= config.reach else -1,
                    near,
                )
            )
    return out


def _reach(vertical: Array, rows: NDArray[np.int64]) -> tuple[int, int]:
    """First and last sample of the contact, widened to where the vertical force has no more than 2 N."""
    quiet = np.flatnonzero(vertical <= 2.0)
    before, after = quiet[quiet < rows[0]], quiet[quiet > rows[-1]]
    return int(before[-1]) if len(before) else 0, int(after[0]) if len(after) else len(vertical) - 1


def _between(pressed: Mask, rate: float) -> Mask:
    """(T, 2) the few frames around a measured contact: the motion alone tells its beginning and end less well."""
    return np.stack(
        [ndimage.binary_dilation(pressed[:, s], iterations=max(round(0.06 * rate), 1)) for s in range(2)], axis=1
    )


def _from_segment(point: Array, start: Array, end: Array) -> Array:
    """(N,) distance of points (N, 2) from the segments between `start` and `end` (N, 2)."""
    along = end - start
    share = ((point - start) * along).sum(1) / np.maximum((along**2).sum(1), 1e-9)
    return np.asarray(np.linalg.norm(point - start - np.clip(share, 0, 1)[:, None] * along, axis=1))


def _sampled(time: Array, values: Array, at: Array) -> Array:
    """Values (N, …) at other times, linear, ends held."""
    flat = values.reshape(len(values), -1)
    return np.stack([np.interp(at, time, column) for column in flat.T], axis=1).reshape(len(at), *values.shape[1:])


def _notes(contacts: Sequence[Contact], wrenches: Wrenches, known: Mask) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What was detected, and what cannot be used."""
    notes, problems = list(wrenches.notes), []
    for contact in contacts:
        name = wrenches.names[contact.plate]
        if contact.side < 0:
            problems.append(
                f"{name}: a force from {contact.start:.2f} to {contact.end:.2f} s is {contact.distance:.2f} m from "
                "the nearer foot and is left out; are plates swapped, in another frame, or do their times begin "
                "otherwise than the motion's?"
            )
            continue
        if contact.distance > _NEAR:
            problems.append(
                f"{name}: the force from {contact.start:.2f} to {contact.end:.2f} s is {100 * contact.distance:.0f} cm "
                "from the foot it is given to (usual: 1 to 3); do plates and motion agree in time and frame?"
            )
        if name.lower() in ("ground_r", "r", "ground_l", "l", "right", "left"):
            said = "left" if name.lower().split("_")[-1][0] == "l" else "right"
            if said != ("right", "left")[contact.side]:
                notes.append(
                    f"{name}: the force from {contact.start:.2f} to {contact.end:.2f} s is labelled {said}, but the "
                    f"{('right', 'left')[contact.side]} foot stands there: it is given to that one"
                )
    share = 100 * float((~known).any(1).mean())
    if share > 0:
        notes.append(f"in {share:.0f} % of the frames a foot stands beside the plates; its force is predicted there")
    return tuple(notes), tuple(problems)


def _nothing(contacts: Sequence[Contact], wrenches: Wrenches) -> str:
    if not contacts:
        most = float(wrenches.force[..., 2].max())
        return f"no foot ever presses on a plate (at most {most:.3g} N); are they of this trial, in newtons?"
    near = min(contact.distance for contact in contacts)
    return (
        f"no force lies under a foot: the nearest is {near:.2f} m away. Force and markers must be in one frame and "
        "unit and begin at the same time; check the corners of the plates, the unit and the rates."
    )
