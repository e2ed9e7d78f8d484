"""Peaks, loading rate and impulses of the ground reaction."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from kinesis_trl.motion.readers.tables import read_table
from kinesis_trl.physiology.gait_cycles import Cycle, contact_from_force
from kinesis_trl.physiology.ground_reaction import BANDS, impulse_of, stance_landmarks, stance_of


def m_shape(rate=150.0, seconds=0.7):
    """A stance with peaks of 1.1 body weights at 25 and 75 % and a valley of 0.7 at 50 %."""
    phase = np.linspace(0, 1, round(rate * seconds))
    edges = np.clip(np.minimum(phase, 1 - phase) / 0.25, 0, 1)
    rise = 0.5 - 0.5 * np.cos(np.pi * edges)
    return 1.1 * rise - 0.2 * (1 + np.cos(4 * np.pi * (phase - 0.5))) * (np.abs(phase - 0.5) < 0.25)


def test_landmarks_of_a_made_up_stance():
    stance = stance_landmarks(m_shape(), 150.0)
    assert (stance.first_peak, stance.valley, stance.second_peak) == pytest.approx((1.1, 0.7, 1.1), abs=0.01)
    at = stance.first_peak_at, stance.valley_at, stance.second_peak_at
    assert at == pytest.approx((25, 50, 75), abs=1.5) and stance.two_peaks


def test_loading_rate_of_a_ramp():
    ramp = np.concatenate([np.linspace(0, 1.2, 31), np.linspace(1.2, 0, 70)[1:]])  # 1.2 body weights in 0.2 s
    stance = stance_landmarks(ramp, 150.0)
    # the filter overshoots by some 6 % where the ramp begins and ends
    assert stance.loading_rate == pytest.approx(6.0, rel=0.1) and not stance.two_peaks


def test_a_high_knock_does_not_count_as_a_peak():
    noisy = m_shape()
    noisy[52] += 0.6  # one sample: above the cut-off frequency
    assert stance_landmarks(noisy, 150.0).first_peak < 1.25


def test_a_knock_at_the_heel_is_no_first_peak():
    knock = 0.8 * np.ones(105)
    knock[2:7], knock[75:85] = 2.0, 1.2
    assert not stance_landmarks(knock, 150.0).two_peaks


def test_people_have_two_peaks(shared):
    table = read_table(shared / "data/physiology/opensim_moco_walk/grf_walk.mot")
    vertical = np.stack([table.column(f"ground_force_{side}_vy") for side in "rl"], axis=1)
    contact = contact_from_force(vertical, 75 * 9.81, 2000.0)
    seen = 0
    for side in (0, 1):
        edges = np.flatnonzero(np.diff(contact[:, side].astype(int))) + 1
        for start, stop in pairwise(edges):
            if contact[start, side]:
                stance = stance_landmarks(vertical[start:stop, side] / (75 * 9.81), 2000.0)
                assert stance.two_peaks and 1 < stance.first_peak < 1.4 and 0.6 < stance.valley < 0.9
                assert all(low < getattr(stance, name) < high for name, (low, high) in BANDS.items())
                assert 15 < stance.first_peak_at < 35 and 65 < stance.second_peak_at < 85
                assert 5 < stance.loading_rate < 25
                seen += 1
    assert seen == 3


def test_standing_supports_its_weight_and_moves_nothing(statue):
    impulse = impulse_of(statue, len(statue.time) - 181, len(statue.time) - 1, side=0)
    assert impulse.support == pytest.approx(1, abs=0.01)


def test_impulses_obey_newton(struggle):
    impulse = impulse_of(struggle, 0, 99, side=1)
    assert impulse.balance < 0.01 and impulse.braking <= 0 <= impulse.propulsion
    assert abs(impulse.support - 1) > 0.05  # it falls: the floor does not carry it all


def test_stances_of_a_recording_are_in_body_weights(statue):
    stance = stance_of(statue, Cycle(side=1, strike=300, foot_off=450, next_strike=560))
    assert stance.first_peak == pytest.approx(0.5, abs=0.02) and not stance.two_peaks


def test_too_short_a_stance_is_refused():
    with pytest.raises(ValueError, match="a stance of 4 samples"):
        stance_landmarks(np.ones(4), 150.0)
    with pytest.raises(ValueError, match="all finite"):
        stance_landmarks(np.full(40, np.nan), 150.0)
