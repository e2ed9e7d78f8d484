"""Scores by hand, and the intervals' known values."""

import numpy as np
import pytest

from kinesis_trl.envs.terms.terminations import KINESIS, STRICT
from kinesis_trl.evaluation.metrics import evaluate_episodes, score, summarise
from kinesis_trl.evaluation.rollout import Episode
from kinesis_trl.evaluation.tables import verdict
from kinesis_trl.motion.library import ClipEntry


def episode(distance, steps=10, **more):
    distance = np.repeat(np.asarray(distance, dtype=float)[:, None], 7, axis=1)
    return Episode(clip=0, steps=steps, distance=distance, reward=np.ones(len(distance)), **more)


def test_a_followed_clip():
    result = score(episode([0.02] * 10), STRICT)
    assert result.success and result.coverage == 1.0 and result.mpjpe == pytest.approx(20.0)


def test_failure_counts_frames_before_it_and_errors_up_to_it():
    result = score(episode([0.1, 0.1, 0.1, 0.2, 0.4, 0.4, 0.6]), STRICT)
    assert not result.success and result.coverage == pytest.approx(0.3)
    assert result.mpjpe == pytest.approx(1000 * (0.1 * 3 + 0.2) / 4)
    lenient = score(episode([0.1, 0.1, 0.1, 0.2, 0.4, 0.4, 0.6]), KINESIS)
    assert lenient.coverage == pytest.approx(0.6) and lenient.mpjpe == pytest.approx(1900 / 7)


def test_failing_in_the_last_frame_is_no_success():
    result = score(episode([0.0] * 9 + [0.2]), STRICT)
    assert not result.success and result.coverage == pytest.approx(0.9)


def test_each_clip_counts_for_itself():
    """The original's running mean over clips is a fault that must not come back."""
    first, second = episode([0.1] * 10), episode([0.02] * 10)
    assert score(second, STRICT).mpjpe == pytest.approx(20.0) and score(first, STRICT).mpjpe == pytest.approx(100.0)


def test_a_broken_simulation_is_a_failure():
    assert not score(episode([0.0] * 4, broken=True), KINESIS).success


def test_intervals():
    scores = [score(episode([0.02] * 10), STRICT)] * 9 + [score(episode([0.2] * 10), STRICT)]
    summary = summarise(scores)
    assert summary["success"]["mean"] == 0.9
    assert summary["success"]["low"] == pytest.approx(0.5958, abs=1e-4)  # Wilson for 9 of 10
    assert summary["success"]["high"] == pytest.approx(0.9821, abs=1e-4)
    assert summary["mpjpe_mm"]["low"] <= summary["mpjpe_mm"]["mean"] <= summary["mpjpe_mm"]["high"]
    assert summarise(scores) == summary  # the draws are seeded


def test_report_by_clip_and_category():
    clips = [
        ClipEntry(name="a", start=0, frames=11, category="walk"),
        ClipEntry(name="b", start=11, frames=11),
    ]
    good = episode([0.02] * 10)
    bad = Episode(clip=1, steps=10, distance=np.full((10, 7), 0.2), reward=np.zeros(10))
    report = evaluate_episodes([good, bad], clips)
    assert [row["name"] for row in report["clips"]] == ["a", "b"]
    assert report["clips"][1]["strict"]["coverage"] == 0.0 and report["clips"][1]["kinesis"]["success"]
    assert report["summary"]["strict"]["success"]["mean"] == 0.5
    assert report["by_category"]["walk"]["strict"]["clips"] == 1
    assert "lacking_moment" not in report


def test_moments_that_muscles_could_not_make_are_counted():
    lacking = np.array([0.0] * 7 + [4.0, 6.0, 30.0])
    report = evaluate_episodes(
        [episode([0.02] * 10, lacking=lacking)], [ClipEntry(name="a", start=0, frames=11, category="walk")]
    )
    assert report["lacking_moment"] == {"steps": 10, "clipped_steps": 2, "mean_nm": 4.0, "largest_nm": 30.0}
    assert "in 20.0 % of the steps; at most 30 N m lacked." in verdict(report)
