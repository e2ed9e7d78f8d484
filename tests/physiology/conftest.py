"""Recordings of made-up states, shared by the tests of physiology."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from kinesis_trl.body.model import BodyModel
from kinesis_trl.body.physics import BatchPhysics
from kinesis_trl.motion.gait.language import parse
from kinesis_trl.motion.gait.synthesis import synthesise
from kinesis_trl.motion.kinematics import velocities
from kinesis_trl.physiology.recorder import States, measure
from kinesis_trl.physiology.recording import Recording


def posed(body, *, lean=0.0, **joints) -> np.ndarray:
    """Coordinates (nq,) with some joints turned and the whole body leaning forward, feet on the floor; radians."""
    qpos = body.standing_qpos.copy()
    qpos[3], qpos[5] = np.cos(lean / 2), np.sin(lean / 2)
    for joint, angle in joints.items():
        qpos[7 + body.joint_names.index(joint)] = angle
    qpos = body.couplings.apply(qpos)
    qpos[2] -= body.lowest_foot_point(qpos[None])[0]
    return qpos


def simulated(body, excitation, *, qpos=None, qvel=None) -> States:
    """States of a simulation under excitations (K, M), five physics steps each, from standing or the state given."""
    physics = BatchPhysics(body, 1)
    start = body.standing_qpos if qpos is None else qpos
    speed = np.zeros(body.model.nv) if qvel is None else qvel
    physics.reset(np.array([0]), start[None], speed[None], np.zeros((1, body.model.na)))
    kept: list[list[np.ndarray]] = []
    live = (physics.qpos, physics.qvel, physics.activation, physics.excitation)
    physics.on_substep = lambda: kept.append([array[0].copy() for array in live])
    for row in excitation:
        physics.step_excitations(row[None])
    arrays = (np.array(values) for values in zip(*kept, strict=True))
    return States(**dict(zip(("qpos", "qvel", "activation", "excitation"), arrays, strict=True)), rate=150.0)


@pytest.fixture(scope="session")
def struggle(body) -> Recording:
    """Two thirds of a second of random excitation, from bent and parted legs with random speeds."""
    rng = np.random.default_rng(3)
    qpos = body.standing_qpos.copy()
    bent = {"hip_flexion_r": 0.4, "knee_angle_r": 0.6, "knee_angle_l": 0.2, "ankle_angle_l": 0.1}
    qpos = posed(body, **bent, hip_adduction_r=-0.2, hip_adduction_l=-0.2)
    qvel = body.couplings.apply_velocity(qpos[None], 0.2 * rng.normal(size=(1, body.model.nv)))[0]
    excitation = np.repeat(rng.uniform(0, 0.6, size=(4, body.model.nu)), 5, axis=0)
    states = simulated(body, excitation, qpos=qpos, qvel=qvel)
    return measure(body, states, clip="struggle", label="a body struggles", category="test")


@pytest.fixture(scope="session")
def statue(body) -> Recording:
    """Four seconds of a body with stiff joints, in honey that lets it sink to rest on both feet."""
    model = copy.copy(body.model)
    model.dof_damping[:6], model.dof_damping[6:] = 500.0, 1e5
    stiff = BodyModel(name=body.name, entry=body.entry, model=model, whole=body.whole)
    lean = 0.13
    qpos = posed(body, lean=lean, ankle_angle_r=lean, ankle_angle_l=lean)
    states = simulated(stiff, np.zeros((120, model.nu)), qpos=qpos)
    return measure(stiff, states, clip="statue", label="a body stands")


@pytest.fixture(scope="session")
def walk(body) -> Recording:
    """A generated walk of seven metres with a made-up activity of each muscle, by its pose alone."""
    clip = synthesise([*parse("walk forward for 7 meters")], body, name="walk")
    phase = clip.qpos[:, 7 + body.joint_names.index("hip_flexion_l")]
    phase = (phase - phase.min()) / np.ptp(phase)
    activation = 0.05 + 0.3 * np.abs(phase[:, None] - np.linspace(0, 1, body.model.nu))
    qvel = velocities(clip.qpos, 30.0, body)
    states = States(qpos=clip.qpos, qvel=qvel, activation=activation, excitation=activation, rate=30.0)
    return measure(body, states, clip="walk", label="a person walks", category="walk forward")
