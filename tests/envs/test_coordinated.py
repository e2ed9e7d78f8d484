"""Coordinated control: what it asks for, what muscles make of it, and that it goes on as it would have."""

from dataclasses import replace

import mujoco
import numpy as np
import pytest
import torch

from kinesis_trl.body.inverse_dynamics import toppling
from kinesis_trl.body.model import load_body
from kinesis_trl.body.moment_arms import crosses, joint_strength
from kinesis_trl.body.muscles import active_gain, passive_bias
from kinesis_trl.body.physics import BatchPhysics
from kinesis_trl.body.simulator import PhysicsConfig
from kinesis_trl.envs.config import ObservationConfig
from kinesis_trl.envs.control.config import CoordinatedConfig
from kinesis_trl.envs.control.coordinated import solution_moment
from kinesis_trl.envs.imitation import ImitationConfig, ImitationEnv
from kinesis_trl.envs.terms.rewards import CalmConfig, RewardConfig

SEEN = ObservationConfig().plus("last_action")


def muscle_moment(body, physics):
    """(N, J) moments in N m of the muscles in the present state."""
    physics._batch.forward()
    length, velocity = physics._derived["actuator_length"].copy(), physics._derived["actuator_velocity"].copy()
    force = active_gain(length, velocity, body.muscles) * physics.activation + passive_bias(length, body.muscles)
    return np.einsum("nmj,nm->nj", physics.moment_arms()[0], force)


def test_without_reference_the_muscles_make_the_moments_that_are_asked_for(body):
    config = CoordinatedConfig(stiffness=0.0, damping=0.0, effort=0.02, joint_moment=1.0, moment=0.1)
    physics, control = BatchPhysics(body, 2), config.make(body, 2)
    action = np.zeros((2, control.width))
    action[0, 0], action[1, 4] = 0.4, -0.3
    control.step(physics, action, None)
    expected = action * 0.1 * joint_strength(body)
    made = muscle_moment(body, physics)
    strong = np.abs(expected) > 1
    np.testing.assert_allclose(made[strong], expected[strong], rtol=0.2)
    assert (control.lacking < 5).all()


def test_moments_that_no_muscle_makes_are_told(body):
    physics, control = BatchPhysics(body, 2), CoordinatedConfig(moment=3.0).make(body, 2)
    action = np.zeros((2, control.width))
    action[1] = 1.0
    control.step(physics, action, None)
    assert control.lacking[0] < 5 and control.lacking[1] > 50
    assert np.isfinite(physics.qpos).all() and (physics.excitation <= 1).all() and (physics.excitation >= 0).all()


def test_a_joint_without_muscles_is_named(body, monkeypatch):
    still = crosses(body).copy()
    still[:, 5] = False
    monkeypatch.setattr("kinesis_trl.envs.control.coordinated.crosses", lambda _: still)
    with pytest.raises(ValueError, match=f"no muscle of body myolegs moves {body.independent_joints[5]}, so"):
        CoordinatedConfig().make(body, 1)


def test_moments_that_lack_are_logged(body, solved):
    config = ImitationConfig(num_envs=2, start="beginning", control=CoordinatedConfig(moment=3.0))
    env = ImitationEnv(body, solved, config)
    action = torch.stack([torch.zeros(14), torch.ones(14)])
    metrics = env.step(env.reset().set("action", action))["next", "metrics"]
    logged = metrics[:, env.metric_names.index("lacking_moment")]
    np.testing.assert_allclose(logged, env.control.lacking, rtol=1e-6)
    assert logged[1] > 50 > logged[0]


def test_uncorrected_it_starts_with_the_solution_and_stays_near_it(body, solved):
    env = ImitationEnv(body, solved, ImitationConfig(num_envs=2, start="beginning", control="coordinated"))
    td = env.reset()
    first = torch.zeros(2, 1, dtype=torch.int64).numpy()
    np.testing.assert_allclose(env.physics.activation, solved.inverse["activation"][first[:, 0]], atol=1e-6)
    for _ in range(4):
        td = env.step(td.set("action", torch.zeros(2, 14)))["next"]
    assert float(env.distances.max()) < 0.05
    assert np.abs(solution_moment(body, solved, first)).max() > 1
    assert (env.control.reference_action(env.current_reference()) == 0).all()


