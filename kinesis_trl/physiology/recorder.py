"""Play clips, or take any sequence of states, and measure what bodies, joints, muscles and floor did."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from kinesis_trl.agents.baselines import Policy
from kinesis_trl.body.model import BodyModel
from kinesis_trl.body.muscles import MuscleParameters, passive_bias
from kinesis_trl.body.simulator import Physics
from kinesis_trl.envs.imitation import ImitationConfig, ImitationEnv
from kinesis_trl.evaluation.rollout import Episode, play_clips
from kinesis_trl.motion.library import FPS, MotionLibrary
from kinesis_trl.physiology.recording import Array, Recording, RecordingError

_FOOT_PARTS = ("calcn", "toes")
_LIMITS = (
    mujoco.mjtConstraint.mjCNSTR_FRICTION_DOF,
    mujoco.mjtConstraint.mjCNSTR_FRICTION_TENDON,
    mujoco.mjtConstraint.mjCNSTR_LIMIT_JOINT,
    mujoco.mjtConstraint.mjCNSTR_LIMIT_TENDON,
)
"""Constraints that stand for ligaments and friction within a joint; contacts and couplings are not among them."""


_TOLERANCE = 1e-14
"""Of the contact solver, tighter than the simulation's 1e-8: accelerations and forces then agree to 1e-6 by Newton."""


@dataclass(frozen=True, kw_only=True)
class States:
    """What a simulation did at T equal steps; the least from which everything else follows."""

    qpos: Array
    """(T, nq) coordinates."""
    qvel: Array
    """(T, nv) velocities."""
    activation: Array
    """(T, M) muscle activations."""
    excitation: Array
    """(T, M) muscle excitations."""
    rate: float
    """Steps per second."""
    fatigued: Array | None = None
    """(T, M) fatigued share of each muscle; None where none tires."""


def record(
    body: BodyModel,
    library: MotionLibrary,
    policy: Callable[[ImitationEnv], Policy],
    settings: ImitationConfig,
    *,
    clips: Sequence[int] | None = None,
    max_envs: int = 16,
    on_step: Callable[[int], None] | None = None,
    on_episode: Callable[[Episode], None] | None = None,
) -> Iterator[Recording]:
    """Play clips once from their first frame, as `play_clips` does, and record every physics step.

    An episode goes on until the mean distance from the reference passes 0.5 m (the rule `kinesis`).

    Args:
        body: the model.
        library: clips to play.
        policy: makes the policy for an environment.
        settings: environment settings; start, heading, rule and number of environments are set here.
        clips: which clips, by index; None: all.
        max_envs: most clips side by side; bounds memory at about 0.3 MB per clip and second.
        on_step: called with the number of policy steps just made, for progress.
        on_episode: called with every clip's episode, before its recording is made.

    Yields:
        One recording per clip, in the order asked for.
    """
    chosen = list(range(len(library)) if clips is None else clips)
    for first in range(0, len(chosen), max_envs):
        part = library.subset(chosen[first : first + max_envs])
        tapes: list[_Tape] = []

        def listened(env: ImitationEnv, tapes: list[_Tape] = tapes) -> Policy:
            tapes.append(_Tape(env.physics))
            return policy(env)

        episodes = play_clips(body, part, listened, settings, max_envs=max_envs, on_step=on_step)
        for row, (episode, entry) in enumerate(zip(episodes, part.clips, strict=True)):
            if on_episode is not None:
                on_episode(episode)
            reference = part.qpos[entry.start : entry.start + entry.frames].numpy().copy()
            reference[:, :2] -= reference[0, :2]  # clips are played from the origin
            yield measure(
                body,
                tapes[0].states(row, _samples(episode, settings.physics.substeps)),
                clip=entry.name,
                label=entry.label,
                category=entry.category,
                fell=episode.broken or len(episode.distance) < episode.steps,
                reference_qpos=reference,
            )


