"""A walk of the shipped policy, measured: the floor carries the body over every stride, and columns stand beside."""

from __future__ import annotations

import json

import numpy as np
import pytest

from kinesis_trl.body.residuals import ResidualConfig
from kinesis_trl.envs.imitation import ImitationConfig
from kinesis_trl.motion.gait.language import text_to_clip
from kinesis_trl.motion.library import MotionLibrary
from kinesis_trl.motion.solving import SolveConfig
from kinesis_trl.physiology.analysis import analyse
from kinesis_trl.physiology.gait_cycles import cycles_of
from kinesis_trl.physiology.ground_reaction import impulse_of
from kinesis_trl.physiology.recorder import record
from kinesis_trl.physiology.replay import replay
from kinesis_trl.physiology.strides import Run
from kinesis_trl.planning.controllers import make_player
from kinesis_trl.shipped import SHIPPED_POLICY, asset


@pytest.fixture(scope="module")
def one_walk(body):
    clip = text_to_clip("walk forward at 1.1 m/s for 5 meters", body)
    return MotionLibrary.build([clip], body, inverse=SolveConfig(residuals=ResidualConfig(rounds=1)))


@pytest.fixture(scope="module")
def walked(body, one_walk):
    player = make_player(str(asset(SHIPPED_POLICY)), body, ImitationConfig())
    (recording,) = record(body, one_walk, player.policy, player.settings)
    return recording


def test_over_a_stride_the_floor_carries_body_weight(walked):
    """Vertical impulse of each stride against m g T and the change of momentum, and the strides' mean, to 1 %."""
    cycles = cycles_of(walked).cycles
    assert len(cycles) >= 4
    support = []
    for cycle in cycles:
        impulse = impulse_of(walked, cycle.strike, cycle.next_strike, cycle.side)
        seconds = (cycle.next_strike - cycle.strike) / walked.rate
        sped_up = walked.centre_velocity[cycle.next_strike, 2] - walked.centre_velocity[cycle.strike, 2]
        assert impulse.support - sped_up / (walked.gravity * seconds) == pytest.approx(1, abs=0.01)
        assert impulse.balance < 0.01
        support.append(impulse.support)
    assert np.mean(support) == pytest.approx(1, abs=0.03)  # strides of few metres are not quite periodic


def test_contact_is_where_the_floor_presses(walked):
    assert set(np.unique(walked.contact)) == {0.0, 1.0}
    np.testing.assert_array_equal(walked.contact > 0, np.isfinite(walked.centre_of_pressure[..., 0]))
    assert 0.5 < walked.contact.mean() < 0.75  # a foot stands about 60 % of the time


def test_policy_and_static_optimisation_stand_beside(body, one_walk, walked):
    solved = replay(body, one_walk, 0)
    runs = [Run(title="policy", recordings=(walked,)), Run(title="solved", recordings=(solved,), replayed=True)]
    report = analyse(runs, body, emg="none")
    json.dumps(report, allow_nan=False)
    assert all(sum(run["strides"]) >= 4 for run in report["runs"])
    costs = {
        title: found["metabolic"]["Bhargava 2004"] for title, found in report["sections"]["effort"]["runs"].items()
    }
    assert 1 < costs["solved"]["transport"] < costs["policy"]["transport"] < 30  # nothing is cheaper than the solution
    assert costs["policy"]["n"] == sum(report["runs"][0]["strides"])
    speed = report["runs"][0]["speed"]
    assert costs["policy"]["metres"] / costs["policy"]["seconds"] == pytest.approx(speed, rel=0.1)
    assert set(report["sections"]["muscles"]["quality"]) == {"policy", "solved"}


def test_a_motion_without_solutions_is_solved_the_same_way(body, one_walk):
    again = MotionLibrary.build([text_to_clip("walk forward at 1.2 m/s for 1 meter", body)], body)
    solved = replay(body, again, 0)
    assert solved.activation.shape == (len(again.qpos), body.model.nu)
    assert solved.activation.max() > 0.1 and (solved.activation >= 0).all()
