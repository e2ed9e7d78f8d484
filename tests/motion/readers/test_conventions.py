"""Units, axes, rates and names as files have them."""

from __future__ import annotations

import numpy as np
import pytest

from kinesis_trl.motion.clip import ClipFormatError, check_finite
from kinesis_trl.motion.readers.conventions import (
    detect_unit,
    detect_up,
    tidy_fps,
    up_rotation,
    words,
)

NAMES = ("Pelvis", "L_Ankle", "R_Ankle")


@pytest.mark.parametrize("up", ["x", "y", "z", "-x", "-y", "-z"])
def test_up_is_found_and_turned_up(up: str) -> None:
    axis = np.eye(3)["xyz".index(up[-1])] * (-1 if up.startswith("-") else 1)
    positions = np.random.default_rng(0).normal(0, 0.05, (9, 3, 3))
    positions[:, 0] += 0.9 * axis
    found, said = detect_up(positions, NAMES, usual="y")
    assert found == up and ("though y is usual" in said) == (up != "y")
    turn = up_rotation(up)
    np.testing.assert_allclose(turn @ axis, [0, 0, 1])
    assert np.linalg.det(turn) == pytest.approx(1)


def test_a_lying_body_leaves_the_axis_to_the_format() -> None:
    positions = np.zeros((9, 3, 3))
    positions[:, 0] = [0.6, 0.6, 0.1]
    found, said = detect_up(positions, NAMES, usual="y")
    assert found == "y" and "not clear" in said


@pytest.mark.parametrize(
    ("length", "metres"),
    [(0.82, 1.0), (0.62, 1.0), (85.0, 0.01), (800.0, 0.001), (32.0, 0.0254), (14.2, 0.0254 / 0.45)],
)
def test_units_by_the_length_of_the_legs(length: float, metres: float) -> None:
    assert detect_unit(length)[0] == metres


@pytest.mark.parametrize("length", [0.0, 0.2, 5.0, 1e5, float("nan")])
def test_legs_of_no_person(length: float) -> None:
    with pytest.raises(ClipFormatError, match="pass --unit"):
        detect_unit(length)


def test_rates_and_names() -> None:
    assert tidy_fps(1 / 0.0333333) == 30.0 and tidy_fps(1 / 0.008333) == 120.0 and tidy_fps(29.9) == 29.9
    assert words("0-KIT_7_WalkInClockwiseCircle07_poses") == "walk in clockwise circle"
    assert words("dataset-1_walk-back_tired_001") == "dataset walk back tired"


def test_the_first_bad_frame_is_named() -> None:
    array = np.zeros((5, 2, 3))
    array[3:, 1, 2] = np.nan
    with pytest.raises(ClipFormatError, match=r"x is not finite in 2 of 5 frames \(first: 3\)"):
        check_finite(array, "x")
