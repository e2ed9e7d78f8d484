"""MPPI: samples are what would happen, the environment is not touched, and bodies stay up for longer."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from kinesis_trl.agents.checkpoint import load_checkpoint
from kinesis_trl.envs.directional import Heading
from kinesis_trl.envs.goal_config import PointGoalConfig
from kinesis_trl.envs.imitation import ImitationConfig, ImitationEnv
from kinesis_trl.envs.live import LiveEnv, order_for
from kinesis_trl.envs.point_goal import PointGoalEnv
from kinesis_trl.envs.rollout import rollout
from kinesis_trl.envs.terms.terminations import DistanceRule
from kinesis_trl.evaluation.perturbations import Perturbation, perturbed
from kinesis_trl.evaluation.rollout import play_clips
from kinesis_trl.motion.library import MotionLibrary
from kinesis_trl.motion.solving import SolveConfig
from kinesis_trl.planning.controllers import make_player
from kinesis_trl.planning.mppi import Mppi, MppiConfig
from kinesis_trl.shipped import SHIPPED_POLICY, asset

pytestmark = pytest.mark.slow

SETTINGS = ImitationConfig(
    num_envs=2, control="feedforward", start="beginning", random_heading=False, rule=DistanceRule(distance=0.3)
)
FEW = MppiConfig(samples=4, steps=3, distance_cost=0.0)


class Constant(torch.nn.Module):
    """A value function that expects the same everywhere."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    @property
    def net(self):
        return lambda seen: torch.full((*seen.shape[:-1], 1), self.value)


def uncorrected(td):
    return td.set("action", torch.zeros(*td.batch_size, 14))


@pytest.fixture(scope="module")
def solved(body, march):
    return MotionLibrary.build([march.with_(qpos=march.qpos[:k]) for k in (61, 40)], body, inverse=SolveConfig())


@pytest.fixture
def env(body, solved):
    env = ImitationEnv(body, solved, SETTINGS)
    env.assign([0, 1])
    return env


def looking(env, body, config=FEW, value=0.0):
    return Mppi(env, uncorrected, Constant(value), body, config)


BOTH = np.ones(2, dtype=bool)


def worth_of(ahead, tried):
    return ahead._worth(tried, BOTH)[0]


def same(one, other):
    assert (one["bodies"] == other["bodies"]).all() and one["generator"] == other["generator"]


def test_the_future_without_correction_is_what_happens(env, body):
    td = env.reset()
    for _ in range(4):
        td = env.step(uncorrected(td))["next"]
    worth = worth_of(looking(env, body, value=2.0), np.zeros((2, 4, 3, 14)))
    earned = np.zeros(2)
    for step in range(3):
        td = env.step(uncorrected(td))["next"]
        earned += 0.97**step * td["reward"].reshape(-1).numpy()
    assert not td["terminated"].any()
    np.testing.assert_allclose(worth, (earned + 0.97**3 * 2.0)[:, None].repeat(4, 1), rtol=1e-6)


def test_without_a_value_function_nothing_counts_after_the_horizon(env, body):
    env.reset()
    untrained = make_player("zero", body, SETTINGS, control="feedforward", planner=FEW).policy(env)
    none = np.zeros((2, 4, 3, 14))
    np.testing.assert_array_equal(worth_of(untrained, none), worth_of(looking(env, body, value=0.0), none))


def test_the_furthest_body_costs_by_its_distance(env, body):
    td = env.reset()
    for _ in range(4):
        td = env.step(uncorrected(td))["next"]
    none = np.zeros((2, 4, 3, 14))
    free, pulled = (worth_of(looking(env, body, replace(FEW, distance_cost=cost)), none) for cost in (0.0, 4.0))
    cost = np.zeros(2)
    for step in range(3):
        td = env.step(uncorrected(td))["next"]
        cost += 0.97**step * 4.0 * env.apart_from_unsolved().amax(-1).numpy()
    np.testing.assert_allclose(free - pulled, cost[:, None].repeat(4, 1), rtol=1e-6)


def test_nothing_is_earned_after_a_loss(body, solved):
    env = ImitationEnv(body, solved, replace(SETTINGS, rule=DistanceRule(distance=1e-6)))
    env.assign([0, 1])
    td = env.reset()
    ahead = looking(env, body, value=5.0)
    worth = worth_of(ahead, np.zeros((2, 4, 3, 14)))
    first = env.step(uncorrected(td))["next"]
    assert first["terminated"].all()
    np.testing.assert_allclose(worth[:, 0], first["reward"].reshape(-1), rtol=1e-6)


def test_sampling_leaves_the_body_where_it_is(env, body):
    td = env.reset()
    ahead = looking(env, body)
    before = env.get_state()
    ahead(td.clone())
    same(before, env.get_state())


def test_samples_do_not_know_of_a_push(env, body):
    env.reset()
    ahead = looking(env, body)
    quiet = worth_of(ahead, np.zeros((2, 4, 3, 14)))
    env.physics.push(np.array([[300.0, 0.0, 0.0], [0.0, 300.0, 0.0]]))
    np.testing.assert_array_equal(worth_of(ahead, np.zeros((2, 4, 3, 14))), quiet)


