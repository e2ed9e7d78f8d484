"""Footsteps read back from a motion."""

from __future__ import annotations

import pytest

from kinesis_trl.motion.gait.commands import Command
from kinesis_trl.motion.gait.footsteps import GaitStyle, plan
from kinesis_trl.motion.gait.synthesis import realise
from kinesis_trl.motion.retarget import footing


@pytest.mark.parametrize("turn_rate", [0.0, 0.5])
def test_steps_of_a_generated_motion_are_those_it_was_made_from(body, monkeypatch, turn_rate):
    planned = plan([Command(seconds=3.0, speed=0.9, turn_rate=turn_rate)], GaitStyle())
    read = []
    recorded = footing.recorded_steps

    def keep(*args):
        read.append(recorded(*args))
        return read[-1]

    monkeypatch.setattr(footing, "recorded_steps", keep)
    footing.plant_feet(body, realise(planned, body, GaitStyle()), 30.0)
    for side in ("l", "r"):
        was, now = planned.stances[side], read[0].stances[side]
        assert len(now) == len(was)
        for a, b in zip(was, now, strict=True):
            assert (b.x, b.y) == pytest.approx((a.x, a.y), abs=2e-3)
            assert b.yaw == pytest.approx(a.yaw, abs=0.01)
            assert (b.strike, b.lift) == pytest.approx((a.strike, a.lift), abs=0.07)  # two frames
            if a.strike > 0 and a.lift < planned.seconds:
                assert b.stride == pytest.approx(a.stride, abs=0.15)
    heading = planned.course.sample("heading", planned.seconds)
    assert read[0].course.sample("heading", planned.seconds) == pytest.approx(heading, abs=0.1)
