from __future__ import annotations

import numpy as np
import pytest

from kinesis_trl.physiology.joint_angles import PELVIC_TILT, joint_angles, pelvis_tilt


def test_angles_have_clinical_signs_and_offsets(struggle):
    angles = joint_angles(struggle)
    assert set(angles) == {"pelvis tilt", "hip", "knee", "ankle"}
    right, left = angles["knee"][0]
    assert (right, left) == pytest.approx(np.degrees([0.6, 0.2]))
    assert angles["hip"][0] == pytest.approx([np.degrees(0.4) + PELVIC_TILT, PELVIC_TILT])
    assert angles["ankle"][0] == pytest.approx([0, np.degrees(0.1)])


@pytest.mark.parametrize("heading", [0.0, 2.0])
def test_leaning_forward_is_anterior_tilt_whatever_the_heading(heading):
    lean = 0.2
    turn = np.array([np.cos(heading / 2), 0, 0, np.sin(heading / 2)])
    w, z = turn[0], turn[3]
    c, s = np.cos(lean / 2), np.sin(lean / 2)
    qpos = np.array([[0, 0, 1, w * c, -z * s, w * s, z * c]])
    assert pelvis_tilt(qpos)[0] == pytest.approx(np.degrees(lean) + PELVIC_TILT)
