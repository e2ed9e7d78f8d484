"""Markers on the body: where they are, how they move, and size and motion found from them."""

from __future__ import annotations

import numpy as np
import pytest

from kinesis_trl.body.model import load_body
from kinesis_trl.body.scaling import SEGMENTS, segment_lengths
from kinesis_trl.motion.gait.language import text_to_clip
from kinesis_trl.motion.kinematics import Poses
from kinesis_trl.motion.markers.fit import FitConfig, find_placement, fit_motion
from kinesis_trl.motion.markers.model import MarkerModel
from kinesis_trl.motion.markers.recorded import TrialError
from kinesis_trl.motion.markers.sets import marker_sets, place_markers

LABELS = [pattern.format(side=s) for pattern in marker_sets()["rajagopal"] for s in "RL" if "{" in pattern or s == "R"]


@pytest.fixture(scope="module")
def model(body):
    return MarkerModel(body, place_markers(LABELS)[1])


@pytest.fixture(scope="module")
def walking(body):
    """A second of generated walking at 30 frames/s."""
    return np.array(text_to_clip("walk forward for 3 meters", body, 1).qpos[20:50])


def test_places_are_those_of_a_body_of_that_size(body, model, walking):
    own = segment_lengths(body.whole)
    ratio = np.array([1.02, 1.1, 0.95, 1.08, 1.12])
    sized = load_body("myolegs:" + ",".join(f"{n}={own[n] * r:.6f}" for n, r in zip(SEGMENTS, ratio, strict=True)))
    # names carry lengths to a tenth of a millimetre, and the knee slides by millimetres in proportion to the shank
    qpos = sized.couplings.apply(walking)
    found = model.evaluate(walking, ratio, model.home)
    field = Poses.of(sized).evaluate(qpos)
    longer = ratio[model.segment[model.carrier]][:, None]
    turn = field["xmat"].reshape(len(qpos), -1, 3, 3)[:, model.carrier]
    wanted = field["xpos"][:, model.carrier] + np.einsum("fkij,kj->fki", turn, longer * model.home)
    assert np.abs(found.position - wanted).max() < 1e-3


def test_slopes_are_those_of_differences(model, walking):
    qpos, ratio, small = walking[:3], np.array([1.0, 1.1, 0.95, 1.08, 1.1]), 1e-6
    found = model.evaluate(qpos, ratio, model.home)
    for k in range(len(model.dofs)):
        step = np.zeros((3, len(model.dofs)))
        step[:, k] = small
        ahead, behind = (model.evaluate(model.move(qpos, s * step), ratio, model.home).position for s in (1, -1))
        assert np.abs((ahead - behind) / (2 * small) - found.by_coordinate[..., k]).max() < 2e-4, model.dofs[k]
    for k in range(len(SEGMENTS)):
        more = model.evaluate(qpos, ratio + small * np.eye(5)[k], model.home).position
        assert np.abs((more - found.position) / small - found.by_ratio[..., k]).max() < 1e-6


def test_size_and_joint_angles_come_back_through_noise_and_gaps(body, model, walking):
    rng = np.random.default_rng(0)
    ratio = np.array([1.0, 1.05, 0.93, 1.07, 1.06])
    seen = model.evaluate(walking, ratio, model.home).position + rng.normal(scale=0.002, size=(30, len(LABELS), 3))
    seen[5:15, LABELS.index("R.Knee")] = np.nan
    seen[:, LABELS.index("L.MT5")] = np.nan
    places = place_markers(LABELS)[1]
    config = FitConfig(frames=12)
    placement = find_placement(body, places, seen, config)
    fit = fit_motion(body, placement, seen, 30.0, config)
    assert np.abs(placement.ratio - ratio)[1:].max() < 0.03
    for joint in ("hip_flexion", "knee_angle", "ankle_angle"):
        for side in "rl":
            k = 7 + body.joint_names.index(f"{joint}_{side}")
            assert np.degrees(np.sqrt(np.square(fit.qpos[:, k] - walking[:, k]).mean())) < 1.5, joint
    assert np.isnan(fit.distance[:, LABELS.index("L.MT5")]).all()
    assert np.sqrt(np.nanmean(fit.distance**2)) < 0.008
    joints = fit.qpos[:, model.joint_qpos]
    assert (joints >= model.limits[0] - 1e-9).all() and (joints <= model.limits[1] + 1e-9).all()


def test_a_static_trial_places_the_markers_of_the_walking(body, model, walking):
    rng = np.random.default_rng(1)
    ratio = np.array([1.0, 0.96, 1.05, 0.95, 1.04])
    # markers a centimetre beside their landmarks, those on soft tissue several
    spread = np.array([place.spread for place in place_markers(LABELS)[1]])[:, None]
    at = model.home + np.minimum(0.4 * spread, 0.04) * rng.uniform(-1, 1, size=model.home.shape)
    standing = np.repeat(body.standing_qpos[None], 10, axis=0)
    static = model.evaluate(standing, ratio, at).position
    seen = model.evaluate(walking, ratio, at).position
    config = FitConfig()
    placement = find_placement(body, place_markers(LABELS)[1], static, config, static=True)
    fit = fit_motion(body, placement, seen, 30.0, config)
    assert np.abs(placement.ratio - ratio)[2:4].max() < 0.05  # thigh and shank
    for joint in ("hip_flexion", "knee_angle", "ankle_angle"):
        for side in "rl":
            k = 7 + body.joint_names.index(f"{joint}_{side}")
            assert np.degrees(np.abs(fit.qpos[:, k] - walking[:, k]).mean()) < 4.0, joint
    assert np.sqrt(np.nanmean(fit.distance**2)) < 0.01


def test_without_a_pelvis_it_says_which_markers_are_missing(body, model, walking):
    seen = model.evaluate(walking[:5], np.ones(5), model.home).position
    seen[:, [LABELS.index(n) for n in ("R.ASIS", "L.ASIS", "S2")]] = np.nan
    with pytest.raises(TrialError, match="three markers of the pelvis"):
        find_placement(body, place_markers(LABELS)[1], seen, FitConfig())
