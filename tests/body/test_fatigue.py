"""Fatigue: equal to the published equations written out one by one, exact in its bounds, and part of the physics."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from kinesis_trl.body.fatigue import FatigueConfig, FatigueDynamics
from kinesis_trl.body.physics import BatchPhysics
from kinesis_trl.body.simulator import PhysicsConfig

RISE, FALL, STEP = 0.01, 0.04, 1 / 150


def dynamics(rates, step=STEP, muscles=1):
    return FatigueDynamics(np.full(muscles, RISE), np.full(muscles, FALL), rates, step)


def scalar_step(active, resting, fatigued, load, rates, dt):
    """One muscle, one step: the transfer between the compartments and its bounds, as published with MyoSuite."""
    tiring, recovery, rest = rates
    if load > active:
        flow = min(load - active, resting) / (RISE * (0.5 + 1.5 * active))
        back = recovery
    else:
        flow = (load - active) / (FALL / (0.5 + 1.5 * active))
        back = rest * recovery
    low = max(-active / dt + tiring * active, (resting - 1) / dt + back * fatigued)
    high = min((1 - active) / dt + tiring * active, resting / dt + back * fatigued)
    flow = min(max(flow, low), high)
    return (
        active + dt * (flow - tiring * active),
        resting + dt * (-flow + back * fatigued),
        fatigued + dt * (tiring * active - back * fatigued),
    )


@pytest.mark.parametrize("rates", [(0.00912, 0.000094, 150.0), (0.0, 0.02, 20.0), (2.0, 0.5, 15.0)])
def test_equals_the_equations_one_muscle_at_a_time(rates):
    rng, muscles, steps = np.random.default_rng(1), 50, 2000  # 10⁵ steps
    active = rng.random((1, muscles))
    fatigued = rng.random((1, muscles)) * (1 - active)
    model = dynamics(rates, muscles=muscles)
    alone = np.stack([active[0], 1 - active[0] - fatigued[0], fatigued[0]])
    worst = 0.0
    for k in range(steps):
        load = rng.choice([0.0, 1.0, 0.3], size=(1, muscles)) if k % 2 else rng.random((1, muscles))
        active, fatigued = model.after(active, fatigued, load)
        alone = np.array([scalar_step(*alone[:, m], load[0, m], rates, STEP) for m in range(muscles)]).T
        worst = max(worst, np.abs(alone[0] - active).max(), np.abs(alone[2] - fatigued).max())
        resting = 1 - active - fatigued
        assert min(active.min(), resting.min(), fatigued.min()) >= 0
        assert max(active.max(), resting.max(), fatigued.max()) <= 1
        assert abs(alone.sum(0) - 1).max() <= 1e-12
    assert worst <= 1e-12


@pytest.mark.parametrize("step", [STEP, 1.0, 0.5 / 2.0])
def test_bounds_hold_for_any_step_the_rates_allow(step):
    rng = np.random.default_rng(0)
    model = dynamics((1.0, 0.1, 9.0), step, muscles=500)
    active, fatigued = np.zeros((1, 500)), np.ones((1, 500))
    for _ in range(200):
        active, fatigued = model.after(active, fatigued, rng.integers(0, 2, (1, 500)).astype(float))
        assert active.min() >= 0 and fatigued.min() >= 0 and (active + fatigued).max() <= 1


def endurance(dynamics, load, *, longest=3600.0, held=0.95):
    """Seconds for which rested muscle holds a steady `load` to a share `held` of it; at most `longest`."""
    active, fatigued, wanted = np.zeros((1, 1)), np.zeros((1, 1)), np.full((1, 1), load)
    reached = False
    for k in range(round(longest / dynamics.step)):
        active, fatigued = dynamics.after(active, fatigued, wanted)
        enough = active[0, 0] >= held * load
        if reached and not enough:
            return (k + 1) * dynamics.step
        reached |= bool(enough)
    return longest


def test_endurance_is_that_of_the_equations_solved_by_scipy():
    rates = FatigueConfig().rates
    tiring, recovery, rest = rates

    def slope(_, y):
        active, fatigued = y
        resting = max(1 - active - fatigued, 0)
        ease, short = 0.5 + 1.5 * active, active < 0.3
        flow = min(0.3 - active, resting) / (RISE * ease) if short else (0.3 - active) * ease / FALL
        back = recovery if short else rest * recovery
        return [flow - tiring * active, tiring * active - back * fatigued]

    def tired(t, y):
        return y[0] - 0.95 * 0.3 if t > 1 else 1.0

    tired.terminal = True
    found = solve_ivp(slope, (0, 2000), [0.0, 0.0], method="LSODA", events=tired, rtol=1e-8, atol=1e-10, max_step=1.0)
    expected = found.t_events[0][0]
    assert 200 < expected < 400
    assert abs(endurance(dynamics(rates), 0.3) / expected - 1) < 0.01


def test_without_rates_muscles_are_activated_as_without_fatigue(body):
    tireless = FatigueConfig(fatigue=0.0, recovery=0.0)
    plain, same = BatchPhysics(body, 2), BatchPhysics(body, 2, PhysicsConfig(condition=tireless))
    rng = np.random.default_rng(0)
    for _ in range(5):
        excitation = 0.7 * rng.random((2, body.model.nu))  # more overshoots 1 in a step, which shares cannot
        for physics in (plain, same):
            physics.step_excitations(excitation)
        np.testing.assert_allclose(same.activation, plain.activation, atol=1e-12)
        np.testing.assert_allclose(same.qpos, plain.qpos, atol=1e-9)


def test_tired_muscles_pull_less_and_the_state_goes_on(body):
    condition = FatigueConfig(fatigued=(0.6,), fatigue=0.5)
    config = PhysicsConfig(condition=condition)
    physics = BatchPhysics(body, 2, config)
    for _ in range(8):
        physics.step_excitations(np.ones((2, body.model.nu)))
    fatigue = physics.fatigue
    assert fatigue is not None
    assert physics.activation.max() <= 0.4 and physics.activation.min() > 0.3
    assert (physics.activation + fatigue.fatigued <= 1).all() and fatigue.fatigued.min() > 0.6
    kept = physics.get_state()
    other = BatchPhysics(body, 2, config)
    other.set_state(kept)
    for one in (physics, other):
        one.step_excitations(np.full((2, body.model.nu), 0.5))
    np.testing.assert_array_equal(physics.qpos, other.qpos)
    np.testing.assert_array_equal(fatigue.fatigued, other.fatigue.fatigued)


def test_a_reset_asks_no_fatigued_muscle(body):
    physics = BatchPhysics(body, 1, PhysicsConfig(condition=FatigueConfig(fatigued=(0.9,))))
    still = np.zeros((1, body.model.nv))
    physics.reset(np.array([0]), body.standing_qpos[None], still, np.ones((1, body.model.nu)))
    np.testing.assert_allclose(physics.activation, 0.1)


def test_bad_shares_and_rates_are_refused(body):
    with pytest.raises(ValueError, match="3 fatigued shares; expected one, or one for each of 80 muscles"):
        BatchPhysics(body, 1, PhysicsConfig(condition=FatigueConfig(fatigued=(0.1, 0.2, 0.3))))
    with pytest.raises(ValueError, match="between 0 and 1"):
        FatigueConfig(fatigued=(1.5,))
    with pytest.raises(ValueError, match="must not be negative"):
        FatigueConfig(recovery=-1.0)
    with pytest.raises(ValueError, match="empty a compartment"):
        dynamics((200.0, 0.0, 0.0))
