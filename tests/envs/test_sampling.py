"""Starts of training episodes: uniform ones by hand, and ones shortly before failures."""

import numpy as np
import pytest

from kinesis_trl.envs.sampling import StartConfig, StartSampler

DURATION = np.array([1.0, 4.0, 0.1])
EVEN = np.full(3, 1 / 3)


def draw(config, count=4000, failures=(), weights=EVEN, seed=0):
    sampler = StartSampler(DURATION, config)
    for clip, time in failures:
        sampler.note(np.array([clip]), np.array([time]), np.array([True]))
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


def test_half_of_the_starts_follow_failures_in_proportion_to_their_rate():
    failures = [(1, 3.9)] * 30 + [(0, 0.9)] * 10
    clip, _ = draw(StartConfig(failure_share=0.5), failures=failures)
    share = np.bincount(clip, minlength=3) / 4000
    rate = np.array([10 / 40, 30 / 60, 0.0])  # failures per step, with 30 steps without one
    np.testing.assert_allclose(share, 1 / 6 + 0.5 * rate / rate.sum(), atol=0.03)


def test_what_no_body_can_follow_is_not_tried_ever_more_often():
    sampler = StartSampler(DURATION, StartConfig(failure_share=1.0))
    rng = np.random.default_rng(0)
    for _ in range(300):  # the end of clip 1 always fails after five steps, clip 0 after fifty
        clip, _ = sampler.draw(64, EVEN, rng)
        for index, time, steps in ((1, 3.9, 5), (0, 0.4, 50)):
            count = np.count_nonzero(clip == index)
            made = np.full(count, index), np.full(count, time)
            for _ in range(steps - 1):
                sampler.note(*made, np.zeros(count, dtype=bool))
            sampler.note(*made, np.ones(count, dtype=bool))
    clip, _ = sampler.draw(4000, EVEN, rng)
    assert np.mean(clip == 0) == pytest.approx(1 / 11, abs=0.02)


def test_clips_without_weight_are_never_drawn_even_where_they_fail():
    clip, _ = draw(StartConfig(failure_share=0.9), failures=[(0, 0.5), (1, 0.5)], weights=np.array([0.0, 1.0, 0.0]))
    assert set(clip) == {1}


def test_old_failures_fade():
    sampler = StartSampler(DURATION, StartConfig())
    sampler.note(np.array([0]), np.array([0.2]), np.array([True]))
    for _ in range(30):
        sampler.note(np.full(1000, 1), np.full(1000, 3.0), np.ones(1000, dtype=bool))
    sampler.note(np.array([1]), np.array([3.0]), np.array([False]))
    assert sampler.failures[0] == sampler.visits[0] == pytest.approx(np.exp(-3))


def test_failures_at_a_clips_end_belong_to_it():
    sampler = StartSampler(DURATION, StartConfig())
    sampler.note(np.array([0, 2]), np.array([1.02, 0.7]), np.array([True, True]))
    clips = sampler._clip_of[np.flatnonzero(sampler.failures)]
    assert clips.tolist() == [0, 2]


@pytest.mark.parametrize("change", [{"grid": 0.0}, {"failure_share": 1.5}, {"failure_bin": -1.0}])
def test_config_is_checked(change):
    with pytest.raises(ValueError):
        StartConfig(**change)
