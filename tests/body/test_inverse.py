from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import mujoco
import numpy as np
import pytest

from kinesis_trl.body.inverse import InverseConfig, InverseError, solve, target_for_force
from kinesis_trl.body.muscles import length_controller
from kinesis_trl.body.physics import BatchPhysics
from kinesis_trl.motion.kinematics import forward_kinematics

FPS = 30.0
RIGHT, LEFT = 0, 1


@pytest.fixture(scope="module")
def standing(body):
    return solve(body, np.tile(body.standing_qpos, (12, 1)), FPS)


def weight(body) -> float:
    return float(body.model.body_mass.sum() * 9.81)


def test_standing_still_the_floor_carries_the_weight(body, standing):
    force = standing.contact_force.sum(1)
    np.testing.assert_allclose(force[:, 2], weight(body), rtol=0.01)
    assert np.abs(force[:, :2]).max() < 0.01 * weight(body)
    assert np.abs(standing.root_force).max() < 0.01 * weight(body)
    under = standing.centre_of_pressure[:, :, 0] - body.standing_qpos[0]
    assert ((under > -0.1) & (under < 0.15)).all()  # between heel and toes


def test_standing_is_symmetric(body, standing):
    np.testing.assert_allclose(standing.activation, standing.activation[..., body.mirror.muscles], atol=1e-6)
    np.testing.assert_allclose(standing.contact_force[:, RIGHT, 2], standing.contact_force[:, LEFT, 2], rtol=1e-6)


def test_mirrored_walk_has_mirrored_solution(body, walks, solved):
    name = "317_walking_fast04"
    mirrored = solve(body, body.mirror.qpos(walks[name]), FPS)
    expected = solved[name]
    np.testing.assert_allclose(mirrored.activation, expected.activation[..., body.mirror.muscles], atol=1e-4)
    np.testing.assert_allclose(mirrored.target_length, expected.target_length[..., body.mirror.muscles], atol=1e-5)
    swapped = expected.contact_force[:, ::-1] * [1, -1, 1]
    np.testing.assert_allclose(mirrored.contact_force, swapped, atol=0.5)


def test_walk_in_another_direction_has_the_same_activations(body, walks, solved):
    qpos = walks["317_walking_fast04"].copy()
    half = 0.6
    turn = np.array([np.cos(half), 0.0, 0.0, np.sin(half)])
    for frame in qpos:
        rotated, product = np.empty(3), np.empty(4)
        mujoco.mju_rotVecQuat(rotated, frame[:3], turn)
        mujoco.mju_mulQuat(product, turn, frame[3:7])
        frame[:3], frame[3:7] = rotated, product
    np.testing.assert_allclose(solve(body, qpos, FPS).activation, solved["317_walking_fast04"].activation, atol=1e-5)


def test_in_single_support_the_floor_bears_half_to_one_and_a_half_weights(body, solved):
    for solution in solved.values():
        vertical = solution.contact_force[..., 2] / weight(body)
        single = (vertical.min(1) < 0.02) & (vertical.max(1) > 0.02)
        assert single.sum() > 20
        total = vertical.sum(1)[single]
        assert np.quantile(total, 0.02) > 0.5 and np.quantile(total, 0.98) < 1.5
        assert 0.9 < np.mean(vertical.sum(1)) < 1.1  # the body neither rises nor falls for long


def test_floor_only_pushes_within_the_friction_cone(solved):
    for solution in solved.values():
        force = solution.contact_force
        assert (force[..., 2] >= 0).all()
        assert (np.abs(force[..., :2]).sum(-1) <= 0.8 * np.sqrt(2) * force[..., 2] + 1e-9).all()


def test_residual_is_what_the_equations_of_motion_lack(body, solved):
    """Forces and moments, put into MuJoCo's own inverse dynamics, leave the reported residual, in every joint."""
    model, s = body.model, solved["317_walking_fast01"]
    data = mujoco.MjData(model)
    off = mujoco.mjtDisableBit
    flags, model.opt.disableflags = model.opt.disableflags, off.mjDSBL_CONTACT | off.mjDSBL_CONSTRAINT
    root = model.body(body.entry.root).id
    feet = [model.body(f"calcn_{side}").id for side in "rl"]
    joints = [n for n in body.independent_joints if not n.startswith("mtp")]  # forces on the toes do not cross these
    kept = [body.independent_joints.index(n) for n in joints]
    try:
        for t in range(5, len(s.qpos), 17):
            data.qpos[:], data.qvel[:], data.qacc[:] = s.qpos[t], s.qvel[t], s.qacc[t]
            mujoco.mj_inverse(model, data)
            lacking = data.qfrc_inverse.copy()
            floor = np.zeros(model.nv)
            for k, foot in enumerate(feet):
                mujoco.mj_applyFT(
                    model, data, s.contact_force[t, k], s.contact_moment[t, k], s.centre_of_pressure[t, k], foot, floor
                )
            moment = np.zeros((model.nu, model.nv))
            mujoco.mju_sparse2dense(
                moment, data.actuator_moment, data.moment_rownnz, data.moment_rowadr, data.moment_colind
            )
            basis = body.couplings.projection(s.qpos[t], model.nv)
            net = basis.T @ (lacking + data.qfrc_passive - floor)
            np.testing.assert_allclose(s.joint_moment[t, kept], net[6:][kept], atol=1e-6)
            lacking = basis.T @ (lacking - floor - moment.T @ s.muscle_force[t])
            np.testing.assert_allclose(s.root_force[t], lacking[:3], atol=1e-6)
            axes = data.xmat[root].reshape(3, 3)
            np.testing.assert_allclose(s.root_moment[t], axes @ lacking[3:6], atol=1e-6)
            np.testing.assert_allclose(s.joint_residual[t, kept], lacking[6:][kept], atol=1e-6)
    finally:
        model.opt.disableflags = flags


