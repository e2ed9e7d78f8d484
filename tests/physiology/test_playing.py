"""Walks at the speeds of recorded people, and which recorded walks lead straight ahead."""

from __future__ import annotations

import numpy as np
import pytest

from kinesis_trl.facts import EMG_SPEEDS
from kinesis_trl.motion.gait.language import text_to_clip
from kinesis_trl.motion.library import MotionLibrary
from kinesis_trl.physiology.playing import straight_clips, walks_at_emg_speeds


def test_walks_are_as_fast_as_people_were(body):
    clips = walks_at_emg_speeds(2, body, seed=0)
    assert len(clips) == 12 and len({clip.name for clip in clips}) == 12
    for k, speed in enumerate(EMG_SPEEDS):
        path = clips[2 * k].qpos[:, 0]
        middle = slice(len(path) // 3, 2 * len(path) // 3)  # starting and stopping are slower
        assert np.diff(path)[middle].mean() * 30 == pytest.approx(speed, rel=0.08)


def test_only_straight_walks_lead_straight_ahead(body):
    texts = ("walk forward for 4 meters", "walk in a circle", "stand still for 3 seconds", "walk backward for 3 meters")
    library = MotionLibrary.build([text_to_clip(text, body) for text in texts], body)
    assert straight_clips(library) == [0, 3]  # strides that go backward are left out later
