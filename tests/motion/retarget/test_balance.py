"""Recorded motions brought over their feet, by the footsteps they take."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from kinesis_trl.body.foot_placement import place_feet
from kinesis_trl.motion.gait.commands import Command
from kinesis_trl.motion.gait.synthesis import synthesise
from kinesis_trl.motion.retarget.balance import com_offset
from kinesis_trl.motion.retarget.footing import FootingConfig, plant_feet


@pytest.fixture(scope="module")
def walk(body):
    """Walking ahead, 3 s and the standing before and after."""
    return synthesise([Command(seconds=3.0, speed=0.9)], body).qpos


def centre(body, qpos):
    return qpos[:, :2] + com_offset(body, qpos)[:, :2]


def displaced(body, qpos, ahead, aside):
    """Root moved over the same feet, and lower, so that legs reach."""
    out = qpos.copy()
    out[:, :3] += [ahead, aside, -0.03]
    return place_feet(body, out, qpos)


def test_a_generated_walk_is_in_balance(body, walk):
    """Its footsteps, read back from the motion, carry its centre of mass where it is."""
    apart = centre(body, plant_feet(body, walk, 30.0)) - centre(body, walk)
    assert np.abs(apart).mean() < 0.01
    assert np.abs(apart).max() < 0.03


@pytest.mark.parametrize(("ahead", "aside"), [(-0.05, 0.0), (0.04, 0.02)])
def test_a_displaced_root_comes_back(body, walk, ahead, aside):
    """As when a skeleton's hips are not where the body's are."""
    wrong = displaced(body, walk, ahead, aside)
    back = plant_feet(body, wrong, 30.0)
    left = plant_feet(body, wrong, 30.0, FootingConfig(balance=None))
    np.testing.assert_allclose((left - walk)[:, :2].mean(0), [ahead, aside], atol=0.005)
    np.testing.assert_allclose((back - walk)[:, :2].mean(0), 0.0, atol=0.012)


def test_it_does_not_depend_on_heading_or_place(body, walk):
    wrong = displaced(body, walk, -0.05, 0.0)
    turn, place = Rotation.from_euler("z", 2.0), np.array([3.0, -1.0, 0.0])
    elsewhere = wrong.copy()
    elsewhere[:, :3] = turn.apply(wrong[:, :3]) + place
    elsewhere[:, 3:7] = (turn * Rotation.from_quat(wrong[:, 3:7], scalar_first=True)).as_quat(scalar_first=True)
    here, there = plant_feet(body, wrong, 30.0), plant_feet(body, elsewhere, 30.0)
    np.testing.assert_allclose(turn.apply(here[:, :3]) + place, there[:, :3], atol=1e-3)
    np.testing.assert_allclose(here[:, 7:], there[:, 7:], atol=2e-2)


def test_a_motion_cut_out_of_a_walk_stays_in_balance(body, walk):
    """It neither begins nor ends at rest, so its ends are not pulled to a stand."""
    cut = walk[50:90]
    wrong = displaced(body, cut, -0.05, 0.0)
    apart = centre(body, plant_feet(body, wrong, 30.0)) - centre(body, cut)
    assert np.abs(apart.mean(0)).max() < 0.03
    assert np.abs(apart).max() < 0.07


def test_standing_still_and_very_short_motions(body):
    still = np.tile(body.standing_qpos, (40, 1))
    moved = plant_feet(body, still, 30.0)
    assert np.ptp(moved[:, :2], axis=0).max() < 1e-6
    assert len(plant_feet(body, still[:3], 30.0)) == 3


def test_a_body_that_never_stands_on_one_foot_is_left_where_it_is(body):
    """On the left foot only there are no footsteps to be above."""
    hop = np.tile(body.standing_qpos, (20, 1))
    hop[:, 7 + body.joint_names.index("hip_flexion_r")] = 1.2
    hop[:, 7 + body.joint_names.index("knee_angle_r")] = 1.5
    moved = plant_feet(body, body.couplings.apply(hop), 30.0)
    np.testing.assert_allclose(moved[:, :2], hop[:, :2], atol=1e-9)
