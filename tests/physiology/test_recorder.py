"""What is recorded obeys mechanics, and is what the simulation did."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from kinesis_trl.agents.baselines import baseline
from kinesis_trl.body.physics import BatchPhysics
from kinesis_trl.envs.imitation import ImitationConfig
from kinesis_trl.evaluation.rollout import play_clips
from kinesis_trl.physiology.recorder import States, measure, record
from kinesis_trl.physiology.recording import RecordingError


def reference(env):
    return baseline("reference", env)


@pytest.fixture(scope="module")
def played(body, library):
    return list(record(body, library, reference, ImitationConfig()))


def test_muscle_moments_agree_with_inverse_dynamics(body, struggle):
    """mj_inverse of the recorded states and accelerations, contacts, couplings and limits taken off, to 1e-6."""
    data, model = mujoco.MjData(body.model), body.model
    basis = body.couplings.projection(struggle.qpos, model.nv)
    wanted = np.empty_like(struggle.muscle_moment)
    for k in range(len(struggle.time)):
        data.qpos[:], data.qvel[:], data.qacc[:] = struggle.qpos[k], struggle.qvel[k], struggle.qacc[k]
        mujoco.mj_inverse(model, data)
        wanted[k] = (basis[k].T @ data.qfrc_inverse)[6:]
    assert np.abs(wanted).max() > 20
    np.testing.assert_allclose(struggle.muscle_moment, wanted, rtol=0, atol=1e-6 * np.abs(wanted).max())


def test_net_moments_agree_with_inverse_dynamics_from_the_ground_up(body, struggle):
    """As a laboratory finds them: motion, and each foot's recorded force at its centre of pressure, to 1e-6."""
    data, model = mujoco.MjData(body.model), body.model
    basis = body.couplings.projection(struggle.qpos, model.nv)
    above_toes = [k for k, name in enumerate(struggle.joint_names) if not name.startswith("mtp")]
    largest, checked = np.abs(struggle.joint_moment).max(), 0
    for k in range(len(struggle.time)):
        data.qpos[:], data.qvel[:], data.qacc[:] = struggle.qpos[k], struggle.qvel[k], struggle.qacc[k]
        mujoco.mj_fwdPosition(model, data)
        if (model.geom_bodyid[data.contact.geom] != 0).all(1).any():
            continue  # parts of the body press on each other: no laboratory could see it
        mujoco.mj_fwdVelocity(model, data)
        force = np.zeros(model.nv)
        mujoco.mj_mulM(model, data, force, data.qacc)
        force += data.qfrc_bias
        for side, letter in enumerate("rl"):
            if np.isfinite(struggle.centre_of_pressure[k, side]).all():
                pressed = np.zeros(model.nv)
                wrench = struggle.ground_force[k, side], struggle.free_moment[k, side]
                point, foot = struggle.centre_of_pressure[k, side], model.body(f"calcn_{letter}").id
                mujoco.mj_applyFT(model, data, *wrench, point, foot, pressed)
                force -= pressed
        net = (basis[k].T @ force)[6:][above_toes]
        np.testing.assert_allclose(struggle.joint_moment[k, above_toes], net, rtol=0, atol=1e-6 * largest)
        checked += 1
    assert checked > 30 and np.isfinite(struggle.centre_of_pressure).any()


def test_ground_reaction_changes_the_momentum(struggle, played):
    """Impulse = m Δv + m g T over any window, to 1 % of m g T, in standing, stepping and falling."""
    for recording in (struggle, *played):
        step = 1 / recording.rate
        force = recording.ground_force.sum(1) + recording.other_force
        for start, stop in ((0, len(force) - 1), (0, 50), (40, 90)):
            impulse = force[start:stop].sum(0) * step
            change = recording.mass * (recording.centre_velocity[stop] - recording.centre_velocity[start])
            support = recording.weight * (stop - start) * step
            np.testing.assert_allclose(impulse, change + np.array([0, 0, support]), atol=0.01 * support)


