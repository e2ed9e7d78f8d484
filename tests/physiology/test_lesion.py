"""A foot that drops is found as such, one that does not is not, and helpers are named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kinesis_trl.motion.kinematics import velocities
from kinesis_trl.physiology import page_sections
from kinesis_trl.physiology.analysis import analyse
from kinesis_trl.physiology.lesion import judge_lesion, lesion_effects, swing, toe_height
from kinesis_trl.physiology.page import page
from kinesis_trl.physiology.recorder import States, measure
from kinesis_trl.physiology.strides import Run, collect


@pytest.fixture(scope="module")
def dropped(body, walk):
    """The walk with both ankles held 0.3 rad lower while a foot is in the air, toe extensors busier, shins silent."""
    qpos, activation = walk.qpos.copy(), walk.activation.copy()
    for side, letter in enumerate("rl"):
        qpos[:, 7 + body.joint_names.index(f"ankle_angle_{letter}")] -= 0.3 * (walk.contact[:, side] == 0)
        activation[:, walk.muscle(f"edl_{letter}")] += 0.2
        activation[:, walk.muscle(f"tibant_{letter}")] = 0
    states = States(
        qpos=qpos, qvel=velocities(qpos, 30.0, body), activation=activation, excitation=activation, rate=30.0
    )
    made = measure(body, states, clip="dropped", category="walk forward")
    return replace(made, ground_force=walk.ground_force, contact=walk.contact, other_force=walk.other_force)


def strides_of(recording):
    return collect(Run(title=recording.clip, recordings=(recording,)))[0]


def test_toes_are_as_high_as_mujoco_says(body, walk):
    """Both feet's lowest points are those of the body; toes alone are never lower."""
    heights = toe_height(walk, body)
    assert heights.shape == (len(walk.time), 2)
    lowest = body.lowest_foot_point(walk.qpos)
    assert (heights.min(1) >= lowest - 1e-9).all()
    on_toes = heights.min(1) < lowest + 1e-6
    assert on_toes.any()  # in some poses the toes are the lowest part, and then both agree
    turned = replace(walk, qpos=walk.qpos, body_position=walk.body_position + np.array([0, 0, 0.1]))
    np.testing.assert_allclose(toe_height(turned, body), heights + 0.1)


def test_a_dropped_foot_is_called_so_and_helpers_are_named(body, walk, dropped):
    found = lesion_effects(strides_of(walk), strides_of(dropped), body, ["tibant_r", "tibant_l"])
    here, there = found["lesioned"], found["healthy"]
    assert np.mean(there["ankle"][0]) - np.mean(here["ankle"][0]) == pytest.approx(np.degrees(0.3), abs=2)
    assert np.mean(here["clearance"][0]) < np.mean(there["clearance"][0]) - 10
    assert set(found["rises"]) == {"edl_r", "edl_l"} and found["rises"]["edl_r"] == pytest.approx(0.2, abs=1e-6)
    state, headline, text = judge_lesion(found, {"lesioned": (1, 2), "healthy": (0, 2)})
    assert state == "unknown" and headline.startswith("foot drop: toes ") and "toe extensor (EDL) (+0.20)" in text
    assert "fell in 1 of 2 clips, the healthy body in 0 of 2" in text


def test_nothing_cut_nothing_dropped(body, walk):
    found = lesion_effects(strides_of(walk), strides_of(walk), body, [])
    assert found["healthy"] == found["lesioned"] == swing(strides_of(walk), body) and not found["rises"]
    _, headline, text = judge_lesion(found, {"lesioned": (0, 1), "healthy": (0, 1)})
    assert headline.startswith("no foot drop: toes 0 mm ")
    assert "No muscle works noticeably more" in text and "fell" not in text


def test_the_report_shows_both_bodies(body, walk, dropped, statue):
    runs = [Run(title="muscles cut", recordings=(dropped,)), Run(title="healthy", recordings=(walk,))]
    report = analyse(runs, body, emg="none", cut=("tibant_r", "tibant_l"))
    section = report["sections"]["lesion"]
    assert section["headline"].startswith("foot drop") and section["changes"][0]["muscle"].startswith(("edl", "tibant"))
    html = page(report, heading="lesion", facts=[])
    assert "how high the toes pass the floor" in html and "right tibialis anterior" in html
    still = [Run(title="muscles cut", recordings=(statue,)), runs[1]]
    section = analyse(still, body, emg="none", cut=())["sections"]["lesion"]
    assert "made no stride" in section["reason"] and page_sections.lesion(section) is None
