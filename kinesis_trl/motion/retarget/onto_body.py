"""Any motion onto the body: from joint positions or raw coordinates to clean qpos at 30 frames/s."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfiltfilt
from scipy.spatial.transform import Rotation

from kinesis_trl.body.model import BodyModel
from kinesis_trl.motion.clip import FPS, ClipFormatError, MotionClip
from kinesis_trl.motion.kinematics import Poses, forward_kinematics
from kinesis_trl.motion.resample import (
    continuous_quat,
    resample_positions,
    resample_qpos,
    sample_rotation,
    sample_times,
)
from kinesis_trl.motion.retarget.contacts import PARTS, ContactConfig, detect_stance, stance_slide
from kinesis_trl.motion.retarget.inverse_kinematics import FitConfig, Targets, fit_trajectory
from kinesis_trl.motion.retarget.plausibility import Plausibility, plausibility
from kinesis_trl.motion.retarget.quality import QualityReport, assess
from kinesis_trl.motion.retarget.trunk import follow_spine, trunk_joints

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

TRACKED = ("Pelvis", "L_Knee", "R_Knee", "L_Ankle", "R_Ankle", "L_Toe", "R_Toe")
"""SMPL joints in the order of the tracked bodies."""
_HIPS = ("L_Hip", "R_Hip")
_TRUNK = ("Torso", "Spine", "Chest", "Neck")


@dataclass(frozen=True, kw_only=True)
class RetargetConfig:
    """How motions are brought onto the body."""

    scaling: Literal["segments", "none"] = "segments"
    """segments: fit thigh, shank, foot and stride to the body; none: the joints are the body's own."""
    low_pass: float = 8.0
    """Cut-off in Hz of the zero-lag filter on joint positions (gait data: 6–10 Hz); 0: none."""
    contacts: ContactConfig = field(default_factory=ContactConfig)
    """When feet count as standing."""
    fit: FitConfig = field(default_factory=FitConfig)
    """Inverse kinematics from joint positions, before the feet are cleaned up."""
    cleanup: FitConfig = field(
        default_factory=lambda: FitConfig(posture=0.1, acceleration=0.02, slide=0.0004, floor=0.001, iterations=15)
    )
    """The smooth correction after it, which makes stance feet stand still on the floor."""


def retarget(
    clip: MotionClip, body: BodyModel, config: RetargetConfig | None = None
) -> tuple[MotionClip, QualityReport]:
    """The clip as qpos at 30 frames/s on `body`, and how good it is.

    Couplings and joint limits hold exactly, stance feet stand still on the floor z = 0.

    Raises:
        ClipFormatError: a joint is missing, or the coordinates are those of another body.
    """
    config = config or RetargetConfig()
    goal = (_from_positions if clip.qpos is None else _from_coordinates)(clip, body, config)
    qpos = goal.initial
    try:
        if goal.pose is not None:
            qpos = fit_trajectory(body, replace(goal.targets, position=goal.pose), qpos, config.fit)
        qpos = fit_trajectory(body, replace(goal.targets, reference=qpos), qpos, config.cleanup)
    except FloatingPointError as error:
        raise ClipFormatError(f"{clip.name}: {error}; check its units and look for frames far away.") from error
    qpos[:, 3:7] = continuous_quat(qpos[:, 3:7])
    fitted = clip.with_(qpos=qpos, fps=FPS, positions=None, joint_names=(), pelvis_quat=None)
    report = assess(
        body,
        fitted,
        scale=goal.scale,
        target=goal.targets.position,
        stance=goal.targets.stance,
        source_slide=goal.slide,
        before=goal.before,
    )
    notes = (*clip.notes, f"retargeted to {body.name}, scale {goal.scale:.3f}")
    return fitted.with_(notes=notes), report


@dataclass(frozen=True, kw_only=True)
class _Goal:
    """What the inverse kinematics is to reach, and from where."""

    targets: Targets
    initial: Array
    pose: Array | None = None
    """(T, 7, 3) tracked bodies in the source's pose, before feet are put in place; None: initial has the pose."""
    scale: float
    slide: float
    """Of the source's stance feet, in m/s."""
    before: Plausibility
    """What the source was like."""