def test_length_controller_gives_the_activations_back(body, solved):
    for s in solved.values():
        excitation = length_controller(s.muscle_length, s.muscle_velocity, s.target_length, body.muscles)
        strong = -s.muscle_force > body.muscles.peak_force  # more than the controller ever asks for
        assert strong.mean() < 0.005
        np.testing.assert_allclose(excitation[~strong], s.activation[~strong], atol=2e-3)


def test_target_for_force_by_hand(body):
    muscle = body.muscles
    length, velocity = np.full(body.model.nu, 0.3), np.full(body.model.nu, 0.2)
    found = target_for_force(-0.5 * muscle.peak_force, length, velocity, muscle)
    np.testing.assert_allclose(found, 0.3 - 0.5 / 5 + 0.1 * 0.2)


def test_moment_arms_come_on_request(body, walks):
    qpos = walks["425_walking_fast06"][:40]
    assert solve(body, qpos, FPS).moment_arm is None
    found = solve(body, qpos, FPS, InverseConfig(moment_arms=True)).moment_arm
    assert found is not None and found.shape == (40, 80, 14) and found.dtype == np.float32
    soleus, ankle = body.muscle_names.index("soleus_r"), body.independent_joints.index("ankle_angle_r")
    assert (np.abs(found[:, soleus, ankle] - 0.04) < 0.015).all()  # the Achilles tendon's lever, 4–5 cm


def cycles(force: np.ndarray) -> list[tuple[int, int]]:
    """First frames of a stance and of the next one, from a foot's vertical force (T,) in body weights."""
    stands = force > 0.05
    strikes = [t for t in range(6, len(stands) - 8) if stands[t : t + 8].all() and not stands[t - 6 : t].any()]
    return [(a, b) for a, b in pairwise(strikes) if 24 <= b - a <= 48]


def test_joint_moments_of_level_walking_are_those_of_people(body, solved):
    """Internal moments in N m/kg against Pinzone 2014 and Schwartz 2008, in bands wide enough for 10 Hz motion."""
    mass = body.model.body_mass.sum()
    curves: dict[str, list[np.ndarray]] = {"hip_flexion": [], "knee_angle": [], "ankle_angle": []}
    for s in solved.values():
        for foot, side in ((RIGHT, "r"), (LEFT, "l")):
            for start, stop in cycles(s.contact_force[:, foot, 2] / weight(body)):
                frames = np.linspace(start, stop, 101)
                for joint, found in curves.items():
                    column = s.joint_moment[:, body.independent_joints.index(f"{joint}_{side}")]
                    found.append(-np.interp(frames, np.arange(len(column)), column) / mass)  # extension positive
    assert len(curves["hip_flexion"]) >= 6
    hip, knee, ankle = (np.mean(found, axis=0) for found in curves.values())
    assert 0.9 < ankle.max() < 1.7 and 38 <= ankle.argmax() <= 60
    assert abs(ankle[70:95]).max() < 0.15  # a foot in the air needs none
    assert 0.3 < knee[5:30].max() < 1.4  # loading response
    assert -0.5 < knee[85:].min() < 0.0  # the swinging shank is braked
    assert 0.3 < hip[:30].max() < 1.6 and -1.4 < hip[40:70].min() < -0.4


def surviving(body, solution, target, starts, frames=24) -> np.ndarray:
    """Frames (N,) for which the body stays within 0.15 m of the motion, from states at `starts` (N,)."""
    reference = forward_kinematics(body, solution.qpos, solution.qvel).body_pos
    physics = BatchPhysics(body, len(starts))
    rows = np.arange(len(starts))
    physics.reset(rows, solution.qpos[starts], solution.qvel[starts], solution.activation[starts])
    alive, count = np.ones(len(starts), dtype=bool), np.zeros(len(starts))
    for step in range(frames):
        frame = np.minimum(starts + step + 1, len(reference) - 1)
        _, failed = physics.step_lengths(target[frame])
        position = physics.observe().position[:, body.tracked_in_observed]
        near = np.linalg.norm(position - reference[frame], axis=-1).max(1) < 0.15
        alive &= near & ~failed
        count += alive
    return count


def test_held_open_loop_the_targets_last_longer_than_the_reference_lengths(body, solved):
    ours, lengths = [], []
    for s in solved.values():
        starts = np.arange(10, len(s.qpos) - 26, 12)
        ours.append(surviving(body, s, s.target_length, starts))
        lengths.append(surviving(body, s, s.muscle_length, starts))
    assert np.concatenate(ours).mean() > 1.4 * np.concatenate(lengths).mean()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda q: q[:2], "2 frames have no accelerations"),
        (lambda q: q[:, :30], r"shape \(20, 30\).*needs \(frames, 35\)"),
        (lambda q: np.where(np.arange(35) == 9, np.nan, q), "not finite at frame 0, coordinate 9"),
        (lambda q: q * (np.arange(35) != 3), "root quaternion"),
    ],
)
def test_refuses_motions_without_a_solution(body, spoil, message):
    with pytest.raises(InverseError, match=message):
        solve(body, spoil(np.tile(body.standing_qpos, (20, 1))), FPS)


def test_refuses_a_frame_rate_that_is_none(body):
    with pytest.raises(InverseError, match="fps must be positive"):
        solve(body, np.tile(body.standing_qpos, (20, 1)), 0.0)


def test_refuses_weights_that_are_not_positive():
    with pytest.raises(ValueError, match="effort must be positive"):
        replace(InverseConfig(), effort=0.0)
