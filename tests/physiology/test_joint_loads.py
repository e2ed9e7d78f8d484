from __future__ import annotations

import numpy as np

from kinesis_trl.physiology.joint_loads import joint_moments, joint_powers


def test_a_body_that_leans_forward_is_held_by_its_calves(statue):
    """Weight ahead of the ankles asks for a plantarflexion moment: force times its lever, both legs alike."""
    ankle = joint_moments(statue)["ankle"][-180:]
    lever = statue.centre_of_pressure[-180:, :, 0] - statue.position("talus_r")[-180:, 0, None]
    foot_weight = statue.ground_force[-180:, :, 2]
    assert lever.min() > 0.01
    np.testing.assert_allclose(ankle.mean(0), (foot_weight * lever).mean(0) / statue.mass, rtol=0.05)


def test_powers_are_moments_times_extension_velocity(struggle):
    moments, powers = joint_moments(struggle), joint_powers(struggle)
    for joint, coordinate in (("hip", "hip_flexion"), ("knee", "knee_angle"), ("ankle", "ankle_angle")):
        for side, letter in enumerate("rl"):
            speed = struggle.qvel[:, 6 + struggle.coordinate_names.index(f"{coordinate}_{letter}")]
            np.testing.assert_allclose(powers[joint][:, side], -moments[joint][:, side] * speed)
    assert np.abs(powers["knee"]).max() > 0.1
