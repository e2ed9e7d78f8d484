"""Costs of restless movement by hand, and the factor that follows tracking."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from kinesis_trl.body.physics import BatchPhysics
from kinesis_trl.envs.calm import Calm
from kinesis_trl.envs.config import AdaptiveEffortConfig, CalmConfig, ImitationConfig, RewardConfig
from kinesis_trl.envs.imitation import ImitationEnv
from kinesis_trl.envs.rewards import (
    action_cost,
    activation_cost,
    bend_cost,
    change_cost,
    limit_cost,
    load_cost,
    scuff_cost,
)

ALL = CalmConfig(
    action_weight=1.0,
    change_weight=2.0,
    bend_weight=3.0,
    activation_weight=4.0,
    load_weight=5.0,
    scuff_weight=1.0,
    limit_weight=6.0,
)


def test_costs_by_hand():
    actions = torch.tensor([[[0.4, 0.0], [0.2, 0.0], [0.1, 0.0]]])
    assert action_cost(actions).tolist() == pytest.approx([0.08])
    assert change_cost(actions).tolist() == pytest.approx([0.02])
    assert bend_cost(actions).tolist() == pytest.approx([0.005])
    activation, volume = torch.tensor([[0.5, 1.0]]), torch.tensor([3.0, 1.0])
    assert activation_cost(activation, volume).tolist() == pytest.approx([(3 * 0.25 + 1) / 4])
    touch = torch.tensor([[500.0, 500.0, 0.0, 0.0], [900.0, 500.0, 0.0, 0.0]])
    assert load_cost(touch, 1000.0, 1.2).tolist() == pytest.approx([0.0, 0.04])
    soles = torch.tensor([[0.0, 0.05], [0.01, 0.0]])
    feet = torch.tensor([[800.0, 100.0], [500.0, 500.0]])
    assert scuff_cost(feet, soles, 1000.0, 0.02).tolist() == pytest.approx([0.1, 0.25])
    angle, bounds = torch.tensor([[0.0, 1.2], [-0.3, 0.5]]), torch.tensor([[-0.1, 0.1], [0.0, 1.0]])
    assert limit_cost(angle, bounds).tolist() == pytest.approx([0.02, 0.02])


def test_costs_are_taken_off_the_reward_and_logged(body, solved):
    plain = ImitationConfig(num_envs=2, start="beginning", control="coordinated")
    calm = replace(plain, reward=RewardConfig(calm=ALL), effort=AdaptiveEffortConfig(start=0.5))
    action = torch.full((2, 14), 0.3)
    without, with_ = (ImitationEnv(body, solved, config) for config in (plain, calm))
    less, more = (env.step(env.reset().set("action", action))["next"] for env in (with_, without))
    metrics = dict(zip(with_.metric_names, less["metrics"].unbind(-1), strict=True))
    expected = sum(getattr(ALL, f"{name}_weight") * metrics[f"{name}_cost"] for name in ALL.names)
    torch.testing.assert_close(more["reward"][:, 0] - less["reward"][:, 0], 0.5 * expected, atol=1e-5, rtol=0)
    assert metrics["change_cost"].tolist() == pytest.approx([0.09, 0.09])
    assert not any(name.endswith("_cost") for name in without.metric_names)


def test_a_foot_is_in_the_air_where_its_reference_is(body):
    calm = Calm(body, CalmConfig(scuff_weight=1.0), AdaptiveEffortConfig())
    physics = BatchPhysics(body, 1)
    physics.reset(np.arange(1), body.standing_qpos[None], np.zeros((1, body.model.nv)), np.zeros((1, body.model.na)))
    height = torch.from_numpy(physics.observe().position[:, body.tracked_in_observed, 2])
    weight = 9.81 * float(body.model.body_mass.sum())
    touch = torch.tensor([[0.25 * weight, 0.25 * weight, 0.5 * weight, 0.0]])  # right foot and toes, left foot and toes
    actions = torch.zeros(1, 3, 14)
    assert calm.costs(actions, physics, touch, height)["scuff"].item() == pytest.approx(0.0, abs=1e-6)
    names = body.entry.tracked
    height[0, [names.index("talus_l"), names.index("toes_l")]] += 0.05
    height[0, names.index("talus_r")] += 0.1  # its toes still stand
    assert calm.costs(actions, physics, touch, height)["scuff"].item() == pytest.approx(0.5, rel=0.01)


def test_the_factor_rises_while_tracking_is_good_and_falls_while_it_is_not(body):
    config = AdaptiveEffortConfig(threshold=0.9, start=1.0, largest=1.005, smoothing=0.5)
    calm = Calm(body, CalmConfig(), config)
    for _ in range(3):
        calm.adapt(torch.ones(4, dtype=torch.bool))
    assert calm.factor == pytest.approx(1.001**3)
    for _ in range(10):
        calm.adapt(torch.ones(4, dtype=torch.bool))
    assert calm.factor == 1.005  # capped
    for _ in range(20):
        calm.adapt(torch.zeros(4, dtype=torch.bool))
    assert calm.factor < 1.0 and calm.score < 0.01
    other = Calm(body, CalmConfig(), config)
    other.set_state(calm.get_state())
    assert (other.factor, other.score) == (calm.factor, calm.score)
    still = Calm(body, CalmConfig(), AdaptiveEffortConfig(start=2.0))
    still.adapt(torch.zeros(4, dtype=torch.bool))
    assert still.factor == 2.0


def test_bad_weights():
    with pytest.raises(ValueError, match="must not be negative"):
        CalmConfig(change_weight=-1.0)
    with pytest.raises(ValueError, match="between least"):
        AdaptiveEffortConfig(start=0.01)
    with pytest.raises(ValueError, match=r"threshold 2.0 must lie"):
        AdaptiveEffortConfig(threshold=2.0)