def _from_coordinates(clip: MotionClip, body: BodyModel, config: RetargetConfig) -> _Goal:
    """The clip's own bodies and joints are the targets; only the floor and what breaks limits changes."""
    assert clip.qpos is not None
    if clip.qpos.shape[1] != body.model.nq:
        raise ClipFormatError(
            f"{clip.name} has {clip.qpos.shape[1]} coordinates, body {body.name} has {body.model.nq}; "
            "prepare it with the body it was made for."
        )
    source = clip.qpos
    qpos = resample_qpos(source, clip.fps, FPS, body=body)
    motion = forward_kinematics(body, qpos, np.zeros((len(qpos), body.model.nv)))
    parts = motion.body_pos[:, 3:]
    stance = detect_stance(parts, motion.body_pos[:, 0], FPS, config.contacts)
    standing = stance.any(1)
    floor = np.median(motion.foot_height[standing]) if standing.any() else motion.foot_height.min()
    position = motion.body_pos - [0.0, 0.0, floor]
    qpos[:, 2] -= floor
    targets = Targets(position=position, orientation=qpos[:, 3:7], reference=qpos, stance=stance)
    before = plausibility(
        pelvis=source[:, :3],
        pelvis_quat=source[:, 3:7],
        fps=clip.fps,
        parts=parts,
        at_parts=(motion.body_pos[:, 0], qpos[:, 3:7], FPS),
    )
    slide = stance_slide(parts, stance, FPS)
    return _Goal(targets=targets, initial=qpos, scale=1.0, slide=slide, before=before)


def _from_positions(clip: MotionClip, body: BodyModel, config: RetargetConfig) -> _Goal:
    missing = [n for n in (*TRACKED, *_HIPS) if n not in clip.joint_names]
    if missing:
        raise ClipFormatError(
            f"{clip.name} has no joints {missing} (found: {', '.join(clip.joint_names)}); "
            "retargeting needs pelvis, hips, knees, ankles and toes."
        )
    raw, clip = clip, _low_passed(clip, config.low_pass)
    assert clip.positions is not None and raw.positions is not None
    positions = resample_positions(clip.positions, clip.fps, FPS)
    joint = {n: positions[:, k] for k, n in enumerate(clip.joint_names)}
    shape = _BodyShape.of(body)
    orientation = _pelvis_orientation(clip, joint, shape, config)
    parts = np.stack([joint[n] for n in PARTS], axis=1)
    stance = detect_stance(parts, joint["Pelvis"], FPS, config.contacts)
    if config.scaling == "none":
        scale = 1.0
        position = np.stack([joint[n] for n in TRACKED], axis=1)
        pose = position = position + np.array([0.0, 0.0, _lift(position[:, 3:], stance, shape)])
    else:
        scale, pose, position = _scaled(joint, orientation, stance, shape)
    resting = np.tile(body.standing_qpos, (len(positions), 1))
    resting[:, :3], resting[:, 3:7] = position[:, 0], orientation
    trunk = trunk_joints(body)
    if len(trunk):
        resting[:, trunk] = follow_spine(body, joint, orientation)
        resting = body.couplings.apply(resting)
    initial = resting.copy()
    for side in "LR":  # a bent knee may not be found from a straight one
        thigh, shank = joint[f"{side}_Knee"] - joint[f"{side}_Hip"], joint[f"{side}_Ankle"] - joint[f"{side}_Knee"]
        bend = np.arccos(np.clip((_unit(thigh) * _unit(shank)).sum(-1), -1.0, 1.0))
        initial[:, 7 + body.joint_names.index(f"knee_angle_{side.lower()}")] = bend
    targets = Targets(position=position, orientation=orientation, reference=resting, stance=stance)
    slide = stance_slide(parts, stance, FPS)
    place = {name: raw.positions[:, k] for k, name in enumerate(raw.joint_names)}
    quat = _pelvis_orientation(raw, place, shape, config) if raw.pelvis_quat is None else raw.pelvis_quat
    before = plausibility(
        pelvis=place["Pelvis"],
        pelvis_quat=quat,
        fps=raw.fps,
        parts=np.stack([place[n] for n in PARTS], axis=1),
        legs=np.stack([np.stack([place[f"{s}_{n}"] for n in ("Hip", "Knee", "Ankle")], axis=1) for s in "LR"], axis=1),
    )
    return _Goal(targets=targets, initial=initial, pose=pose, scale=scale, slide=slide, before=before)


