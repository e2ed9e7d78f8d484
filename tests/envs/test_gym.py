"""The Gymnasium environments, batched and single."""

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

import kinesis_trl.envs.gym as registered


@pytest.fixture
def envs(body, library):
    made = gymnasium.make_vec(registered.IMITATION, num_envs=6, body=body, library=library, seed=2)
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
    assert envs.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
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
    mode = AutoresetMode.NEXT_STEP
    made = gymnasium.make_vec(registered.IMITATION, num_envs=4, body=body, library=library, seed=2, autoreset_mode=mode)
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
        registered.make_single(registered.IMITATION, body=body, library=library, render_mode="human")
