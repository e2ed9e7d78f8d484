"""The imitation environment: specs, starts, references, ends, symmetry, reproducibility."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation
from torchrl.envs.utils import check_env_specs

from kinesis_trl.agents.baselines import baseline
from kinesis_trl.body.simulator import PhysicsConfig
from kinesis_trl.envs.config import JOINT_TERMS, MUSCLE_TERMS, ObservationConfig, RewardConfig
from kinesis_trl.envs.described import as_described, describe
from kinesis_trl.envs.disturbance import Disturbance, DisturbanceConfig
from kinesis_trl.envs.geometry import rotation_between
from kinesis_trl.envs.imitation import ImitationConfig, ImitationEnv
from kinesis_trl.envs.terms.observations import OBSERVATIONS
from kinesis_trl.envs.terms.terminations import KINESIS, DistanceRule
from kinesis_trl.evaluation.rollout import play_clips
from kinesis_trl.motion.library import FPS, MotionLibrary

GIVEN = ImitationConfig(num_envs=3, start="beginning", random_heading=False)


def make(body, library, config=GIVEN, **changes):
    return ImitationEnv(body, library, replace(config, **changes))


def metric(env, td, name):
    return td["metrics"][..., env.metric_names.index(name)]


def act(env, td, action):
    return env.step(td.set("action", action))


@pytest.mark.parametrize(
    "config",
    [
        ImitationConfig(num_envs=4),
        ImitationConfig(num_envs=2, control="direct", observation=ObservationConfig().plus(*MUSCLE_TERMS)),
        ImitationConfig(num_envs=1, rule=KINESIS, start="beginning"),
    ],
)
def test_specs_hold(body, library, config):
    env = make(body, library, config)
    check_env_specs(env, seed=3)
    assert env.observation_width == (309 + 240 if "muscle_force" in config.observation.terms else 309)


def test_start_lies_on_the_reference(body, library):
    env = make(body, library, ImitationConfig(num_envs=64, seed=5))
    env.reset()
    ref_pos, ref_vel = env.reference(env.time)
    state = env._observe()
    np.testing.assert_allclose(state.body_pos, ref_pos, atol=1e-9)
    np.testing.assert_allclose(state.body_vel, ref_vel, atol=1e-6)
    np.testing.assert_allclose(env.time / 0.2, (env.time / 0.2).round(), atol=1e-9)
    assert env.time.max() > 0.5 and (env.time <= library.duration[env.clip] - 0.2 + 1e-9).all()
    assert set(env.clip.tolist()) == {0, 1, 2}


def test_observation_looks_one_step_ahead(body, library):
    env = make(body, library)
    env.assign([0, 1, 2])
    seen = env.reset()["observation"][:, 246:].double()
    ref_pos, _ = library.tracked(torch.arange(3), torch.full((3,), 1 / FPS, dtype=torch.float64))
    now, _ = library.tracked(torch.arange(3), torch.zeros(3, dtype=torch.float64))
    np.testing.assert_allclose(seen[:, :21], (ref_pos - now).reshape(3, -1), atol=1e-6)  # heading is 0 at the start


def test_extra_observations_by_hand(body, library):
    """Later references at their frames, and the turn to the next root; everything at once, heading 0."""
    env = make(body, library, observation=ObservationConfig().plus("turn_to_reference", reference_steps=(2, 6)))
    env.assign([0, 1, 2])
    seen = env.reset()["observation"][:, 309:].double()
    assert seen.shape == (3, 2 * 21 + 3)
    root = library.qpos[library.start, :3]
    for k, after in enumerate((2, 6)):
        frame = library.start + 1 + after
        expected = library.track[frame, :, :3] - root[:, None]
        np.testing.assert_allclose(seen[:, 21 * k : 21 * (k + 1)], expected.reshape(3, -1), atol=1e-6)
    now, then = (Rotation.from_quat(library.qpos[library.start + k, 3:7], scalar_first=True) for k in (0, 1))
    np.testing.assert_allclose(seen[:, 42:], (then * now.inv()).as_rotvec(), atol=1e-6)


def test_orientation_reward_is_of_the_angle_to_the_reference(body, library):
    env = make(body, library, random_heading=True, reward=RewardConfig(orientation_weight=0.1))
    env.assign([0, 1, 2])
    td = env.reset()
    turned = rotation_between(env._observe().quaternion[:, 0], env.reference_root(env.time))
    np.testing.assert_allclose(turned, 0, atol=1e-7)
    td = act(env, td, env.reference_action())["next"]
    state = env._observe()
    angle = (
        Rotation.from_quat(env.reference_root(env.time - state.lag), scalar_first=True)
        * Rotation.from_quat(state.quaternion[:, 0], scalar_first=True).inv()
    )
    np.testing.assert_allclose(metric(env, td, "orientation_reward"), np.exp(-20 * angle.magnitude() ** 2), atol=1e-6)


def test_the_far_term_is_the_position_term_with_a_wider_scale(body, library):
    seen = []
    for reward in (RewardConfig(), RewardConfig(far_weight=0.2, far_scale=20.0)):
        env = make(body, library, reward=reward, rule=KINESIS)
        env.assign([0, 1, 2])
        td = env.reset()
        for _ in range(8):  # muscles that let go: the body sinks away
            td = act(env, td, torch.ones(3, body.model.nu))["next"]
        seen.append(td)
    near = metric(env, seen[0], "position_reward")  # exp(−200 e), so that exp(−20 e) is its tenth root
    assert (near < 0.9).all()
    np.testing.assert_allclose((seen[1]["reward"] - seen[0]["reward"])[:, 0], 0.2 * near**0.1, atol=1e-5)


def test_random_heading_turns_the_reference_only(body, library):
    plain, turned = make(body, library), make(body, library, random_heading=True)
    for env in (plain, turned):
        env.assign([0, 1, 2])
    one, two = plain.reset(), turned.reset()
    assert not torch.allclose(plain.reference(plain.time)[0], turned.reference(turned.time)[0], atol=0.1)
    for _ in range(3):
        np.testing.assert_allclose(one["observation"][:, :230], two["observation"][:, :230], atol=2e-4)
        np.testing.assert_allclose(one["observation"][:, 246:], two["observation"][:, 246:], atol=2e-4)
        one, two = (act(env, td, env.reference_action())["next"] for env, td in ((plain, one), (turned, two)))
        np.testing.assert_allclose(one["reward"], two["reward"], atol=1e-4)


def test_reward_is_one_less_effort_on_the_reference(body, library):
    """A body put on its reference after the step scores the full position, velocity and upright terms."""
    env = make(body, library)
    env.assign([0, 1, 2])
    env.reset()
    env._advance_time()
    index = library.frame_index(env.clip, env.time)
    qpos = library.qpos[index].clone()
    qpos[:, :3] -= env.placement.origin[:, 0]
    env.physics.reset(np.arange(3), qpos.numpy(), library.qvel[index].numpy(), np.zeros((3, body.model.na)))
    result = env._result(env._observe(), torch.ones(3, dtype=torch.float64))
    logged = dict(zip(env.metric_names, result.metrics.unbind(-1), strict=True))
    np.testing.assert_allclose(logged["position_reward"], 1.0, atol=1e-9)
    np.testing.assert_allclose(logged["velocity_reward"], 1.0, atol=1e-9)
    np.testing.assert_allclose(result.reward, 1.0, atol=1e-3)  # the clips lean a little
    assert not result.terminated.any()


def test_lagged_and_fresh_descriptions_agree_on_the_reward(body, library):
    """Comparing at the lagged time is the same measurement one substep earlier, not a different one."""
    rewards = []
    for sensing in ("lagged", "fresh"):
        env = make(body, library, physics=PhysicsConfig(sensing=sensing))
        env.assign([0, 1, 2])
        td = env.reset()
        rewards.append(metric(env, act(env, td, env.reference_action())["next"], "position_reward"))
    np.testing.assert_allclose(rewards[0], rewards[1], atol=0.05)


def test_termination_by_distance_and_truncation_by_time(body, library):
    env = make(body, library, rule=DistanceRule(over="any", distance=100.0))
    env.assign([1, 1, 1])  # 46 frames
    td = env.reset()
    for step in range(45):
        td = act(env, td, torch.zeros(3, 80))["next"]
        assert not td["terminated"].any()
        assert td["truncated"].all() == (step == 44), step
    strict = make(body, library, rule=DistanceRule(over="any", distance=0.01))
    td = strict.reset()
    for _ in range(6):
        td = act(strict, td, torch.ones(3, 80))["next"]
        np.testing.assert_array_equal(td["terminated"].squeeze(-1), metric(env, td, "largest_error") > 0.01)
    assert td["terminated"].all() and not td["truncated"].any() and td["done"].all()


def test_terminal_observation_is_kept_and_partial_resets_touch_ended_rows_only(body, library):
    env = make(body, library, ImitationConfig(num_envs=16, seed=1))
    td = env.reset()
    ended = 0
    for _ in range(12):
        td["action"] = 2 * torch.rand(16, 80) - 1
        now, after = env.step_and_maybe_reset(td)
        done = now["next", "done"].squeeze(-1)
        ended += int(done.sum())
        same = (now["next", "observation"] == after["observation"]).all(1)
        np.testing.assert_array_equal(same, ~done)
        failed = metric(env, now["next"], "largest_error")[now["next", "terminated"].squeeze(-1)]
        assert (failed > 0.15).all()
        td = after
    assert ended > 5


def test_same_seed_same_numbers_at_any_thread_count(body, library):
    runs = []
    for threads, seed in ((1, 3), (2, 3), (1, 4)):
        env = make(body, library, ImitationConfig(num_envs=8, seed=seed, physics=PhysicsConfig(threads=threads)))
        td, seen = env.reset(), []
        generator = torch.Generator().manual_seed(0)
        for _ in range(8):
            td["action"] = 2 * torch.rand(8, 80, generator=generator) - 1
            now, td = env.step_and_maybe_reset(td)
            seen.append(torch.cat([now["next", "observation"], now["next", "reward"]], -1))
        runs.append(torch.stack(seen))
    assert torch.equal(runs[0], runs[1])
    assert not torch.equal(runs[0], runs[2])


@pytest.mark.parametrize(
    "extra",
    [
        {},
        {"observation": ObservationConfig().plus("turn_to_reference", *JOINT_TERMS, reference_steps=(2, 6))},
    ],
)
def test_mirrored_state_and_action_give_mirrored_observation_reward_and_next_state(body, march, extra):
    mirror = body.mirror
    reflected = march.with_(qpos=mirror.qpos(march.qpos), name="mirrored")
    library = MotionLibrary.build([march, reflected], body)
    reward = RewardConfig(orientation_weight=0.3)
    env = make(body, library, num_envs=2, reward=reward, **extra)
    env.assign([0, 1])
    td = env.reset()
    seen = env.sample_mirror().observation
    generator = torch.Generator().manual_seed(2)
    for _ in range(4):
        one, two = td["observation"].double()
        assert not torch.allclose(one, two, atol=1e-2)
        np.testing.assert_allclose(seen(one), two, atol=2e-5 * (1 + one.abs().max()))
        action = env.reference_action()[0] + 0.1 * torch.randn(80, generator=generator)
        td = act(env, td, torch.stack([action, action[mirror.muscles]]))["next"]
        np.testing.assert_allclose(*td["reward"], atol=1e-6)
        np.testing.assert_allclose(mirror.qpos(env.physics.qpos[0]), env.physics.qpos[1], atol=1e-8)
        np.testing.assert_allclose(mirror.qvel(env.physics.qvel[0]), env.physics.qvel[1], atol=1e-5)
        np.testing.assert_allclose(env.physics.activation[0][..., mirror.muscles], env.physics.activation[1], atol=1e-7)


def test_a_broken_simulation_ends_one_episode_with_finite_numbers(body, library):
    env = make(body, library)
    td = env.reset()
    env.physics.qvel[1, 8] = np.nan
    end = act(env, td, env.reference_action())["next"]
    assert end["terminated"].squeeze(-1).tolist() == [False, True, False]
    assert end["reward"][1] == 0 and torch.isfinite(end["observation"]).all()


def test_interrupted_and_restored_equals_uninterrupted(body, library):
    pushed = DisturbanceConfig(force=80.0, pause=0.3)
    config = ImitationConfig(num_envs=6, seed=9, disturbance=pushed)
    env = make(body, library, config)
    generator = torch.Generator().manual_seed(1)
    actions = 2 * torch.rand(10, 6, 80, generator=generator) - 1

    def run(env, td, steps):
        out = []
        for k in steps:
            now, td = env.step_and_maybe_reset(td.clone().set("action", actions[k]))
            out.append(now["next", "observation"].clone())
        return torch.stack(out), td

    _, td = run(env, env.reset(), range(4))
    saved, carried = env.get_state(), td.clone()
    expected, _ = run(env, td, range(4, 10))
    other = make(body, library, replace(config, seed=77))
    other.reset()
    other.set_state(saved)
    again, _ = run(other, carried, range(4, 10))
    assert torch.equal(expected, again)


def test_pushes_come_within_their_limits_and_end(body):
    config = DisturbanceConfig(force=60.0, shortest=0.1, longest=0.3, pause=0.5)
    pushes, rng = Disturbance(200, config), np.random.default_rng(0)
    forces = np.stack([pushes.step(1 / 30, rng).copy() for _ in range(300)])
    size = np.linalg.norm(forces, axis=-1)
    assert (forces[..., 2] == 0).all() and 55 < size.max() <= 60
    assert abs((size > 0).mean() - 0.2 / 0.7) < 0.06  # pushes of 0.2 s with 0.5 s between them
    assert abs(forces[..., :2].mean()) < 1.0  # from all sides
    runs = np.diff(np.flatnonzero(np.diff((size[:, 0] > 0).astype(int))))
    assert runs.size and size[:, 0].min() == 0
    pushes.clear(torch.arange(200))
    assert not pushes.force.any()


def test_clip_weights_choose_the_clips(body, library):
    env = make(body, library, ImitationConfig(num_envs=32))
    env.clip_weights = np.array([0.0, 1.0, 0.0])
    env.reset()
    assert (env.clip == 1).all()


def test_wrong_library_or_timing_is_refused(body, library):
    other = MotionLibrary(
        "another",
        library.clips,
        {k: getattr(library, k).numpy() for k in ("qpos", "qvel", "track", "muscle_length")},
    )
    with pytest.raises(ValueError, match="of body 'another'"):
        make(body, other)
    with pytest.raises(ValueError, match="longer than a frame"):
        make(body, library, physics=PhysicsConfig(substeps=6))
    with pytest.raises(ValueError, match="clip indices below 3"):
        make(body, library).assign([0, 1, 3])


def test_joint_errors_say_how_the_joints_must_move(body, library):
    env = make(
        body,
        library,
        ImitationConfig(
            num_envs=2, start="beginning", random_heading=False, observation=ObservationConfig().plus(*JOINT_TERMS)
        ),
    )
    env.assign([0, 0])
    env.reset()
    knee = body.joint_names.index("knee_angle_r")
    column = body.independent_joints.index("knee_angle_r")
    env.physics.qpos[1, 7 + knee] -= 0.2
    env.physics.qvel[1, 6 + knee] += 0.5
    seen = {name: OBSERVATIONS[name].compute(env.scene()) for name in JOINT_TERMS}
    expected = library.qpos[1, 7 + knee] - library.qpos[0, 7 + knee]
    np.testing.assert_allclose(seen["joint_error"][:, column], [expected, expected + 0.2], atol=1e-9)
    rates = seen["joint_rate_error"][:, column]
    np.testing.assert_allclose(rates[0] - rates[1], 0.5, atol=1e-9)
    apart = (seen["joint_error"][1] - seen["joint_error"][0]).abs() > 1e-9
    assert apart.nonzero().squeeze(-1).tolist() == [column]


def test_finer_physics_and_more_policy_steps_a_second_follow_the_same_clip(body, library):
    fine = PhysicsConfig(rate=1000.0, substeps=10)
    env = ImitationEnv(body, library, ImitationConfig(num_envs=2, start="beginning", control="direct", physics=fine))
    env.assign([0, 0])
    assert env.policy_dt == pytest.approx(0.01) and env.physics.substep == pytest.approx(1e-3)
    assert body.model.opt.timestep == pytest.approx(1 / 150)  # the body itself is as it was
    td = env.reset()
    for _ in range(10):
        td = env.step(td.set("action", torch.full((2, body.model.nu), -1.0)))["next"]
    assert float(env.time[0]) == pytest.approx(0.1) and float(env.distances.max()) < 0.15
    described = as_described(ImitationConfig(), describe(env.settings)).physics
    assert (described.rate, described.substeps) == (1000.0, 10)
    episode = play_clips(body, library.subset([0]), lambda env: baseline("zero", env), env.settings)[0]
    assert episode.steps == pytest.approx(100 * float(library.duration[0]), abs=1)
    with pytest.raises(ValueError, match="longer than a frame"):
        ImitationEnv(body, library, ImitationConfig(num_envs=1, physics=PhysicsConfig(substeps=6)))
    with pytest.raises(ValueError, match="expected 50 to 10,000"):
        PhysicsConfig(rate=1.0)
