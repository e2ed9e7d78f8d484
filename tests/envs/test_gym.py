"""The Gymnasium environments, batched and single."""

import warnings

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode
from torchrl.envs.libs.gym import GymWrapper
from torchrl.envs.utils import check_env_specs

import kinesis_trl.envs.gym as registered


@pytest.fixture
def envs(body, library):
    mode = AutoresetMode.SAME_STEP
    made = gymnasium.make_vec(registered.IMITATION, num_envs=6, body=body, library=library, seed=2, autoreset_mode=mode)
    yield made
    made.close()


def test_spaces_and_seeding(envs):
    first, _ = envs.reset(seed=5)
    assert first.shape == (6, 309) and first.dtype == np.float32
    assert envs.single_action_space.shape == (80,)
    again, _ = envs.reset(seed=5)
    other, _ = envs.reset(seed=6)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    with pytest.raises(ValueError, match="single seed"):
        envs.reset(seed=[1, 2, 3, 4, 5, 6])


def test_autoreset_in_the_same_step_keeps_the_last_observation(envs):
    envs.reset(seed=1)
    rng = np.random.default_rng(0)
    ended = 0
    for _ in range(10):
        seen, reward, terminated, truncated, infos = envs.step(rng.uniform(-1, 1, (6, 80)).astype(np.float32))
        done = terminated | truncated
        assert reward.shape == (6,) and "largest_error" in infos
        if done.any():
            ended += done.sum()
            np.testing.assert_array_equal(infos["_final_obs"], done)
            changed = (infos["final_obs"] != seen).any(1)
            np.testing.assert_array_equal(changed, done)
            assert (infos["largest_error"][terminated] > 0.15).all()
    assert ended > 3


def test_made_by_name_from_a_saved_library(library, tmp_path):
    library.save(tmp_path / "motions")
    made = gymnasium.make_vec("kinesis_trl.envs.gym:kinesis_trl/Imitation-v0", num_envs=2, library=tmp_path / "motions")
    assert made.reset(seed=0)[0].shape == (2, 309)
    made.close()


def test_wrong_action_shape_is_refused(envs):
    envs.reset(seed=1)
    with pytest.raises(ValueError, match="expected"):
        envs.step(np.zeros((6, 79), dtype=np.float32))


def test_reset_mask_resets_some(envs):
    before, _ = envs.reset(seed=1)
    mask = np.array([True, False, True, False, False, False])
    after, _ = envs.reset(options={"reset_mask": mask})
    np.testing.assert_array_equal((before != after).any(1)[~mask], False)
    assert (before != after).any(1)[mask].any()


@pytest.mark.parametrize("name", [registered.POINT_GOAL, registered.DIRECTIONAL])
def test_tasks_with_a_goal_are_registered_too(body, name):
    made = gymnasium.make_vec(name, num_envs=2, body=body)
    seen, _ = made.reset(seed=4)
    again, _ = made.reset(seed=4)
    np.testing.assert_array_equal(seen, again)
    _, reward, _, _, infos = made.step(np.zeros((2, 80), dtype=np.float32))
    assert seen.shape == (2, 309) and np.isfinite(reward).all() and "upright_reward" in infos
    made.close()


def test_autoreset_in_the_next_step_ignores_one_action_and_earns_nothing(body, library):
    made = gymnasium.make_vec(registered.IMITATION, num_envs=4, body=body, library=library, seed=2)
    assert made.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP  # as Gymnasium's own
    made = gymnasium.wrappers.vector.NormalizeObservation(made)
    made.reset(seed=1)
    rng, before = np.random.default_rng(0), np.zeros(4, dtype=bool)
    resets = 0
    for _ in range(10):
        _, reward, terminated, truncated, infos = made.step(rng.uniform(-1, 1, (4, 80)).astype(np.float32))
        assert (reward[before] == 0).all() and not (terminated | truncated)[before].any()
        assert "final_obs" not in infos
        resets += before.sum()
        before = terminated | truncated
    assert resets > 2
    made.close()