def test_samples_know_of_a_lesion(env, body):
    env.reset()
    ahead = looking(env, body)
    healthy = worth_of(ahead, np.zeros((2, 4, 3, 14)))
    env.physics.weaken(np.zeros(80))
    td = env.reset()
    earned = np.zeros(2)
    for step in range(3):
        td = env.step(uncorrected(td))["next"]
        earned += 0.97**step * td["reward"].reshape(-1).numpy()
    env.reset()
    lesioned = worth_of(ahead, np.zeros((2, 4, 3, 14)))
    np.testing.assert_allclose(lesioned[:, 0], earned, rtol=1e-6)
    assert (np.abs(lesioned - healthy) > 1e-3).all()


def test_corrections_are_none_the_plan_and_noise_about_it(env, body):
    ahead = looking(env, body, MppiConfig(samples=400, steps=3, noise=0.1, ar1=0.5))
    ahead.plan[:] = 0.25
    tried = ahead._tried(1.0)
    assert (tried[:, 0] == 0).all() and (tried[:, 1] == 0.25).all()
    noise = tried[:, 2:] - 0.25
    np.testing.assert_allclose(noise.std((0, 1, 3)), 0.1, rtol=0.05)
    kept = (noise[:, :, 0] * noise[:, :, 1]).mean() / 0.1**2
    assert kept == pytest.approx(0.5, abs=0.05)


def test_the_best_future_is_taken_where_only_it_counts(env, body, monkeypatch):
    td = env.reset()
    ahead = looking(env, body, MppiConfig(samples=4, steps=3, inverse_temperature=1000.0))
    seen = {}

    def worth(tried, rows):
        seen["tried"] = tried
        return np.array([[0.0, 0.0, 0.0, 1.0], [0.0, 0.0, 1.0, 0.0]]), np.zeros((2, 4))

    monkeypatch.setattr(ahead, "_worth", worth)
    action = ahead(td)["action"].numpy()
    np.testing.assert_allclose(action[0], seen["tried"][0, 3, 0], atol=1e-6)
    np.testing.assert_allclose(action[1], seen["tried"][1, 2, 0], atol=1e-6)
    np.testing.assert_allclose(ahead.plan[0, :2], seen["tried"][0, 3, 1:], atol=1e-9)
    assert (ahead.plan[:, 2] == 0).all()


def test_where_all_samples_go_astray_others_are_tried_with_more_noise_and_at_every_step(env, body, monkeypatch):
    """The first body strays until the third attempt, the second never."""
    td = env.reset()
    ahead = looking(env, body, replace(FEW, every=3, retries=2))
    seen = []

    def worth(tried, rows):
        far = np.zeros((2, 4))
        far[0] = 0.5 if len(seen) != 2 else [0.5, 0.1, 0.5, np.inf]
        seen.append((rows.tolist(), tried[:, 2:] - ahead.plan[:, None]))
        return np.zeros((2, 4)), far

    monkeypatch.setattr(ahead, "_worth", worth)
    td = env.step(ahead(td))["next"]
    assert [rows for rows, _ in seen] == [[True, True], [True, False], [True, False]]
    spread = [noise[0].std() for _, noise in seen]
    assert spread[1] == pytest.approx(2 * spread[0], rel=0.3) and spread[2] == pytest.approx(3 * spread[0], rel=0.3)
    seen.clear()
    td = env.step(ahead(td))["next"]
    assert not seen  # found its way
    td = env.step(ahead(td))["next"]
    td = env.step(ahead(td))["next"]
    assert seen[0][0] == [True, True]


def test_a_body_astray_is_planned_for_at_every_step(env, body, monkeypatch):
    td = env.reset()
    ahead = looking(env, body, replace(FEW, every=3, retries=0))
    seen = []

    def worth(tried, rows):
        seen.append(rows.tolist())
        return np.zeros((2, 4)), np.array([[0.1] * 4, [0.3] * 4])

    monkeypatch.setattr(ahead, "_worth", worth)
    for _ in range(3):
        td = env.step(ahead(td))["next"]
    assert seen == [[True, True], [False, True], [False, True]]


def test_what_is_not_planned_is_not_simulated(env, body):
    env.reset()
    ahead = looking(env, body)
    worth, apart = ahead._worth(np.zeros((2, 4, 3, 14)), np.array([True, False]))
    assert (worth[0] > 0).all() and np.isfinite(apart[0]).all()
    assert (worth[1] == 0).all() and np.isinf(apart[1]).all()


def test_a_new_episode_begins_without_a_plan(env, body, monkeypatch):
    ahead = looking(env, body)
    ahead(env.reset())
    assert ahead.plan[:, :-1].any()
    seen = []
    monkeypatch.setattr(ahead, "_worth", lambda tried, rows: seen.append(tried) or (np.zeros((2, 4)), np.zeros((2, 4))))
    ahead(env.reset())
    assert not seen[0][:, 1].any()