def test_the_same_moments_cost_less_when_shared_at_least_power(body):
    rng, physics = np.random.default_rng(0), BatchPhysics(body, 8)
    qvel = np.zeros((8, body.model.nv))
    qvel[:, 6:] = rng.normal(0, 1, qvel[:, 6:].shape)
    physics.reset(np.arange(8), np.tile(body.standing_qpos, (8, 1)), qvel, np.zeros((8, body.model.na)))
    arm, velocity = physics.moment_arms()
    moment = arm * np.minimum(active_gain(physics.length, velocity, body.muscles), -1)[..., None]
    wanted = np.einsum("nmj,nm->nj", moment, rng.uniform(0, 0.3, velocity.shape))
    square, bhargava = (CoordinatedConfig(objective=name).make(body, 8) for name in ("square", "bhargava"))
    power = bhargava._power(physics.length, velocity)
    assert (power >= 0).all() and (power == 0).any()
    one = square._sharing.solve(moment, wanted)
    two = bhargava._sharing.solve(moment, wanted, power=power / bhargava._typical_power)
    assert max(np.abs(one.lacking).max(), np.abs(two.lacking).max()) < 1 and two.iterations.max() < 60
    assert ((power * two.activation).sum(1) < 0.9 * (power * one.activation).sum(1)).all()


def test_a_second_at_least_power_is_the_same_at_any_thread_count(body, solved):
    power = {}
    for threads in (1, 2):
        control, calm = CoordinatedConfig(objective="bhargava"), CalmConfig(metabolic_weight=1.0)
        reward, physics = RewardConfig(calm=calm), PhysicsConfig(threads=threads)
        settings = {"num_envs": 3, "start": "beginning", "control": control, "reward": reward, "physics": physics}
        env = ImitationEnv(body, solved, ImitationConfig(**settings))
        td, place, costs = env.reset(), env.metric_names.index("metabolic_cost"), []
        actions = 0.1 * torch.randn(30, 3, 14, generator=torch.Generator().manual_seed(0))
        for action in actions:
            td = env.step_and_maybe_reset(td.set("action", action))[0]["next"]
            costs.append(td["metrics"][:, place])
        power[threads] = torch.stack(costs)
        assert np.isfinite(env.physics.qpos).all() and torch.isfinite(td["observation"]).all()
    assert torch.isfinite(power[1]).all() and torch.equal(power[1], power[2])


def moment_without_action(control, physics, reference=None):
    """(N, J) moments in N m that are wanted at the beginning of a policy step under actions of zero."""
    return control._feedback(
        control._path(reference), physics, 0.0, 0.0, slice(None), np.zeros((physics.num, control.width))
    )


def test_feedback_pulls_back_to_the_reference(body, solved):
    env = ImitationEnv(body, solved, ImitationConfig(num_envs=1, start="beginning", control="coordinated"))
    env.reset()
    reference, physics = env.current_reference(), env.physics
    before = moment_without_action(env.control, physics, reference)
    dof = body.couplings.independent_dofs(body.model.nv)[6 + 3]
    physics.qpos[0, dof + 1] += 0.1
    change = moment_without_action(env.control, physics, reference) - before
    np.testing.assert_allclose(change[0, 3], -0.3 * 0.1 * joint_strength(body)[3], rtol=1e-9)
    assert np.abs(np.delete(change[0], 3)).max() < 1e-9


