"""What the policy sees; pure functions on tensors.

Heading frame: the world turned by the yaw of the root, so that the observation does not depend on where the
body looks. Quaternions are wxyz. N environments, B observed bodies (the root first), K tracked bodies.
"""

from __future__ import annotations

import torch
from torch import Tensor


def rotate(quat: Tensor, vector: Tensor) -> Tensor:
    """Rotate `vector` (…, 3) by the unit quaternion `quat` (…, 4) wxyz; shapes broadcast."""
    w, xyz = quat[..., :1], quat[..., 1:]
    xyz, vector = torch.broadcast_tensors(xyz, vector)
    twice = 2 * torch.linalg.cross(xyz, vector)
    return vector + w * twice + torch.linalg.cross(xyz, twice)


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
    """Quaternion (N, 4) that turns world vectors into the heading frame of roots (N, 4)."""
    return about_z(-yaw(root_quat))


def proprioception(
    position: Tensor, quaternion: Tensor, linear_velocity: Tensor, angular_velocity: Tensor
) -> dict[str, Tensor]:
    """The body seen from its own heading frame.

    Args:
        position: (N, B, 3) world; the root comes first.
        quaternion: (N, B, 4) world, wxyz.
        linear_velocity: (N, B, 3) world.
        angular_velocity: (N, B, 3) world.

    Returns:
        root_height (N, 1), root_tilt (N, 4): cos, sin of roll, then of pitch, body_pos (N, 3(B−1)) relative to
        the root, body_rot (N, 6B): each body's x axis then z axis, body_linvel (N, 3B), body_angvel (N, 3B).
    """
    n = len(position)
    turn = to_heading(quaternion[:, 0])[:, None]
    local = rotate(turn, position - position[:, :1])
    local_quat = multiply(turn.expand_as(quaternion), quaternion)
    axes = torch.eye(3, dtype=position.dtype, device=position.device)
    axes = torch.cat([rotate(local_quat, axes[0]), rotate(local_quat, axes[2])], dim=-1)
    angles = tilt(quaternion[:, 0])
    return {
        "root_height": position[:, 0, 2:],
        "root_tilt": torch.stack([torch.cos(angles), torch.sin(angles)], dim=-1).reshape(n, 4),
        "body_pos": local[:, 1:].reshape(n, -1),
        "body_rot": axes.reshape(n, -1),
        "body_linvel": rotate(turn, linear_velocity).reshape(n, -1),
        "body_angvel": rotate(turn, angular_velocity).reshape(n, -1),
    }


def tracking(
    root_pos: Tensor, root_quat: Tensor, body_pos: Tensor, body_vel: Tensor, ref_pos: Tensor, ref_vel: Tensor
) -> dict[str, Tensor]:
    """The reference seen from the body's heading frame.

    Args:
        root_pos: (N, 3) world.
        root_quat: (N, 4) world, wxyz.
        body_pos, body_vel: (N, K, 3) tracked bodies, world.
        ref_pos, ref_vel: (N, K, 3) their references one policy step ahead, world.

    Returns:
        position_error (N, 3K): reference − body; velocity_error (N, 3K); ref_from_root (N, 3K): reference − root.
    """
    n = len(root_pos)
    turn = to_heading(root_quat)[:, None]
    return {
        "position_error": rotate(turn, ref_pos - body_pos).reshape(n, -1),
        "velocity_error": rotate(turn, ref_vel - body_vel).reshape(n, -1),
        "ref_from_root": rotate(turn, ref_pos - root_pos[:, None]).reshape(n, -1),
    }
