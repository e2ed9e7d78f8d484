"""What can be played: clips, sentences and live commands, by policies that fit."""

import numpy as np
import pytest

from kinesis_trl.agents.baselines import BASELINES
from kinesis_trl.agents.checkpoint import save_policy
from kinesis_trl.agents.exceptions import CheckpointError
from kinesis_trl.agents.lattice import LatticeConfig
from kinesis_trl.agents.networks import NetworkConfig
from kinesis_trl.agents.policy import make_actor
from kinesis_trl.body.fatigue import FatigueConfig
from kinesis_trl.motion.gait.language import SentenceError
from kinesis_trl.planning.config import MppiConfig
from kinesis_trl.planning.mppi import Mppi
from kinesis_trl.shipped import SHIPPED_POLICY, asset
from kinesis_trl.viewer.offer import SAMPLES, Offer
from kinesis_trl.viewer.session import Choice


def test_unknown_names_are_refused_with_what_is_near(offer):
    with pytest.raises(ValueError, match="no clip 'marhc' here; did you mean 'march'"):
        offer.make(Choice(policy="zero", clip="marhc"))
    with pytest.raises(ValueError, match="no policy 'refrence' here; did you mean 'reference'"):
        offer.make(Choice(policy="refrence", clip="march"))
    with pytest.raises(SentenceError, match="fly"):
        offer.make(Choice(task="text", policy="zero", sentence="fly away"))


def test_a_policy_that_does_not_fit_is_refused(body, library, tmp_path):
    library.save(tmp_path / "clips")
    for name, width in (("good", 309), ("narrow", 300)):
        policy = make_actor(LatticeConfig(network=NetworkConfig(hidden=(16, 8))), width, 80)
        save_policy(tmp_path / name, policy, body=body.name, notes={"control": "direct"})
    known = Offer(
        body, str(tmp_path / "clips"), {n: tmp_path / n for n in ("good", "narrow")} | {"gone": tmp_path / "gone"}
    )
    simulation = known.make(Choice(policy="good", clip="march"))
    simulation.begin()
    assert simulation.env.settings.control.name == "direct" and simulation.step() == "on"
    with pytest.raises(CheckpointError, match="observes 300"):
        known.make(Choice(policy="narrow", clip="march"))
    with pytest.raises(CheckpointError, match="no policy at"):
        known.make(Choice(policy="gone", clip="march"))


def test_clips_are_solved_when_a_policy_needs_it(body, library, tmp_path):
    library.save(tmp_path / "clips")
    policy = make_actor(LatticeConfig(network=NetworkConfig(hidden=(16, 8))), 309, 14)
    save_policy(tmp_path / "forward", policy, body=body.name, notes={"control": "feedforward"})
    known = Offer(body, str(tmp_path / "clips"), {"forward": tmp_path / "forward"})
    simulation = known.make(Choice(policy="forward", clip="in place"))
    simulation.begin()
    assert simulation.title == "in place" and simulation.env.library.inverse is not None and simulation.step() == "on"
    assert known.make(Choice(policy="forward", clip="in place")).env.library is simulation.env.library


def test_the_ghost_starts_on_the_body(offer):
    simulation = offer.make(Choice(policy="reference", clip="turning"))
    simulation.begin()
    qpos, activation, reference = simulation.pose()
    assert np.abs(qpos - reference).max() < 1e-9 and activation.shape == (80,)
    simulation.step()
    moved = simulation.pose()
    assert 0 < np.abs(moved[0] - moved[2]).max() < 0.2 and np.abs(moved[2] - reference).max() > 1e-4
    with pytest.raises(ValueError, match="follows a clip"):
        simulation.command("away")


def test_commands_turn_the_reference_and_can_be_taken_back(offer):
    simulation = offer.make(Choice(task="directional", policy="reference"))
    simulation.begin()
    start = simulation.pose()[2]
    saved = simulation.save()
    simulation.command("left")
    assert "left at 0.8" in simulation.title
    simulation.command("faster")
    assert "0.9 m/s" in simulation.title
    with pytest.raises(ValueError, match="no command"):
        simulation.command("up")
    for _ in range(9):
        simulation.step()
    planned = simulation.env.planner.library.qpos.numpy()
    assert planned[-1, 1] > 0.5 > abs(planned[-1, 0])  # it will go to the left, +y, though commanded twice at once
    simulation.restore(saved)
    assert "stand" in simulation.title
    assert np.abs(simulation.env.planner.library.qpos.numpy()[:, :2] - start[:2]).max() < 0.05


def test_weakness_reaches_the_muscles(offer):
    simulation = offer.make(Choice(policy="reference", clip="march"))
    simulation.begin()
    simulation.weaken(np.zeros(80))
    for _ in range(5):
        simulation.step()
    assert simulation.pose()[1].max() == 0
    with pytest.raises(ValueError, match="80 shares from 0 to 1"):
        simulation.weaken(np.full(80, 2.0))


