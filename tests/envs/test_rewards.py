"""Reward terms by hand, what they add up to, and what is logged."""

from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from kinesis_trl.body.metabolics import Contraction, slow_share
from kinesis_trl.body.physics import BatchPhysics
from kinesis_trl.envs.anatomy import Anatomy
from kinesis_trl.envs.config import AdaptiveEffortConfig, ImitationConfig
from kinesis_trl.envs.imitation import ImitationEnv
from kinesis_trl.envs.scoring import AdaptiveEffort
from kinesis_trl.envs.terms.rewards import REWARDS, CalmConfig, RewardConfig, Weights, reward
from kinesis_trl.physiology.metabolics import MODELS, cost

ALL = CalmConfig(
    action_weight=1.0,
    change_weight=2.0,
    bend_weight=3.0,
    activation_weight=4.0,
    metabolic_weight=0.5,
    departure_weight=2.0,
    load_weight=5.0,
    scuff_weight=1.0,
    limit_weight=6.0,
)


def value(name, config=None, **step):
    """A term of a made-up step, with the names of nested attributes joined by two underscores."""
    made = SimpleNamespace(state=SimpleNamespace(), anatomy=SimpleNamespace())
    for key, what in step.items():
        owner, _, inner = key.partition("__")
        setattr(getattr(made, owner) if inner else made, inner or owner, what)
    return REWARDS[name].compute(made, config or RewardConfig())


def test_tracking_by_hand():
    reference = torch.zeros(2, 7, 3, dtype=torch.float64)
    body = reference.clone()
    body[1, 0, 0] = 0.21  # mean squared error 0.21² / 21
    for name, scale in (("position", 200.0), ("far", 15.0)):
        found = value(name, state__body_pos=body, ref_pos=reference)
        np.testing.assert_allclose(found, [1.0, np.exp(-scale * 0.21**2 / 21)])
    found = value("velocity", state__body_vel=body, ref_vel=reference)
    np.testing.assert_allclose(found, [1.0, np.exp(-5 * 0.21**2 / 21)])


def test_root_by_hand():
    tilt = torch.tensor([[0.0, 0.0], [0.3, -0.4]], dtype=torch.float64)
    np.testing.assert_allclose(value("upright", state__tilt=tilt), [1.0, np.exp(-3 * 0.25)])
    turn = torch.tensor([[0.0, 0.3, 0.4]], dtype=torch.float64)
    np.testing.assert_allclose(value("orientation", root_turn=turn), [np.exp(-20 * 0.25)])


def test_costs_by_hand():
    actions = torch.tensor([[[0.4, 0.0], [0.2, 0.0], [0.1, 0.0]]])
    assert value("action", actions=actions).tolist() == pytest.approx([0.08])
    assert value("change", actions=actions).tolist() == pytest.approx([0.02])
    assert value("bend", actions=actions).tolist() == pytest.approx([0.005])
    activation, volume = torch.tensor([[0.5, 1.0]]), torch.tensor([3.0, 1.0])
    found = value("activation", activation=activation, anatomy__volume=volume)
    assert found.tolist() == pytest.approx([(3 * 0.25 + 1) / 4])
    touch = torch.tensor([[500.0, 500.0, 0.0, 0.0], [900.0, 500.0, 0.0, 0.0]])
    assert value("load", state__touch=touch, anatomy__weight=1000.0).tolist() == pytest.approx([0.0, 0.04])
    angle, bounds = torch.tensor([[0.0, 1.2], [-0.3, 0.5]]), torch.tensor([[-0.1, 0.1], [0.0, 1.0]])
    assert value("limit", limited_angle=angle, anatomy__bounds=bounds).tolist() == pytest.approx([0.02, 0.02])


def test_metabolic_power_is_that_of_the_report(body):
    rng, shape = np.random.default_rng(0), (3, len(body.muscle_names))
    low, high = body.model.actuator_lengthrange.T
    samples = {
        "excitation": rng.uniform(0, 1, shape),
        "activation": rng.uniform(0, 1, shape),
        "length": rng.uniform(low, high, shape),
        "velocity": rng.uniform(-0.3, 0.3, shape),
    }
    muscles = {f"muscle_{name}" if name in ("length", "velocity") else name: v for name, v in samples.items()}
    found = value("metabolic", anatomy=Anatomy(body), **{name: torch.from_numpy(v) for name, v in muscles.items()})
    power = MODELS["Bhargava 2004"](Contraction.of(body.muscles, **samples), slow_share(body.muscle_names))
    rates = [cost(row, speed=1.0, body_mass=float(body.model.body_mass.sum()))["net_transport"] for row in power]
    np.testing.assert_allclose(found, np.array(rates) / 2.5, rtol=1e-12)


def test_a_foot_is_in_the_air_where_its_reference_is(body):
    anatomy, physics = Anatomy(body), BatchPhysics(body, 1)
    physics.reset(np.arange(1), body.standing_qpos[None], np.zeros((1, body.model.nv)), np.zeros((1, body.model.na)))
    reference = torch.from_numpy(physics.observe().position[:, body.tracked_in_observed])
    assert anatomy.weight == pytest.approx(9.81 * float(body.model.body_mass.sum()))
    # right foot and toes, left foot and toes
    touch = anatomy.weight * torch.tensor([[0.25, 0.25, 0.5, 0.0]])
    step = SimpleNamespace(anatomy=anatomy, state=SimpleNamespace(touch=touch), ref_pos=reference)
    scuff = REWARDS["scuff"].compute
    assert scuff(step, None).item() == pytest.approx(0.0, abs=1e-6)
    names = body.entry.tracked
    reference[0, [names.index("talus_l"), names.index("toes_l")], 2] += 0.05
    reference[0, names.index("talus_r"), 2] += 0.1  # its toes still stand
    assert scuff(step, None).item() == pytest.approx(0.5, rel=0.01)