def test_the_action_is_as_wide_as_the_control_takes(body, solved):
    made = gymnasium.make_vec(registered.IMITATION, num_envs=2, body=body, library=solved, control="feedforward")
    assert made.single_action_space.shape == (14,)
    made.reset(seed=0)
    seen, *_ = made.step(made.action_space.sample())
    assert np.isfinite(seen).all()
    made.close()


def test_a_single_environment_shows_what_a_batch_of_one_shows(body, library):
    one = gymnasium.make(registered.IMITATION, body=body, library=library)
    batch = gymnasium.make_vec(
        registered.IMITATION, num_envs=1, body=body, library=library, autoreset_mode=AutoresetMode.DISABLED
    )
    seen, _ = one.reset(seed=3)
    np.testing.assert_array_equal(seen, batch.reset(seed=3)[0][0])
    action = np.full(80, -0.2, dtype=np.float32)
    seen, reward, terminated, truncated, said = one.step(action)
    expected = batch.step(action[None])
    np.testing.assert_array_equal(seen, expected[0][0])
    assert (reward, terminated, truncated) == tuple(part[0] for part in expected[1:4]) and said["largest_error"] > 0
    assert one.observation_space.contains(seen) and one.unwrapped.render() is None
    with pytest.raises(ValueError, match="choose rgb_array or None"):
        gymnasium.make(registered.IMITATION, body=body, library=library, render_mode="human")
    with pytest.raises(ValueError, match="choose rgb_array or None"):
        gymnasium.make_vec(registered.IMITATION, body=body, library=library, render_mode="human")


