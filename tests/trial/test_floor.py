"""Forces are given to the feet that stand there, and what is not known is said."""

from __future__ import annotations

import numpy as np
import pytest

from kinesis_trl.motion.markers.recorded import TrialError, Wrenches
from kinesis_trl.motion.markers.treadmill import belt_velocity, moved
from kinesis_trl.trial.floor import FloorConfig, floor_of

RATE, SECONDS = 100.0, 2.0
TIME = np.arange(int(RATE * SECONDS)) / RATE
FAST = np.arange(int(1000 * SECONDS)) / 1000.0


def feet():
    """Right foot stands at x = 0 all the time, the left at x = 1; heels 0.1 behind, toes 0.1 ahead."""
    heel = np.zeros((len(TIME), 2, 3))
    heel[:, 1, :2] = 1.0, 0.2
    toes = heel.copy()
    heel[..., 0] -= 0.1
    toes[..., 0] += 0.1
    return heel, toes


def press(*plates):
    """Plates (x, y, start, end) that carry 700 N in that time."""
    force = np.zeros((len(FAST), len(plates), 3))
    point = np.zeros_like(force)
    for k, (x, y, start, end) in enumerate(plates):
        force[(start <= FAST) & (end > FAST), k, 2] = 700.0
        point[:, k, :2] = x, y
    return Wrenches(
        names=tuple(f"plate {k + 1}" for k in range(len(plates))), time=FAST, force=force, moment=np.cross(point, force)
    )


def test_each_force_goes_to_the_foot_under_which_it_is():
    floor = floor_of(press((1.05, 0.2, 0.2, 0.9), (0.0, 0.0, 1.0, 1.8)), TIME, *feet(), FloorConfig())
    assert [c.side for c in floor.contacts] == [1, 0]
    force = floor.measured.force
    assert force[50, 1, 2] == pytest.approx(700, rel=1e-3) and force[50, 0, 2] == pytest.approx(0, abs=1)
    assert floor.measured.point[50, 1, :2] == pytest.approx([1.05, 0.2], abs=1e-3)
    # at 0.5 s the right foot stands too, on no plate
    assert floor.measured.known[50].tolist() == [False, True]
    assert "beside the plates" in " ".join(floor.notes)


def test_two_plates_under_one_foot_add_up():
    floor = floor_of(press((0.05, 0.0, 0.2, 0.9), (-0.05, 0.0, 0.2, 0.9)), TIME, *feet(), FloorConfig())
    assert floor.measured.force[50, 0, 2] == pytest.approx(1400, rel=1e-3)
    assert floor.measured.point[50, 0, 0] == pytest.approx(0.0, abs=1e-6)


def test_a_force_beside_both_feet_is_left_out_and_said():
    floor = floor_of(press((0.0, 0.0, 0.2, 0.9), (0.5, 2.0, 1.0, 1.8)), TIME, *feet(), FloorConfig())
    assert [c.side for c in floor.contacts] == [0, -1]
    assert "plates swapped" in " ".join(floor.problems)
    with pytest.raises(TrialError, match="no force lies under a foot: the nearest is"):
        floor_of(press((0.5, 2.0, 1.0, 1.8)), TIME, *feet(), FloorConfig())


def test_no_force_and_another_time_are_said():
    with pytest.raises(TrialError, match="no foot ever presses"):
        floor_of(press((0.0, 0.0, 5.0, 6.0)), TIME, *feet(), FloorConfig())
    with pytest.raises(TrialError, match="of one trial"):
        floor_of(press((0.0, 0.0, 0.2, 0.9)), TIME + 10, *feet(), FloorConfig())


def test_the_belt_of_a_treadmill_is_found_and_taken_off():
    heel, toes = feet()
    run = np.where(np.arange(len(TIME)) % 100 < 60, -1.2, 1.8) / RATE  # back with the belt, forth in swing
    way = np.cumsum(run)
    lift = np.where(np.arange(len(TIME)) % 100 < 60, 0.0, 0.1)
    for part in (heel, toes):
        part[..., 0] += way[:, None]
        part[..., 2] += lift[:, None]
    qpos = np.zeros((len(TIME), 35))
    belt = belt_velocity(qpos, heel, toes, RATE)
    assert belt == pytest.approx([-1.2, 0, 0], abs=0.05)
    wrenches = moved(press((0.0, 0.0, 0.0, 2.0)), belt, 0.0)
    assert -wrenches.moment[1000, 0, 1] / 700 == pytest.approx(-belt[0] * 1.0, rel=1e-6)
    qpos[:, 0] = 1.3 * TIME
    assert not belt_velocity(qpos, heel, toes, RATE).any()