@dataclass(frozen=True)
class _BodyShape:
    """Lengths of the body, measured in its standing pose; metres, side order left, right."""

    hips: Array
    """(2, 3) hip joints relative to the root, in the root's frame."""
    thigh: float
    shank: float
    foot: float
    """Ankle to toe joint."""
    foot_pitch: float
    """Angle of that line below the horizontal when the foot is flat, in radians."""
    ankle_height: float
    """Of a flat foot."""
    toe_height: float

    @staticmethod
    @lru_cache(maxsize=4)
    def of(body: BodyModel) -> _BodyShape:
        """Measure `body`."""
        field = Poses.of(body).evaluate(body.standing_qpos[None])
        root, knee, _, ankle, _, toe, _ = field["xpos"][0, body.tracked_ids]
        hips = np.stack([field["xpos"][0, body.model.body(n).id] for n in ("femur_l", "femur_r")])
        foot = toe - ankle
        return _BodyShape(
            hips=hips - root,
            thigh=float(np.linalg.norm(knee - hips[0])),
            shank=float(np.linalg.norm(ankle - knee)),
            foot=float(np.linalg.norm(foot)),
            foot_pitch=float(np.arctan2(-foot[2], np.hypot(foot[0], foot[1]))),
            ankle_height=float(ankle[2]),
            toe_height=float(toe[2]),
        )


def _scaled(joint: dict[str, Array], orientation: Array, stance: Mask, shape: _BodyShape) -> tuple[float, Array, Array]:
    """Leg scale, and tracked bodies (T, 7, 3) in the source's pose and with its footholds.

    The whole scene, root path and footholds, is scaled by leg length, so feet slide no more than before. The pose
    has the directions of the source's segments with the lengths of the body's, and feet turned so that a foot that
    is flat in the source is flat on the body; with footholds, ankles are where the scaled scene has them.
    """
    legs = [
        np.linalg.norm(joint[f"{s}_Knee"] - joint[f"{s}_Hip"], axis=-1)
        + np.linalg.norm(joint[f"{s}_Ankle"] - joint[f"{s}_Knee"], axis=-1)
        for s in "LR"
    ]
    length = float(np.median(legs))
    if not 0.3 <= length <= 1.5:
        raise ClipFormatError(f"legs are {length:.3g} m long, expected 0.3 to 1.5; pass --unit (metres per unit).")
    scale = (shape.thigh + shape.shank) / length
    joint = joint | _knees_in_plane(joint)
    turn = Rotation.from_quat(orientation, scalar_first=True)
    pitch = _flat_pitch(joint, stance)
    correction = 0.0 if pitch is None else shape.foot_pitch - pitch
    left = turn.apply([0.0, 1.0, 0.0])
    thigh, shank, foot = [], [], []
    for side in "LR":
        hip, knee, ankle, toe = (joint[f"{side}_{part}"] for part in ("Hip", "Knee", "Ankle", "Toe"))
        thigh.append(shape.thigh * _unit(knee - hip))
        shank.append(shape.shank * _unit(ankle - knee))
        along = _unit(toe - ankle)
        axis = _unit(left - (left * along).sum(-1, keepdims=True) * along)
        foot.append(shape.foot * Rotation.from_rotvec(correction * axis).apply(along))
    ankles = [scale * joint[n] for n in PARTS[:2]]
    feet = np.stack([*ankles, *(ankle + along for ankle, along in zip(ankles, foot, strict=True))], axis=1)
    lift = np.array([0.0, 0.0, _lift(feet, stance, shape)])
    root = scale * 0.5 * (joint["L_Hip"] + joint["R_Hip"]) + lift - turn.apply(shape.hips.mean(0))
    knees = [root + turn.apply(shape.hips[k]) + thigh[k] for k in range(2)]
    ends = [knees[k] + shank[k] for k in range(2)]
    pose = np.stack([root, *knees, *ends, *(ends[k] + foot[k] for k in range(2))], axis=1)
    placed = np.concatenate([pose[:, :3], feet + lift], axis=1)
    return scale, pose, placed