def test_trained_policies_look_ahead_where_asked_to(body, library, tmp_path):
    library.save(tmp_path / "clips")
    known = Offer(
        body, str(tmp_path / "clips"), {"walking": asset(SHIPPED_POLICY)}, planner=MppiConfig(samples=3, steps=2)
    )
    for choice in (
        Choice(policy="walking", clip="march", planner=True),
        Choice(policy="walking", task="directional", planner=True),
    ):
        simulation = known.make(choice)
        assert isinstance(simulation.policy, Mppi)
        simulation.begin()
        assert simulation.step() == "on" and simulation.policy.plan.any()
        saved = simulation.save()
        simulation.step()
        simulation.restore(saved)
        assert simulation.step() == "on"
    for policy in ("zero", "walking"):
        assert not isinstance(known.make(Choice(policy=policy, clip="march")).policy, Mppi)
    with pytest.raises(ValueError, match="planner needs a trained policy, 'zero' is none"):
        known.make(Choice(policy="zero", clip="march", planner=True))
    assert Offer(body, str(tmp_path / "clips"))._planner.samples == SAMPLES


def test_every_policy_is_described_in_one_line(body, library, tmp_path):
    library.save(tmp_path / "clips")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "policy.json").write_text('{"notes": {"step": "many"}}')
    paths = {"walking": asset(SHIPPED_POLICY), "broken": tmp_path / "broken", "old": tmp_path / "model.pth"}
    told = Offer(body, str(tmp_path / "clips"), paths).descriptions
    assert set(told) == {*paths, *BASELINES} and all(line and "\n" not in line for line in told.values())
    assert "steps" in told["walking"] and "control" in told["walking"]
    assert str(tmp_path / "broken") in told["broken"] and "original" in told["old"]


def test_a_goal_is_walked_to(offer):
    simulation = offer.make(Choice(task="point-goal", policy="reference", goal=(1.0, -0.5)))
    simulation.begin()
    assert simulation.title == "Go 1.0 m ahead and 0.5 m to the right" and simulation.seconds > 3
    start = simulation.pose()[0][:2]
    assert simulation.goal - start == pytest.approx([1.0, -0.5])
    assert "cm from the goal: missed" in simulation.result()
    planned = simulation.env.library.qpos[-1, :2].numpy() - simulation.env.library.qpos[0, :2].numpy()
    assert np.linalg.norm(planned - [1.0, -0.5]) < 0.05
    simulation.env.physics.qpos[0, :2] = simulation.goal
    assert "reached" in simulation.result()
    for goal in ((9.0, 0.0), (float("nan"), 0.0), (1e308, 0.0)):
        with pytest.raises(ValueError, match="expected up to 2 m"):
            offer.make(Choice(task="point-goal", policy="reference", goal=goal))


def test_the_shipped_policy_walks_to_a_goal(body, library, tmp_path):
    library.save(tmp_path / "clips")
    known = Offer(body, str(tmp_path / "clips"), {"walking": asset(SHIPPED_POLICY)})
    simulation = known.make(Choice(task="point-goal", policy="walking", goal=(1.0, 0.0)))
    simulation.begin()
    assert simulation.env.library.inverse is not None
    outcomes = [simulation.step() for _ in range(round(simulation.seconds * 30) + 1)]
    assert "ended" in outcomes and "fell" not in outcomes
    assert float(simulation.result().split()[0]) < 30


def test_muscles_tire_where_a_choice_says_so(body, library, tmp_path):
    library.save(tmp_path / "clips")
    known = Offer(body, str(tmp_path / "clips"), condition=FatigueConfig(fatigue=1.0))
    fresh = known.make(Choice(policy="reference", clip="march"))
    fresh.begin()
    assert fresh.fatigued() is None
    tiring = known.make(Choice(policy="reference", clip="march", fatigue=True))
    tiring.begin()
    for _ in range(5):
        tiring.step()
    kept, before = tiring.save(), tiring.fatigued()
    assert before.max() > 0.001
    tiring.step()
    assert tiring.fatigued().max() > before.max()
    tiring.restore(kept)
    np.testing.assert_array_equal(tiring.fatigued(), before)
    tiring.begin()
    assert tiring.fatigued().max() == 0


def test_a_ball_lies_ahead_and_is_gone_to(offer):
    simulation = offer.make(Choice(task="ball", policy="reference"))
    simulation.begin()
    ahead = simulation.goal
    assert 0 < np.linalg.norm(ahead) <= 4 and abs(np.arctan2(ahead[1], ahead[0])) <= np.pi / 6 + 1e-6
    assert simulation.seconds == pytest.approx(4.0) and simulation.step() == "on"
