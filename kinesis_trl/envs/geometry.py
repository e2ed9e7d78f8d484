"""Rotations as pure functions of float64 tensors, compiled by Numba. Quaternions are wxyz.

Heading frame: the world turned by the yaw of the root.
"""

from __future__ import annotations

import math

import numba
import numpy as np
import torch
from torch import Tensor


def multiply(a: Tensor, b: Tensor) -> Tensor:
    """Quaternion product a ⊗ b, (…, 4) wxyz: first b, then a."""
    a, b = torch.broadcast_tensors(a, b)
    return torch.from_numpy(_multiply(_rows(a), _rows(b))).view(a.shape)


def yaw(quat: Tensor) -> Tensor:
    """Heading angle (…,) in radians of the rotated x axis of `quat` (…, 4)."""
    sine, cosine = torch.from_numpy(_angle_parts(_rows(quat))[:2]).view(2, *quat.shape[:-1])
    return torch.atan2(sine, cosine)


def about_z(angle: Tensor) -> Tensor:
    """Quaternion (…, 4) of a turn by `angle` (…,) radians about the vertical."""
    zero = torch.zeros_like(angle)
    return torch.stack([torch.cos(angle / 2), zero, zero, torch.sin(angle / 2)], dim=-1)


def tilt(quat: Tensor) -> Tensor:
    """Roll and pitch (…, 2) in radians of `quat` (…, 4), from R = Rz(yaw) Ry(pitch) Rx(roll)."""
    sine, cosine, pitch = torch.from_numpy(_angle_parts(_rows(quat))[2:]).view(3, *quat.shape[:-1])
    return torch.stack([torch.atan2(sine, cosine), torch.asin(pitch)], dim=-1)


def to_heading(root_quat: Tensor) -> Tensor:
    """Rotation matrix (N, 3, 3) of the yaw of roots (N, 4): a world row vector times it is in the heading frame."""
    angle = yaw(root_quat)
    return torch.from_numpy(_about_vertical(torch.cos(angle).numpy(), torch.sin(angle).numpy()))


def turned(vectors: Tensor, matrix: Tensor, origin: Tensor | None = None) -> Tensor:
    """Row vectors (…, R, V, 3), less `origin` (R, V or 1, 3), times `matrix` (R, 3, 3): (…, R, V, 3)."""
    v = vectors.numpy().reshape(-1, *vectors.shape[-3:])
    found = _turned(v, _ORIGIN if origin is None else origin.numpy(), matrix.numpy())
    return torch.from_numpy(found).view(vectors.shape)


def axes(quat: Tensor) -> Tensor:
    """The rotated x axis, then the rotated z axis, of unit quaternions (…, 4): (…, 6)."""
    return torch.from_numpy(_axes(_rows(quat))).view(*quat.shape[:-1], 6)


def rotation_between(quat: Tensor, reference: Tensor) -> Tensor:
    """Rotation vector (…, 3) in radians, world axes, that turns `quat` (…, 4) into `reference` (…, 4)."""
    found = _rotation_between(_rows(quat), _rows(reference))
    return torch.from_numpy(found).view(*quat.shape[:-1], 3)


_ORIGIN = np.zeros((1, 1, 3))


def _rows(quat: Tensor) -> np.ndarray:
    return quat.numpy().reshape(-1, 4)


@numba.njit(nogil=True, cache=True)
def _multiply(a, b):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    out = np.empty((len(a), 4))
    for n in range(len(a)):
        aw, ax, ay, az = a[n, 0], a[n, 1], a[n, 2], a[n, 3]
        bw, bx, by, bz = b[n, 0], b[n, 1], b[n, 2], b[n, 3]
        out[n, 0] = aw * bw - ax * bx - ay * by - az * bz
        out[n, 1] = aw * bx + ax * bw + ay * bz - az * by
        out[n, 2] = aw * by - ax * bz + ay * bw + az * bx
        out[n, 3] = aw * bz + ax * by - ay * bx + az * bw
    return out


@numba.njit(nogil=True, cache=True)
def _angle_parts(quat):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """Sine and cosine part of yaw and of roll, and sine of the pitch: (N, 4) → (5, N)."""
    out = np.empty((5, len(quat)))
    for n in range(len(quat)):
        w, x, y, z = quat[n, 0], quat[n, 1], quat[n, 2], quat[n, 3]
        out[0, n] = 2 * (x * y + w * z)
        out[1, n] = 1 - 2 * (y * y + z * z)
        out[2, n] = 2 * (w * x + y * z)
        out[3, n] = 1 - 2 * (x * x + y * y)
        out[4, n] = min(max(2 * (w * y - x * z), -1.0), 1.0)
    return out


@numba.njit(nogil=True, cache=True)
def _about_vertical(cosine, sine):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    out = np.zeros((len(cosine), 3, 3))
    for n in range(len(cosine)):
        out[n, 0, 0] = out[n, 1, 1] = cosine[n]
        out[n, 1, 0], out[n, 0, 1] = sine[n], -sine[n]
        out[n, 2, 2] = 1.0
    return out


@numba.njit(nogil=True, cache=True)
def _turned(vectors, origin, matrix):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """(Q, R, V, 3) less (R or 1, V or 1, 3), times (R, 3, 3); sums in the order of Torch's products."""
    out = np.empty(vectors.shape)
    each, many = len(origin) > 1, origin.shape[1] > 1
    for q in range(vectors.shape[0]):
        for n in range(vectors.shape[1]):
            m, first = matrix[n], origin[n if each else 0]
            for v in range(vectors.shape[2]):
                o = v if many else 0
                x = vectors[q, n, v, 0] - first[o, 0]
                y = vectors[q, n, v, 1] - first[o, 1]
                z = vectors[q, n, v, 2] - first[o, 2]
                for j in range(3):
                    out[q, n, v, j] = (x * m[0, j] + y * m[1, j]) + z * m[2, j]
    return out


@numba.njit(nogil=True, cache=True)
def _axes(quat):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    out = np.empty((len(quat), 6))
    for n in range(len(quat)):
        w, x, y, z = quat[n, 0], quat[n, 1], quat[n, 2], quat[n, 3]
        ww, xx, yy, zz = w * w, x * x, y * y, z * z
        out[n, 0] = ((ww + xx) - yy) - zz
        out[n, 1] = 2 * (w * z) + 2 * (x * y)
        out[n, 2] = 2 * (x * z) - 2 * (w * y)
        out[n, 3] = 2 * (x * z) + 2 * (w * y)
        out[n, 4] = 2 * (y * z) - 2 * (w * x)
        out[n, 5] = ((ww - xx) - yy) + zz
    return out


@numba.njit(nogil=True, cache=True)
def _rotation_between(quat, reference):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    back = quat.copy()
    back[:, 1:] *= -1.0
    turn = _multiply(reference, back)
    out = np.empty((len(quat), 3))
    for n in range(len(quat)):
        if turn[n, 0] < 0:  # the shorter way round
            turn[n] *= -1.0
        w, x, y, z = turn[n, 0], turn[n, 1], turn[n, 2], turn[n, 3]
        sine = math.sqrt(x * x + y * y + z * z)
        share = 2 * math.atan2(sine, w) / sine if sine > 1e-9 else 2.0
        out[n, 0], out[n, 1], out[n, 2] = share * x, share * y, share * z
    return out
