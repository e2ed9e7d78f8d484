"""Which strides count: straight ahead, at one speed."""

from __future__ import annotations

from kinesis_trl.physiology.strides import Run, collect


def test_only_strides_of_the_asked_speeds_count(walk):
    every, _ = collect(Run(title="w", recordings=(walk,)), speeds=(0.0, 9.0))
    found = every.measures()[0]["speed"]
    middle = float(sorted(found)[len(found) // 2])
    fast, clips = collect(Run(title="w", recordings=(walk,)), speeds=(middle, 9.0))
    assert 0 < fast.count(0) + fast.count(1) < len(found)
    assert fast.measures()[0]["speed"].min() >= middle and not fast.note
    assert clips[0]["others"] > 0 and "not walking straight ahead at" in clips[0]["note"]
    assert sorted([*fast.speeds(0), *fast.speeds(1)]) == sorted(fast.measures()[0]["speed"])


def test_where_no_stride_is_that_fast_all_count_and_it_is_said(walk):
    every, _ = collect(Run(title="w", recordings=(walk,)), speeds=(0.0, 9.0))
    found, clips = collect(Run(title="w", recordings=(walk,)), speeds=(3.0, 4.0))
    assert (found.count(0), found.count(1)) == (every.count(0), every.count(1))
    assert "no stride is between 3 and 4 m/s" in found.note and f"{found.speed:.2f} m/s" in found.note
    assert clips[0]["strides"] == found.count(0) + found.count(1)
