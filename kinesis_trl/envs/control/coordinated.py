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
from kinesis_trl.body.metabolics import power_per_activation, slow_share
from kinesis_trl.body.model import BodyModel
from kinesis_trl.body.moment_arms import crosses, joint_strength
from kinesis_trl.body.muscles import active_gain, passive_bias
from kinesis_trl.body.parallel import in_parts
from kinesis_trl.body.simulator import Physics, Rows
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
        self._slow = slow_share(body.muscle_names)
        optimal = (1 - body.muscles.length_offset) / body.muscles.length_scale
        self._typical_power = self._power(optimal, np.zeros(len(optimal))).mean()
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
        return InverseSolutions(self.body, reference.library).activation(reference.frame(rows=rows))

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
                needed = self._feedback(path, physics, (k + 1) * step, step, rows, asked[rows]) - passive
                start = dual[rows]
                power = None
                if self.config.objective == "bhargava":
                    length = physics.length[rows] + age[:, None] * velocity
                    power = self._power(length, velocity) / self._typical_power
                ceiling = most if most is None else most[rows]
                shared = self._sharing.solve(moment, needed, self._floor, start, ceiling, power)
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

    def _power(self, length: Array, velocity: Array) -> Array:
        """Metabolic power (…, M) in W per unit of activation, of lengths (…, M) in metres and their rates in m/s."""
        return power_per_activation(self.body.muscles, self._slow, length=length, velocity=velocity)

    def _ceiling(self, physics: Physics) -> Array | None:
        """Largest activation (N, M) that the muscles have left, where they tire and the control counts on it."""
        return 1 - physics.fatigue.fatigued if self.config.fatigue and physics.fatigue is not None else None

    def _feedback(self, path: _Path, physics: Physics, time: float, ahead: float, rows: Rows, asked: Array) -> Array:
        """Moments (R, J) of `rows`, those `asked` (R, J) among them, `time` into the policy step, `ahead` seconds from
        now."""
        stiffness, damping, later = self.config.stiffness, self.config.damping, time + self.config.advance
        parts = path.angle[rows], path.velocity[rows], path.moment[rows]
        place = path.offset[rows] + time * FPS, path.offset[rows] + later * FPS
        now = physics.qpos[rows], physics.qvel[rows], self._dofs
        return np.asarray(_wanted(*parts, *place, *now, ahead, stiffness, damping, self._hold, asked))

    def _path(self, reference: Reference | None) -> _Path:
        return _Path(self.body, reference, len(self.lacking), self._dofs, self._solved)

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
    """Joints and muscle moments of N references over a policy step, linear between frames.

    Attributes:
        angle, velocity, moment: (N, F, J) in radians, rad/s and N m, the moments active and passive, at the frame that
            the step begins in and those after it.
        offset: (N,) frames from the first of them to the beginning of the step.
    """

    def __init__(
        self,
        body: BodyModel,
        reference: Reference | None,
        count: int,
        dofs: NDArray[np.int64],
        solved: Callable[[MotionLibrary, NDArray[np.int64]], Array],
    ) -> None:
        """Of references, whose inverse solutions' moments (…, J) `solved` tells; without one of the standing pose."""
        if reference is None:
            self.angle = np.tile(body.standing_qpos[dofs + 1], (count, 2, 1))
            self.velocity, self.moment = np.zeros(self.angle.shape), np.zeros(self.angle.shape)
            self.offset = np.full(count, -np.inf)
            return
        library, clip = reference.library, reference.clip.numpy()
        at, last = reference.time.numpy() * FPS, library.frames.numpy()[clip] - 1
        first = np.clip(np.floor(at + 1e-6).astype(np.int64), 0, last)
        self.offset = at - first
        rows = library.start.numpy()[clip][:, None] + np.minimum(first[:, None] + np.arange(4), last[:, None])
        self.angle = library.qpos.numpy()[rows[..., None], dofs + 1]
        self.velocity = library.qvel.numpy()[rows[..., None], dofs]
        self.moment = np.zeros(self.angle.shape) if library.inverse is None else solved(library, rows)


@numba.njit(nogil=True, cache=True)
def _wanted(  # type: ignore[no-untyped-def]
    angle, velocity, moment, place, later, qpos, qvel, dofs, ahead, stiffness, damping, hold, asked
):  # pragma: no cover  compiled
    """Moments (R, J) wanted: of the reference, of feedback, and asked (R, J).

    Args: angles, velocities and moments of references (R, F, J); `place` (R,), counted in frames, of the first two, and
    `later` of the moments; states (R, nq) and (R, nv) with the joints' `dofs` (J,); seconds by which they are `ahead`;
    stiffness and damping as shares of `hold` (J,) N m.
    """
    out = np.empty(asked.shape)
    for n in range(len(out)):
        low, share = _frame(place[n], angle.shape[1])
        first, part = _frame(later[n], angle.shape[1])
        for j in range(out.shape[1]):
            rate = qvel[n, dofs[j]]
            error = ((1 - share) * angle[n, low, j] + share * angle[n, low + 1, j]) - (
                qpos[n, dofs[j] + 1] + ahead * rate
            )
            change = ((1 - share) * velocity[n, low, j] + share * velocity[n, low + 1, j]) - rate
            known = (1 - part) * moment[n, first, j] + part * moment[n, first + 1, j]
            out[n, j] = asked[n, j] + (known + hold[j] * (stiffness * error + damping * change))
    return out


@numba.njit(nogil=True, cache=True, inline="always")
def _frame(place, count):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """Frame before `place`, of `count`, and the share of the next one there."""
    at = min(max(place, 0.0), count - 1.0)
    low = min(int(at), count - 2)
    return low, at - low


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
    return SharingConfig(
        objective=config.objective,
        volume_power=config.volume_power,
        effort=config.effort,
        joint_moment=config.joint_moment,
    )


def _floor(body: BodyModel, config: CoordinatedConfig) -> Array:
    """(M,) least activations; ValueError for a joint that the body does not have."""
    stems = [name.rsplit("_", 1)[0] if name.endswith(("_r", "_l")) else name for name in body.independent_joints]
    unknown = sorted(set(config.co_contracted) - set(stems))
    if unknown:
        raise ValueError(f"no joint {unknown[0]!r} to co-contract; choose of {', '.join(dict.fromkeys(stems))}.")
    chosen = np.array([not config.co_contracted or stem in config.co_contracted for stem in stems])
    return np.where(crosses(body)[:, chosen].any(1), config.co_contraction, 0.0)
