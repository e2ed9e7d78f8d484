"""Contacts, cycles and stride measures: hand-made steps, and people walking over force plates."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kinesis_trl.motion.readers.tables import read_table
from kinesis_trl.physiology.gait_cycles import (
    Cycle,
    NoGaitCycle,
    contact_from_code,
    contact_from_force,
    curves,
    cycles_of,
    find_cycles,
    resample,
    stride_measures,
    symmetry_index,
    without_bounces,
)
from kinesis_trl.physiology.normative import normative_ranges


def walking(*, stride=100, stance=60, strides=5, width=0.1, speed=1.2, rate=100.0):
    """Contacts (T, 2) and heels (T, 2, 3) of a walk along the diagonal; the left leg half a stride later."""
    t = np.arange(strides * stride)
    contact, heels = np.zeros((len(t), 2), dtype=bool), np.zeros((len(t), 2, 3))
    length = speed * stride / rate
    ahead, left = np.array([1, 1, 0]) / np.sqrt(2), np.array([-1, 1, 0]) / np.sqrt(2)
    for side, shift in ((0, 10), (1, 10 + stride // 2)):
        phase = (t - shift) % stride
        contact[:, side] = phase < stance
        moved = length * ((t - shift) // stride + np.clip((phase - stance) / (stride - stance), 0, 1))
        start = length * (shift - 10) / stride
        heels[:, side] = np.outer(moved + start, ahead) + (width / 2) * (1 if side else -1) * left
    return contact, heels


def test_measures_of_a_hand_made_walk():
    contact, heels = walking()
    found = find_cycles(contact, 100.0)
    assert [len(found.of(s)) for s in ("right", "left")] == [4, 4]
    assert found.cycles[0] == Cycle(side=0, strike=10, foot_off=70, next_strike=110)
    measures = stride_measures(found, heels)
    wanted = {
        "stride_time": 1.0,
        "cadence": 120,
        "stance": 60,
        "swing": 40,
        "double_support": 20,
        "flight": 0,
        "stride_length": 1.2,
        "step_length": 0.6,
        "step_width": 0.1,
        "speed": 1.2,
    }
    assert set(measures) == set(wanted)
    for name, value in wanted.items():
        np.testing.assert_allclose(measures[name], value, atol=1e-9, err_msg=name)


def test_a_limp_shows_in_the_symmetry_index():
    contact, _ = walking()
    contact[:, 1] &= np.roll(contact[:, 1], 20)  # the left foot strikes 0.2 s later
    found = find_cycles(contact, 100.0)
    stance = stride_measures(found)["stance"]
    right = np.array([c.side == 0 for c in found.cycles])
    assert stance[right].mean() == pytest.approx(60) and stance[~right].mean() == pytest.approx(40)
    assert symmetry_index(60, 40) == pytest.approx(40) and symmetry_index(1, 1) == 0


def test_marching_in_place_has_no_step_length():
    contact, heels = walking(speed=0.0)
    measures = stride_measures(find_cycles(contact, 100.0), heels)
    assert np.isnan(measures["step_length"]).all() and np.isnan(measures["step_width"]).all()
    np.testing.assert_allclose(measures["stride_length"], 0, atol=1e-12)


def test_running_has_flight_and_no_double_support():
    measures = stride_measures(find_cycles(walking(stance=35)[0], 100.0))
    np.testing.assert_allclose(measures["flight"], 30)
    np.testing.assert_allclose(measures["double_support"], 0)


def test_hysteresis_and_bounces():
    load = np.zeros((200, 2))
    load[50:100, 0] = 1.0
    load[45:50, 0], load[100:105, 0] = 0.03, 0.03  # between release and press: belongs to the stance
    load[70:73, 0] = 0.0  # a bounce
    load[150:153, 0] = 1.0  # a knock
    load[20:60, 1] = 0.04  # never reaches `PRESS`
    contact = contact_from_force(load * 700, 700, 100.0)
    assert np.flatnonzero(contact[:, 0]).tolist() == list(range(45, 105)) and not contact[:, 1].any()
    raw = contact_from_force(load * 700, 700, 100.0, shortest=0)
    assert not raw[70:73, 0].any() and raw[150:153, 0].all()


def test_codes():
    contact = contact_from_code(np.array([np.nan, -1, 0, 1, 2]))
    assert contact.tolist() == [[False, False], [False, False], [False, True], [True, False], [True, True]]


def test_cycles_of_unusual_duration_are_dropped():
    contact = np.zeros((1200, 1), dtype=bool)
    strikes = [10, 110, 210, 309, 410, 510, 611, 711, 811, 1100]  # the last stride stumbles
    for strike in strikes:
        contact[strike : strike + 60] = True
    found = find_cycles(contact, 100.0)
    assert [c.next_strike for c in found.cycles] == strikes[1:-1]


def test_cycles_with_a_fall_are_left_out():
    contact, _ = walking()
    fallen = np.arange(len(contact)) > 320
    found = find_cycles(contact, 100.0, excluded=fallen)
    assert 0 < max(c.next_strike for c in found.cycles) <= 321


def test_standing_has_no_cycle(statue, struggle):
    with pytest.raises(NoGaitCycle, match=r"statue: no gait cycle in 4\.0 s: .*struck the ground"):
        cycles_of(statue)
    with pytest.raises(NoGaitCycle, match=r"body was lost after 0\.7 s"):
        cycles_of(replace(struggle, fell=True))
    with pytest.raises(NoGaitCycle, match="stood 100 % and 100 %"):
        find_cycles(np.ones((300, 2), dtype=bool), 150.0)


def test_curves_run_from_strike_to_strike():
    values = np.stack([np.arange(300.0), np.sin(2 * np.pi * np.arange(300) / 100)], axis=1)
    cycle = Cycle(side=0, strike=50, foot_off=110, next_strike=150)
    curve = resample(values, cycle)
    np.testing.assert_allclose(curve[:, 0], 50 + np.arange(101))
    np.testing.assert_allclose(curve[0, 1], curve[-1, 1], atol=1e-12)
    both = curves(values, [cycle, Cycle(0, 100, 160, 200)])
    assert both.shape == (2, 101, 2)
    np.testing.assert_allclose(both[1, :, 0], np.linspace(100, 200, 101))


def test_a_person_on_force_plates(shared):
    """Overground walking at free speed (Rajagopal 2016): one whole right cycle, like anyone's."""
    table = read_table(shared / "data/physiology/opensim_moco_walk/grf_walk.mot")
    vertical = np.stack([table.column(f"ground_force_{side}_vy") for side in "rl"], axis=1)
    found = find_cycles(contact_from_force(vertical, 75 * 9.81, 2000.0), 2000.0)
    assert [c.side for c in found.cycles] == [0]
    measures = stride_measures(found)
    for name in ("stride_time", "cadence", "stance"):
        (value,) = measures[name]
        ranges = normative_ranges(name)
        assert min(r["low"] for r in ranges) <= value <= max(r["high"] for r in ranges), name


def test_the_originals_contact_code(shared):
    """A run of 33 s, recorded as a code at 30 Hz: one-sample bounces make strides of no length, unless removed."""
    code = np.load(shared / "data/physiology/kinesis_emg/kinesis/gait.npy").ravel()
    raw = contact_from_code(code)
    assert stride_measures(find_cycles(raw, 30.0))["stride_time"].min() < 0.2
    clean = find_cycles(without_bounces(raw, 30.0, 0.1), 30.0)
    measures = stride_measures(clean)
    assert len(clean.of("left")) > 20 and measures["stride_time"].min() > 0.5
    assert 50 < measures["stance"].mean() < 75
