"""Pushes, strength and noise: what they do to the body, by momentum and by hand."""

from dataclasses import replace

import mujoco
import numpy as np
import pytest
import torch

from kinesis_trl.agents.baselines import baseline
from kinesis_trl.agents.gaussian import GaussianConfig
from kinesis_trl.agents.mixture import MixtureConfig, make_mixture
from kinesis_trl.agents.networks import NetworkConfig
from kinesis_trl.agents.policy import make_actor
from kinesis_trl.body.physics import BatchPhysics
from kinesis_trl.body.simulator import PhysicsConfig
from kinesis_trl.envs.imitation import ImitationConfig, ImitationEnv
from kinesis_trl.evaluation.perturbations import Perturbation, perturbed, with_strength

SMALL = NetworkConfig(hidden=(8, 8))
GIVEN = ImitationConfig(num_envs=2, start="beginning", random_heading=False)


def test_push_changes_the_momentum_by_its_impulse(body):
    """In free fall 100 N along y for a policy step change the momentum by 3.33 N·s beside an unpushed body."""
    physics = BatchPhysics(body, 2, PhysicsConfig())
    qpos = np.tile(body.standing_qpos, (2, 1))
    qpos[:, 2] += 5
    physics.reset(np.arange(2), qpos, np.zeros((2, body.model.nv)), np.zeros((2, body.model.na)))
    physics.push(np.array([[0.0, 100.0, 0.0], [0.0, 0.0, 0.0]]))
    physics.step_excitations(np.zeros((2, body.model.nu)))
    momentum = []
    for row in range(2):
        data = mujoco.MjData(body.model)
        data.qpos[:], data.qvel[:] = physics.qpos[row], physics.qvel[row]
        mujoco.mj_forward(body.model, data)
        mujoco.mj_subtreeVel(body.model, data)
        momentum.append(body.model.body_subtreemass[1] * data.subtree_linvel[1])
    # limbs that turn within a step leave a few percent to the integrator
    np.testing.assert_allclose(momentum[0] - momentum[1], [0.0, 100 / 30, 0.0], atol=0.17)


def test_a_push_lasts_its_time_and_comes_once(body, library):
    env = ImitationEnv(body, library, GIVEN)
    env.assign([0, 1])
    policy = perturbed(lambda e: baseline("zero", e), Perturbation(push=50.0, seed=3))(env)
    td, applied = env.reset(), []
    for _ in range(int(library.frames[:2].max()) - 1):
        td = policy(td)
        applied.append(env.physics._applied[:, body.observed_ids[0], :3].copy())
        td["_reset"] = torch.zeros(2, 1, dtype=torch.bool)
        env.time += 1 / 30
    size = np.linalg.norm(np.array(applied), axis=-1)
    for row in range(2):
        steps = np.flatnonzero(size[:, row])
        assert len(steps) == 6 and np.ptp(steps) == 5
        np.testing.assert_allclose(size[steps, row], 50.0)
    assert np.all(np.array(applied)[..., 2] == 0)


def test_strength_scales_muscle_force_and_leaves_the_controller(body):
    weak = with_strength(body, 0.9)
    assert weak.muscles is body.muscles
    forces = []
    for model in (body, weak):
        physics = BatchPhysics(model, 1)
        activation = np.full((1, body.model.na), 0.5)
        physics.reset(np.arange(1), body.standing_qpos[None], np.zeros((1, body.model.nv)), activation)
        forces.append(physics.muscle_force[0].copy())
    np.testing.assert_allclose(forces[1], 0.9 * forces[0], rtol=1e-9)
    with pytest.raises(ValueError, match="positive"):
        with_strength(body, 0.0)


def test_noise_has_the_deviation_asked_for_and_needs_statistics(body, library):
    env = ImitationEnv(body, library, replace(GIVEN, num_envs=256))
    seen = []

    class Policy:
        class net:
            class norm:
                std = torch.linspace(0.1, 2.0, env.observation_width)

        def __call__(self, td):
            seen.append(td["observation"])
            return td

    td = env.reset()
    perturbed(lambda e: Policy(), Perturbation(noise=0.1))(env)(td)
    ratio = (seen[0] - td["observation"]).std(0) / (0.1 * Policy.net.norm.std)
    assert ratio.mean() == pytest.approx(1.0, abs=0.02)
    experts = [make_actor(GaussianConfig(network=SMALL), env.observation_width, 80) for _ in range(2)]
    mixture = make_mixture(MixtureConfig(gate=SMALL), experts)
    mixture.update_norm(torch.randn(50, env.observation_width))
    noisy = perturbed(lambda e: mixture, Perturbation(noise=0.1))(env)
    np.testing.assert_allclose(noisy._deviation, 0.1 * mixture.gate.net.norm.std)
    with pytest.raises(ValueError, match="deviations"):
        perturbed(lambda e: baseline("zero", e), Perturbation(noise=0.1))(env)
