"""Starts of training episodes: uniform ones by hand, and ones shortly before failures."""

import numpy as np
import pytest

from kinesis_trl.envs.sampling import StartConfig, StartSampler

DURATION = np.array([1.0, 4.0, 0.1])
EVEN = np.full(3, 1 / 3)


def draw(config, count=4000, failures=(), weights=EVEN, seed=0):
    sampler = StartSampler(DURATION, config)
    for clip, time in failures:
        sampler.note(np.array([clip]), np.array([time]))
    return sampler.draw(count, weights, np.random.default_rng(seed))


def test_uniform_starts_lie_on_the_grid_and_leave_something_to_follow():
    clip, time = draw(StartConfig(failure_share=0.0), failures=[(1, 3.0)])
    for index, latest in enumerate([0.8, 3.8, 0.0]):
        starts = time[clip == index]
        np.testing.assert_allclose(np.unique(starts), np.arange(0, latest + 1e-9, 0.2), atol=1e-9)
        assert len(starts) == pytest.approx(4000 / 3, rel=0.1)


def test_failing_share_starts_within_the_lead_before_the_failing_stretch():
    config = StartConfig(failure_share=1.0, failure_bin=0.5, failure_lead=1.0, grid=0.1)
    clip, time = draw(config, failures=[(1, 2.3)])  # the stretch from 2.0 s
    assert (clip == 1).all()
    assert time.min() >= 0.9 and time.max() <= 2.0 + 1e-9 and np.ptp(time) > 0.8


def test_half_of_the_starts_follow_failures_in_proportion():
    failures = [(1, 3.9)] * 30 + [(0, 0.9)] * 10
    clip, _ = draw(StartConfig(failure_share=0.5), failures=failures)
    share = np.bincount(clip, minlength=3) / 4000
    np.testing.assert_allclose(share, [1 / 6 + 0.125, 1 / 6 + 0.375, 1 / 6], atol=0.03)


def test_clips_without_weight_are_never_drawn_even_where_they_fail():
    clip, _ = draw(StartConfig(failure_share=0.9), failures=[(0, 0.5), (1, 0.5)], weights=np.array([0.0, 1.0, 0.0]))
    assert set(clip) == {1}


def test_old_failures_fade():
    sampler = StartSampler(DURATION, StartConfig())
    sampler.note(np.array([0]), np.array([0.2]))
    for _ in range(30):
        sampler.note(np.full(1000, 1), np.full(1000, 3.0))
    assert sampler.failures[0] == pytest.approx(np.exp(-3))


def test_failures_at_a_clips_end_belong_to_it():
    sampler = StartSampler(DURATION, StartConfig())
    sampler.note(np.array([0, 2]), np.array([1.02, 0.7]))
    clips = sampler._clip_of[np.flatnonzero(sampler.failures)]
    assert clips.tolist() == [0, 2]


@pytest.mark.parametrize("change", [{"grid": 0.0}, {"failure_share": 1.5}, {"failure_bin": -1.0}])
def test_config_is_checked(change):
    with pytest.raises(ValueError):
        StartConfig(**change)
