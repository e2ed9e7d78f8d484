"""Contact detection on feet whose stances are known."""

from __future__ import annotations

import numpy as np

from kinesis_trl.motion.retarget.contacts import ContactConfig, detect_stance, penetration, stance_slide

FPS = 30.0


def steps(floor: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Left foot stands 1 s, swings 0.5 s, stands 1 s; the right foot stands throughout. Parts, pelvis, swing."""
    frames = 75
    parts = np.zeros((frames, 4, 3))
    parts[:, :2, 2], parts[:, 2:, 2] = floor + 0.07, floor + 0.02
    swing = np.zeros(frames, dtype=bool)
    swing[30:45] = True
    along = np.clip((np.arange(frames) - 30) / 15, 0, 1)
    for part in (0, 2):
        parts[:, part, 0] = 0.7 * (3 * along**2 - 2 * along**3)
        parts[:, part, 2] += 0.12 * np.sin(np.pi * along) ** 2
    pelvis = np.zeros((frames, 3))
    pelvis[:, 2] = floor + 0.9
    return parts, pelvis, swing


def test_stance_and_swing_are_told_apart() -> None:
    parts, pelvis, swing = steps()
    stance = detect_stance(parts, pelvis, FPS, ContactConfig())
    assert stance[:, [1, 3]].all()
    for part in (0, 2):
        assert not stance[33:42, part].any()
        assert stance[~swing, part].mean() > 0.95


def test_the_floor_may_lie_anywhere() -> None:
    parts, pelvis, _ = steps()
    high, pelvis_high, _ = steps(floor=-3.2)
    config = ContactConfig()
    np.testing.assert_array_equal(
        detect_stance(parts, pelvis, FPS, config), detect_stance(high, pelvis_high, FPS, config)
    )


def test_a_raised_foot_that_is_still_does_not_stand() -> None:
    parts, pelvis, _ = steps()
    parts[:] = parts[:1]
    parts[:, [0, 2], 2] += 0.25
    stance = detect_stance(parts, pelvis, FPS, ContactConfig())
    assert not stance[:, [0, 2]].any()
    assert stance[:, [1, 3]].all()


def test_a_touch_shorter_than_the_shortest_is_ignored() -> None:
    parts, pelvis, _ = steps()
    parts[:, 0, 2] += 0.3
    parts[40, 0, 2] -= 0.3
    stance = detect_stance(parts, pelvis, FPS, ContactConfig())
    assert not stance[:, 0].any()


def test_slide_counts_only_standing_parts() -> None:
    parts = np.zeros((11, 4, 3))
    parts[:, 0, 0] = 0.01 * np.arange(11)  # 0.3 m/s at 30 frames/s
    parts[:, 1, 1] = 5.0 * np.arange(11)
    parts[:, 2, 2] = np.arange(11)  # straight up: no slide
    stance = np.zeros((11, 4), dtype=bool)
    stance[:, [0, 2]] = True
    np.testing.assert_allclose(stance_slide(parts, stance, FPS), 0.15)
    assert stance_slide(parts, np.zeros((11, 4), dtype=bool), FPS) == 0.0


def test_penetration_is_the_greatest_depth() -> None:
    assert penetration(np.array([0.02, -0.013, 0.0])) == 0.013
    assert penetration(np.array([0.02, 0.001])) == 0.0
