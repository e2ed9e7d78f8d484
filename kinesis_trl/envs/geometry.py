"""Rotations as pure functions of tensors. Quaternions are wxyz.

Heading frame: the world turned by the yaw of the root.
"""

from __future__ import annotations

import torch
from torch import Tensor

# Coefficients of the rotated x and z axis in the products of a quaternion's components, row 4i + j for q_i q_j.
_AXES = torch.zeros(16, 6, dtype=torch.float64)
for _row, _column, _value in (
    *((0, 0, 1), (5, 0, 1), (10, 0, -1), (15, 0, -1), (6, 1, 2), (3, 1, 2), (7, 2, 2), (2, 2, -2)),
    *((7, 3, 2), (2, 3, 2), (11, 4, 2), (1, 4, -2), (0, 5, 1), (5, 5, -1), (10, 5, -1), (15, 5, 1)),
):
    _AXES[_row, _column] = _value


def multiply(a: Tensor, b: Tensor) -> Tensor:
    """Quaternion product a ⊗ b, (…, 4) wxyz: first b, then a."""
    aw, ax, ay, az = a.unbind(-1)
    bw, bx, by, bz = b.unbind(-1)
    return torch.stack(
        [
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        ],
        dim=-1,
    )


def yaw(quat: Tensor) -> Tensor:
    """Heading angle (…,) in radians of the rotated x axis of `quat` (…, 4)."""
    w, x, y, z = quat.unbind(-1)
    return torch.atan2(2 * (x * y + w * z), 1 - 2 * (y * y + z * z))


def about_z(angle: Tensor) -> Tensor:
    """Quaternion (…, 4) of a turn by `angle` (…,) radians about the vertical."""
    zero = torch.zeros_like(angle)
    return torch.stack([torch.cos(angle / 2), zero, zero, torch.sin(angle / 2)], dim=-1)


def tilt(quat: Tensor) -> Tensor:
    """Roll and pitch (…, 2) in radians of `quat` (…, 4), from R = Rz(yaw) Ry(pitch) Rx(roll)."""
    w, x, y, z = quat.unbind(-1)
    roll = torch.atan2(2 * (w * x + y * z), 1 - 2 * (x * x + y * y))
    pitch = torch.asin(torch.clamp(2 * (w * y - x * z), -1, 1))
    return torch.stack([roll, pitch], dim=-1)


def to_heading(root_quat: Tensor) -> Tensor:
    """Rotation matrix (N, 3, 3) of the yaw of roots (N, 4): a world row vector times it is in the heading frame."""
    angle = yaw(root_quat)
    cos, sin = torch.cos(angle), torch.sin(angle)
    zero, one = torch.zeros_like(cos), torch.ones_like(cos)
    return torch.stack([cos, -sin, zero, sin, cos, zero, zero, zero, one], dim=-1).reshape(-1, 3, 3)


def axes(quat: Tensor) -> Tensor:
    """The rotated x axis, then the rotated z axis, of unit quaternions (…, 4): (…, 6)."""
    products = (quat[..., :, None] * quat[..., None, :]).flatten(-2)
    return products @ _AXES.to(quat)


def rotation_between(quat: Tensor, reference: Tensor) -> Tensor:
    """Rotation vector (…, 3) in radians, world axes, that turns `quat` (…, 4) into `reference` (…, 4)."""
    w, x, y, z = quat.unbind(-1)
    turn = multiply(reference, torch.stack([w, -x, -y, -z], dim=-1))
    turn = torch.where(turn[..., :1] < 0, -turn, turn)  # the shorter way round
    sine = turn[..., 1:].norm(dim=-1, keepdim=True)
    angle = 2 * torch.atan2(sine, turn[..., :1])
    return turn[..., 1:] * torch.where(sine > 1e-9, angle / sine.clamp(min=1e-9), 2.0)
