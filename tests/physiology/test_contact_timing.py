"""Lateness of contacts, and what share of a signal is fast."""

from dataclasses import replace

import numpy as np
import pytest

from kinesis_trl.physiology.contact_timing import contact_timing
from kinesis_trl.physiology.joint_loads import share_above


def stepping(recording, strike, lift):
    """The recording with its right foot standing from `strike` after to 0.6 s plus `lift` after each full second."""
    time = np.arange(600) / 150.0 + 1e-6
    force = np.zeros((600, 2, 3))
    phase = (time - 0.2) % 1.0
    stands = ((phase >= strike) | (phase - 1 >= strike)) & (phase < 0.6 + lift) | (phase - 1 >= strike)
    force[:, 0, 2] = np.where(stands & (time > 0.1), recording.weight, 0.0)
    return replace(recording, ground_force=force, rate=150.0)


def test_lateness_is_that_of_the_contacts(statue):
    motion = stepping(statue, 0.0, 0.0)
    found = contact_timing([stepping(statue, -0.04, 0.02)], [motion])
    assert found["strike"] == pytest.approx(-0.04, abs=0.004) and found["lift"] == pytest.approx(0.02, abs=0.004)
    assert found["contacts"] >= 3
    with pytest.raises(ValueError, match="no contact"):
        contact_timing([motion], [replace(motion, clip="another")])


def test_share_above_a_frequency_by_hand():
    time = np.arange(1500) / 150.0
    slow, fast = np.sin(2 * np.pi * 2 * time), np.sin(2 * np.pi * 20 * time)
    shares = share_above(np.stack([slow, fast, slow + 0.5 * fast, 0 * time], axis=1), 150.0, 6.0)
    np.testing.assert_allclose(shares, [0.0, 1.0, 0.2, 0.0], atol=1e-3)
    with pytest.raises(ValueError, match="do not show"):
        share_above(slow, 10.0, 6.0)
