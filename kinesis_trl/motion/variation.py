"""Varied copies of a motion: other people doing the same, for training on more than what was recorded."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation

from kinesis_trl.body.foot_placement import place_feet
from kinesis_trl.body.leg import ANKLE, HIP, KNEE
from kinesis_trl.body.model import BodyModel
from kinesis_trl.motion.clip import FPS, MotionClip
from kinesis_trl.motion.gait.synthesis import Walker
from kinesis_trl.motion.resample import resample_qpos

Array = NDArray[np.float64]

_OTHER = {"left": "right", "right": "left", "counter-clockwise": "clockwise", "clockwise": "counter-clockwise"}
_SIDES = re.compile("left|right|counter-clockwise|clockwise")
_STRIDING = ("hip_flexion", "knee_angle", "ankle_angle")
_FASTEST, _SLOWEST = 1.4, 0.65  # times the recorded tempo
_QUIET = 0.05  # radians of deviation below which a joint's movement is not scaled up


@dataclass(frozen=True, kw_only=True)
class VariationConfig:
    """How far varied copies are from the original; standard deviations unless said otherwise."""

    tempo: float = 0.15
    """Of the logarithm of the tempo."""
    stride: float = 0.1
    """Of the logarithm of the distance covered, and of how far hips, knees and ankles move for it."""
    rotation: float = 0.1
    """Of hip rotation, constant over the motion, in radians."""
    width: float = 0.05
    """Of hip adduction, constant over the motion, in radians."""
    crouch: float = 0.015
    """Of how much lower the pelvis is carried, constant over the motion and never higher, in metres."""
    lean: float = 0.08
    """Of the trunk's lean ahead, constant over the motion, in radians; a third of it sideways."""
    pelvis_tilt: float = 0.03
    """Of what is added to roll, pitch and yaw of the pelvis, the same in every step, in radians."""
    pelvis_shift: float = 0.008
    """Of what is added to the pelvis' place ahead, aside and up, the same in every step, in metres."""
    sway: float = 0.02
    """Of slow changes of every hip and knee angle and, by half, of the trunk, in radians."""
    sway_time: float = 0.35
    """Time over which these change, in seconds."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not value >= 0:
                raise ValueError(f"{name} must not be negative, got {value}.")


def vary(
    clip: MotionClip, body: BodyModel, rng: np.random.Generator, config: VariationConfig | None = None
) -> MotionClip:
    """A copy of a prepared clip as another person might move, seen in a mirror half of the time.

    Tempo, length of stride, posture of trunk and hips, and slow sway are drawn at random. Feet are no longer
    exactly on the floor: `footing.plant_feet` puts them there.

    Args:
        clip: with qpos (T, nq) at 30 frames/s.
        body: whose coordinates they are.
        rng: random numbers.
        config: how far to go.

    Raises:
        ValueError: the clip has no coordinates.
    """
    config = config or VariationConfig()
    if clip.qpos is None:
        raise ValueError(f"{clip.name} holds joint positions, not qpos; prepare it first.")
    mirrored = bool(rng.random() < 0.5)
    qpos = body.mirror.qpos(clip.qpos) if mirrored else clip.qpos
    tempo = float(np.clip(np.exp(rng.normal(0.0, config.tempo)), _SLOWEST, _FASTEST))
    qpos = resample_qpos(qpos, FPS * tempo, FPS, body=body)
    stride = np.exp(rng.normal(0.0, config.stride))
    qpos[:, :2] = qpos[0, :2] + stride * (qpos[:, :2] - qpos[0, :2])
    moving = [7 + body.joint_names.index(f"{joint}_{side}") for joint in _STRIDING for side in "rl"]
    qpos[:, moving] = qpos[0, moving] + stride * (qpos[:, moving] - qpos[0, moving])
    if config.pelvis_tilt or config.pelvis_shift:
        qpos = vary_pelvis(body, qpos, FPS, rng, config.pelvis_tilt, config.pelvis_shift)
    count = len(qpos)
    lean = np.array([rng.normal(0.0, config.lean / 3), rng.normal(0.0, config.lean), 0.0])
    sway = 0.5 * config.sway * _noise(rng, count, 3, config.sway_time)
    turned = Rotation.from_quat(qpos[:, 3:7], scalar_first=True) * Rotation.from_rotvec(lean + sway)
    qpos[:, 3:7] = turned.as_quat(scalar_first=True)
    qpos[:, 2] -= abs(rng.normal(0.0, config.crouch))
    both = {"hip_flexion": lean[1], "hip_rotation": rng.normal(0.0, config.rotation)}
    both |= {"hip_adduction": rng.normal(0.0, config.width), "knee_angle": 0.0}
    for joint, shift in both.items():
        for side in "rl":
            column = 7 + body.joint_names.index(f"{joint}_{side}")
            qpos[:, column] += shift + config.sway * _noise(rng, count, 1, config.sway_time)[:, 0]
    low, high = body.joint_range.T
    qpos[:, 7:] = np.clip(qpos[:, 7:], low, high)
    name = f"{clip.name}~{'m' if mirrored else ''}{tempo:.2f}"
    words = {"category": clip.category, "label": clip.label}
    if mirrored:
        words = {key: _SIDES.sub(lambda found: _OTHER[found[0]], text) for key, text in words.items()}
    return clip.with_(name=name, qpos=body.couplings.apply(qpos), notes=(*clip.notes, "varied"), **words)


def _noise(rng: np.random.Generator, frames: int, columns: int, seconds: float) -> Array:
    """Smooth random curves (frames, columns) of unit deviation."""
    width = max(seconds * FPS, 1e-3)
    curve = gaussian_filter1d(rng.normal(size=(frames, columns)), width, axis=0, mode="nearest")
    return np.asarray(curve * np.sqrt(2 * np.sqrt(np.pi) * width))


def vary_pelvis(body: BodyModel, qpos: Array, fps: float, rng: np.random.Generator, tilt: float, shift: float) -> Array:
    """The motion (T, nq) with other movements of the pelvis over the same footprints, the same in every step.

    What is added to the pelvis' pitch, height and place ahead is a random combination of what both legs do alike, and
    to roll, yaw and place aside of what they do in opposition, so that left and right steps are each other's mirror
    image as much as before. Hips, knees and ankles follow by inverse kinematics, with the feet where they were, as far
    as legs reach.

    Args:
        body: whose coordinates they are.
        qpos: (T, nq), T ≥ 2.
        fps: frames per second.
        rng: random numbers.
        tilt: standard deviation of each angle that is added, in radians.
        shift: the same of each displacement, in metres.
    """
    walker = Walker.of(body)
    alike, opposed = _movements(qpos[:, walker.legs["l"].qpos], qpos[:, walker.legs["r"].qpos], fps)
    pitch, roll, yaw = (tilt * _combined(rng, basis) for basis in (alike, opposed, opposed))
    ahead, aside, up = (shift * _combined(rng, basis) for basis in (alike, opposed, alike))
    before = Rotation.from_quat(qpos[:, 3:7], scalar_first=True)
    heading = Rotation.from_rotvec(before.as_euler("ZYX")[:, :1] * [0.0, 0.0, 1.0])
    after = before * Rotation.from_rotvec(np.stack([roll, pitch, yaw], axis=1))
    out = np.array(qpos)
    out[:, :3] += heading.apply(np.stack([ahead, aside, up], axis=1))
    out[:, 3:7] = after.as_quat(scalar_first=True)
    return place_feet(body, out, qpos)


def _movements(left: Array, right: Array, fps: float) -> tuple[Array, Array]:
    """What legs (T, 7) do alike and in opposition: (T, 6) each, joints and their velocities about their means."""
    out = []
    left, right = left[:, [HIP, KNEE, ANKLE]], right[:, [HIP, KNEE, ANKLE]]
    for both in (left + right, left - right):
        move = both - both.mean(0)
        speed = np.gradient(move, 1.0 / fps, axis=0)
        move, speed = move / np.maximum(move.std(0), _QUIET), speed / np.maximum(speed.std(0), _QUIET * fps / 5)
        out.append(np.concatenate([move, speed], axis=1))
    return out[0], out[1]


def _combined(rng: np.random.Generator, basis: Array) -> Array:
    """A random combination (T,) of basis (T, k), of unit deviation on average."""
    return np.asarray(basis @ rng.normal(size=basis.shape[1]) / np.sqrt(basis.shape[1]))
