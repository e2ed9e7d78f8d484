"""Measures of a source: each sees its own fault, in whatever direction the motion goes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from kinesis_trl.motion.retarget.plausibility import Plausibility, asymmetry, floor_slide, largest_jump, plausibility

FPS = 30.0


def stepping(frames: int = 90, speed: float = 1.2) -> tuple[np.ndarray, np.ndarray]:
    """Pelvis (T, 3) that moves along x, and feet (T, 4, 3) that stand and swing in turn, half a second each."""
    time = np.arange(frames) / FPS
    pelvis = np.stack([speed * time, 0 * time, 0.9 + 0 * time], axis=1)
    parts = np.zeros((frames, 4, 3))
    for side, shift in ((0, 0.0), (1, 0.5)):
        phase = time + shift
        step, part = np.floor(phase), phase % 1.0
        swing = np.clip(2 * part - 1, 0, 1)
        smooth = swing**2 * (3 - 2 * swing)
        for joint, ahead, height in ((side, 0.0, 0.08), (side + 2, 0.13, 0.02)):
            parts[:, joint, 0] = speed * (step + smooth - shift) + ahead
            parts[:, joint, 1] = 0.1 - 0.2 * side
            parts[:, joint, 2] = height + 0.1 * np.sin(np.pi * swing)
    return pelvis, parts


def measured(pelvis: np.ndarray, parts: np.ndarray, turn: float = 0.0) -> Plausibility:
    about = Rotation.from_euler("z", turn)
    quat = np.tile(about.as_quat(scalar_first=True), (len(pelvis), 1))
    parts = about.apply(parts.reshape(-1, 3)).reshape(parts.shape)
    pelvis = about.apply(pelvis)
    return plausibility(pelvis=pelvis, pelvis_quat=quat, fps=FPS, parts=parts)


@pytest.mark.parametrize("turn", [0.0, 2.0])
def test_steps_are_plausible_and_a_treadmill_is_not(turn: float) -> None:
    pelvis, parts = stepping()
    walk = measured(pelvis, parts, turn)
    assert walk.root_speed_m_s == pytest.approx(1.2) and walk.travel_m_s == pytest.approx(1.2)
    assert walk.root_jump_m < 1e-9 and walk.root_turn_rad_s < 1e-6
    assert walk.floor_slide_m_s < 0.05
    assert walk.feet_turn_deg == pytest.approx(0.0, abs=1e-6)
    belt = pelvis * [1, 0, 0]
    treadmill = measured(pelvis - belt, parts - belt[:, None], turn)
    assert treadmill.floor_slide_m_s == pytest.approx(1.2, abs=0.01) and treadmill.travel_m_s < 1e-9


def test_steps_and_spikes_are_off_the_cubic() -> None:
    time = np.linspace(0, 1, 30)[:, None]
    path = np.concatenate([time**3, 1 - time, 0 * time], axis=1)
    assert largest_jump(path) < 0.004  # at the ends the path is compared with a line
    step, spike = path.copy(), path.copy()
    step[12:, 0] += 0.4
    spike[12, 1] -= 0.4
    assert largest_jump(step) == pytest.approx(0.2, abs=1e-6) and largest_jump(spike) == pytest.approx(0.4, abs=1e-6)
    for first in (1, 2, 28, 29):
        late = path.copy()
        late[first:, 0] += 0.4
        assert largest_jump(late) == pytest.approx(0.2, abs=0.01), first
    assert largest_jump(step[10:14]) == 0.0  # too short to tell


def test_feet_that_point_elsewhere_are_seen() -> None:
    pelvis, parts = stepping()
    parts[:, 2:, :2] += 0.13 * np.array([-1.0, 1.0])  # toes to the left of the ankles instead of ahead
    assert measured(pelvis, parts).feet_turn_deg == pytest.approx(90, abs=1)


def test_knees_that_bend_backwards_and_bones_that_stretch_are_seen() -> None:
    pelvis, parts = stepping()
    legs = np.zeros((90, 2, 3, 3))
    legs[..., 0, 2], legs[..., 1, 2], legs[..., 1, 0] = 0.8, 0.4, 0.12
    quat = np.tile([1.0, 0, 0, 0], (90, 1))

    def seen(legs: np.ndarray) -> tuple[float, float]:
        about = {"fps": FPS, "parts": parts}
        found = plausibility(pelvis=pelvis, pelvis_quat=quat, legs=legs, **about)
        return found.knee_back_m, found.stretch

    assert seen(legs) == (0.0, 0.0)
    assert seen(legs * [-1, 1, 1]) == (pytest.approx(0.12), 0.0)
    longer = legs.copy()
    longer[60:, :, 2, 2] -= 0.2  # shanks of 0.61 m instead of 0.42 m in a third of the frames
    assert seen(longer)[1] == pytest.approx(0.61 / 0.42 - 1, abs=0.05)


def test_no_foot_near_the_floor_says_nothing() -> None:
    parts = np.zeros((60, 4, 3))
    parts[:, :, 2] = np.linspace(0, 5, 60)[:, None]
    parts[:, :, 0] = np.linspace(0, 50, 60)[:, None]
    assert floor_slide(parts, FPS) == 0.0


def test_a_pelvis_turned_against_the_legs_is_asymmetric_by_twice_the_angle(body, march) -> None:
    qpos = march.qpos.copy()
    even = asymmetry(body, qpos)
    for side, sign in (("l", 1.0), ("r", -1.0)):
        qpos[:, 7 + body.joint_names.index(f"hip_rotation_{side}")] += sign * np.radians(20)
    assert even < 1.0 and asymmetry(body, qpos) == pytest.approx(40, abs=0.5)
