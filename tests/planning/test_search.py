"""The search: what it finds was done by one body from the start to the end, and is given up where it cannot be done."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from kinesis_trl.agents.baselines import baseline
from kinesis_trl.envs.base import put_rows
from kinesis_trl.envs.imitation import ImitationEnv
from kinesis_trl.planning.search import SearchConfig, _Run, search
from kinesis_trl.planning.store import FoundStore
from tests.planning.conftest import SEARCH


def test_what_was_found_is_one_bodys_way(body, walk, player, found):
    """Its actions, played again without any search, pass through its states."""
    assert found.whole
    steps = int(walk.frames[0]) - 1
    assert found.actions.shape == (steps, 14)
    assert {len(array) for array in found.states.values()} == {steps + 1}
    settings = replace(player.settings, num_envs=1, start="beginning", random_heading=False)
    env = ImitationEnv(body, walk, settings)
    td = env.reset()
    for step in range(steps):
        # rounded as the search rounded them, so that nothing is left to grow
        td = env.step(td.set("action", torch.from_numpy(found.actions[step : step + 1]).float()))["next"]
        state = env.physics.get_state()["state"][0]
        np.testing.assert_allclose(state, found.states["state"][step + 1], atol=1e-9, rtol=1e-9)
        np.testing.assert_allclose(env.apart_from_unsolved()[0].numpy(), found.distance[step], atol=1e-9)
        assert float(td["reward"]) == pytest.approx(found.reward[step], abs=1e-6)


def test_the_same_seed_finds_the_same(body, walk, player, critic, found):
    [(_, again)] = search(body, walk, player.policy, critic, player.settings, SEARCH, [0])
    np.testing.assert_array_equal(again.actions, found.actions)


def test_a_clip_that_cannot_be_kept_up_is_given_up(body, walk, player, critic):
    """Bodies whose muscles are told nothing fall, go back as often as they may, and leave what they did so far."""
    config = SearchConfig(bodies=4, clips=1, tries=2, noise=0.001)
    settings = replace(player.settings, physics=replace(player.settings.physics, strength=0.0))
    moved: list[int] = []
    [(_, result)] = search(
        body, walk, lambda env: baseline("zero", env), critic, settings, config, [0], on_step=moved.append
    )
    assert not result.whole
    assert result.tries == 3
    assert 0 < len(result.actions) < int(walk.frames[0]) - 1
    assert len(result.distance) == len(result.reward) == len(result.actions)
    assert sum(n for n in moved if n > 0) > len(result.actions)  # some steps were made more than once


def test_bodies_go_on_from_a_snapshot_wherever_they_are_put(body, walk, player):
    env = ImitationEnv(body, walk, replace(player.settings, num_envs=3, start="beginning"))
    td = env.reset()
    act = torch.from_numpy(np.random.default_rng(0).uniform(-0.1, 0.1, (3, 14))).float()
    env.step(td.set("action", act))
    kept = env.state.clone()
    after = env.step(td.set("action", act))["next"]["observation"]
    # body 0 takes the place of body 2, a step back, with its clip, time and heading
    put_rows(env.state, kept[[0]], torch.tensor([2]))
    torch.testing.assert_close(env.state["observation"][2], kept["observation"][0])
    again = env.step(td.set("action", act[[0, 1, 0]]))["next"]["observation"]
    torch.testing.assert_close(again[2], after[0])


def test_a_clip_that_begins_leaves_what_others_see_alone(body, walk, player, critic):
    run = _Run(body, walk, player.policy, critic, player.settings, SearchConfig(bodies=2, clips=2))
    run.begin(0, 0)
    with torch.no_grad():
        run.step()
        before = run.env.state["observation"].clone()
        run.begin(1, 0)
    assert (before[:2] != 0).any(1).all()
    torch.testing.assert_close(run.env.state["observation"][:2], before[:2], rtol=0, atol=0)
    assert (run.env.state["observation"][2:] != before[2:]).any(1).all()


def test_settings_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match=r"bodies 1 must be at least 2"):
        SearchConfig(bodies=1)
    with pytest.raises(ValueError, match=r"noise 0\.0 must be positive"):
        SearchConfig(noise=0.0)


def test_what_was_found_comes_back_from_disk_and_damage_is_noticed(tmp_path, found):
    store = FoundStore.beside(tmp_path / "out", "key")
    assert store.load(0) is None
    store.save(0, found)
    back = FoundStore.beside(tmp_path / "out", "key").load(0)
    np.testing.assert_array_equal(back.actions, found.actions)
    np.testing.assert_array_equal(back.states["state"], found.states["state"])
    assert (back.whole, back.tries) == (found.whole, found.tries)
    assert (
        FoundStore.beside(tmp_path / "out", "other key").load(0) is None
    )  # another search does not take it for its own
    file = store.folder / "000000.npz"
    file.write_bytes(file.read_bytes()[:1000])
    assert store.load(0) is None
