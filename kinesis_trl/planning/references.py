"""A motion that the simulated body was found to keep up becomes the reference, with its controls and its feedback.

The reference is then one that the body can make, and only small deviations are left to correct.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from kinesis_trl.body.model import BodyModel, load_body
from kinesis_trl.body.physics import BatchPhysics
from kinesis_trl.body.simulator import PhysicsConfig
from kinesis_trl.envs.control.config import FeedforwardConfig
from kinesis_trl.envs.control.feedforward import Feedforward
from kinesis_trl.motion.library import MotionLibrary
from kinesis_trl.planning.ilqr import RefineConfig, Refiner, asked_lengths, moved
from kinesis_trl.planning.linear import RegulatorConfig, feedback
from kinesis_trl.planning.search import Found
from kinesis_trl.processes import in_processes


@dataclass(frozen=True)
class Task:
    """One clip to make a reference of; for a worker process."""

    body_name: str
    clip: MotionLibrary
    found: Found
    settings: FeedforwardConfig
    physics: PhysicsConfig
    regulator: RegulatorConfig
    refine: RefineConfig

    def run(self) -> MotionLibrary:
        """The clip as a reference."""
        body = load_body(self.body_name)
        if not self.found.whole:
            return without_feedback(body, self.clip)
        return as_reference(body, self.clip, self.found, self.settings, self.physics, self.regulator, self.refine)


def run_tasks(tasks: Sequence[Task], workers: int) -> Iterator[MotionLibrary]:
    """Every task's library in turn, made by several processes."""
    return in_processes(Task.run, tasks, workers)


def as_reference(
    body: BodyModel,
    clip: MotionLibrary,
    found: Found,
    settings: FeedforwardConfig,
    physics: PhysicsConfig,
    regulator: RegulatorConfig,
    refining: RefineConfig,
) -> MotionLibrary:
    """A library of one clip, whose motion and controls are what was found for it, refined, with feedback.

    `unsolved`, with which metrics compare, stays as it is.

    Args:
        body: the model.
        clip: library of the one clip that was searched, T frames.
        found: what was found; whole.
        settings: what its actions mean.
        physics: strength and lesions under which it was found.
        regulator: how feedback is found.
        refining: how the motion is led closer to the clip.
    """
    if clip.inverse is None:
        raise ValueError("only motions with inverse solutions are optimised; prepare them with --inverse.")
    solution = clip.inverse["target_length"].double().numpy()
    refiner = Refiner(body, settings, physics, regulator, refining, solution)
    closer = refiner.refine(as_found(body, clip, found, settings))
    return closer.replaced(feedback=feedback(body, closer, settings, physics, regulator))


def without_feedback(body: BodyModel, clip: MotionLibrary) -> MotionLibrary:
    """A clip that was given up: as it was prepared, with gains of zero."""
    joints = len(body.independent_joints)
    freedoms = len(body.couplings.independent_dofs(body.model.nv))
    return clip.replaced(feedback=np.zeros((int(clip.frames.sum()), joints, 2 * freedoms + joints)))


def as_found(body: BodyModel, clip: MotionLibrary, found: Found, settings: FeedforwardConfig) -> MotionLibrary:
    """The clip with the motion that was found, and the activations and target lengths that made it."""
    physics = BatchPhysics(body, len(found.actions) + 1)
    physics.set_state(found.states)
    qpos = physics.qpos.copy()
    qpos[:, :2] += clip.qpos[0, :2].numpy()  # environments begin clips at the origin
    lengths = asked_lengths(Feedforward(body, clip, settings), found.actions)
    return moved(body, clip, qpos, physics.qvel.copy(), np.array(physics.activation), lengths)
