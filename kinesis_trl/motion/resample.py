"""Motion as smooth curves in time: cubic splines for coordinates, a rotation spline for the root."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.spatial.transform import Rotation, RotationSpline

from kinesis_trl.body.model import BodyModel

Array = NDArray[np.float64]

_WINDOW = 4096
_MARGIN = 48  # a spline's memory fades by 0.27 per knot, so this many reach below float64's resolution


def sample_times(frames: int, fps: float, target_fps: float) -> Array:
    """Times (T',) in seconds at which a clip of `frames` at `fps` is sampled anew, both ends included if they fit."""
    count = int(np.floor((frames - 1) / fps * target_fps + 1e-6)) + 1
    return np.minimum(np.arange(count) / target_fps, (frames - 1) / fps)


def sample_curve(values: Array, fps: float, times: Array, order: int = 0) -> Array:
    """Cubic spline through `values` (T, …) at `fps`, or its derivative of `order`, at rising `times` (T',)."""
    out = np.empty((len(times), *values.shape[1:]))
    for source, target in _windows(len(values), fps, times):
        knots = np.arange(source.start, source.stop) / fps
        out[target] = CubicSpline(knots, values[source])(times[target], order)
    return out


def sample_rotation(quat: Array, fps: float, times: Array) -> Array:
    """Rotation spline through quaternions (T, 4) wxyz of either sign, at rising `times` (T',): (T', 4), continuous."""
    out = np.empty((len(times), 4))
    for source, target in _windows(len(quat), fps, times):
        curve = _rotation_spline(quat[source], fps, source.start)
        out[target] = curve(times[target]).as_quat(scalar_first=True)
    return continuous_quat(out)


def sample_angular_velocity(quat: Array, fps: float, times: Array) -> Array:
    """Angular velocity (T', 3) in rad/s, in the rotating frame, of the same rotation spline."""
    out = np.empty((len(times), 3))
    for source, target in _windows(len(quat), fps, times):
        out[target] = _rotation_spline(quat[source], fps, source.start)(times[target], 1)
    return out


def continuous_quat(quat: Array) -> Array:
    """Unit quaternions (T, 4) with signs chosen so that neighbours are close and the first has w ≥ 0."""
    unit = quat / np.linalg.norm(quat, axis=-1, keepdims=True)
    flips = np.sign(np.einsum("ti,ti->t", unit[1:], unit[:-1]))
    flips[flips == 0] = 1
    first = -1.0 if unit[0, 0] < 0 else 1.0
    return unit * np.concatenate([[first], first * np.cumprod(flips)])[:, None]


def resample_qpos(qpos: Array, fps: float, target_fps: float = 30.0, *, body: BodyModel) -> Array:
    """Body coordinates at another frame rate, dependent joints set from their independent ones.

    Args:
        qpos: (T, nq) at `fps` frames/s; root quaternions may have either sign.
        fps: frames per second of `qpos`, any ratio to the target.
        target_fps: frames per second wanted.
        body: gives the couplings.

    Returns:
        (T', nq); at an equal rate the same frames.
    """
    if abs(fps - target_fps) <= 1e-9 * target_fps:
        return body.couplings.apply(qpos)
    return sample_qpos(qpos, fps, sample_times(len(qpos), fps, target_fps), body=body)


def sample_qpos(qpos: Array, fps: float, times: Array, *, body: BodyModel) -> Array:
    """Body coordinates (T', nq) at `times` (T',) in seconds, of qpos (T, nq) at `fps` frames/s; see `resample_qpos`."""
    root = sample_curve(qpos[:, :3], fps, times)
    turn = sample_rotation(qpos[:, 3:7], fps, times)
    joints = sample_curve(qpos[:, 7:], fps, times)
    return body.couplings.apply(np.concatenate([root, turn, joints], axis=1))


def resample_positions(positions: Array, fps: float, target_fps: float = 30.0) -> Array:
    """Joint positions (T, J, 3) at another frame rate, (T', J, 3); at an equal rate the same frames."""
    if abs(fps - target_fps) <= 1e-9 * target_fps:
        return np.array(positions, dtype=np.float64)
    return sample_curve(positions, fps, sample_times(len(positions), fps, target_fps))


def _rotation_spline(quat: Array, fps: float, start: int) -> RotationSpline:
    knots = np.arange(start, start + len(quat)) / fps
    return RotationSpline(knots, Rotation.from_quat(quat, scalar_first=True))


def _windows(frames: int, fps: float, times: Array) -> Iterator[tuple[slice, slice]]:
    """Pieces of the source, with a margin, and the pieces of `times` they serve: memory stays bounded."""
    for first in range(0, max(frames - 1, 1), _WINDOW):
        last = min(first + _WINDOW, frames - 1)
        begin = np.searchsorted(times, first / fps) if first else 0
        end = np.searchsorted(times, last / fps) if last < frames - 1 else len(times)
        if begin < end:
            yield slice(max(first - _MARGIN, 0), min(last + _MARGIN + 1, frames)), slice(int(begin), int(end))
