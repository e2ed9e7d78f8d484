"""Observation terms: each is a function of what can be seen, declared with how it looks in a left–right mirror.

Heading frame: the world turned by the yaw of the root, so that the observation does not depend on where the body looks.
R bodies, B observed bodies (the root first), K tracked bodies, J independent joints, M muscles, S touch sensors. The
reference is the one a policy step ahead unless a term says otherwise; in tasks with a goal its root is at the goal and
all else where the body is.

A body in a person's own size is seen in the size of its kind: lengths and speeds by the ratio of the heights of the
standing roots, forces by that of the masses, moments by both. A policy then sees the same in the same posture.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from kinesis_trl.body.model import BodyModel
from kinesis_trl.envs.geometry import axes
from kinesis_trl.envs.scene import Scene
from kinesis_trl.envs.symmetry import (
    TWIST,
    VECTOR,
    MirrorRule,
    body_axes,
    joints,
    muscles,
    observed,
    observed_without_root,
    signs,
    touch,
    tracked,
)

Rule = Callable[[BodyModel, int], MirrorRule]


@dataclass(frozen=True)
class ObservationTerm:
    """One entry of an observation."""

    name: str
    """What configs and checkpoints call it."""
    compute: Callable[[Scene], Tensor]
    """(R, W) numbers of a scene, float64."""
    mirror: Rule
    """For a body and a number of later references: permutation (W,) and signs (W,) of the mirror image."""
    needs_inverse: bool = False
    """Whether the clips need inverse solutions."""
    unit: Literal["", "m", "N", "N m"] = ""
    """What its numbers grow with, lengths (or speeds), forces or moments; '': with neither."""


OBSERVATIONS: dict[str, ObservationTerm] = {}
"""Every observation term by its name."""


def term(
    mirror: Rule, *, needs_inverse: bool = False, unit: Literal["", "m", "N", "N m"] = ""
) -> Callable[[Callable[[Scene], Tensor]], ObservationTerm]:
    """Declare a function of a scene as the observation term of its name."""

    def register(compute: Callable[[Scene], Tensor]) -> ObservationTerm:
        declared = ObservationTerm(compute.__name__, compute, mirror, needs_inverse, unit)
        OBSERVATIONS[declared.name] = declared
        return declared

    return register


@term(signs(1), unit="m")
def root_height(scene: Scene) -> Tensor:
    """Height of the root, world frame: (R, 1) metres."""
    return scene.state.position[:, 0, 2:]


@term(signs(1, -1, 1, 1))
def root_tilt(scene: Scene) -> Tensor:
    """Cosine and sine of the root's roll, then of its pitch: (R, 4)."""
    angles = scene.state.tilt
    return torch.stack([torch.cos(angles), torch.sin(angles)], dim=-1).flatten(1)


@term(observed_without_root(VECTOR), unit="m")
def body_pos(scene: Scene) -> Tensor:
    """Positions of the observed bodies from the root, heading frame: (R, 3 (B − 1)) metres."""
    position = scene.state.position
    return scene.in_heading(position[:, 1:], position[:, :1])


@term(body_axes)
def body_rot(scene: Scene) -> Tensor:
    """Each observed body's own x axis, then its z axis, heading frame: (R, 6 B)."""
    return scene.in_heading(axes(scene.state.quaternion).reshape(len(scene.state.quaternion), -1, 3))


@term(observed(VECTOR), unit="m")
def body_linvel(scene: Scene) -> Tensor:
    """Velocities of the observed bodies, heading frame: (R, 3 B) m/s."""
    return scene.in_heading(scene.state.linear_velocity)


@term(observed(TWIST))
def body_angvel(scene: Scene) -> Tensor:
    """Angular velocities of the observed bodies, heading frame: (R, 3 B) rad/s."""
    return scene.in_heading(scene.state.angular_velocity)


@term(touch, unit="N")
def foot_touch(scene: Scene) -> Tensor:
    """Normal force on the touch sensors of heels and toes: (R, S) newtons."""
    return scene.state.touch


@term(tracked(VECTOR), unit="m")
def position_error(scene: Scene) -> Tensor:
    """Reference less position of the tracked bodies, heading frame: (R, 3 K) metres."""
    return scene.in_heading(scene.ahead.position, scene.state.body_pos)


@term(tracked(VECTOR), unit="m")
def velocity_error(scene: Scene) -> Tensor:
    """Reference less velocity of the tracked bodies, heading frame: (R, 3 K) m/s."""
    return scene.in_heading(scene.ahead.velocity, scene.state.body_vel)


@term(tracked(VECTOR), unit="m")
def reference_position(scene: Scene) -> Tensor:
    """References of the tracked bodies from the root, heading frame: (R, 3 K) metres."""
    return scene.in_heading(scene.ahead.position, scene.state.position[:, :1])


@term(tracked(VECTOR, later=True), unit="m")
def later_references(scene: Scene) -> Tensor:
    """The same `reference_steps` policy steps later, one after the other: (R, 3 K · steps) metres."""
    return scene.in_heading(scene.ahead.later.flatten(1, 2), scene.state.position[:, :1])


@term(signs(*TWIST))
def turn_to_reference(scene: Scene) -> Tensor:
    """Rotation vector that turns the root into its reference, heading frame: (R, 3) radians."""
    return scene.in_heading(scene.ahead.root_turn[:, None])


@term(joints)
def joint_error(scene: Scene) -> Tensor:
    """Reference less angle of the independent joints: (R, J) radians."""
    return scene.ahead.joint_angle - scene.joint_angle


@term(joints)
def joint_rate_error(scene: Scene) -> Tensor:
    """Reference less rate of the independent joints: (R, J) rad/s."""
    return scene.ahead.joint_rate - scene.joint_rate


@term(joints, needs_inverse=True, unit="N m")
def moment_error(scene: Scene) -> Tensor:
    """Moments by which muscles, as they are activated, exceed those of the inverse solution now: (R, J) N m.

    What earlier actions will still do; see `InverseSolutions.moment_error`.
    """
    return scene.ahead.moment_error


@term(joints)
def last_action(scene: Scene) -> Tensor:
    """The last action, one number per joint, zero as an episode begins: (R, J)."""
    if scene.action is None:
        raise ValueError("nothing acts here, so there is no last action; leave out the term last_action.")
    return scene.action


@term(muscles, unit="m")
def muscle_length(scene: Scene) -> Tensor:
    """Lengths of the muscles with their tendons: (R, M) metres."""
    return scene.muscle(scene.physics.length)


@term(muscles, unit="m")
def muscle_velocity(scene: Scene) -> Tensor:
    """Rates of the muscles' lengths: (R, M) m/s."""
    return scene.muscle(scene.physics.velocity)


@term(muscles)
def muscle_fatigue(scene: Scene) -> Tensor:
    """Fatigued share of each muscle, 0 to 1: (R, M); zero where muscles do not tire."""
    fatigue = scene.physics.fatigue
    return scene.muscle(np.zeros_like(scene.physics.length) if fatigue is None else fatigue.fatigued)


@term(muscles, unit="N")
def muscle_force(scene: Scene) -> Tensor:
    """Forces of the muscles, negative when they pull: (R, M) newtons."""
    return scene.muscle(scene.physics.muscle_force)
