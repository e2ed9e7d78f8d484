"""Rides under changing orders: whole, smooth, the same every time."""

import numpy as np
import pytest

from kinesis_trl.motion.gait import data_sets
from kinesis_trl.motion.sources import EMBEDDED, embedded


@pytest.fixture(scope="module")
def rides(body):
    return [data_sets._steered(body, np.random.default_rng([7, k]), f"ride_{k}") for k in range(2)]


def test_rides_start_standing_and_go_somewhere(rides):
    for ride in rides:
        assert ride.qpos.shape == (361, 35) and ride.fps == 30.0
        assert np.linalg.norm(ride.qpos[0, :2]) < 0.1
        assert np.linalg.norm(np.diff(ride.qpos[:, :2], axis=0), axis=1).sum() > 3.0


def test_an_order_never_makes_the_reference_jump(rides):
    for ride in rides:
        speed = 30.0 * np.abs(np.diff(ride.qpos[:, 7:], axis=0))
        acceleration = 30.0 * np.abs(np.diff(speed, axis=0))
        assert speed.max() < 12.0 and acceleration.max() < 250.0
        assert 30.0 * np.linalg.norm(np.diff(ride.qpos[:, :3], axis=0), axis=1).max() < 2.5


def test_rides_differ_and_are_the_same_again(body, rides):
    again = data_sets._steered(body, np.random.default_rng([7, 1]), "ride_1")
    np.testing.assert_array_equal(again.qpos, rides[1].qpos)
    assert not np.allclose(rides[0].qpos, rides[1].qpos)


def test_it_is_a_data_set_by_name():
    assert "steered-v1" in EMBEDDED
    assert embedded("steered-v1") is data_sets.steered_v1
