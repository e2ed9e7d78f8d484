"""Inverse kinematics of a whole motion at once: the smooth trajectory nearest to its targets.

Gauss–Newton on all frames together. Every frame has residuals of its own (body positions, root orientation,
joint posture, feet above the floor); neighbouring frames share others (smoothness, stance feet that stand
still), so the normal matrix is banded and one banded Cholesky solve moves the whole trajectory. Couplings are
eliminated (only independent coordinates move), joint limits are kept by projection: coordinates at a limit that
would leave it are held for that step (Bertsekas 1982, doi 10.1137/0320018).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import mujoco
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from kinesis_trl.body.inverse_dynamics import moving_dofs
from kinesis_trl.body.model import BodyModel
from kinesis_trl.motion.kinematics import Poses
from kinesis_trl.motion.retarget.banded import add_smoothness, add_stance, inner_weight, solve_banded

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

_WINDOW = 1200
_LOOKAHEAD = 60
_DAMPING = 1e-3
_SWING_DAMPING = 100.0
_SOFT_LOWEST = 0.005  # metres: foot points this much higher than the lowest count 0.37 of it
_MAX_STEP = 0.4  # radians or metres a Gauss–Newton step: linearisation does not hold further


@dataclass(frozen=True, kw_only=True)
class FitConfig:
    """How much each residual counts: the deviation at which its square reaches 1."""

    position: float = 0.005
    """Distance of a tracked body from its target, in metres."""
    orientation: float = 0.03
    """Angle between the root and its target orientation, in radians."""
    posture: float = 1.5
    """Deviation of a joint from the reference, in radians; small where joints themselves are known."""
    acceleration: float = 0.1
    """Second difference between frames of the deviation from the reference, in radians (or decimetres)."""
    slide: float = float("inf")
    """Horizontal movement of a stance foot part between two frames, in metres; inf: feet may slide."""
    floor: float = float("inf")
    """Height of a stance foot, or depth of any foot point under the floor, in metres; inf: no floor."""
    iterations: int = 12
    """Most Gauss–Newton steps."""
    tolerance: float = 1e-3
    """Largest step in radians or metres that counts as converged."""


@dataclass(frozen=True, kw_only=True)
class Targets:
    """What T frames should look like; world frame."""

    position: Array
    """(T, 7, 3) tracked bodies in metres."""
    orientation: Array
    """(T, 4) root quaternion wxyz."""
    reference: Array
    """(T, nq) motion from which the deviation should be small (joints) and smooth (root and joints)."""
    stance: Mask
    """(T, 4) foot parts that stand: left ankle, right ankle, left toes, right toes (tracked bodies 3 to 6)."""

    def part(self, frames: slice) -> Targets:
        """The same for some of the frames."""
        return Targets(**{name: array[frames] for name, array in vars(self).items()})


def fit_trajectory(body: BodyModel, targets: Targets, initial: Array, config: FitConfig) -> Array:
    """The trajectory (T, nq) of least squares, from `initial` (T, nq); limits and couplings hold exactly.

    Long motions are solved in windows, each continuing from the last two frames of the one before, so memory
    stays bounded and there is no seam.
    """
    problem = _Problem.of(body)
    qpos = problem.settle(initial)
    total, start = len(qpos), 0
    while True:
        window = slice(start, min(start + _WINDOW + _LOOKAHEAD, total))
        fitted = _fit_window(problem, targets.part(window), qpos[window], config, fixed=2 if start else 0)
        if window.stop == total:
            qpos[window] = fitted
            return qpos
        qpos[start : start + _WINDOW] = fitted[:_WINDOW]
        start += _WINDOW - 2


def _fit_window(problem: _Problem, targets: Targets, qpos: Array, config: FitConfig, fixed: int) -> Array:
    low, high = problem.limits
    damping = np.full((len(qpos), 1), _DAMPING)
    before = np.zeros((len(qpos), problem.size))
    for _ in range(config.iterations):
        diagonal, beside, smooth, gradient = problem.normal_equations(qpos, targets, config)
        smooth[0] += damping
        joints = qpos[:, problem.joint_qpos]
        held = np.zeros(gradient.shape, dtype=bool)
        held[:, 6:] = ((joints <= low) & (gradient[:, 6:] > 0)) | ((joints >= high) & (gradient[:, 6:] < 0))
        held[:fixed] = True
        step = np.clip(solve_banded(diagonal, beside, smooth, gradient, held), -_MAX_STEP, _MAX_STEP)
        qpos = problem.move(qpos, step)
        if np.abs(step).max() < config.tolerance:
            break
        # Contacts and limits switch on and off; a frame that only swings between two states is damped.
        swings = (step * before).sum(1, keepdims=True) < -0.3 * (before**2).sum(1, keepdims=True)
        damping = np.where(swings, np.maximum(8 * damping, _SWING_DAMPING), damping / 2)
        before = step
    return qpos


class _Problem:
    """Residuals and Jacobians of one body with respect to its independent coordinates."""

    def __init__(self, body: BodyModel) -> None:
        model = body.model
        self.body, self.poses = body, Poses.of(body)
        self.dofs = body.couplings.independent_dofs(model.nv)
        self.size = len(self.dofs)
        self.joint_qpos = self.dofs[6:] + 1  # one coordinate per joint after the root's quaternion
        self.limits = body.joint_range[self.joint_qpos - 7].T
        foot = self.poses.foot_point_geoms
        carriers = np.concatenate([body.tracked_ids, model.geom_bodyid[foot]])
        joint_of_dof = model.dof_jntid[6:]
        self.hinge = model.jnt_type[joint_of_dof] == mujoco.mjtJoint.mjJNT_HINGE
        chain = np.stack([moving_dofs(body, int(b))[6:] for b in carriers])
        self.moving = np.flatnonzero(chain.any(0))  # joint dofs (after the root) that move any point
        self.tracked_chain, self.foot_chain = np.split(chain[:, self.moving], [len(body.tracked_ids)])
        couplings = body.couplings
        column = {int(dof): k for k, dof in enumerate(self.dofs)}
        own = [(k, column[int(d) + 6]) for k, d in enumerate(self.moving) if int(d) + 6 in column]
        self.direct = tuple(np.array(own).T)
        self.indirect = [
            (list(self.moving).index(y - 6), column[int(x)], row)
            for row, (y, x) in enumerate(zip(couplings.dependent_dof, couplings.independent_dof, strict=True))
            if y - 6 in self.moving
        ]
        left = np.isin(model.geom_bodyid[foot], [model.body(n).id for n in ("calcn_l", "toes_l")])
        self.sides = (np.flatnonzero(left), np.flatnonzero(~left))

    @staticmethod
    @lru_cache(maxsize=4)
    def of(body: BodyModel) -> _Problem:
        return _Problem(body)

    def settle(self, qpos: Array) -> Array:
        """Limits and couplings fulfilled exactly."""
        out = np.array(qpos)
        out[:, self.joint_qpos] = np.clip(out[:, self.joint_qpos], *self.limits)
        return self.body.couplings.apply(out)

    def move(self, qpos: Array, step: Array) -> Array:
        """Coordinates after a step (T, n) of root position (world), root rotation (own axes) and joints."""
        out = np.array(qpos)
        out[:, :3] += step[:, :3]
        turned = Rotation.from_quat(qpos[:, 3:7], scalar_first=True) * Rotation.from_rotvec(step[:, 3:6])
        out[:, 3:7] = turned.as_quat(scalar_first=True)
        out[:, self.joint_qpos] += step[:, 6:]
        return self.settle(out)

    def normal_equations(self, qpos: Array, targets: Targets, config: FitConfig) -> tuple[Array, Array, Array, Array]:
        """The normal matrix in the parts that `solve_banded` takes, and the gradient (T, n)."""
        total = len(qpos)
        normal, gradient = np.empty((total, self.size, self.size)), np.empty((total, self.size))
        feet, feet_jac = np.empty((total, 4, 2)), np.empty((total, 4, 2, self.size))
        stands = inner_weight(targets.stance[:, :2] | targets.stance[:, 2:])
        for start in range(0, total, 256):
            part = slice(start, min(start + 256, total))
            field, tracked, foot = self.points(qpos[part])
            jacobian = self.jacobian(qpos[part], field, tracked, self.tracked_chain)
            height = self.jacobian(qpos[part], field, foot, self.foot_chain, (2,))[:, :, 0]
            feet[part], feet_jac[part] = tracked[:, 3:, :2], jacobian[:, 3:, :2]
            apart = (tracked - targets.position[part]).reshape(len(tracked), 21)
            share, miss = self._floor(foot[..., 2], stands[part])
            whole = jacobian.reshape(len(tracked), 21, -1)
            rows = np.concatenate([whole / config.position, share @ height / config.floor], axis=1)
            miss = np.concatenate([apart / config.position, miss / config.floor], axis=1)
            transposed = np.swapaxes(rows, 1, 2)
            normal[part], gradient[part] = transposed @ rows, (transposed @ miss[..., None])[..., 0]
        joints = np.arange(6, self.size)
        deviation = self.deviation(qpos, targets.reference)
        normal[:, joints, joints] += config.posture**-2
        gradient[:, 6:] += deviation[:, 6:] / config.posture**2
        gradient[:, 3:6] += _rotation_between(targets.orientation, qpos[:, 3:7]) / config.orientation**2
        normal[:, [3, 4, 5], [3, 4, 5]] += config.orientation**-2
        weight = inner_weight(targets.stance) / config.slide
        beside = add_stance(normal, gradient, feet, feet_jac, weight)
        smooth = add_smoothness(deviation, config.acceleration, gradient)
        return normal, beside, smooth, gradient

    def deviation(self, qpos: Array, reference: Array) -> Array:
        """Independent coordinates (T, n) of `qpos` relative to `reference`, the root's rotation as a vector."""
        turn = _rotation_between(reference[:, 3:7], qpos[:, 3:7])
        joints = qpos[:, self.joint_qpos] - reference[:, self.joint_qpos]
        return np.concatenate([qpos[:, :3] - reference[:, :3], turn, joints], axis=1)

    def points(self, qpos: Array) -> tuple[dict[str, Array], Array, Array]:
        """Kinematics of a few frames: MuJoCo's fields, tracked origins (n, 7, 3) and foot points (n, P, 3)."""
        field = self.poses.evaluate(qpos)
        return field, field["xpos"][:, self.body.tracked_ids], self.poses.foot_contact_points(field)

    def jacobian(
        self, qpos: Array, field: dict[str, Array], point: Array, chain: Mask, axes: tuple[int, ...] = (0, 1, 2)
    ) -> Array:
        """Derivative (n, K, len(axes), size) of some of the world coordinates of points (n, K, 3) on the body.

        chain (K, D) says which of the joints `moving` carry each point, which is taken as fixed to its body.
        """
        joint = self.moving + 1  # dof 6 + k belongs to joint 1 + k
        axis = field["xaxis"][:, None, joint]
        arm = point[:, :, None] - field["xanchor"][:, None, joint]
        root = Rotation.from_quat(qpos[:, 3:7], scalar_first=True).as_matrix()[:, None]
        reach = (point - qpos[:, None, :3])[..., None]
        slope = self.body.couplings.slope(qpos)
        out = np.zeros((*point.shape[:2], len(axes), self.size))
        for row, x in enumerate(axes):
            y, z = (x + 1) % 3, (x + 2) % 3
            turned = axis[..., y] * arm[..., z] - axis[..., z] * arm[..., y]
            each = np.where(self.hinge[self.moving], turned, axis[..., x]) * chain
            out[:, :, row, x] = 1.0
            out[:, :, row, 3:6] = root[:, :, y] * reach[:, :, z] - root[:, :, z] * reach[:, :, y]
            out[:, :, row, self.direct[1]] = each[:, :, self.direct[0]]
            for source, column, coupling in self.indirect:
                out[:, :, row, column] += each[:, :, source] * slope[:, None, coupling]
        return out

    def _floor(self, height: Array, stands: Array) -> tuple[Array, Array]:
        """What keeps feet on the floor: weights (n, P + 2, P) of the foot points' heights in each residual, and these.

        height (n, P): of the foot points; stands (n, 2): how firmly the left and the right foot stand. No point
        should be under the floor, and the lowest of a standing foot on it; "lowest" is a smooth mean, since a
        choice that jumps between heel and toes would not let the iteration settle.
        """
        count = height.shape[1]
        weight = np.zeros((len(height), count + 2, count))
        every = np.arange(count)
        weight[:, every, every] = height < 0
        for side, points in enumerate(self.sides):
            above = height[:, points]
            share = np.exp((above.min(1, keepdims=True) - above) / _SOFT_LOWEST)
            weight[:, count + side, points] = stands[:, side, None] * share / share.sum(1, keepdims=True)
        return weight, (weight @ height[..., None])[..., 0]


def _rotation_between(start: Array, end: Array) -> Array:
    """Rotation vectors (T, 3), in the axes of `start`, that turn quaternions `start` (T, 4) into `end`."""
    return (Rotation.from_quat(start, scalar_first=True).inv() * Rotation.from_quat(end, scalar_first=True)).as_rotvec()