def test_a_standing_body_weighs_its_weight(statue):
    """Over the last 1.2 s, the time of a stride, to 1 %; the centre of pressure lies under the centre of mass."""
    settled = statue.ground_force[-180:]
    assert statue.weight == pytest.approx(74.975 * 9.81, rel=1e-4)
    assert settled.sum(1).mean(0)[2] == pytest.approx(statue.weight, rel=0.01)
    share = settled[..., 2:] / settled[..., 2:].sum(1, keepdims=True)
    pressure = (statue.centre_of_pressure[-180:] * share).sum(1).mean(0)
    np.testing.assert_allclose(pressure[:2], statue.centre_of_mass[-180:].mean(0)[:2], atol=0.01)
    assert settled[..., 2].min() > 0.3 * statue.weight and (statue.other_force == 0).all()


def test_powers_and_muscle_states(body, struggle):
    flexor = struggle.joint("hip_flexion_r")
    speed = struggle.qvel[:, 6 + body.joint_names.index("hip_flexion_r")]
    np.testing.assert_allclose(struggle.joint_power[:, flexor], struggle.joint_moment[:, flexor] * speed)
    np.testing.assert_allclose(struggle.muscle_power, -struggle.muscle_force * struggle.muscle_velocity)
    np.testing.assert_allclose(
        struggle.fibre_velocity * struggle.optimal_length, struggle.muscle_velocity, rtol=1e-12, atol=1e-12
    )
    assert (struggle.muscle_force >= struggle.passive_force - 1e-9).all() and (struggle.passive_force >= 0).all()
    slope = np.gradient(struggle.muscle_length, 1 / struggle.rate, axis=0)[5:-5]
    error = np.abs(slope - struggle.muscle_velocity[5:-5])
    assert np.median(error) < 0.01 * np.abs(slope).max()


def test_playing_records_every_substep_of_the_episodes(body, library, played):
    episodes = play_clips(body, library, reference, ImitationConfig(), keep_states=frozenset(range(len(library))))
    for recording, episode, entry in zip(played, episodes, library.clips, strict=True):
        made = len(episode.distance)
        assert recording.clip == entry.name and len(recording.time) == 5 * made and recording.rate == 150
        np.testing.assert_array_equal(recording.qpos[::5], episode.qpos[:made])
        np.testing.assert_array_equal(recording.activation[::5], episode.activation[:made])
        assert recording.fell == (made < episode.steps)
        np.testing.assert_array_equal(recording.reference_qpos[0, :2], [0, 0])
        assert recording.reference_time[-1] == pytest.approx(episode.steps / 30)


def test_chosen_clips_are_those_of_the_whole_library(body, library, played):
    for recording, index in zip(
        record(body, library, reference, ImitationConfig(), clips=[2, 0], max_envs=1), (2, 0), strict=True
    ):
        np.testing.assert_array_equal(recording.qpos, played[index].qpos)
        np.testing.assert_array_equal(recording.ground_force, played[index].ground_force)


@pytest.mark.parametrize("control", ["pd", "direct"])
def test_listening_does_not_change_the_simulation(body, control):
    rng = np.random.default_rng(0)
    inputs = rng.uniform(0, 0.3, size=(3, 2, body.model.nu))
    ends, heard = [], []
    for listen in (False, True):
        physics = BatchPhysics(body, 2)
        physics.on_substep = (lambda p=physics: heard.append(p.qpos.copy())) if listen else None
        for row in inputs:
            effort, _ = physics.step_excitations(row) if control == "direct" else physics.step_lengths(row)
        ends.append((physics.qpos.copy(), physics.qvel.copy(), physics.length.copy(), effort))
    assert len(heard) == 15
    for plain, listened in zip(*ends, strict=True):
        np.testing.assert_array_equal(plain, listened)


def test_states_of_another_body_are_refused(body):
    zeros = np.zeros((2, 80))
    with pytest.raises(RecordingError, match=r"odd: qpos has shape \(2, 7\), expected \(2, 35\)"):
        measure(
            body,
            States(qpos=np.zeros((2, 7)), qvel=np.zeros((2, 34)), activation=zeros, excitation=zeros, rate=150.0),
            clip="odd",
        )