def test_the_reward_is_the_weighted_sum_of_what_is_logged(body, solved):
    config = ImitationConfig(
        num_envs=2,
        start="beginning",
        control="coordinated",
        reward=RewardConfig(far_weight=0.3, orientation_weight=0.2, survival=0.7, calm=ALL),
        effort=AdaptiveEffortConfig(start=0.5),
    )
    env = ImitationEnv(body, solved, config)
    made = env.step(env.reset().set("action", torch.full((2, 14), 0.3)))["next"]
    logged = dict(zip(env.metric_names, made["metrics"].unbind(-1), strict=True))
    weights = {"position": 0.6, "far": 0.3, "velocity": 0.2, "orientation": 0.2, "upright": 0.1, "effort": 0.1}
    total = sum(weight * logged[f"{name}_reward"] for name, weight in weights.items()) + 0.7
    costs = ("action", "change", "bend", "activation", "metabolic", "departure", "load", "scuff", "limit")
    total -= 0.5 * sum(getattr(ALL, f"{name}_weight") * logged[f"{name}_cost"] for name in costs)
    torch.testing.assert_close(made["reward"][:, 0], total, atol=1e-5, rtol=0)
    assert logged["change_cost"].tolist() == pytest.approx([0.09, 0.09])
    frame = solved.start[env.clip] + 1  # the solution of where the step ends
    departure = env.physics.activation - solved.inverse["activation"][frame].numpy()
    np.testing.assert_allclose(logged["departure_cost"], np.square(departure).mean(-1), rtol=1e-5)
    np.testing.assert_allclose(logged["mean_error"], env.distances.mean(-1), atol=1e-6)
    assert "effort_factor" not in logged
    adaptive = replace(config, effort=AdaptiveEffortConfig(threshold=0.5, start=0.5))
    env = ImitationEnv(body, solved, adaptive)
    made = env.step(env.reset().set("action", torch.full((2, 14), 0.3)))["next"]
    assert made["metrics"][:, env.metric_names.index("effort_factor")].tolist() == [0.5, 0.5]


def test_departing_from_a_solution_needs_one(body, library):
    reward = RewardConfig(calm=CalmConfig(departure_weight=1.0))
    with pytest.raises(ValueError, match="departure needs motions with inverse solutions"):
        ImitationEnv(body, library, ImitationConfig(num_envs=1, reward=reward))


def test_a_term_without_weight_is_neither_computed_nor_logged(body, library):
    env = ImitationEnv(body, library, ImitationConfig(num_envs=1, reward=RewardConfig(upright_weight=0.0)))
    rewards = [name for name in env.metric_names if name.endswith(("_reward", "_cost"))]
    assert rewards == ["position_reward", "velocity_reward", "effort_reward"]


def test_a_term_of_ones_own_is_weighted_by_name():
    @reward
    def half(step, config):
        """0.5: (N,)."""
        return 0.5 * step.effort

    try:

        @dataclass(frozen=True, kw_only=True)
        class Mine(Weights):
            effort_weight: float = 0.0

        assert Mine(more={"half": 2.0}).weights() == {"half": 2.0}
        assert RewardConfig(more={"half": 2.0}).weights()["half"] == 2.0
    finally:
        REWARDS.pop("half")
    with pytest.raises(ValueError, match="no reward term 'half'; choose of position"):
        RewardConfig(more={"half": 2.0}).weights()


def test_the_factor_rises_while_tracking_is_good_and_falls_while_it_is_not():
    config = AdaptiveEffortConfig(threshold=0.9, start=1.0, largest=1.005, smoothing=0.5)
    effort = AdaptiveEffort(config)
    for _ in range(3):
        effort.adapt(torch.ones(4, dtype=torch.bool))
    assert effort.factor == pytest.approx(1.001**3)
    for _ in range(10):
        effort.adapt(torch.ones(4, dtype=torch.bool))
    assert effort.factor == 1.005  # capped
    for _ in range(20):
        effort.adapt(torch.zeros(4, dtype=torch.bool))
    assert effort.factor < 1.0 and effort.score < 0.01
    other = AdaptiveEffort(config)
    other.set_state(effort.get_state())
    assert (other.factor, other.score) == (effort.factor, effort.score)
    still = AdaptiveEffort(AdaptiveEffortConfig(start=2.0))
    still.adapt(torch.zeros(4, dtype=torch.bool))
    assert still.factor == 2.0


def test_bad_weights():
    with pytest.raises(ValueError, match="must not be negative"):
        CalmConfig(change_weight=-1.0)
    with pytest.raises(ValueError, match="between least"):
        AdaptiveEffortConfig(start=0.01)
    with pytest.raises(ValueError, match=r"threshold 2.0 must lie"):
        replace(AdaptiveEffortConfig(), threshold=2.0)


def test_heading_counts_the_root_that_faces_elsewhere_by_its_angle():
    turn = torch.tensor([[0.0, 0.0, 0.0], [0.0, 0.0, np.pi / 2], [0.0, np.pi, 0.0]], dtype=torch.float64)
    np.testing.assert_allclose(value("heading", root_turn=turn), [1.0, 0.5, 0.0], atol=1e-12)
