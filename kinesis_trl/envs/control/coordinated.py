"""Coordinated control: joint moments wanted, shared among the muscles at least effort at every physics substep.

Computed muscle control (Thelen, Anderson and Delp 2003, J. Biomech. 36:321) of joint moments instead of accelerations:
the moment that the reference's inverse solution makes, feedback on angles and velocities of the joints, and the action.
Muscles follow their excitations late, so excitations lead: they bring activation to where it should be at the substep's
end.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numba
import numpy as np
import torch
from numpy.typing import NDArray

from kinesis_trl.body.activation import ActivationDynamics
from kinesis_trl.body.compiled_muscles import constants, to_moments
from kinesis_trl.body.coordination import Sharing, SharingConfig
from kinesis_trl.body.inverse_dynamics import toppling
from kinesis_trl.body.model import BodyModel
from kinesis_trl.body.moment_arms import crosses, joint_strength
from kinesis_trl.body.muscles import active_gain, passive_bias
from kinesis_trl.body.parallel import in_parts
from kinesis_trl.body.simulator import ALL, Physics, Rows
from kinesis_trl.envs.control.base import Array, Control, Reference
from kinesis_trl.envs.control.config import CoordinatedConfig
from kinesis_trl.envs.control.feedforward import InverseSolutions
from kinesis_trl.envs.symmetry import ActionMirror
from kinesis_trl.motion.library import FPS, MotionLibrary

_GAIN = -1.0  # newtons per unit of activation that every muscle makes at least, so that none is out of all use


class CoordinatedControl(Control):
    """Joint moments shared among muscles.

    Without a reference the feedback leads to the standing pose; without inverse solutions no moment is known ahead.
    """

    def __init__(self, body: BodyModel, num: int, config: CoordinatedConfig) -> None:
        super().__init__(body, num, config)
        self.config = config
        self.lacking: Array = np.zeros(num)
        self._strength = joint_strength(body)
        # feedback is at least as stiff as gravity bends the trunk, and damped in proportion
        self._hold = self._strength + (toppling(body) / config.stiffness if config.stiffness else 0.0)
        self._dynamics = ActivationDynamics.of(body.model)
        self._dofs = body.couplings.independent_dofs(body.model.nv)[6:]
        volume = body.muscles.peak_force / body.muscles.length_scale  # times a specific tension that all share
        moved = crosses(body)
        if not moved.any(0).all():
            idle = body.independent_joints[int((~moved.any(0)).argmax())]
            raise ValueError(
                f"no muscle of body {body.name} moves {idle}, so coordinated control cannot share its moment; choose "
                "another control, such as direct."
            )
        self._sharing = Sharing(moved, volume, _sharing(config))
        self._floor = _floor(body, config)
        self._muscles = constants(body.muscles)
        self._moments: tuple[MotionLibrary, Array] | None = None

    @property
    def width(self) -> int:
        """One number per independent joint."""
        return len(self._dofs)

    @property
    def mirror(self) -> ActionMirror:
        """Of one number per independent joint."""
        return ActionMirror(self.body, joints=True)

    def start(self, rows: NDArray[np.int64], reference: Reference | None) -> Array:
        """The activations of the inverse solution, where the config asks for them and there is one."""
        if reference is None or reference.library.inverse is None or not self.config.activation:
            return super().start(rows, reference)
        return InverseSolutions(self.body, reference.library).activation(reference.frame()[rows])

    def step(self, physics: Physics, action: Array, reference: Reference | None) -> tuple[Array, NDArray[np.bool_]]:
        """One policy step; the reference and the moments of its solution are interpolated between frames."""
        path = self._path(reference)
        asked = self.config.moment * self._strength * np.clip(action, -1, 1)
        step, count = physics.substep, len(action)
        dual, wanted = np.zeros(asked.shape), np.zeros((count, self.body.model.nu))
        excitation = np.zeros(wanted.shape)
        self.lacking = np.zeros(count)
        most = self._ceiling(physics)

        def excitations(k: int, rows: Rows) -> None:
            if k == 0 or self.config.every == "substep":
                moment, velocity = physics.moment_arms(rows)
                passive = np.empty((len(moment), self.width))
                # what muscles are told now acts in the substep after this one
                age = physics.lag[rows] + step if k == 0 else np.full(len(moment), 2 * step)
                to_moments(moment, velocity, physics.length[rows], age, self._muscles, _GAIN, passive)
                needed = asked[rows] + self._feedback(path, physics, (k + 1) * step, step, rows) - passive
                start = dual[rows]
                shared = self._sharing.solve(moment, needed, self._floor, start, most if most is None else most[rows])
                dual[rows], wanted[rows] = start, shared.activation
                self.lacking[rows] = np.maximum(self.lacking[rows], np.abs(shared.lacking).max(1))
            excitation[rows] = self._dynamics.excitation_for(physics.activation[rows], wanted[rows])

        def excitation_at(k: int) -> Array:
            in_parts(partial(excitations, k), physics.running_rows, count, physics.config.threads)
            return excitation

        return physics.step_controlled(excitation_at)

    def reference_action(self, reference: Reference) -> Array:
        """(N, J) zeros: the inverse solution and the feedback."""
        return np.zeros((len(reference.clip), self.width))

    @property
    def unit(self) -> Array:
        """(J,) moments in N m for an action of 1."""
        return self.config.moment * self._strength

    def _ceiling(self, physics: Physics) -> Array | None:
        """Largest activation (N, M) that the muscles have left, where they tire and the control counts on it."""
        return 1 - physics.fatigue.fatigued if self.config.fatigue and physics.fatigue is not None else None

    def _feedback(self, path: _Path, physics: Physics, time: float, ahead: float, rows: Rows = ALL) -> Array:
        """Moments (R, J) of `rows` without the action's, `time` into the policy step, `ahead` seconds from now."""
        velocity = physics.qvel[rows][:, self._dofs]
        angle = physics.qpos[rows][:, self._dofs + 1] + ahead * velocity
        wanted_angle, wanted_velocity, moment = path.at(time, self.config.advance, rows)
        back = self.config.stiffness * (wanted_angle - angle) + self.config.damping * (wanted_velocity - velocity)
        return moment + self._hold * back

    def _path(self, reference: Reference | None) -> _Path:
        return _Path(self.body, reference, self._dofs, self._solved)

    def _solved(self, library: MotionLibrary, rows: NDArray[np.int64]) -> Array:
        """`solution_moment`, kept for the frames of the present library that were asked for before."""
        known, moments = self._moments or (None, np.zeros((0, 0)))
        if known is not library:
            moments = np.full((len(library.qpos), self.width), np.nan)
            self._moments = library, moments
        new = np.unique(rows[np.isnan(moments[rows, 0])])
        if len(new):
            moments[new] = solution_moment(self.body, library, new)
        return np.asarray(moments[rows])


