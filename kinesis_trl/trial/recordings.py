"""A solution of static optimisation as a recording, with the floor's forces that were measured."""

from __future__ import annotations

from typing import Any, Literal

import mujoco
import numpy as np

from kinesis_trl.physiology.recorder import of_body, of_muscles
from kinesis_trl.physiology.recording import Recording
from kinesis_trl.trial.loads import Loads


def recording_of(loads: Loads, *, clip: str, moments: Literal["demanded", "supplied"]) -> Recording:
    """The motion with its muscles and floor; measured forces are those that are filtered to be shown.

    Args:
        loads: motion, muscles and floor.
        clip: name.
        moments: joint moments as the motion and the floor's forces demand them (inverse dynamics), or as muscles and
            passive structures supply them.
    """
    body, solution = loads.body, loads.solution
    floor = (solution.contact_force, solution.centre_of_pressure, solution.contact_moment)
    if loads.floor is not None:
        floor = loads.floor.measured.instead_of(*floor)
    force, pressure, twist = floor
    model, count = body.model, len(solution.qpos)
    data, ids = mujoco.MjData(model), body.observed_ids
    place, turn = np.empty((count, len(ids), 3)), np.empty((count, len(ids), 4))
    centre, speed = np.empty((count, 3)), np.empty((count, 3))
    for k in range(count):
        data.qpos[:], data.qvel[:] = solution.qpos[k], solution.qvel[k]
        mujoco.mj_fwdPosition(model, data)
        mujoco.mj_fwdVelocity(model, data)
        mujoco.mj_subtreeVel(model, data)
        place[k], turn[k] = data.xpos[ids], data.xquat[ids]
        centre[k], speed[k] = data.subtree_com[0], data.subtree_linvel[0]
    joints = body.couplings.independent_dofs(model.nv)[6:]
    supplied = solution.joint_moment - solution.joint_residual
    moment = solution.joint_moment if moments == "demanded" else supplied
    pressed = force[..., 2] > 0
    length, velocity = solution.muscle_length, solution.muscle_velocity
    more: dict[str, Any] = {**of_muscles(body.muscles, length, velocity, -solution.muscle_force)}
    return Recording(
        clip=clip,
        fell=False,
        **of_body(body, count, solution.fps),
        qpos=solution.qpos,
        qvel=solution.qvel,
        qacc=solution.qacc,
        body_position=place,
        body_quaternion=turn,
        centre_of_mass=centre,
        centre_velocity=speed,
        contact=pressed.astype(np.float64),
        ground_force=force,
        centre_of_pressure=np.where(pressed[..., None], pressure, np.nan),
        free_moment=twist,
        other_force=np.zeros((count, 3)),
        joint_moment=moment,
        muscle_moment=supplied,
        joint_power=moment * solution.qvel[:, joints],
        activation=solution.activation,
        excitation=solution.activation,
        fatigued=np.empty((0, model.nu)),
        muscle_length=length,
        muscle_velocity=velocity,
        muscle_force=-solution.muscle_force,
        reference_time=np.empty(0),
        reference_qpos=np.empty((0, model.nq)),
        **more,
    )
