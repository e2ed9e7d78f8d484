"""A reference motion as a recording: what static optimisation says the muscles would do in it."""

from __future__ import annotations

import numpy as np

from kinesis_trl.body.model import BodyModel
from kinesis_trl.motion.kinematics import velocities
from kinesis_trl.motion.library import FPS, MotionLibrary
from kinesis_trl.motion.solving import SolveConfig, solve_motions
from kinesis_trl.physiology.recorder import States, measure
from kinesis_trl.physiology.recording import Recording


def replay(body: BodyModel, library: MotionLibrary, index: int) -> Recording:
    """The reference of one clip, its muscles active as static optimisation finds, at 30 samples/s.

    Activation is the library's where it holds inverse solutions, else it is solved here in the same way (about a second
    per second of motion). Joint moments are those of the muscles and passive structures; the force of the floor is
    the contact model's in each pose, good for telling when a foot stands, not for its size.

    Raises:
        InverseError: fewer than three frames.
    """
    entry = library.clips[index]
    frames = slice(entry.start, entry.start + entry.frames)
    if library.inverse is None:
        (solution,) = solve_motions(body, [library.qpos[frames].numpy()], FPS, SolveConfig())
        qpos, activation = solution.qpos, solution.activation
    else:
        qpos = library.qpos[frames].numpy()
        activation = library.inverse["activation"][frames].numpy().astype(np.float64)
    qpos = qpos.copy()
    qpos[:, :2] -= qpos[0, :2]
    states = States(
        qpos=qpos, qvel=velocities(qpos, FPS, body), activation=activation, excitation=activation, rate=float(FPS)
    )
    return measure(body, states, clip=entry.name, label=entry.label, category=entry.category)
