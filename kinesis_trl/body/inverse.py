"""Static optimisation: which muscle and floor forces make a motion, and which target lengths make those forces.

For every frame the equations of motion are met as well as bounded activations and floor forces can, at the least sum
of squared activations (Crowninshield and Brand 1981, J. Biomech. 14:11, in activations instead of stresses).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.body.box_least_squares import solve_box_least_squares
from kinesis_trl.body.contact_model import ContactModelConfig, foot_contacts
from kinesis_trl.body.inverse_dynamics import Demand, Dynamics
from kinesis_trl.body.measured_floor import MeasuredFloor
from kinesis_trl.body.model import BodyModel
from kinesis_trl.body.muscles import target_for_force
from kinesis_trl.body.smoothing import LEAST_FRAMES, smooth_motion

Array = NDArray[np.float64]


class InverseError(ValueError):
    """A motion that has no inverse solution; the message says what was found and what was expected."""


@dataclass(frozen=True, kw_only=True)
class InverseConfig:
    """What static optimisation weighs against what."""

    cutoff: float = 5.0
    """Frequency in Hz above which the motion is smoothed away before it is differentiated."""
    root_force: float = 50.0
    """Unsuppliable force at the root, in newtons, that costs 1."""
    root_moment: float = 20.0
    """Unsuppliable moment at the root, in N m, that costs 1."""
    joint_moment: float = 5.0
    """Unsuppliable moment at a joint, in N m, that costs 1."""
    effort: float = 0.3
    """Square root of the cost of one fully active muscle, or of their mean."""
    effort_by: Literal["muscle", "volume"] = "volume"
    """Whether a fully active muscle costs the same whatever its size, or in proportion to its volume, which makes
    solutions more like people's muscle activity (docs/physiology.md)."""
    contact_effort: float = 0.03
    """Square root of the cost of one body weight along one edge of a friction pyramid; spreads force over the foot."""
    contacts: ContactModelConfig = field(default_factory=ContactModelConfig)
    """Where and how the feet may press on the floor."""
    moment_arms: bool = False
    """Keep the moment arms of every frame too (4.5 kB a frame)."""

    def __post_init__(self) -> None:
        for name in ("cutoff", "root_force", "root_moment", "joint_moment", "effort", "contact_effort"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}.")


@dataclass(frozen=True, kw_only=True)
class InverseSolution:
    """Forces of T frames; nu muscles in actuator order, J independent joints as `BodyModel.independent_joints`.

    Joint moments have the sign of their joint's coordinate: flexion of hip and knee and dorsiflexion are positive.
    """

    fps: float
    """Frames per second."""
    qpos: Array
    """(T, nq) smoothed coordinates, to which everything else belongs."""
    qvel: Array
    """(T, nv) velocities."""
    qacc: Array
    """(T, nv) accelerations."""
    activation: Array
    """(T, nu) muscle activations in [0, 1]."""
    muscle_force: Array
    """(T, nu) muscle forces, active and passive, in newtons; negative when pulling."""
    muscle_length: Array
    """(T, nu) muscle–tendon lengths in metres."""
    muscle_velocity: Array
    """(T, nu) their rates in m/s."""
    target_length: Array
    """(T, nu) lengths in metres for which the length controller, in the frame's state, asks for `muscle_force`.

    Its excitation then equals `activation` unless more than the peak force is needed. Activation follows excitation
    10 to 40 ms later: a policy step of 1/30 s does best with the targets of the frame at its end."""
    contact_force: Array
    """(T, 2, 3) force of the floor on right and left foot in newtons, world axes."""
    centre_of_pressure: Array
    """(T, 2, 3) where it acts, in metres, z = 0; below the foot's middle where there is no force."""
    contact_moment: Array
    """(T, 2, 3) moment of the floor on either foot about that point in N m, world axes."""
    joint_moment: Array
    """(T, J) net moment across each independent joint in N m, of muscles, passive structures and residual."""
    joint_residual: Array
    """(T, J) share of it that no muscle supplies, in N m."""
    root_force: Array
    """(T, 3) force at the root that nothing supplies, in newtons, world axes."""
    root_moment: Array
    """(T, 3) moment about the root's origin that nothing supplies, in N m, world axes."""
    moment_arm: NDArray[np.float32] | None = None
    """(T, nu, J) change of muscle–tendon length per change of joint coordinate in m/rad, if asked for."""


def _in_proportion(config: InverseConfig, length: float, mass: float) -> InverseConfig:
    """Weights for a body of another size: the same motion in proportion then has the same solution."""
    contacts = replace(
        config.contacts,
        margin=config.contacts.margin * length,
        height=config.contacts.height * length,
        speed=config.contacts.speed * length**0.5,
    )
    return replace(
        config,
        contacts=contacts,
        root_force=config.root_force * mass,
        root_moment=config.root_moment * mass * length,
        joint_moment=config.joint_moment * mass * length,
    )