@pytest.mark.parametrize("name", ["legs_abs", "legs_back"])
def test_a_bent_trunk_is_held_against_gravity(name):
    trunk = load_body(name)
    physics, control = BatchPhysics(trunk, 2), CoordinatedConfig().make(trunk, 2)
    joint = trunk.independent_joints.index("flex_extension")
    place = 7 + trunk.joint_names.index("flex_extension")
    physics.qpos[:] = trunk.standing_qpos
    physics.qpos[1, place] += 0.05
    physics.qpos[:] = trunk.couplings.apply(physics.qpos)
    moments = moment_without_action(control, physics)
    pull = (moments[0] - moments[1])[joint] / 0.05
    data, lumbar = mujoco.MjData(trunk.model), trunk.model.body("lumbar5").id
    data.qpos[:] = trunk.standing_qpos
    mujoco.mj_fwdPosition(trunk.model, data)
    height = data.subtree_com[lumbar, 2] - data.xpos[lumbar, 2]
    weight = trunk.model.body_subtreemass[lumbar] * 9.81
    np.testing.assert_allclose(toppling(trunk)[3:], 0)
    if name == "legs_abs":  # one hinge bears it all
        np.testing.assert_allclose(toppling(trunk)[joint], weight * height, rtol=0.02)
    assert toppling(trunk)[joint] >= 0.98 * weight * height
    np.testing.assert_allclose(pull, 0.3 * joint_strength(trunk)[joint] + toppling(trunk)[joint], rtol=1e-6)


def test_a_mirrored_body_does_the_mirror_image(body):
    physics, control = BatchPhysics(body, 2), CoordinatedConfig().make(body, 2)
    rng, mirror = np.random.default_rng(0), body.mirror
    qpos = np.tile(body.standing_qpos, (2, 1))
    qpos[0, 2] += 0.2
    qpos[0, 7:] += 0.1 * rng.random(qpos.shape[1] - 7)
    qpos[0] = body.couplings.apply(qpos[0])
    qpos[1] = mirror.qpos(qpos[0])
    activation = rng.uniform(0, 0.2, (2, body.model.na))
    activation[1] = activation[0, mirror.muscles]
    physics.reset(np.arange(2), qpos, np.zeros((2, body.model.nv)), activation)
    action = rng.uniform(-0.5, 0.5, (2, control.width))
    action[1] = control.mirror(torch.from_numpy(action[0])).numpy()
    control.step(physics, action, None)
    np.testing.assert_allclose(physics.qpos[1], mirror.qpos(physics.qpos[0]), atol=2e-3)
    np.testing.assert_allclose(physics.activation[1], physics.activation[0, mirror.muscles], atol=0.02)


def test_goes_on_from_a_saved_state_to_the_same_numbers(body, solved):
    settings = ImitationConfig(num_envs=3, control="coordinated", observation=SEEN, physics=PhysicsConfig(threads=2))
    one, two = (ImitationEnv(body, solved, replace(settings, seed=seed)) for seed in (0, 1))
    actions = 0.2 * torch.randn(6, 3, 14, generator=torch.Generator().manual_seed(0))
    td = one.reset()
    for action in actions[:3]:
        td = one.step_and_maybe_reset(td.set("action", action))[1]
    two.set_state(one.get_state())
    again = two.reset()
    for action in actions[3:]:
        td = one.step_and_maybe_reset(td.set("action", action))[1]
        again = two.step_and_maybe_reset(again.set("action", action))[1]
    assert torch.equal(td["observation"], again["observation"])
    np.testing.assert_array_equal(one.physics.qpos, two.physics.qpos)


def test_co_contraction_and_bad_settings(body):
    control = CoordinatedConfig(co_contraction=0.1, co_contracted=("ankle_angle",)).make(body, 1)
    physics = BatchPhysics(body, 1)
    for _ in range(6):
        control.step(physics, np.zeros((1, 14)), None)
    soleus, glutmax = (body.muscle_names.index(name) for name in ("soleus_r", "glmax1_r"))
    assert physics.activation[0, soleus] > 0.08 > physics.activation[0, glutmax]
    with pytest.raises(ValueError, match="no joint 'elbow'"):
        CoordinatedConfig(co_contracted=("elbow",)).make(body, 1)
    with pytest.raises(ValueError, match="must be positive"):
        CoordinatedConfig(moment=0.0)
    for settings, message in (({"objective": "fourth"}, "square, cube or bhargava"), ({"volume_power": 3.0}, "0 to 2")):
        with pytest.raises(ValueError, match=message):
            CoordinatedConfig(**settings)
    with pytest.raises(ValueError, match="substep or step"):
        CoordinatedConfig(every="frame")