def measure(
    body: BodyModel,
    states: States,
    *,
    clip: str,
    label: str = "",
    category: str = "",
    fell: bool = False,
    reference_qpos: Array | None = None,
) -> Recording:
    """Everything that follows from a sequence of states: MuJoCo's forces, moments and poses in each of them.

    Contact forces are solved anew from each state, which agrees with the simulation that made the states to the
    solver's tolerance (1e-4 of the largest acceleration).

    Args:
        body: the model.
        states: the sequence.
        clip: name.
        label: what it shows.
        category: its group.
        fell: whether the body was lost before the end.
        reference_qpos: (R, nq) coordinates that were to be followed, at 30 frames/s from the same start.

    Raises:
        RecordingError: arrays that do not fit the body or each other.
    """
    model, count = body.model, len(states.qpos)
    widths = {"qpos": model.nq, "qvel": model.nv, "activation": model.na, "excitation": model.nu}
    for name, width in widths.items():
        if getattr(states, name).shape != (count, width):
            raise RecordingError(
                f"{clip}: {name} has shape {getattr(states, name).shape}, expected ({count}, {width})."
            )
    seen = _replay(body, states)
    length, velocity, tension = seen["muscle_length"], seen["muscle_velocity"], seen["muscle_force"]
    reduce = body.couplings.projection(states.qpos, model.nv)[:, :, 6:]
    moments = {name: np.einsum("tv,tvj->tj", seen.pop(name), reduce) for name in ("joint_moment", "muscle_moment")}
    joints = body.couplings.independent_dofs(model.nv)[6:]
    reference = np.empty((0, model.nq)) if reference_qpos is None else reference_qpos
    more: dict[str, Any] = of_body(body, count, states.rate)
    more |= of_muscles(body.muscles, length, velocity, tension) | moments | seen
    return Recording(
        clip=clip,
        label=label,
        category=category,
        fell=fell,
        contact=(seen["ground_force"][..., 2] > 0).astype(np.float64),
        qpos=states.qpos,
        qvel=states.qvel,
        activation=states.activation,
        excitation=states.excitation,
        fatigued=np.empty((0, model.nu)) if states.fatigued is None else states.fatigued,
        joint_power=moments["joint_moment"] * states.qvel[:, joints],
        reference_time=np.arange(len(reference)) / FPS,
        reference_qpos=reference,
        **more,
    )


def of_body(body: BodyModel, count: int, rate: float) -> dict[str, Any]:
    """What a recording of `count` samples at `rate` a second says of the body."""
    return {
        "body": body.name,
        "mass": float(body.model.body_mass.sum()),
        "gravity": float(np.linalg.norm(body.model.opt.gravity)),
        "rate": rate,
        "body_names": body.entry.observed,
        "coordinate_names": body.joint_names,
        "joint_names": body.independent_joints,
        "muscle_names": body.muscle_names,
        "time": np.arange(count) / rate,
    }


def of_muscles(muscles: MuscleParameters, length: Array, velocity: Array, tension: Array) -> dict[str, Array]:
    """Quantities of a recording that follow from length, velocity and tension (T, M) of the muscles."""
    optimal = 1 / muscles.length_scale
    return {
        "passive_force": -passive_bias(length, muscles),
        "muscle_power": -tension * velocity,
        "fibre_length": muscles.length_scale * length + muscles.length_offset,
        "fibre_velocity": muscles.length_scale * velocity,
        "optimal_length": optimal,
        "peak_force": muscles.peak_force,
        "maximum_velocity": 1 / (muscles.velocity_scale * optimal),
    }


class _Tape:
    """States of all simulations at the beginning of each substep, as they go by."""

    def __init__(self, physics: Physics) -> None:
        self._rate = 1 / physics.substep
        self._live = {name: getattr(physics, name) for name in ("qpos", "qvel", "activation", "excitation")}
        if physics.fatigue is not None:
            self._live["fatigued"] = physics.fatigue.fatigued
        self._kept: dict[str, list[NDArray[np.float64]]] = {name: [] for name in self._live}
        physics.on_substep = self._keep

    def _keep(self) -> None:
        for name, array in self._live.items():
            self._kept[name].append(array.copy())

    def states(self, row: int, count: int) -> States:
        """The first `count` of one simulation."""
        arrays = {name: np.array([array[row] for array in kept[:count]]) for name, kept in self._kept.items()}
        return States(rate=self._rate, **arrays)


def _samples(episode: Episode, substeps: int) -> int:
    """Substeps of an episode; where the simulation broke, up to the start of its last policy step."""
    made = substeps * len(episode.distance)
    return made - substeps + 1 if episode.broken else made


