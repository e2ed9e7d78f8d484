"""Rotations: algebra, Euler angles, frames."""

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from kinesis_trl.envs.geometry import (
    about_z,
    axes,
    multiply,
    rotation_between,
    tilt,
    to_heading,
    yaw,
)


def rotate(quat, vector):
    """Rotate `vector` (…, 3) by the unit quaternion `quat` (…, 4) wxyz; shapes broadcast."""
    w, xyz = quat[..., :1], quat[..., 1:]
    xyz, vector = torch.broadcast_tensors(xyz, vector)
    twice = 2 * torch.linalg.cross(xyz, vector)
    return vector + w * twice + torch.linalg.cross(xyz, twice)


def random_quat(n, seed=0):
    return torch.from_numpy(Rotation.random(n, rng=np.random.default_rng(seed)).as_quat(scalar_first=True))


def scipy_of(quat):
    return Rotation.from_quat(quat.numpy(), scalar_first=True)


def test_quaternion_algebra_is_scipys():
    a, b = random_quat(50), random_quat(50, 1)
    v = torch.randn(50, 3, dtype=torch.float64)
    np.testing.assert_allclose(rotate(a, v), scipy_of(a).apply(v.numpy()), atol=1e-12)
    np.testing.assert_allclose(rotate(multiply(a, b), v), rotate(a, rotate(b, v)), atol=1e-12)


def test_tilt_and_yaw_are_euler_angles():
    quat = random_quat(200, 2)
    angles = scipy_of(quat).as_euler("xyz")
    np.testing.assert_allclose(tilt(quat), angles[:, :2], atol=1e-9)
    np.testing.assert_allclose(yaw(quat), angles[:, 2], atol=1e-9)


def test_leaning_forward_is_positive_pitch():
    lean = torch.from_numpy(Rotation.from_euler("y", 0.3).as_quat(scalar_first=True))[None]
    assert rotate(lean, torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64))[0, 0] > 0
    np.testing.assert_allclose(tilt(lean), [[0.0, 0.3]], atol=1e-12)


def test_heading_frame_puts_forward_on_x():
    quat = about_z(torch.tensor([2.1], dtype=torch.float64))
    forward = rotate(quat, torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64))
    np.testing.assert_allclose(forward[:, None] @ to_heading(quat), [[[1, 0, 0]]], atol=1e-12)


def test_axes_are_columns_of_the_rotation_matrix():
    quat = random_quat(20, 7)
    matrix = scipy_of(quat).as_matrix()
    np.testing.assert_allclose(axes(quat), np.concatenate([matrix[..., 0], matrix[..., 2]], -1), atol=1e-12)


def test_rotation_between_is_the_shorter_way_and_nothing_at_none():
    one, two = Rotation.random(200, random_state=0), Rotation.random(200, random_state=1)
    quats = [torch.from_numpy(r.as_quat(scalar_first=True)) for r in (one, two)]
    found = rotation_between(*quats)
    np.testing.assert_allclose(found, (two * one.inv()).as_rotvec(), atol=1e-9)
    assert torch.equal(rotation_between(quats[0], -quats[1]), found) or torch.allclose(
        rotation_between(quats[0], -quats[1]), found
    )
    assert torch.equal(
        rotation_between(quats[0], quats[0]).round(decimals=12).abs(), torch.zeros(200, 3, dtype=torch.float64)
    )
