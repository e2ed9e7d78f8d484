"""Feedback: gains worked out by hand, a linear model that predicts the simulation, bodies that it keeps on a motion."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from kinesis_trl.agents.baselines import baseline
from kinesis_trl.body.deviation import deviation
from kinesis_trl.body.physics import BatchPhysics
from kinesis_trl.body.simulator import PhysicsConfig
from kinesis_trl.envs.control.config import FeedforwardConfig
from kinesis_trl.envs.control.feedforward import Feedforward
from kinesis_trl.envs.imitation import ImitationConfig, ImitationEnv
from kinesis_trl.envs.regulator import regulate
from kinesis_trl.motion.library import MotionLibrary
from kinesis_trl.planning.ilqr import RefineConfig
from kinesis_trl.planning.linear import RegulatorConfig, linearise, riccati
from kinesis_trl.planning.references import as_reference, without_feedback

JOINTS = FeedforwardConfig()


@pytest.fixture(scope="module")
def optimised(body, walk, found):
    return as_reference(body, walk, found, JOINTS, PhysicsConfig(), RegulatorConfig(), RefineConfig(rounds=0))


def settings(**changes):
    return ImitationConfig(control="feedforward", start="beginning", random_heading=False, **changes)


def test_gains_of_a_number_that_stays_as_it_is():
    """x' = x + u at equal costs: P = 1 + P − P²/(1 + P), so P is the golden ratio and the gain 1/P."""
    # three decoupled numbers (position, velocity, moment), the action on the third
    inputs = np.zeros((60, 3, 1))
    inputs[:, 2] = 1
    every = np.tile(np.eye(3), (61, 1, 1))
    gains, offsets = riccati(every[1:], inputs, every, np.eye(1), np.zeros((61, 3)), np.zeros((60, 1)))
    golden = (1 + 5**0.5) / 2
    np.testing.assert_allclose(gains[0, 0], [0, 0, 1 / golden], atol=1e-9)
    np.testing.assert_allclose(gains[-1, 0], [0, 0, 0.5])  # one step to go: u that least costs x² + (x + u)² + u²
    assert not offsets.any()


def test_what_pulls_sets_actions_off():
    """x' = x + u, one step, (x' − 3)² + u² from x = 0: u = 1.5; the gain is what it was."""
    one = np.ones((1, 1, 1))
    gains, offsets = riccati(one, one, np.ones((2, 1, 1)), np.eye(1), np.array([[0.0], [-3.0]]), np.zeros((1, 1)))
    np.testing.assert_allclose(-offsets, [[1.5]])
    np.testing.assert_allclose(gains, 0.5 * one)


def test_offsets_are_those_that_cost_least():
    """Random dynamics, costs and pulls over six steps: no other offsets cost less."""
    rng = np.random.default_rng(0)
    a, b = 0.5 * rng.normal(size=(6, 3, 3)), rng.normal(size=(6, 3, 2))
    q, r = rng.normal(size=(7, 3)), rng.normal(size=(6, 2))
    state_cost, action_cost = np.tile(np.diag([1.0, 2.0, 3.0]), (7, 1, 1)), np.diag([1.0, 0.5])
    gains, offsets = riccati(a, b, state_cost, action_cost, q, r)

    def cost(change):
        x, total = np.zeros(3), 0.0
        for t in range(6):
            u = -gains[t] @ x - offsets[t] + change[t]
            total += u @ action_cost @ u + 2 * r[t] @ u
            x = a[t] @ x + b[t] @ u
            total += x @ state_cost[t + 1] @ x + 2 * q[t + 1] @ x
        return total

    least = cost(np.zeros((6, 2)))
    assert least < -0.1
    for _ in range(50):
        assert cost(1e-3 * rng.normal(size=(6, 2))) > least