def _replay(body: BodyModel, states: States) -> dict[str, Array]:
    """Quantities of a recording that MuJoCo derives, with generalised forces (T, nv) in place of joint moments."""
    model, ids, count = copy.copy(body.model), body.observed_ids, len(states.qpos)
    model.opt.tolerance = _TOLERANCE
    data = mujoco.MjData(model)
    foot = _foot_of_geom(body)
    out = {
        "qacc": np.empty((count, model.nv)),
        "body_position": np.empty((count, len(ids), 3)),
        "body_quaternion": np.empty((count, len(ids), 4)),
        "centre_of_mass": np.empty((count, 3)),
        "centre_velocity": np.empty((count, 3)),
        "ground_force": np.zeros((count, 2, 3)),
        "centre_of_pressure": np.full((count, 2, 3), np.nan),
        "free_moment": np.zeros((count, 2, 3)),
        "other_force": np.zeros((count, 3)),
        "joint_moment": np.empty((count, model.nv)),
        "muscle_moment": np.empty((count, model.nv)),
        "muscle_length": np.empty((count, model.nu)),
        "muscle_velocity": np.empty((count, model.nu)),
        "muscle_force": np.empty((count, model.nu)),
    }
    limits = np.zeros(model.nv)
    for k in range(count):
        data.qpos[:], data.qvel[:] = states.qpos[k], states.qvel[k]
        data.act[:], data.ctrl[:] = states.activation[k], states.excitation[k]
        mujoco.mj_forward(model, data)
        mujoco.mj_subtreeVel(model, data)
        of_limits = np.where(np.isin(data.efc_type, _LIMITS), data.efc_force, 0.0)
        mujoco.mj_mulJacTVec(model, data, limits, of_limits)
        out["qacc"][k] = data.qacc
        out["body_position"][k], out["body_quaternion"][k] = data.xpos[ids], data.xquat[ids]
        out["centre_of_mass"][k], out["centre_velocity"][k] = data.subtree_com[0], data.subtree_linvel[0]
        out["muscle_moment"][k] = data.qfrc_actuator
        out["joint_moment"][k] = data.qfrc_actuator + data.qfrc_passive + limits
        out["muscle_length"][k], out["muscle_velocity"][k] = data.actuator_length, data.actuator_velocity
        out["muscle_force"][k] = -data.actuator_force
        for part, point, force, moment in _floor_wrenches(model, data, foot):
            if part < 0:
                out["other_force"][k] = force
            else:
                out["ground_force"][k, part], out["free_moment"][k, part] = force, moment
                out["centre_of_pressure"][k, part] = point
    return out


def _foot_of_geom(body: BodyModel) -> NDArray[np.int64]:
    """(ngeom,) 0 for geoms of the right foot, 1 for the left, −1 for other parts of the body, −2 for the floor."""
    model = body.model
    out = np.where(model.body_weldid[model.geom_bodyid] == 0, -2, -1)
    for side, letter in enumerate("rl"):
        ids = [model.body(f"{part}_{letter}").id for part in _FOOT_PARTS]
        out[np.isin(model.geom_bodyid, ids)] = side
    return out


def _floor_wrenches(
    model: mujoco.MjModel, data: mujoco.MjData, foot: NDArray[np.int64]
) -> Iterator[tuple[int, Array, Array, Array]]:
    """Part touched (as `_foot_of_geom`), centre of pressure, force and moment about it of all floor contacts; world."""
    contact, wrench = data.contact, np.empty(6)
    parts: dict[int, list[tuple[Array, Array, Array]]] = {}
    for i, pair in enumerate(foot[contact.geom].reshape(-1, 2)):
        if pair.min() > -2 or contact.efc_address[i] < 0:
            continue  # one part of the body against another, or not pressed
        mujoco.mj_contactForce(model, data, i, wrench)
        # MuJoCo gives the force on the second geom
        axes = contact.frame[i].reshape(3, 3) * (1.0 if pair[0] == -2 else -1.0)
        parts.setdefault(int(pair.max()), []).append((contact.pos[i].copy(), wrench[:3] @ axes, wrench[3:] @ axes))
    for part, pressed in parts.items():
        points, forces, moments = (np.array(values) for values in zip(*pressed, strict=True))
        if not forces[:, 2].sum() > 0:
            continue
        centre = forces[:, 2] @ points / forces[:, 2].sum()
        yield part, centre, forces.sum(0), moments.sum(0) + np.cross(points - centre, forces).sum(0)