@pytest.mark.parametrize("name", [registered.IMITATION, registered.POINT_GOAL, registered.DIRECTIONAL])
def test_gymnasiums_own_check(body, library, name):
    options = {"library": library} if name == registered.IMITATION else {}
    one = gymnasium.make(name, body=body, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # observations have no bounds
        check_env(one.unwrapped)
    one.close()


WRAPPERS = {
    "NormalizeReward": {},
    "RecordEpisodeStatistics": {},
    "ClipAction": {},
    "TransformReward": {"func": np.tanh},
    "NormalizeObservation": {},
    "FlattenObservation": {},
    "DtypeObservation": {"dtype": np.float64},
}


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_vector_wrappers(body, library, mode):
    """Those that change observations are Gymnasium's for NEXT_STEP alone."""
    made = gymnasium.make_vec(registered.IMITATION, num_envs=3, body=body, library=library, autoreset_mode=mode)
    for name, options in WRAPPERS.items():
        if mode is AutoresetMode.SAME_STEP and name.endswith("Observation"):
            with pytest.raises(ValueError, match="NEXT_STEP"):
                getattr(gymnasium.wrappers.vector, name)(made, **options)
        else:
            made = getattr(gymnasium.wrappers.vector, name)(made, **options)
    made.reset(seed=1)
    made.action_space.seed(2)
    lengths = []
    for _ in range(16):
        seen, reward, _, _, infos = made.step(made.action_space.sample())
        assert made.observation_space.contains(seen) and np.isfinite(seen).all() and np.isfinite(reward).all()
        lengths += list(infos["episode"]["l"][infos["_episode"]]) if "episode" in infos else []
    assert len(lengths) > 3 and min(lengths) > 0
    made.close()


def test_bodies_are_drawn(body, library):
    one = gymnasium.make(registered.IMITATION, body=body, library=library, render_mode="rgb_array")
    one.reset(seed=1)
    picture = one.render()
    one.close()
    assert picture.shape == (480, 640, 3) and picture.std() > 10
    envs = gymnasium.make_vec(
        registered.IMITATION, num_envs=2, body=body, library=library, random_heading=False, render_mode="rgb_array"
    )
    envs.reset(seed=1)
    first, second = envs.render()
    envs.close()
    assert first.shape == picture.shape and (first != second).any()


@pytest.mark.parametrize("mode", [AutoresetMode.SAME_STEP, AutoresetMode.DISABLED, None])
def test_torchrls_wrapper(body, library, mode):
    """Around a batch in both modes that it takes, and around a single environment."""
    if mode is None:
        wrapped = GymWrapper(gymnasium.make(registered.IMITATION, body=body, library=library))
    else:
        envs = gymnasium.make_vec(registered.IMITATION, num_envs=3, body=body, library=library, autoreset_mode=mode)
        wrapped = GymWrapper(envs)
    check_env_specs(wrapped)
    torch.manual_seed(0)
    made = wrapped.rollout(12, break_when_any_done=False)
    done = made["next", "done"].squeeze(-1)
    assert done.any() and made["observation"].isfinite().all()
    # what is seen next is what the step led to, unless the episode ended there
    ahead, seen = made["next", "observation"][..., :-1, :], made["observation"][..., 1:, :]
    assert ((ahead != seen).any(-1) == done[..., :-1]).all()
    wrapped.close()


def test_stable_baselines_trains(body, library):
    pytest.importorskip("stable_baselines3")
    from stable_baselines3 import PPO
    from stable_baselines3.common.env_checker import check_env as check_single
    from stable_baselines3.common.env_util import make_vec_env
    from stable_baselines3.common.vec_env import VecMonitor

    from kinesis_trl.envs.stable_baselines import BatchedVecEnv

    one = make_vec_env(registered.IMITATION, n_envs=1, env_kwargs={"body": body, "library": library})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        check_single(one.envs[0])
    envs = BatchedVecEnv(registered.make_vector(registered.IMITATION, 32, body=body, library=library))
    network = {"net_arch": [32], "log_std_init": -2.0}
    learner = PPO("MlpPolicy", VecMonitor(envs), n_steps=32, batch_size=512, n_epochs=3, seed=1, policy_kwargs=network)
    before = learner.policy.action_net.weight.detach().clone()
    learner.learn(2_000)
    assert learner.num_timesteps >= 2_000
    assert torch.isfinite(learner.policy.action_net.weight).all()
    assert (learner.policy.action_net.weight != before).any()
    assert all(np.isfinite(episode["r"]) and episode["l"] > 0 for episode in learner.ep_info_buffer)
    # and as it makes environments by itself, one a body
    learner = PPO("MlpPolicy", one, n_steps=32, batch_size=32, n_epochs=1, policy_kwargs=network).learn(64)
    assert learner.num_timesteps == 64 and len(learner.ep_info_buffer) > 0
    envs.close()
    one.close()


def test_stable_baselines_sees_the_last_observation_and_what_ended_an_episode(body, library):
    pytest.importorskip("stable_baselines3")
    from kinesis_trl.envs.stable_baselines import BatchedVecEnv

    envs = BatchedVecEnv(registered.make_vector(registered.IMITATION, 6, body=body, library=library))
    twin = gymnasium.make_vec(
        registered.IMITATION, num_envs=6, body=body, library=library, autoreset_mode=AutoresetMode.SAME_STEP
    )
    envs.seed(5)
    np.testing.assert_array_equal(envs.reset(), twin.reset(seed=5)[0])
    rng, ended = np.random.default_rng(0), 0
    for _ in range(10):
        action = rng.uniform(-1, 1, (6, 80)).astype(np.float32)
        seen, reward, done, infos = envs.step(action)
        expected = twin.step(action)
        np.testing.assert_array_equal(seen, expected[0])
        np.testing.assert_array_equal(reward, expected[1])
        np.testing.assert_array_equal([info["TimeLimit.truncated"] for info in infos], expected[3])
        for row in np.flatnonzero(done):
            np.testing.assert_array_equal(infos[row]["terminal_observation"], expected[4]["final_obs"][row])
        ended += done.sum()
    assert ended > 3
