"""Small corrections of the root's path that make a recorded motion dynamically consistent, with the feet kept in place.

Like residual reduction in OpenSim (Delp et al. 2007, IEEE Trans. Biomed. Eng. 54:11): moving and tilting the trunk by
millimetres and tenths of degrees takes away the force and moment at the root that neither muscles nor floor supply.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import mujoco
import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import spsolve
from scipy.spatial.transform import Rotation

from kinesis_trl.body.contact_model import ContactModelConfig
from kinesis_trl.body.foot_placement import place_feet
from kinesis_trl.body.inverse import InverseConfig, InverseSolution, solve
from kinesis_trl.body.model import BodyModel

Array = NDArray[np.float64]

_AXES = 5  # shift along x, y, z and tilt about x, y of the world
_BOUND_PASSES = 8
_HOPELESS = 6.0  # weighted residual from which on a frame counts less and less


@dataclass(frozen=True, kw_only=True)
class ResidualConfig:
    """How far a motion may be changed to make it consistent."""

    translation: float = 0.02
    """Largest displacement of the root along each axis, in metres."""
    tilt: float = 0.0524
    """Largest tilt of the trunk about each horizontal axis, in radians (3°)."""
    stay: float = 0.1
    """Cost of displacing the root by its bounds for one frame, in costs of residuals (`InverseConfig.root_force`)."""
    rounds: int = 2
    """Corrections, each from the residuals that the last one left."""
    inverse: InverseConfig = field(default_factory=lambda: InverseConfig(contacts=ContactModelConfig(inset=0.5)))
    """How residuals are found and weighed: on feet of half the size, so that the whole ones have a margin."""

    def __post_init__(self) -> None:
        if min(self.translation, self.tilt, self.stay) <= 0 or self.rounds < 1:
            raise ValueError(
                f"translation, tilt and stay must be positive and rounds at least 1, got {self.translation}, "
                f"{self.tilt}, {self.stay} and {self.rounds}."
            )


def reduce_residuals(body: BodyModel, qpos: Array, fps: float, config: ResidualConfig | None = None) -> Array:
    """The motion (T, nq) with less force and moment at the root that nothing supplies; never with more.

    The root's displacement keeps within its bounds and the hindfeet stay where they are as far as the legs reach.

    Raises:
        InverseError: as `kinesis_trl.body.inverse.solve`.
    """
    config = config or ResidualConfig()
    solution = solve(body, qpos, fps, config.inverse)
    original = body.couplings.apply(qpos)
    best, least = original, _cost(solution, config.inverse)
    correction = np.zeros((len(original), _AXES))
    for _ in range(config.rounds):
        correction = _corrected(_Trunk.of(body), solution, correction, config)
        moved = original.copy()
        moved[:, :3] += correction[:, :3]
        tilt = Rotation.from_rotvec(np.pad(correction[:, 3:], ((0, 0), (0, 1))))
        turned = tilt * Rotation.from_quat(original[:, 3:7], scalar_first=True)
        moved[:, 3:7] = turned.as_quat(scalar_first=True)
        moved = place_feet(body, moved, original)
        solution = solve(body, moved, fps, config.inverse)
        cost = _cost(solution, config.inverse)
        if cost < least:
            best, least = moved, cost
    return best


def _cost(solution: InverseSolution, config: InverseConfig) -> float:
    """Mean cost of the root's residuals over the motion."""
    force = np.square(solution.root_force / config.root_force).sum(1)
    return float(np.mean(force + np.square(solution.root_moment / config.root_moment).sum(1)))


@dataclass(frozen=True)
class _Trunk:
    """Everything above the hips as one rigid body, in the root's frame and about its origin."""

    mass: float
    """In kg; `total` is the whole body's."""
    total: float
    lever: Array
    """(3,) first moment of mass in kg m; `total_lever` is the whole standing body's."""
    total_lever: Array
    inertia: Array
    """(3, 3) in kg m²."""
    gravity: Array
    """(3,) in m/s²."""

    @staticmethod
    def of(body: BodyModel) -> _Trunk:
        """Sum over the bodies of `body` that no leg joint moves, in its standing pose."""
        model, data = body.model, mujoco.MjData(body.model)
        data.qpos[:] = body.standing_qpos
        mujoco.mj_kinematics(model, data)
        legs = {model.body(f"femur_{side}").id for side in "rl"}
        above = []
        for k in range(1, model.nbody):
            if model.body_parentid[k] in legs:
                legs.add(k)
            if k not in legs:
                above.append(k)
        arm = data.xipos - data.xpos[model.body(body.entry.root).id]
        inertia = np.zeros((3, 3))
        for k in above:
            axes = data.ximat[k].reshape(3, 3)
            inertia += axes @ np.diag(model.body_inertia[k]) @ axes.T
            inertia += model.body_mass[k] * (arm[k] @ arm[k] * np.eye(3) - np.outer(arm[k], arm[k]))
        return _Trunk(
            mass=float(model.body_mass[above].sum()),
            total=float(model.body_mass.sum()),
            lever=model.body_mass[above] @ arm[above],
            total_lever=model.body_mass @ arm,
            inertia=inertia,
            gravity=model.opt.gravity.copy(),
        )