def solve(
    body: BodyModel,
    qpos: Array,
    fps: float,
    config: InverseConfig | None = None,
    measured: MeasuredFloor | None = None,
) -> InverseSolution:
    """Forces that make a whole motion.

    Ligaments are not in it: where a joint rests on its limit, muscles must do what the limit would.

    Args:
        body: whose motion it is.
        qpos: (T, nq) coordinates with the feet on the floor z = 0, T ≥ 3.
        fps: frames per second.
        config: weights.
        measured: forces of the floor that are known; those of other feet are found with the muscles'.

    Raises:
        InverseError: fewer than three frames, another width, or numbers that are not finite.
    """
    config = _in_proportion(config or InverseConfig(), *body.relative_size)
    checked = _checked(body, qpos, fps)
    motion = smooth_motion(checked, fps, body.couplings, config.cutoff)
    pieces = []
    for part, demand in Dynamics.of(body).evaluate(motion.qpos, motion.qvel, motion.qacc):
        known = None if measured is None else measured.part(part)
        pieces.append(_optimise(body, demand, motion.qvel[part], config, known))
    found: dict[str, Any] = {
        name: None if value is None else np.concatenate([piece[name] for piece in pieces])
        for name, value in pieces[0].items()
    }
    targets = target_for_force(found["muscle_force"], found["muscle_length"], found["muscle_velocity"], body.muscles)
    return InverseSolution(
        fps=fps,
        qpos=motion.qpos,
        qvel=motion.qvel,
        qacc=motion.qacc,
        target_length=targets,
        **found,
    )


def _checked(body: BodyModel, qpos: Array, fps: float) -> Array:
    values = np.asarray(qpos, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] != body.model.nq:
        raise InverseError(f"qpos has shape {values.shape}, body {body.name} needs (frames, {body.model.nq}).")
    if len(values) < LEAST_FRAMES:
        raise InverseError(f"{len(values)} frames have no accelerations; give at least {LEAST_FRAMES}.")
    if not np.isfinite(values).all():
        frame, column = np.argwhere(~np.isfinite(values))[0]
        raise InverseError(f"qpos is not finite at frame {frame}, coordinate {column}; cut the clip or mend it.")
    if not (np.linalg.norm(values[:, 3:7], axis=1) > 0.5).all():
        raise InverseError("a root quaternion is not of unit length; qpos is x, y, z, then w, x, y, z.")
    if not (np.isfinite(fps) and fps > 0):
        raise InverseError(f"fps must be positive, got {fps}.")
    return values


def muscle_cost(body: BodyModel, config: InverseConfig) -> Array:
    """(nu,) cost of each fully active muscle."""
    if config.effort_by == "muscle":
        return np.full(body.model.nu, config.effort**2)
    volume = body.muscles.peak_force / body.muscles.length_scale  # times a specific tension that all share
    return np.asarray(config.effort**2 * volume / volume.mean())


def _optimise(
    body: BodyModel, demand: Demand, qvel: Array, config: InverseConfig, known: MeasuredFloor | None
) -> dict[str, Any]:
    """Fields of InverseSolution for one piece of a motion."""
    contacts = foot_contacts(body, demand, qvel, config.contacts)
    limit, given = contacts.limit, np.zeros(demand.force.shape)
    if known is not None:
        given = known.generalised(body, demand)
        limit = limit * ~np.repeat(known.known, limit.shape[1] // 2, axis=1)
    weight = float(body.model.body_mass.sum() * np.linalg.norm(body.model.opt.gravity))
    effort = muscle_cost(body, config)
    muscles = demand.moment_arm.swapaxes(-1, -2) * demand.gain[:, None]
    passive_muscles = np.einsum("tmi,tm->ti", demand.moment_arm, demand.bias)
    joints = demand.force.shape[1] - 6
    scale = 1 / np.repeat([config.root_force, config.root_moment, config.joint_moment], [3, 3, joints])
    count, nu = demand.gain.shape
    solution = solve_box_least_squares(
        np.concatenate([muscles, weight * contacts.generalised], axis=2) * scale[:, None],
        (demand.force - passive_muscles - given) * scale,
        np.concatenate([np.broadcast_to(effort, (count, nu)), config.contact_effort**2 * contacts.cost], axis=1),
        np.concatenate([np.ones((count, nu)), limit / weight], axis=1),
    )
    activation, along_edge = solution.x[:, :nu], weight * solution.x[:, nu:]
    force, pressure, moment = contacts.foot_wrench(along_edge)
    floor = given + (contacts.generalised @ along_edge[..., None])[..., 0]
    if known is not None:
        force, pressure, moment = known.instead_of(force, pressure, moment)
    residual = -solution.residual / scale
    return {
        "activation": activation,
        "muscle_force": demand.gain * activation + demand.bias,
        "muscle_length": demand.muscle_length,
        "muscle_velocity": demand.muscle_velocity,
        "contact_force": force,
        "centre_of_pressure": pressure,
        "contact_moment": moment,
        "joint_moment": (demand.force + demand.passive - floor)[:, 6:],
        "joint_residual": residual[:, 6:],
        "root_force": residual[:, :3],
        "root_moment": np.einsum("tij,tj->ti", demand.root_rotation, residual[:, 3:6]),
        "moment_arm": demand.moment_arm[:, :, 6:].astype(np.float32) if config.moment_arms else None,
    }
