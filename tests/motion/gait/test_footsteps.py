"""Footsteps: where the feet are set down, and when."""

from itertools import pairwise

import numpy as np
import pytest

from kinesis_trl.motion.gait.commands import stand, travel, turn_in_place
from kinesis_trl.motion.gait.footsteps import LONG_AGO, NEVER, GaitStyle, plan


def _on_floor(steps, time):
    return {side: any(s.strike <= time <= s.lift for s in stances) for side, stances in steps.stances.items()}


def test_course_covers_the_commanded_distance_and_angle():
    steps = plan([travel(3.0, 1.0), turn_in_place(np.pi / 2), travel(2.0, 0.8)], GaitStyle())
    assert steps.course.heading[-1] == pytest.approx(np.pi / 2, abs=1e-6)
    assert np.allclose(steps.course.position[-1], [3.0, 2.0], atol=0.15)


def test_feet_end_side_by_side_where_the_course_ends():
    style = GaitStyle(stance_width=0.18)
    steps = plan([travel(4.0, 1.2)], style)
    right, left = (steps.stances[side][-1] for side in ("r", "l"))
    assert left.lift == right.lift == NEVER
    assert abs(left.x - 4.0) < 0.035 and abs(right.x - 4.0) < 0.035
    assert left.y - right.y == pytest.approx(0.18, abs=0.03)


@pytest.mark.parametrize("speed", [0.3, 0.8, 1.25, 1.8])
def test_walking_always_has_a_foot_on_the_floor(speed):
    steps = plan([travel(4.0 * speed, speed)], GaitStyle())
    for time in np.arange(0.0, steps.seconds, 0.02):
        assert any(_on_floor(steps, time).values())


@pytest.mark.parametrize("speed", [2.0, 2.5, 3.0])
def test_running_has_flight(speed):
    steps = plan([travel(4.0 * speed, speed, gait="run")], GaitStyle())
    airborne = [not any(_on_floor(steps, t).values()) for t in np.arange(2.0, 4.0, 0.01)]
    assert 0.1 < np.mean(airborne) < 0.45


def test_feet_alternate_and_stance_lasts():
    steps = plan([travel(6.0, 1.25)], GaitStyle(lead="l"))
    order = sorted((s.strike, side) for side, stances in steps.stances.items() for s in stances if s.strike > LONG_AGO)
    assert order[0][1] == "l"
    assert all(a[1] != b[1] for a, b in pairwise(order))
    for stances in steps.stances.values():
        for a, b in pairwise(stances):
            assert a.strike < a.lift < b.strike
            assert b.strike - a.lift > 0.3


@pytest.mark.parametrize("direction", [np.pi / 2, -np.pi / 2])
def test_side_steps_do_not_cross(direction):
    steps = plan([travel(1.5, 0.4, direction=direction)], GaitStyle())
    for time in np.arange(0.0, steps.seconds, 0.05):
        y = {side: [s.y for s in stances if s.strike <= time][-1] for side, stances in steps.stances.items()}
        assert y["l"] - y["r"] > 0.06
    first = min((s.strike, side) for side, stances in steps.stances.items() for s in stances[1:])
    assert first[1] == ("l" if direction > 0 else "r")


def test_standing_between_walks_is_still_as_long_as_asked():
    steps = plan([travel(2.0, 1.0), stand(1.5), travel(2.0, 1.0)], GaitStyle())
    strikes = sorted(s.strike for stances in steps.stances.values() for s in stances if s.strike > 0)
    lifts = sorted(s.lift for stances in steps.stances.values() for s in stances if s.lift < NEVER)
    pause = max(min((lift for lift in lifts if lift > strike), default=strike) - strike for strike in strikes[:-1])
    assert 1.0 < pause < 2.5


def test_nothing_to_do_makes_no_step():
    steps = plan([stand(2.0)], GaitStyle())
    assert all(len(stances) == 1 for stances in steps.stances.values())
    assert steps.seconds > 2.0


def test_style_varies_and_repeats_with_its_seed():
    a, b, c = (GaitStyle.sample(np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert a == b and a != c
