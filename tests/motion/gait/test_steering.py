"""Live orders as speeds of a course."""

import numpy as np
import pytest

from kinesis_trl.motion.gait.commands import Command, CommandError
from kinesis_trl.motion.gait.footsteps import RATE
from kinesis_trl.motion.gait.steering import ACCELERATION, COMFORTABLE, STOP, CourseState, Reach, Travel, steer


def test_a_move_is_reached_and_kept_without_a_jump():
    body = CourseState()
    speeds = steer(Command(speed=1.0, direction=np.pi / 6, turn_rate=0.5), body, 3.0)
    assert speeds.shape == (3 * RATE, 4)
    np.testing.assert_allclose(speeds[-1], [np.cos(np.pi / 6), 0.5, 0.5, 0.0], atol=1e-3)
    assert np.abs(np.diff(speeds[:, :2], axis=0)).max() * RATE <= ACCELERATION + 1e-9
    assert np.abs(speeds[0]).max() < 0.01
    stopped = steer(STOP, body, 3.0)
    assert np.abs(stopped[0] - speeds[-1]).max() < 0.01
    np.testing.assert_allclose(stopped[-1], 0.0, atol=1e-3)


def test_running_is_wished_for_with_its_speed():
    speeds = steer(Command(speed=2.5, gait="run"), CourseState(), 3.0)
    np.testing.assert_allclose(speeds[-1], [2.5, 0.0, 0.0, 1.0], atol=1e-3)


@pytest.mark.parametrize("degrees", [-170, -90, -30, 0, 45, 100, 180])
@pytest.mark.parametrize("facing", [0.0, 2.0])
def test_travel_goes_in_the_direction_of_the_world(degrees, facing):
    body = CourseState(heading=facing)
    steer(Travel(speed=0.7, direction=np.radians(degrees)), body, 4.0)
    before = np.array([body.x, body.y])
    steer(Travel(speed=0.7, direction=np.radians(degrees)), body, 1.0)
    moved = np.array([body.x, body.y]) - before
    np.testing.assert_allclose(
        moved, 0.7 * np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))]), atol=0.02
    )


def test_a_direction_behind_is_turned_to():
    body = CourseState()
    steer(Travel(speed=0.6, direction=np.pi), body, 4.5)
    assert abs(abs(body.heading) - np.pi) < 0.1 and body.x < -0.8


def test_a_place_behind_is_reached_walking_backward_only_where_that_is_wanted():
    for wanted in (True, False):
        body = CourseState()
        speeds = steer(Reach(goal=(-1.2, 0.0), seconds=5.0, walks_back=wanted), body, 5.0)
        assert np.hypot(*body.to((-1.2, 0.0))) < 0.08
        assert (speeds[:, 0].min() < -0.3) == wanted and (abs(body.heading) > 3.0) != wanted


@pytest.mark.parametrize("goal", [(1.9, 1.9), (-1.9, 0.3), (-0.3, 0.0), (0.0, -1.5), (0.05, 0.02)])
def test_a_goal_is_reached_in_time_and_kept(goal):
    body = CourseState(x=-0.03, lead=0.03)
    steer(Reach(goal=goal, seconds=5.0), body, 5.0)
    assert np.hypot(*body.to(goal)) < 0.05
    assert np.abs(body.speeds).max() < 0.1


def test_without_a_time_a_goal_is_reached_at_a_comfortable_speed():
    body = CourseState()
    speeds = steer(Reach(goal=(3.0, 2.0)), body, 7.0)
    assert np.hypot(*body.to((3.0, 2.0))) < 0.05
    assert 0.9 < speeds[:, 0].max() <= COMFORTABLE + 1e-6


def test_orders_that_cannot_be():
    with pytest.raises(CommandError, match=r"8\.0 m away cannot be reached in 3 s"):
        steer(Reach(goal=(8.0, 0.0), seconds=3.0), CourseState(), 3.0)
    with pytest.raises(CommandError, match="too fast"):
        Command(speed=1.5, direction=np.pi)
    with pytest.raises(CommandError, match="running goes forward"):
        Travel(speed=1.0, direction=0.0, gait="run")
    with pytest.raises(CommandError, match="two finite numbers"):
        Reach(goal=(np.nan, 0.0))
    with pytest.raises(CommandError, match="finite"):
        Travel(speed=1.0, direction=np.inf)
    with pytest.raises(CommandError, match="more than 0"):
        Reach(goal=(1.0, 0.0), seconds=0.0)
    with pytest.raises(CommandError, match="expected brisk above"):
        Reach(goal=(1.0, 0.0), seconds=5.0, brisk=0.5)