def test_bodies_that_look_ahead_stay_closer_for_longer(body, solved):
    """Uncorrected inverse solutions fall; the same with a correction that was tried out follow further."""
    critic = load_checkpoint(asset(SHIPPED_POLICY)).critic
    shipped = make_player(str(asset(SHIPPED_POLICY)), body, SETTINGS)
    settings = shipped.settings
    plain = play_clips(body, solved, lambda env: uncorrected, settings)
    config = MppiConfig(samples=10, steps=6, noise=0.15, every=1)
    ahead = play_clips(body, solved, lambda env: Mppi(env, uncorrected, critic, body, config), settings)
    for one, other in zip(plain, ahead, strict=True):
        both = min(len(one.distance), len(other.distance))
        assert other.distance[:both].mean() < 0.8 * one.distance[:both].mean()


def test_the_same_is_tried_again(body, solved):
    played = []
    for _ in range(2):
        env = ImitationEnv(body, solved, SETTINGS)
        env.assign([0, 1])
        planned = looking(env, body)
        played.append([after["observation"].clone() for after, _ in zip(rollout(env, planned), range(3), strict=False)])
        assert planned.plan.any()
    assert all(torch.equal(one, other) for one, other in zip(*played, strict=True))


def test_a_live_reference_is_followed_into_the_future(body):
    player = make_player(str(asset(SHIPPED_POLICY)), body, SETTINGS, planner=FEW)
    env = LiveEnv(body, player.settings)
    td = env.reset()
    policy = player.policy(env)
    env.order(order_for(Heading(direction=0.0, speed=1.0)))
    with torch.no_grad():
        for _ in range(20):
            td = env.step(policy(td))["next"]
    assert policy._model.library is env.library
    assert float(env.apart_from_unsolved().mean()) < 0.1 and not td["terminated"].any()


def test_noise_is_measured_by_the_policy_inside(body, solved):
    player = make_player(str(asset(SHIPPED_POLICY)), body, SETTINGS, planner=FEW)
    env = ImitationEnv(body, solved, player.settings)
    td = env.reset()
    assert perturbed(player.policy, Perturbation(noise=0.1))(env)(td)["action"].isfinite().all()


def test_what_cannot_look_ahead_says_so(body, env):
    goals = PointGoalEnv(body, PointGoalConfig(num_envs=1))
    with pytest.raises(ValueError, match="imitate"):
        Mppi(goals, uncorrected, Constant(0.0), body, FEW)
    with pytest.raises(ValueError, match="not 'random'"):
        make_player("random", body, SETTINGS, planner=FEW)
    for bad in (
        {"samples": 1},
        {"samples": -2},
        {"steps": 0},
        {"noise": 0.0},
        {"ar1": 1.0},
        {"discount": 0.0},
        {"distance_cost": -1.0},
    ):
        with pytest.raises(ValueError, match="must"):
            MppiConfig(**bad)


def test_a_control_of_other_actions_is_refused_in_its_own_words(body):
    with pytest.raises(ValueError, match="control coordinated and acts by 14 numbers; control pd takes 80"):
        make_player(str(asset(SHIPPED_POLICY)), body, SETTINGS, control="pd")
    assert make_player(str(asset(SHIPPED_POLICY)), body, SETTINGS, control="coordinated").settings.control.moment == 0.7


def test_samples_of_bodies_that_are_done_are_not_simulated_and_nothing_else_changes(body, solved):
    ends = {}
    for halt in (True, False):
        env = ImitationEnv(body, solved, replace(SETTINGS, rule=DistanceRule(distance=0.5)))
        env.assign([0, 1])
        env.reset()
        planned = looking(env, body)
        for step, _ in zip(range(4), rollout(env, planned), strict=False):
            if step == 1 and halt:
                env.physics.running[1] = False
        ends[halt] = env.physics.qpos.copy()
        assert planned._model.physics.running.tolist() == [True] * 4 + [not halt] * 4
    np.testing.assert_array_equal(ends[True][0], ends[False][0])
    assert (ends[True][1] != ends[False][1]).any()


def test_a_plan_is_followed_until_the_next_one_is_due(env, body, monkeypatch):
    planner = looking(env, body, MppiConfig(samples=4, steps=5, every=3, noise=0.2))
    planned = []
    monkeypatch.setattr(planner, "_plan_anew", lambda rows: planned.append(1) or Mppi._plan_anew(planner, rows))
    td, left = env.reset(), None
    for step in range(7):
        td = planner(td)
        if step % 3:
            np.testing.assert_allclose(td["action"], left[:, 0].clip(-1, 1), atol=1e-6)
        left = planner.plan.copy()
        td = env.step(td)["next"]
        assert len(planned) == step // 3 + 1
    assert np.abs(left[:, 0]).max() > 1e-3
    env.episode_steps[0] = 0  # one body begins anew: it has no plan until the next one is due
    planner(td)
    assert len(planned) == 3 and (planner.plan[0] == 0).all() and (planner.plan[1] != 0).any()
    with pytest.raises(ValueError, match="every 6 must lie in"):
        MppiConfig(steps=5, every=6)
