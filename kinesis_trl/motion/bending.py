"""Recorded walks led along other paths: circles and turns about, as the person who was recorded might walk them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from kinesis_trl.body.leg import CALCN, STEADY, Leg
from kinesis_trl.body.model import BodyModel
from kinesis_trl.motion.clip import FPS, MotionClip
from kinesis_trl.motion.gait.gait_curves import smoothstep
from kinesis_trl.motion.resample import sample_qpos
from kinesis_trl.motion.retarget.contacts import ContactConfig, detect_stance

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

_TALUS, _TOES = 2, 4
_CIRCLE = (30.0, 110.0)  # degrees per second
_PIVOT = np.radians(12.0)  # farthest that a hip turns against the trunk before the foot turns too
_RAMP = 0.7  # seconds in which a circle is entered
_SLOWEST, _FASTEST = 0.3, 1.8  # metres per second ahead, of what is a walk


@dataclass(frozen=True, kw_only=True)
class _Turning:
    """Ranges of turns about."""

    about: tuple[float, float]
    """Degrees."""
    lasts: tuple[float, float]
    """Seconds of a turn, at the recorded tempo."""
    slowed: tuple[float, float]
    """Tempo in the middle of a turn."""
    apart: tuple[float, float]
    """Seconds from one turn to the next."""


_WALKED = _Turning(about=(80.0, 190.0), lasts=(0.7, 1.4), slowed=(0.4, 0.9), apart=(2.0, 4.0))
_QUICK = _Turning(about=(130.0, 190.0), lasts=(0.25, 0.5), slowed=(0.15, 0.5), apart=(2.0, 3.5))
_STANDING = ContactConfig(heel_height=0.04, toe_height=0.04, speed=0.3)


def walks(clip: MotionClip) -> bool:
    """Whether a prepared clip is a walk ahead, which can be led elsewhere."""
    if clip.qpos is None:
        return False
    ahead = Rotation.from_quat(clip.qpos[:-1, 3:7], scalar_first=True).apply([1.0, 0.0, 0.0])[:, :2]
    pace = (np.diff(clip.qpos[:, :2], axis=0) * ahead).sum(1) * FPS
    return bool(_SLOWEST < pace.mean() < _FASTEST)


def bent(clip: MotionClip, body: BodyModel, rng: np.random.Generator) -> MotionClip:
    """A copy of a prepared walk on a circle, or with turns about, each in half of the cases.

    Args:
        clip: with qpos (T, nq) at 30 frames/s.
        body: whose coordinates they are.
        rng: random numbers.

    Raises:
        ValueError: the clip has no coordinates.
    """
    side, qpos = _begun(clip, rng)
    count = len(qpos)
    if rng.random() < 0.5:
        rate = side * np.radians(rng.uniform(*_CIRCLE))
        time = np.arange(count) / FPS
        turn = np.cumsum(rate * smoothstep(np.clip(time / _RAMP, 0, 1))) / FPS
        category = f"circle {'counter-clockwise' if side > 0 else 'clockwise'}"
    else:
        qpos, turn = _turns(body, qpos, side, rng, _WALKED)
        category = f"turn {'left' if side > 0 else 'right'}"
    return _led(clip, category, turn, lead(body, qpos, turn))


def turned_about(clip: MotionClip, body: BodyModel, rng: np.random.Generator) -> MotionClip:
    """A copy of a prepared walk with quick turns about, of 200 to 500 degrees per second, on a foot that pivots.

    Args and errors as for `bent`.
    """
    side, qpos = _begun(clip, rng)
    qpos, turn = _turns(body, qpos, side, rng, _QUICK)
    return _led(clip, f"turn {'left' if side > 0 else 'right'}", turn, lead(body, qpos, turn, pivot=_PIVOT))


def _begun(clip: MotionClip, rng: np.random.Generator) -> tuple[float, Array]:
    """1 for a turn to the left or −1, and the motion (T, nq)."""
    if clip.qpos is None:
        raise ValueError(f"{clip.name} holds joint positions, not qpos; prepare it first.")
    return (1.0 if rng.random() < 0.5 else -1.0), clip.qpos


def _led(clip: MotionClip, category: str, turn: Array, qpos: Array) -> MotionClip:
    name = f"{clip.name}~{category.replace(' ', '-')}{abs(np.degrees(turn[-1])):.0f}"
    return clip.with_(name=name, qpos=qpos, category=category, label=category, notes=(*clip.notes, "bent"))


def _turns(
    body: BodyModel, qpos: Array, side: float, rng: np.random.Generator, turning: _Turning
) -> tuple[Array, Array]:
    """The motion (T', nq) slowed where it turns, and the angle (T',) by which it is turned."""
    middle, turns = rng.uniform(0.8, turning.apart[0]), []
    while middle < len(qpos) / FPS - 0.6:
        lasts, about = rng.uniform(*turning.lasts), side * np.radians(rng.uniform(*turning.about))
        turns.append((middle, lasts, about, rng.uniform(*turning.slowed)))
        middle += rng.uniform(*turning.apart)
    at, places, angles = 0.0, [], []
    while at <= len(qpos) - 1:
        pace, angle, now = 1.0, 0.0, at / FPS
        for when, lasts, turned, slowed in turns:
            pace -= (1.0 - slowed) * np.exp(-0.5 * ((now - when) / (0.35 * lasts)) ** 2)
            angle += turned * float(smoothstep(np.clip((now - when) / lasts + 0.5, 0, 1)))
        places.append(at)
        angles.append(angle)
        at += max(pace, 0.3)
    return sample_qpos(qpos, FPS, np.array(places) / FPS, body=body), np.array(angles)


def lead(body: BodyModel, qpos: Array, turn: Array, *, pivot: float | None = None) -> Array:
    """The motion (T, nq) along the path that turns by `turn` (T,) radians more than its own.

    Feet that stand stay as they stand: each is put where the path leads it in the middle of its stance, and goes over
    to the next place in its swing. Legs follow by inverse kinematics, as far as they reach. With `pivot`, a foot turns
    about its ball once the trunk would be turned by more than these radians against it.
    """
    step = _about(0.5 * (turn[1:] + turn[:-1]), np.diff(qpos[:, :2], axis=0))
    path = np.concatenate([qpos[:1, :2], qpos[0, :2] + np.cumsum(step, axis=0)])
    out = np.array(qpos)
    out[:, :2] = path
    about = Rotation.from_rotvec(turn[:, None] * [0.0, 0.0, 1.0])
    before = Rotation.from_quat(qpos[:, 3:7], scalar_first=True)
    out[:, 3:7] = (about * before).as_quat(scalar_first=True)
    legs = {side: Leg.of(body, side) for side in "lr"}
    poses = {side: leg.forward(qpos[:, leg.qpos], qpos[:, :3], before.as_matrix()) for side, leg in legs.items()}
    parts = np.stack([poses[side].position[:, part] for part in (_TALUS, _TOES) for side in "lr"], axis=1)
    stands = detect_stance(parts, qpos[:, :3], FPS, _STANDING)
    time = np.arange(len(qpos), dtype=np.float64)
    for k, (side, leg) in enumerate(legs.items()):
        moment = _moments(stands[:, k] | stands[:, 2 + k])
        angle = np.interp(moment, time, turn)
        centre = np.stack([np.interp(moment, time, qpos[:, axis]) for axis in (0, 1)], axis=1)
        there = np.stack([np.interp(moment, time, path[:, axis]) for axis in (0, 1)], axis=1)
        place = poses[side].position[:, CALCN].copy()
        place[:, :2] = there + _about(angle, place[:, :2] - centre)
        if pivot is not None:
            faces = turn + np.clip(angle - turn, -pivot, pivot)
            heel = poses[side].position[:, CALCN, :2] - poses[side].position[:, _TOES, :2]
            place[:, :2] += _about(faces, heel) - _about(angle, heel)
            angle = faces
        turned = Rotation.from_rotvec(angle[:, None] * [0.0, 0.0, 1.0]).as_matrix() @ poses[side].rotation[:, CALCN]
        found = leg.inverse(
            out[:, :3],
            (about * before).as_matrix(),
            place,
            turned,
            qpos[:, leg.qpos],
            damping=STEADY,
            tolerance=1e-4,
        )
        out[:, leg.qpos[:-1]] = found[:, :-1]
    return body.couplings.apply(out)


def _about(angle: Array, points: Array) -> Array:
    """Points (T, 2) on the floor turned about the origin by `angle` (T,) radians."""
    (x, y), cos, sin = points.T, np.cos(angle), np.sin(angle)
    return np.stack([cos * x - sin * y, sin * x + cos * y], axis=1)


def _moments(stands: Mask) -> Array:
    """(T,) frame whose turn each frame of a foot takes: the middle of its stance, in swings on the way to the next."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], stands.astype(int), [0]])))
    first, last = edges[::2], edges[1::2] - 1
    out = np.arange(len(stands), dtype=np.float64)
    if not len(first):
        return out
    middles = 0.5 * (first + last)
    for a, b, middle in zip(first, last, middles, strict=True):
        out[a : b + 1] = middle
    for a, b, before, after in zip(last[:-1], first[1:], middles[:-1], middles[1:], strict=True):
        share = smoothstep((np.arange(a, b + 1) - a) / (b - a))
        out[a : b + 1] = before + share * (after - before)
    return out