class _Path:
    """Joints and muscle moments of N references over a policy step, linear between frames."""

    def __init__(
        self,
        body: BodyModel,
        reference: Reference | None,
        dofs: NDArray[np.int64],
        solved: Callable[[MotionLibrary, NDArray[np.int64]], Array],
    ) -> None:
        """Of references, whose inverse solutions' moments (…, J) `solved` tells; without one of the standing pose."""
        if reference is None:
            still = np.tile(body.standing_qpos[dofs + 1], (1, 2, 1))
            self._offset = None
            self._parts = still, np.zeros(still.shape), np.zeros(still.shape)
            return
        library = reference.library
        at = reference.time.numpy() * FPS
        last = (library.frames[reference.clip] - 1).numpy()
        first = np.clip(np.floor(at + 1e-6).astype(np.int64), 0, last)
        self._offset = at - first
        rows = library.start[reference.clip].numpy()[:, None] + np.minimum(first[:, None] + np.arange(4), last[:, None])
        index = torch.from_numpy(rows)
        angle, velocity = library.qpos[index].numpy()[..., dofs + 1], library.qvel[index].numpy()[..., dofs]
        moment = np.zeros(angle.shape) if library.inverse is None else solved(library, rows)
        self._parts = angle, velocity, moment

    def at(self, time: float, advance: float, rows: Rows) -> tuple[Array, Array, Array]:
        """Angles (R, J) in radians and velocities (R, J) in rad/s of `rows`, `time` seconds into the step, and the
        moments (R, J) of muscles, active and passive, in N m, `advance` seconds later."""
        angle, velocity, moment = self._parts
        if self._offset is None:
            return angle[:, 0], velocity[:, 0], moment[:, 0]
        place, later = self._offset[rows] + time * FPS, self._offset[rows] + (time + advance) * FPS
        return _between(angle[rows], place), _between(velocity[rows], place), _between(moment[rows], later)


@numba.njit(nogil=True, cache=True)
def _between(frames, place):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """Values (N, J) at `place` (N,), counted in frames (N, F, J), linear between them."""
    out = np.empty((len(frames), frames.shape[2]))
    for n in range(len(frames)):
        at = min(max(place[n], 0.0), frames.shape[1] - 1.0)
        low = min(int(at), frames.shape[1] - 2)
        share = at - low
        for j in range(frames.shape[2]):
            out[n, j] = (1 - share) * frames[n, low, j] + share * frames[n, low + 1, j]
    return out


def solution_moment(body: BodyModel, library: MotionLibrary, rows: NDArray[np.int64]) -> Array:
    """(…, J) moments in N m that the muscles of the inverse solution make at frames (…,)."""
    assert library.inverse is not None
    shape, index = rows.shape, torch.from_numpy(rows.reshape(-1))
    arm = library.inverse["moment_arm"][index].numpy().astype(np.float64)
    dofs = body.couplings.independent_dofs(body.model.nv)[6:]
    velocity = np.einsum("fmj,fj->fm", arm, library.qvel[index].numpy()[:, dofs])
    length = library.muscle_length[index].numpy().astype(np.float64)
    force = active_gain(length, velocity, body.muscles) * library.inverse["activation"][index].numpy()
    moment = np.einsum("fmj,fm->fj", arm, force + passive_bias(length, body.muscles))
    return np.asarray(moment.reshape(*shape, -1))


def _sharing(config: CoordinatedConfig) -> SharingConfig:
    """What moments and activations cost."""
    return SharingConfig(objective=config.objective, effort=config.effort, joint_moment=config.joint_moment)


def _floor(body: BodyModel, config: CoordinatedConfig) -> Array:
    """(M,) least activations; ValueError for a joint that the body does not have."""
    stems = [name.rsplit("_", 1)[0] if name.endswith(("_r", "_l")) else name for name in body.independent_joints]
    unknown = sorted(set(config.co_contracted) - set(stems))
    if unknown:
        raise ValueError(f"no joint {unknown[0]!r} to co-contract; choose of {', '.join(dict.fromkeys(stems))}.")
    chosen = np.array([not config.co_contracted or stem in config.co_contracted for stem in stems])
    return np.where(crosses(body)[:, chosen].any(1), config.co_contraction, 0.0)
