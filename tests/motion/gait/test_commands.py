"""Motion commands: what they accept, and what distance, angle and mirror image they stand for."""

import numpy as np
import pytest

from kinesis_trl.motion.gait.commands import Command, CommandError, circle, stand, travel, turn_in_place


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"seconds": 0.0}, "0 s"),
        ({"seconds": np.nan}, "finite"),
        ({"seconds": 1.0, "speed": -0.5}, "negative"),
        ({"seconds": 1.0, "speed": 1.9}, "too fast"),
        ({"seconds": 1.0, "speed": 1.2, "direction": np.pi}, "too fast"),
        ({"seconds": 1.0, "speed": 0.7, "direction": np.pi / 2}, "too fast"),
        ({"seconds": 1.0, "speed": 1.0, "gait": "run"}, "running"),
        ({"seconds": 1.0, "speed": 2.0, "direction": np.pi, "gait": "run"}, "running"),
        ({"seconds": 1.0, "turn_rate": 5.0}, "°/s"),
    ],
)
def test_impossible_commands_say_why(fields, found):
    with pytest.raises(CommandError, match=found):
        Command(**fields)


def test_travel_covers_the_distance_and_the_angle():
    command = travel(3.0, 1.5, angle=-1.2)
    assert command.distance == pytest.approx(3.0)
    assert command.seconds == pytest.approx(2.0)
    assert command.angle == pytest.approx(-1.2)


def test_circle_is_as_long_as_its_circumference():
    command = circle(2.0, 1.0, turns=-0.5)
    assert command.distance == pytest.approx(2 * np.pi)
    assert command.angle == pytest.approx(-np.pi)


def test_turn_in_place_keeps_side_and_rate():
    command = turn_in_place(-np.pi / 2, 0.5)
    assert (command.speed, command.turn_rate) == (0.0, -0.5)
    assert command.angle == pytest.approx(-np.pi / 2)


def test_only_standing_does_not_move():
    assert not stand(1.0).moves
    assert turn_in_place(0.5).moves


@pytest.mark.parametrize("make", [lambda: travel(0.0, 1.0), lambda: turn_in_place(0.0), lambda: circle(0.0, 1.0)])
def test_empty_requests_are_refused(make):
    with pytest.raises(CommandError, match="expected"):
        make()
