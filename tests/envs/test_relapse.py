"""Starts where other episodes were about to be lost."""

import numpy as np
import pytest
import torch

from kinesis_trl.envs.imitation import ImitationConfig, ImitationEnv
from kinesis_trl.envs.relapse import Relapse, RelapseConfig
from kinesis_trl.envs.terminations import DistanceRule

RNG = np.random.default_rng(0)


def run(relapse: Relapse, steps: int, *, lost_at: int, first: int = 0) -> None:
    """Two bodies whose state is (body, 100 · body + step); body 1 is lost in step `lost_at`."""
    for step in range(first, first + steps):
        state = [np.arange(2.0), np.array([[step], [100.0 + step]])]
        lost = np.array([False, step == lost_at])
        relapse.note(state, np.array([step + 1, step + 1]), lost, np.random.default_rng(step))


def test_a_start_is_the_state_some_steps_before_the_loss():
    relapse = Relapse(2, (1, 1), RelapseConfig(share=1.0, shortest=4, longest=4))
    run(relapse, 20, lost_at=17)
    chosen, parts = relapse.draw(3, RNG)
    assert chosen.tolist() == [0, 1, 2]
    assert parts[0][:, 0].tolist() == [1, 1, 1]
    assert parts[1][:, 0].tolist() == [113, 113, 113]


def test_how_far_back_differs_within_its_limits():
    relapse = Relapse(1, (1,), RelapseConfig(share=1.0, shortest=3, longest=6))
    rng = np.random.default_rng(1)
    for step in range(400):
        relapse.note([np.array([float(step)])], np.array([step + 1]), np.array([step % 10 == 9]), rng)
    back = (9 - relapse.draw(500, RNG)[1][0][:, 0]) % 10
    assert set(back) == {3, 4, 5, 6}


def test_an_episode_shorter_than_the_way_back_leaves_nothing():
    relapse = Relapse(2, (1, 1), RelapseConfig(share=1.0, shortest=4, longest=4))
    run(relapse, 4, lost_at=3)  # four steps: the state four steps back is the start
    assert len(relapse.draw(3, RNG)[0]) == 0
    run(relapse, 1, lost_at=4, first=4)
    assert relapse.draw(1, RNG)[1][1].tolist() == [[100]]


def test_the_oldest_states_are_forgotten():
    relapse = Relapse(1, (1,), RelapseConfig(share=1.0, shortest=1, longest=1, memory=3))
    for step in range(10):
        relapse.note([np.array([float(step)])], np.array([step + 1]), np.array([True]), RNG)
    assert set(relapse.draw(100, RNG)[1][0][:, 0]) == {6, 7, 8}


def test_only_a_share_of_the_episodes_starts_so():
    relapse = Relapse(2, (1, 1), RelapseConfig(share=0.3, shortest=4, longest=4))
    run(relapse, 20, lost_at=17)
    assert len(relapse.draw(10_000, np.random.default_rng(0))[0]) == pytest.approx(3000, abs=150)


@pytest.mark.parametrize("bad", [{"share": 1.5}, {"shortest": 0}, {"shortest": 9, "longest": 8}, {"memory": 0}])
def test_bad_settings_are_named(bad):
    with pytest.raises(ValueError, match=str(next(iter(bad.values())))):
        RelapseConfig(**bad)


def make(body, library, **settings) -> ImitationEnv:
    relapse = RelapseConfig(share=1.0, shortest=2, longest=4)
    rule = DistanceRule(over="mean", distance=0.05)  # without muscles bodies sag: all are lost soon
    return ImitationEnv(
        body, library, ImitationConfig(num_envs=4, control="direct", relapse=relapse, rule=rule, **settings)
    )


def play(env: ImitationEnv, steps: int, td=None):
    td = env.reset() if td is None else td
    for _ in range(steps):
        _, td = env.step_and_maybe_reset(td.set("action", -torch.ones(env.action_spec.shape)))
    return td


def test_episodes_begin_again_in_the_states_they_had(body, library):
    env = make(body, library)
    seen = set()
    env.reset()
    td = None
    for _ in range(60):
        states = np.concatenate([env.physics.qpos, env.physics.qvel, env.physics.activation], axis=1)
        seen |= {row.tobytes() for row in states}
        td = play(env, 1, td)
        begun = env.episode_steps == 0
        if begun.any() and env._starts.relapse.counters[1] > 0:
            row = int(begun.nonzero()[0, 0])
            again = np.concatenate([env.physics.qpos, env.physics.qvel, env.physics.activation], axis=1)[row]
            if again.tobytes() in seen:
                break
    else:
        pytest.fail("no episode began in a state that was there before")
    # the reference goes on as it lay: the body is apart from it, by no more than an episode may be
    apart = (env._observe().body_pos - env.reference(env.time)[0])[row].norm(dim=-1).mean()
    assert 1e-4 < float(apart) < 0.05


def test_evaluation_never_starts_so(body, library):
    env = make(body, library, start="beginning")
    play(env, 60)
    assert env._starts.relapse.counters[1] > 0
    env.reset()
    assert env.time.tolist() == [0.0] * 4


def test_a_stopped_run_goes_on_with_the_states_it_knew(body, library):
    one, other = make(body, library, seed=3), make(body, library, seed=4)
    td = play(one, 40)
    saved = one.get_state()
    carried = td.clone()
    expected = play(one, 40, td)
    other.reset()
    other.set_state(saved)
    again = play(other, 40, carried)
    assert torch.equal(expected["observation"], again["observation"])
