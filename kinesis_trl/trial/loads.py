"""Floor, mass and muscles of a motion: from plates to static optimisation with measured forces."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.body.inverse import InverseConfig, InverseSolution, solve
from kinesis_trl.body.measured_floor import MeasuredFloor
from kinesis_trl.body.model import BodyModel
from kinesis_trl.motion.markers.recorded import TrialError, Wrenches
from kinesis_trl.motion.markers.treadmill import feet
from kinesis_trl.trial.consistency import made_consistent, mass_from_plates
from kinesis_trl.trial.floor import Floor, FloorConfig, floor_of
from kinesis_trl.trial.motion import Motion, on_floor


@dataclass(frozen=True, kw_only=True)
class Loads:
    """What moves the person."""

    body: BodyModel
    """In the person's size and mass."""
    solution: InverseSolution
    """Static optimisation; the floor is at z = 0."""
    floor: Floor | None
    """Measured forces, filtered for themselves; None without plates."""
    known: NDArray[np.bool_]
    """(T,) frames in which the force on both feet is known."""
    residual: float
    """Force at the root that nothing supplies, root mean square over those frames, as a share of body weight; NaN
    where there are none."""
    before: float
    """The same before the root was moved."""
    shift: float
    """Root mean square of how far the root was moved, in metres."""
    notes: tuple[str, ...]
    problems: tuple[str, ...] = ()
    """One sentence for everything that cannot be used."""


def loads_of(motion: Motion, wrenches: Wrenches | None, config: FloorConfig, inverse: InverseConfig) -> Loads:
    """Mass, floor forces and muscles of a motion.

    The forces that enter the equations of motion are filtered as the motion is (Kristianslund et al. 2012, J Biomech
    45:666), those that are shown as `config` says.
    """
    body = motion.body()
    notes: list[str] = []
    problems: list[str] = []
    heel, toes = feet(body, motion.qpos)
    floor, measured = None, None
    if wrenches is not None:
        try:
            floor = floor_of(wrenches, motion.time, heel, toes, config)
            slow = replace(config, cutoff=inverse.cutoff)
            measured = floor_of(wrenches, motion.time, heel, toes, slow).measured
            notes += floor.notes
            problems += floor.problems
        except TrialError as error:
            problems.append(f"{error} The floor's force is predicted instead.")
    height = on_floor(body, motion.qpos)
    qpos = motion.qpos.copy()
    qpos[:, 2] -= height
    if measured is None:
        solution = solve(body, qpos, motion.rate, inverse)
        return Loads(
            body=body, solution=solution, floor=None, known=np.zeros(len(qpos), dtype=bool), residual=np.nan,
            before=np.nan, shift=0.0, notes=tuple(notes), problems=tuple(problems),
        )  # fmt: skip
    measured = _lowered(measured, height)
    if motion.size.mass is None:
        mass = mass_from_plates(body, qpos, motion.rate, measured, inverse.cutoff)
        if mass is not None and 25.0 <= mass <= 200.0:
            body = motion.body(round(mass, 2))
            notes.append(f"body mass of {mass:.1f} kg by the plates")
        elif mass is not None:
            problems.append(
                f"the plates would make a body mass of {mass:.0f} kg: is their force in newtons, and are all plates "
                f"there? {body.mass:.1f} kg are taken; give --subject mass=…"
            )
        else:
            notes.append(f"both feet's forces are never known for half a second: a mass of {body.mass:.1f} kg is taken")
    # a foot beside the plates stands by how it moves, whatever small gap its markers leave to the floor
    near = replace(inverse.contacts, margin=0.06, height=0.03)
    moved = made_consistent(body, qpos, motion.rate, measured, inverse.cutoff)
    solution = solve(body, moved.qpos, motion.rate, replace(inverse, contacts=near), measured)
    known = measured.known.all(1) & (measured.force[..., 2].sum(1) > 1.0)
    weight = body.mass * float(np.linalg.norm(body.model.opt.gravity))
    left = solution.root_force[known]
    return Loads(
        body=body,
        solution=solution,
        floor=replace(floor, measured=_lowered(floor.measured, height)) if floor else None,
        known=known,
        residual=float(np.sqrt(np.square(left).sum(1).mean()) / weight) if known.any() else np.nan,
        before=moved.before,
        shift=float(np.sqrt(np.square(moved.shift).sum(1).mean())),
        notes=tuple(notes),
        problems=tuple(problems),
    )


def _lowered(floor: MeasuredFloor, height: float) -> MeasuredFloor:
    """The same where the feet stand at z = 0 instead of at `height`."""
    point = floor.point.copy()
    point[..., 2] -= height
    return replace(floor, point=point)
