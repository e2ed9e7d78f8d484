"""The published curves and how they depend on speed and direction."""

import numpy as np
import pytest

from kinesis_trl.motion.gait.gait_curves import (
    JOINTS,
    PELVIC_TILT,
    TOE_OFF,
    WALKING,
    reference,
    running_cadence,
    running_stance,
    walking,
    walking_cadence,
    walking_stance,
)


def test_at_a_comfortable_speed_the_table_comes_back():
    for k, joint in enumerate(JOINTS):
        phase = np.array([*WALKING[joint]]) / 100
        angle = walking(phase, np.full(len(phase), 1.28))[:, k]
        assert np.abs(angle - [*WALKING[joint].values()]).max() < 2.5


def test_curves_are_periodic():
    for speed in (0.5, 1.25, 1.8):
        ends = walking(np.array([0.0, 1.0 - 1e-9]), np.full(2, speed))
        assert np.allclose(ends[0], ends[1], atol=1e-4)


def test_faster_walking_swings_and_pushes_more():
    phase = np.linspace(0, 1, 201)
    slow, fast = (walking(phase, np.full(201, v)) for v in (0.5, 1.7))
    assert fast[:, 0].max() > slow[:, 0].max() + 5
    assert fast[:, 1].max() > slow[:, 1].max() + 10
    assert fast[:, 2].min() < slow[:, 2].min() - 10


def test_walking_backward_is_walking_forward_in_reverse():
    phase = np.linspace(0.0, 0.95, 20)
    zeros = np.zeros(20)
    back = reference(phase, np.full(20, -0.8), zeros)
    ahead = reference((TOE_OFF - phase) % 1.0, np.full(20, 0.8), zeros)
    assert np.allclose(back, ahead)


def test_reference_is_relative_to_an_upright_pelvis():
    angle = reference(np.zeros(1), np.full(1, 1.28), np.zeros(1))[0, 0]
    assert np.degrees(angle) == pytest.approx(walking(np.zeros(1), np.full(1, 1.28))[0, 0] - PELVIC_TILT)


def test_running_flexes_the_swinging_knee_most():
    phase = np.linspace(0, 1, 101)
    knee = np.degrees(reference(phase, np.full(101, 2.5), np.ones(101))[:, 1])
    assert knee.max() > 80 and phase[knee.argmax()] > TOE_OFF


def test_cadence_and_stance_lie_in_the_published_ranges():
    assert 99 <= 60 * walking_cadence(np.array(1.25)) <= 124
    assert 0.56 <= walking_stance(np.array(1.25)) <= 0.68
    assert walking_stance(np.array(0.5)) > walking_stance(np.array(1.5)) > 0.5
    assert running_stance(np.array(2.0)) < 0.5
    assert 155 <= 60 * running_cadence(np.array(2.5)) <= 180