def _knees_in_plane(joint: dict[str, Array]) -> dict[str, Array]:
    """Knees (T, 3) without the constant sideways offset that a skeleton's straight legs have.

    A knee 2 cm outside the line from hip to ankle (as in SMPL) can be reached by a hinge only with the hip turned
    by tens of degrees. Sideways is the direction normal to leg and foot; both sides share one offset.
    """
    outward, offset, straight = {}, [], []
    for side, sign in (("L", 1.0), ("R", -1.0)):
        hip, knee, ankle, toe = (joint[f"{side}_{part}"] for part in ("Hip", "Knee", "Ankle", "Toe"))
        outward[side] = sign * _unit(np.cross(hip - ankle, toe - ankle))
        offset.append(((knee - ankle) * outward[side]).sum(-1))  # outward is normal to the line itself
        straight.append((_unit(knee - hip) * _unit(ankle - knee)).sum(-1) > np.cos(np.radians(30.0)))
    chosen = np.concatenate(offset)[np.concatenate(straight)]
    shift = float(np.median(chosen)) if len(chosen) else 0.0
    return {f"{side}_Knee": joint[f"{side}_Knee"] - shift * outward[side] for side in "LR"}


def _lift(feet: Array, stance: Mask, shape: _BodyShape) -> float:
    """How much to raise feet (T, 4, 3) so that standing ankles and toes are as high as those of a flat foot."""
    heels, toes = stance[:, :2], stance[:, 2:]
    if heels.any():
        return shape.ankle_height - float(np.median(feet[:, :2, 2][heels]))
    if toes.any():
        return shape.toe_height - float(np.median(feet[:, 2:, 2][toes]))
    return shape.toe_height - float(np.quantile(feet[..., 2].min(1), 0.02))


def _flat_pitch(joint: dict[str, Array], stance: Mask) -> float | None:
    """Median angle of ankle to toe below the horizontal while heel and toes both stand; None if they never do."""
    pitches = []
    for k, side in enumerate("LR"):
        foot = (joint[f"{side}_Toe"] - joint[f"{side}_Ankle"])[stance[:, k] & stance[:, k + 2]]
        pitches.append(np.arctan2(-foot[:, 2], np.hypot(foot[:, 0], foot[:, 1])))
    both = np.concatenate(pitches)
    return float(np.median(both)) if len(both) else None


def _pelvis_orientation(clip: MotionClip, joint: dict[str, Array], shape: _BodyShape, config: RetargetConfig) -> Array:
    """Root orientation (T, 4): recorded, or from the hips and what lies above them."""
    frames = len(joint["Pelvis"])
    if clip.pelvis_quat is not None:
        if abs(clip.fps - FPS) <= 1e-9 * FPS:
            return continuous_quat(clip.pelvis_quat)
        return sample_rotation(clip.pelvis_quat, clip.fps, sample_times(clip.frames, clip.fps, FPS))
    left = _unit(joint["L_Hip"] - joint["R_Hip"])
    middle = 0.5 * (joint["L_Hip"] + joint["R_Hip"])
    if config.scaling == "none":  # the joints are the body's own: its root lies above and before its hips
        offset = -shape.hips.mean(0)
        above, ahead = joint["Pelvis"] - middle, np.arctan2(offset[0], offset[2])
    else:
        trunk = next((n for n in _TRUNK if n in joint), None)
        above = joint[trunk] - middle if trunk else np.tile([0.0, 0.0, 1.0], (frames, 1))
        ahead = 0.0
    forward = _unit(np.cross(left, above))
    axes = np.stack([forward, left, np.cross(forward, left)], axis=-1)
    tilted = Rotation.from_matrix(axes) * Rotation.from_rotvec([0.0, -ahead, 0.0])
    return continuous_quat(tilted.as_quat(scalar_first=True))


def _low_passed(clip: MotionClip, cutoff: float) -> MotionClip:
    """Positions without noise and what 30 frames/s cannot show: Butterworth, second order, forth and back."""
    if clip.positions is None or not 0 < cutoff < 0.45 * clip.fps:
        return clip
    sections = butter(2, cutoff, fs=clip.fps, output="sos")
    pad = min(clip.frames - 1, round(clip.fps))

    def smooth(values: Array) -> Array:
        return sosfiltfilt(sections, values, axis=0, padtype="odd", padlen=pad)

    quat = clip.pelvis_quat
    return clip.with_(
        positions=smooth(clip.positions),
        pelvis_quat=None if quat is None else continuous_quat(smooth(continuous_quat(quat))),
    )


def _unit(vector: Array) -> Array:
    return vector / np.linalg.norm(vector, axis=-1, keepdims=True).clip(1e-9)