def _corrected(trunk: _Trunk, solution: InverseSolution, before: Array, config: ResidualConfig) -> Array:
    """Displacement (T, 5) of the root that, by linear prediction, leaves the least residual within the bounds.

    The trunk moves and tilts with the root, feet and their forces stay; of the legs' mass half moves along.
    """
    wrench = np.concatenate([solution.root_force, solution.root_moment], axis=1)
    weight = np.tile(1 / np.repeat([config.inverse.root_force, config.inverse.root_moment], 3), (len(wrench), 1))
    # what lacks a support altogether, such as a hand on a rail, is not mended by millimetres
    weight /= np.maximum(np.linalg.norm(weight * wrench, axis=1, keepdims=True) / _HOPELESS, 1.0) ** 2
    accelerated, displaced = _sensitivities(trunk, solution)
    frames = len(wrench)
    second = _second_difference(frames, solution.fps)
    # beyond the smoothing's cut-off a displacement does not do what is predicted: there it must pay
    rough = (second @ second) / (2 * np.pi * config.inverse.cutoff) ** 2
    predicted = _blocks(weight[..., None] * accelerated) @ sparse.kron(second, sparse.eye(_AXES))
    predicted = sparse.csr_matrix(predicted + _blocks(weight[..., None] * displaced))
    roughness = _blocks(weight[..., None] * accelerated) @ sparse.kron(rough, sparse.eye(_AXES))
    goal = predicted @ before.ravel() - (weight * wrench).ravel()
    normal = predicted.T @ predicted + roughness.T @ roughness
    bound = np.repeat([config.translation, config.tilt], [3, 2])
    price = np.full((frames, _AXES), config.stay)
    found = before
    for _ in range(_BOUND_PASSES):
        found = spsolve(sparse.csc_matrix(normal + sparse.diags((price / bound**2).ravel())), predicted.T @ goal)
        found = found.reshape(frames, _AXES)
        excess = np.abs(found) / bound
        if excess.max() <= 1:
            break
        price *= np.maximum(excess, 1.0) ** 4
    return found / np.maximum(np.abs(found) / bound, 1.0).max(axis=0)


def _sensitivities(trunk: _Trunk, solution: InverseSolution) -> tuple[Array, Array]:
    """Change (T, 6, 5) of the root's residual per acceleration of the displacement, and per displacement."""
    frames = len(solution.qpos)
    turn = Rotation.from_quat(solution.qpos[:, 3:7], scalar_first=True).as_matrix()
    share = 0.5 * (trunk.mass + trunk.total)  # mass that moves along
    lever = turn @ trunk.lever
    inertia = turn @ trunk.inertia @ turn.swapaxes(-1, -2)
    accelerated = np.zeros((frames, 6, _AXES))
    accelerated[:, :3, :3] = share * np.eye(3)
    accelerated[:, :3, 3:] = -_cross_matrix(lever)[:, :, :2]
    accelerated[:, 3:, :3] = _cross_matrix(turn @ trunk.total_lever) * share / trunk.total
    accelerated[:, 3:, 3:] = inertia[:, :, :2]
    displaced = np.zeros_like(accelerated)
    floor = solution.contact_force.sum(1)
    displaced[:, 3:, :3] = -_cross_matrix(floor) * share / trunk.total
    displaced[:, 3:, 3:] = -(_cross_matrix(trunk.gravity) @ _cross_matrix(lever))[:, :, :2]
    return accelerated, displaced


def _cross_matrix(vector: Array) -> Array:
    """(…, 3, 3) with [a]× b = a × b."""
    zero = np.zeros_like(vector[..., 0])
    x, y, z = vector[..., 0], vector[..., 1], vector[..., 2]
    rows = [[zero, -z, y], [z, zero, -x], [-y, x, zero]]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def _second_difference(frames: int, fps: float) -> sparse.csr_matrix:
    """(T, T) second derivative by differences; zero at both ends."""
    matrix = sparse.diags([1.0, -2.0, 1.0], [-1, 0, 1], shape=(frames, frames), format="lil") * fps**2
    matrix[0], matrix[-1] = 0, 0
    return sparse.csr_matrix(matrix)


def _blocks(matrices: Array) -> sparse.csr_matrix:
    """Block-diagonal (6 T, 5 T) from (T, 6, 5)."""
    return sparse.csr_matrix(sparse.block_diag(list(matrices)))
