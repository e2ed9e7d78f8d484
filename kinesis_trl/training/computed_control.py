"""Computed muscle control: static optimisation solved anew for accelerations that lead back to the reference.

After Thelen, Anderson and Delp 2003 (J. Biomech. 36:321). It needs the whole state and many times the work of a policy,
and serves as the teacher of one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation
from torch import Tensor

from kinesis_trl.body.box_least_squares import BoxLeastSquaresError, solve_box_least_squares
from kinesis_trl.body.contact_model import foot_contacts
from kinesis_trl.body.inverse import InverseConfig, muscle_cost
from kinesis_trl.body.inverse_dynamics import Demand, Dynamics
from kinesis_trl.body.model import BodyModel
from kinesis_trl.body.muscles import action_for_length, target_for_force
from kinesis_trl.envs.imitation import ImitationEnv
from kinesis_trl.motion.library import FPS, MotionLibrary

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class ComputedControlConfig:
    """How fast the body is led back to its reference."""

    root_stiffness: float = 60.0
    """Acceleration of the root per distance from its reference, 1/s²."""
    root_damping: float = 25.0
    """Acceleration of the root per difference in velocity, 1/s."""
    tilt_stiffness: float = 150.0
    """Angular acceleration of the root per angle from its reference, 1/s²."""
    tilt_damping: float = 30.0
    """Angular acceleration of the root per difference in angular velocity, 1/s."""
    joint_stiffness: float = 300.0
    """Acceleration of the joints per angle from their reference, 1/s²."""
    joint_damping: float = 20.0
    """Acceleration of the joints per difference in angular velocity, 1/s."""
    largest_shift: float = 0.15
    """Distance of the root from its reference above which it is led back no harder, in metres."""
    largest_turn: float = 0.5
    """Angle of root or joint from its reference above which it is led back no harder, in radians."""
    settle: float = 0.125
    """Velocities count no more than the largest distances divided by this time in seconds."""
    inverse: InverseConfig = field(default_factory=InverseConfig)
    """Static optimisation."""


@dataclass(frozen=True)
class Correction:
    """Changes that lead N bodies back to their references."""

    length: Array
    """(N, M) change of target lengths in metres."""
    activation: Array
    """(N, M) change of activations."""
    solved: NDArray[np.bool_]
    """(N,) where a solution was found; the change is zero elsewhere."""


class ComputedControl:
    """Corrections of the inverse solutions of an environment's references.

    The correction is the difference of two static optimisations in the state of the reference: for its own
    accelerations, and for those that lead the body back. On the reference it is zero. Being solved in that state keeps
    the stiffness that the length controller gives the muscles; solved in the body's state it would be lost.

    It is weak. A foot that stands does not follow the accelerations asked for, activation lags behind, and light joints
    ask for less than the moment that static optimisation leaves out cheaply: of a change of the root's velocity wanted
    within a policy step a quarter comes about, in a quarter of the states with the wrong sign.
    """

    def __init__(self, env: ImitationEnv, config: ComputedControlConfig | None = None) -> None:
        """For an environment whose motions have inverse solutions.

        Raises:
            ValueError: they have none.
        """
        if env.feedforward is None:
            raise ValueError("computed control needs motions with inverse solutions; prepare them with --inverse.")
        self.env, self.config, self.feedforward = env, config or ComputedControlConfig(), env.feedforward
        body, library, c = env.body, env.library, self.config
        joints = body.model.nv - 6
        self._independent = body.couplings.independent_dofs(body.model.nv)
        self._stiffness = np.repeat([c.root_stiffness, c.tilt_stiffness, c.joint_stiffness], [3, 3, joints])
        self._damping = np.repeat([c.root_damping, c.tilt_damping, c.joint_damping], [3, 3, joints])
        self._largest = np.repeat([c.largest_shift, c.largest_turn], [3, 3 + joints])
        self._acceleration = accelerations(library)
        frames, muscles = library.muscle_length.shape
        self._length, self._activation = np.zeros((frames, muscles)), np.zeros((frames, muscles))
        self._known, self._tried = np.zeros(frames, dtype=bool), np.zeros(frames, dtype=bool)

    def correction(self) -> Correction:
        """Changes of what the muscles are told at the next step, from the present state of the simulations."""
        env, frame = self.env, self.env.next_frame()
        now = env.library.frame_index(env.clip, env.time)
        error, rate = deviation(env.physics.qpos, env.physics.qvel, *env.turned_state(now))
        error = np.clip(error, -self._largest, self._largest)
        limit = self._largest / self.config.settle
        wanted = self._stiffness * error + self._damping * np.clip(rate, -limit, limit)
        wanted[:, :3] = env.placement.to_clip(wanted[:, :3])
        length, activation, solved = self._solve(frame, wanted)
        rows = frame.numpy()
        new = np.unique(rows[~self._tried[rows]])
        if len(new):  # every frame's own solution is needed once
            own = self._solve(frame.new_tensor(new), np.zeros((len(new), env.body.model.nv)))
            self._length[new], self._activation[new], self._known[new] = own
            self._tried[new] = True
        solved = solved & self._known[rows]
        keep = solved[:, None]
        return Correction(
            length=np.where(keep, length - self._length[rows], 0.0),
            activation=np.where(keep, activation - self._activation[rows], 0.0),
            solved=solved,
        )

    def action(self) -> tuple[Array, NDArray[np.bool_]]:
        """(N, A) actions of the environment that come nearest to the correction, and where (N,) one was found.

        Raises:
            ValueError: control direct, whose muscles have no target lengths.
        """
        env, found = self.env, self.correction()
        frame = env.next_frame()
        if env.settings.control == "direct":
            raise ValueError("computed control knows no control direct; choose feedforward or pd.")
        if env.settings.control == "pd":
            return action_for_length(
                self.feedforward.target_length(frame) + found.length, env.body.muscles
            ), found.solved
        excitations = self.feedforward.config.space == "excitations"
        return self.feedforward.nearest_action(frame, found.activation if excitations else found.length), found.solved

    def _solve(self, frame: Tensor, change: Array) -> tuple[Array, Array, NDArray[np.bool_]]:
        """Target lengths and activations (N, M) for the accelerations of frames (N,) plus changes (N, nv), clip's axes.

        The third is (N,): where there is a solution; the others are zero elsewhere.
        """
        body, library = self.env.body, self.env.library
        qpos, qvel = library.qpos[frame].numpy(), library.qvel[frame].numpy()
        projection = body.couplings.projection(qpos, body.model.nv)
        moved = np.einsum("ndi,ni->nd", projection, change[:, self._independent])
        length, activation = np.zeros((2, len(qpos), body.model.nu))
        solved = np.ones(len(qpos), dtype=bool)
        for part, demand in Dynamics.of(body).evaluate(qpos, qvel, self._acceleration[frame.numpy()] + moved):
            activation[part], solved[part] = _activations(body, demand, qvel[part], self.config.inverse)
            force = demand.gain * activation[part] + demand.bias
            found = target_for_force(force, demand.muscle_length, demand.muscle_velocity, body.muscles)
            length[part] = np.where(solved[part, None], found, 0.0)
        return length, activation, solved


def accelerations(library: MotionLibrary) -> Array:
    """(F, nv) accelerations of all frames, central differences of the velocities within each clip."""
    velocity = library.qvel.numpy()
    found = np.empty_like(velocity)
    for clip in library.clips:
        part = slice(clip.start, clip.start + clip.frames)
        found[part] = np.gradient(velocity[part], 1 / FPS, axis=0)
    return found


def deviation(qpos: Array, qvel: Array, ref_qpos: Array, ref_qvel: Array) -> tuple[Array, Array]:
    """How N states, qpos (N, nq) and qvel (N, nv), must move to their references.

    Returns:
        Two (N, nv) in MuJoCo's convention for velocities: root displacement (m, world), rotation vector (rad, root's
        axes), joints (rad); and the differences in velocity, the reference's angular velocity in the body's axes.
    """
    here = Rotation.from_quat(qpos[:, 3:7], scalar_first=True)
    turn = here.inv() * Rotation.from_quat(ref_qpos[:, 3:7], scalar_first=True)
    error = np.concatenate([ref_qpos[:, :3] - qpos[:, :3], turn.as_rotvec(), ref_qpos[:, 7:] - qpos[:, 7:]], axis=1)
    rate = ref_qvel - qvel
    rate[:, 3:6] = turn.apply(ref_qvel[:, 3:6]) - qvel[:, 3:6]
    return error, rate


def _activations(
    body: BodyModel, demand: Demand, qvel: Array, config: InverseConfig
) -> tuple[Array, NDArray[np.bool_]]:
    """Activations (n, M) for the forces demanded, weighed as `body.inverse` does, and which (n,) were found."""
    contacts = foot_contacts(body, demand, qvel, config.contacts)
    weight = float(body.model.body_mass.sum() * np.linalg.norm(body.model.opt.gravity))
    muscles = demand.moment_arm.swapaxes(-1, -2) * demand.gain[:, None]
    passive = np.einsum("tmi,tm->ti", demand.moment_arm, demand.bias)
    scale = 1 / np.repeat([config.root_force, config.root_moment, config.joint_moment], [3, 3, len(passive[0]) - 6])
    count, nu = demand.gain.shape
    problem = (
        np.concatenate([muscles, weight * contacts.generalised], axis=2) * scale[:, None],
        (demand.force - passive) * scale,
        np.concatenate(
            [np.broadcast_to(muscle_cost(body, config), (count, nu)), config.contact_effort**2 * contacts.cost], axis=1
        ),
        np.concatenate([np.ones((count, nu)), contacts.limit / weight], axis=1),
    )
    found, solved = _least_squares(*problem)
    return found[:, :nu], solved


def _least_squares(matrix: Array, goal: Array, weight: Array, upper: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Minimisers (T, n), and which (T,) converged: one hopeless problem must not spoil the others."""
    try:
        return solve_box_least_squares(matrix, goal, weight, upper).x, np.ones(len(goal), dtype=bool)
    except BoxLeastSquaresError:
        if len(goal) == 1:
            return np.zeros(weight.shape), np.zeros(1, dtype=bool)
    half = len(goal) // 2
    parts = [_least_squares(matrix[s], goal[s], weight[s], upper[s]) for s in (slice(half), slice(half, None))]
    return np.concatenate([x for x, _ in parts]), np.concatenate([ok for _, ok in parts])
