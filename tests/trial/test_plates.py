"""Force plates: hand-worked presses, and C3D platforms of types 2 to 4 against the table they were made from."""

from __future__ import annotations

import numpy as np
import pytest

from kinesis_trl.motion.markers.c3d import PlateSignals, read_c3d
from kinesis_trl.motion.markers.recorded import TrialError
from kinesis_trl.trial.floor import centre_of_pressure
from kinesis_trl.trial.plates import plate_wrenches
from kinesis_trl.trial.tables import read_forces

CORNERS = np.array([[0.5, 0.4, 0], [-0.5, 0.4, 0], [-0.5, -0.4, 0], [0.5, -0.4, 0.0]]) * [1, -1, 1] + [1.0, 2.0, 0.0]


def pressed(kind=2, sign=1.0, origin=(0.0, 0.0, -0.05)):
    """100 N straight down 0.2 m along the plate's x and 0.1 m along its y: x is the world's, y its opposite."""
    force, at = np.array([0.0, 0.0, 100.0]), np.array([0.2, 0.1, 0.0]) + np.array(origin)
    row = sign * np.concatenate([force, np.cross(at, force)])
    return PlateSignals(
        kind=kind, corners=CORNERS, origin=np.array(origin), calibration=np.eye(6), signal=np.tile(row, (40, 1))
    )


@pytest.mark.parametrize("kind", [2, 4])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_weight_is_found_where_it_stands(kind, sign):
    found = plate_wrenches([pressed(kind, sign)], np.arange(40) / 1000, unit=1.0, turn=np.eye(3))
    point, free = centre_of_pressure(found.force, found.moment)
    assert np.allclose(found.force[0, 0], [0, 0, 100])
    assert np.allclose(point[0, 0], [1.2, 1.9, 0.0])
    assert np.allclose(free[0, 0], 0, atol=1e-12)


def test_horizontal_force_and_twist_at_a_deep_sensor():
    force, twist = np.array([30.0, -20.0, 500.0]), 7.0
    origin = np.array([0.01, -0.02, -0.08])
    at = np.array([0.1, -0.05, 0.0])
    moment = np.cross(at, force) + np.array([0.0, 0.0, twist])  # about the surface's centre
    row = np.concatenate([force, moment + np.cross(origin, force)])
    plate = PlateSignals(kind=2, corners=CORNERS, origin=origin, calibration=None, signal=np.tile(row, (40, 1)))
    found = plate_wrenches([plate], np.arange(40) / 1000, unit=1.0, turn=np.eye(3))
    point, free = centre_of_pressure(found.force, found.moment)
    # the plate presses down where its z is down; the person is pushed the other way
    assert np.allclose(point[0, 0], [1.1, 2.05, 0.0])
    assert np.allclose(found.force[0, 0], [-30.0, -20.0, 500.0])
    assert np.allclose(free[0, 0], [0, 0, twist])


def test_a_plate_that_is_not_zeroed_is_taken_off():
    plate = pressed()
    signal = np.concatenate([np.zeros((40, 6)), plate.signal]) + np.array([0, 0, 12.0, 0, 0, 0])
    found = plate_wrenches(
        [PlateSignals(kind=2, corners=CORNERS, origin=plate.origin, calibration=None, signal=signal)],
        np.arange(80) / 1000,
        unit=1.0,
        turn=np.eye(3),
    )
    assert np.allclose(found.force[:40, 0, 2], 0) and np.allclose(found.force[40:, 0, 2], 100)
    assert "12 N" in " ".join(found.notes)


def test_corners_on_a_line_are_said():
    bad = PlateSignals(kind=2, corners=np.zeros((4, 3)), origin=np.zeros(3), calibration=None, signal=np.ones((5, 6)))
    with pytest.raises(TrialError, match="corners of plate 1"):
        plate_wrenches([bad], np.arange(5) / 100, unit=1.0, turn=np.eye(3))


def test_types_2_to_4_of_a_c3d_file_give_the_table_back(c3d_walk, walk):
    file, table = read_c3d(c3d_walk), read_forces(walk / "grf_walk.mot")
    assert [plate.kind for plate in file.plates] == [2, 3, 4]
    found = plate_wrenches(file.plates, file.analog_time, unit=1e-3, turn=np.eye(3))
    time = found.time
    for values, given in ((found.force, table.force), (found.moment, table.moment)):
        for plates, foot in (((0, 2), 0), ((1,), 1)):
            own = values[:, plates].sum(1)
            wanted = np.stack([np.interp(time, table.time, given[:, foot, a]) for a in range(3)], axis=1)
            inside = (time > 0.25) & (time < 2.2)
            assert np.abs(own - wanted)[inside].max() < 0.02 * np.abs(wanted).max() + 0.5