def test_the_linear_model_predicts_what_the_simulation_does(body, optimised):
    dynamics, inputs = linearise(body, optimised, JOINTS, PhysicsConfig(), RegulatorConfig())
    assert dynamics.shape == (int(optimised.frames[0]) - 1, 54, 54)
    assert inputs.shape == (*dynamics.shape[:2], 14)
    control, rng, frame = Feedforward(body, optimised, JOINTS), np.random.default_rng(0), 28
    qpos, qvel = (np.tile(a[frame].numpy(), (5, 1)) for a in (optimised.qpos, optimised.qvel))
    action = np.zeros((5, 14))
    qvel[1:, :6] += 0.01 * rng.normal(size=(4, 6))
    action[1:] = 0.01 * rng.normal(size=(4, 14))
    physics = BatchPhysics(body, 5)
    physics.reset(np.arange(5), qpos, qvel, np.tile(control.activation(torch.tensor([frame])), (5, 1)))
    before = deviation(body, physics.qpos, physics.qvel, qpos[0], qvel[0])
    control.step(physics, torch.full((5,), frame + 1), action)
    after = deviation(body, physics.qpos, physics.qvel, physics.qpos[0], physics.qvel[0])
    expected = np.concatenate([before, np.zeros((5, 14))], axis=1) @ dynamics[frame].T + action @ inputs[frame].T
    error = np.linalg.norm(after[1:] - expected[1:, :40], axis=1) / np.linalg.norm(after[1:], axis=1)
    assert (error < 0.4).all() and np.median(error) < 0.2, error


def test_a_body_set_off_its_motion_is_led_back(body, optimised):
    """From velocities 0.03 m/s and rad/s off; without feedback it goes away from the motion."""
    apart = {}
    for name in ("regulator", "zero"):
        env = ImitationEnv(body, optimised, settings(num_envs=8))
        td, policy = env.reset(), baseline(name, env)
        env.physics.qvel[:, :6] += 0.03 * np.random.default_rng(0).normal(size=(8, 6))
        for _ in range(int(optimised.frames[0]) - 2):
            td = env.step(policy(td))["next"]
        apart[name] = float(env.distances.mean(-1).median())
    assert apart["regulator"] < 0.02
    assert apart["zero"] > 3 * apart["regulator"]


def test_actions_do_not_depend_on_where_the_clip_is_turned(body, optimised):
    """Two bodies a little off in the axes of their clips, one of which is turned about."""
    seen = []
    for turned in (False, True):
        env = ImitationEnv(body, optimised, replace(settings(num_envs=4, seed=3), random_heading=turned))
        env.reset()
        env.physics.qvel[:, 6:] += 0.1
        step = np.array([[0.02, -0.01, 0.01]] * 4)
        env.physics.qpos[:, :3] += (torch.from_numpy(step)[:, None] @ env.placement.matrix).squeeze(1).numpy()
        seen.append(regulate(env))
    assert float(seen[0].abs().max()) > 0.01
    torch.testing.assert_close(seen[1], seen[0], atol=1e-6, rtol=1e-4)


def test_libraries_keep_their_feedback(tmp_path, body, walk, optimised):
    both = MotionLibrary.joined([optimised, without_feedback(body, walk)])
    both.save(tmp_path / "both")
    back = MotionLibrary.load(tmp_path / "both", body)
    torch.testing.assert_close(back.feedback[: len(optimised.feedback)], optimised.feedback)
    assert not back.feedback[len(optimised.feedback) :].any()
    torch.testing.assert_close(back.subset([0]).feedback, optimised.feedback)
    # what metrics compare with and what is shown as a ghost are left as they were
    torch.testing.assert_close(optimised.unsolved, walk.unsolved)
    torch.testing.assert_close(back.subset([0]).unsolved_qpos, walk.unsolved_qpos)
    assert not torch.equal(optimised.qpos, walk.qpos)


def test_only_optimised_trajectories_have_a_regulator(body, walk, optimised):
    with pytest.raises(ValueError, match="optimised trajectories only"):
        baseline("regulator", ImitationEnv(body, walk, settings(num_envs=1)))
    other = replace(settings(num_envs=1), control="pd")
    with pytest.raises(ValueError, match="control feedforward"):
        baseline("regulator", ImitationEnv(body, optimised, other))
    with pytest.raises(ValueError, match="position must be positive"):
        RegulatorConfig(position=0.0)
    with pytest.raises(ValueError, match="for tracks"):
        walk.replaced(tracks=np.zeros((3, 3)))
