"""Mirror maps: geometry, muscle lengths and dynamics of mirrored states."""

import mujoco
import numpy as np
import pytest

from kinesis_trl.body.mirror import REFLECTION, other_side
from kinesis_trl.body.model import load_body


def random_state(body, seed=0):
    rng = np.random.default_rng(seed)
    low, high = body.joint_range.T
    qpos = body.standing_qpos.copy()
    qpos[7:] = rng.uniform(low, high)
    qpos[:3] += rng.normal(size=3)
    qpos[3:7] = rng.normal(size=4)
    qpos[3:7] /= np.linalg.norm(qpos[3:7])
    qpos = body.couplings.apply(qpos)
    qvel = body.couplings.apply_velocity(qpos, rng.normal(size=body.model.nv))
    return qpos, qvel, rng.random(body.model.na)


def forward(body, qpos, qvel, act):
    data = mujoco.MjData(body.model)
    data.qpos[:], data.qvel[:], data.act[:] = qpos, qvel, act
    mujoco.mj_forward(body.model, data)
    return data


@pytest.mark.parametrize("name", ["myolegs", "myolegs_abdomen"])
def test_mirrored_pose_has_mirrored_bodies_and_muscle_lengths(name):
    body = load_body(name)
    mirror = body.mirror
    qpos, qvel, act = random_state(body)
    one, two = (
        forward(body, qpos, qvel, act),
        forward(body, mirror.qpos(qpos), mirror.qvel(qvel), act[..., mirror.muscles]),
    )
    ids = body.observed_ids
    np.testing.assert_allclose(one.xpos[ids][mirror.observed] * REFLECTION, two.xpos[ids], atol=1e-10)
    turned = REFLECTION[:, None] * one.xmat[ids].reshape(-1, 3, 3)[mirror.observed] * mirror.frame_sign[:, None]
    np.testing.assert_allclose(turned, two.xmat[ids].reshape(-1, 3, 3), atol=1e-10)
    np.testing.assert_allclose(one.actuator_length[..., mirror.muscles], two.actuator_length, atol=1e-10)
    np.testing.assert_allclose(one.actuator_velocity[..., mirror.muscles], two.actuator_velocity, atol=1e-8)


def test_mirrored_state_has_mirrored_accelerations(body):
    qpos, qvel, act = random_state(body, 3)
    one = forward(body, qpos, qvel, act)
    two = forward(body, body.mirror.qpos(qpos), body.mirror.qvel(qvel), act[..., body.mirror.muscles])
    scale = np.abs(one.qacc).max()
    np.testing.assert_allclose(body.mirror.qvel(one.qacc), two.qacc, atol=1e-9 * scale)


def test_mirroring_twice_is_nothing(body):
    qpos, qvel, act = random_state(body, 4)
    mirror = body.mirror
    np.testing.assert_allclose(mirror.qpos(mirror.qpos(qpos)), qpos)
    np.testing.assert_allclose(mirror.qvel(mirror.qvel(qvel)), qvel)
    np.testing.assert_allclose(act[mirror.muscles][mirror.muscles], act)


def test_signs_follow_the_joint_axes(kinesis_xml):
    original = load_body(kinesis_xml)
    sign = dict(zip(original.joint_names, original.mirror.joint_sign, strict=True))
    assert sign["knee_angle_l_translation2"] == -1 and sign["hip_adduction_r"] == 1
    abdomen = load_body("myolegs_abdomen")
    sign = dict(zip(abdomen.joint_names, abdomen.mirror.joint_sign, strict=True))
    assert (sign["flex_extension"], sign["lat_bending"], sign["axial_rotation"]) == (1, -1, -1)


@pytest.mark.parametrize(
    "name, counterpart",
    [
        ("soleus_r", "soleus_l"),
        ("l_toes", "r_toes"),
        ("knee_angle_l_rotation2", "knee_angle_r_rotation2"),
        ("head", "head"),
    ],
)
def test_counterpart_names(name, counterpart):
    assert other_side(name) == counterpart
