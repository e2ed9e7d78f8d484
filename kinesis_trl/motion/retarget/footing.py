"""Feet that can carry: a recorded motion whose standing feet lie flat or roll, and whose swinging feet clear the floor.

Recorded skeletons have no soles. Brought onto the body, a standing foot tilts by some degrees, hovers, or stands on its
edge, which costs nothing in the picture and makes the motion impossible to follow: a body cannot balance on the heels.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, maximum_filter1d
from scipy.spatial.transform import Rotation

from kinesis_trl.body.leg import CALCN, KNEE, MTP, STEADY, Leg, LegPose
from kinesis_trl.body.model import BodyModel
from kinesis_trl.motion.gait.foot_roll import FootRoll, Sole
from kinesis_trl.motion.gait.footsteps import Side
from kinesis_trl.motion.gait.gait_curves import smoothstep
from kinesis_trl.motion.gait.synthesis import Walker
from kinesis_trl.motion.retarget.balance import out_of_balance
from kinesis_trl.motion.retarget.contacts import ContactConfig, detect_stance
from kinesis_trl.motion.retarget.recorded_steps import recorded_steps
from kinesis_trl.motion.retarget.support import SupportConfig, complete_support, runs

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

_SIDES: tuple[Side, Side] = ("l", "r")
_TALUS, _TOES = 2, 4
_FLAT_FRAMES = 3
"""Frames with heel and toes down from which a stance has its own idea of flat."""
_RAISES = 4
_CLOSE = 0.001  # metres of clearance that may lack
_SHORTEST = 8  # frames of a motion that can be balanced
_TOUCH, _DEEP = 0.002, 0.008  # metres above the floor at which a foot that rolls stands on it, and below it at most
_LOW, _STILL, _HOVERS = 0.06, 0.05, 4
"""A foot hovers that stays for more than this many frames lower than this, in metres, and slower, in m/s."""
_SLIP, _TWIST, _BENT = 0.006, 0.06, 0.15
"""How far in metres and radians a foot may be from one that rolls without sliding, and its toes from theirs."""
_BALANCED = 0.03
"""How far in metres such a foot's body may be from where a cart above the footsteps would have it."""
_SMOOTH = 2.0  # frames over which pivoting feet and the height of the pelvis are smoothed


@dataclass(frozen=True, kw_only=True)
class FootingConfig:
    """How feet are put on the floor, and how high they swing over it."""

    clearance: float = 0.04
    """Least height of a foot in mid-swing, in metres."""
    still: ContactConfig = field(
        default_factory=lambda: ContactConfig(
            heel_height=0.06, toe_height=0.06, speed=0.1, speed_share=0.0, release=1.2
        )
    )
    """When a foot that hovers counts as standing all the same, besides those that are low."""
    support: SupportConfig = field(default_factory=SupportConfig)
    """How stances are completed so that a walking body is never without a foot on the floor."""
    flat: float = 0.05
    """Roll angle of a standing foot up to which it lies flat, in radians."""
    pivot: float = 0.15
    """Change of direction of a standing foot in radians above which it turns instead of keeping its mean."""
    creep: float = 0.04
    """Movement of a standing foot in metres above which it moves along instead of keeping its mean place."""
    straightest: float = 0.03
    """Least knee angle of a standing leg in radians; where it does not reach, the pelvis comes down."""
    toes_up: float = 0.3
    """Angle by which the toes are lifted in mid-swing, in radians."""
    balance: float | None = 0.35
    """Time in seconds over which the root is led to where the footsteps can carry it; None leaves it where it is."""

    def __post_init__(self) -> None:
        for name in ("clearance", "flat", "pivot", "creep", "straightest", "toes_up", "balance"):
            if not (getattr(self, name) or 0.0) >= 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}.")


class Planted(NamedTuple):
    """A motion with feet that carry."""

    qpos: Array
    """(T, nq)."""
    rolled: bool
    """Whether feet rolled without sliding and carried before, as the gait generator's: only swings were raised."""


def plant_feet(body: BodyModel, qpos: Array, fps: float, config: FootingConfig | None = None) -> Array:
    """The motion (T, nq) with feet that carry, see `planted`."""
    return planted(body, qpos, fps, config).qpos


def planted(body: BodyModel, qpos: Array, fps: float, config: FootingConfig | None = None) -> Planted:
    """The motion with feet that carry.

    A standing foot keeps its place, rolls about heel and toes without sliding (`foot_roll`) and lies flat in between;
    the change this takes is led smoothly through the swings, which are raised where they come too near to the floor.
    The root moves to where the footsteps can carry it, and comes down where standing legs do not reach. Where feet
    roll without sliding already, as the gait generator's, only swings are raised.

    Args:
        body: whose coordinates they are.
        qpos: (T, nq) with the floor at z = 0, T ≥ 2.
        fps: frames per second.
        config: settings.
    """
    config = config or FootingConfig()
    feet = _Feet.of(body, qpos)
    walker, root_pos, joints, pose = feet.walker, feet.root_pos.copy(), feet.joints, feet.pose
    if config.balance is not None and _carries(feet, qpos, fps, config):
        return Planted(_raised(feet, qpos, config.clearance), rolled=True)
    parts = np.stack([pose[side].position[:, k] for k in (_TALUS, _TOES) for side in _SIDES], axis=1)
    stance = detect_stance(parts, root_pos, fps, ContactConfig()) | detect_stance(parts, root_pos, fps, config.still)
    down = np.stack([stance[:, k::2] for k in (0, 1)], axis=1)
    down = complete_support(down, feet.height, root_pos[:, 2], fps, config.support)
    steps = {
        side: _footsteps(
            pose[side].position[:, CALCN], pose[side].rotation[:, CALCN], down[:, k], walker.rolls[side], config
        )
        for k, side in enumerate(_SIDES)
    }
    if config.balance is not None:
        root_pos[:, :2] += _unbalanced(feet, qpos, fps, down, config.balance)
    root_pos[:, 2] -= _drop(walker, steps, joints, root_pos, feet.root_rot, config)
    out = np.array(qpos)
    out[:, :3] = root_pos
    for side, leg in walker.legs.items():
        out[:, leg.qpos] = _leg(
            leg, walker.soles[side], steps[side], joints[side], root_pos, feet.root_rot, config.clearance
        )
    return Planted(body.couplings.apply(out), rolled=False)


@dataclass(frozen=True)
class _Feet:
    """Legs and feet of a motion of T frames; world frame."""

    walker: Walker
    root_pos: Array
    root_rot: Array
    joints: dict[Side, Array]
    pose: dict[Side, LegPose]
    height: Array
    """(T, 2) of the soles, left and right, in metres."""

    @classmethod
    def of(cls, body: BodyModel, qpos: Array) -> _Feet:
        walker, root_pos = Walker.of(body), qpos[:, :3]
        root_rot = Rotation.from_quat(qpos[:, 3:7], scalar_first=True).as_matrix()
        joints = {side: qpos[:, leg.qpos] for side, leg in walker.legs.items()}
        pose = {side: leg.forward(joints[side], root_pos, root_rot) for side, leg in walker.legs.items()}
        height = np.stack([walker.soles[side].height(pose[side]) for side in _SIDES], axis=1)
        return cls(walker, root_pos, root_rot, joints, pose, height)


def _carries(feet: _Feet, qpos: Array, fps: float, config: FootingConfig) -> bool:
    """Whether both feet roll without sliding, and carry the body in balance whenever it does not fly."""
    for k, side in enumerate(_SIDES):
        if not _rolls(feet.walker.rolls[side], feet.pose[side], feet.joints[side][:, MTP], feet.height[:, k], fps):
            return False
    whole = np.repeat(feet.height[..., None] < _TOUCH, 2, axis=2)
    alone = replace(config.support, double_support=0.0)
    if not (complete_support(whole, feet.height, feet.root_pos[:, 2], fps, alone) == whole).all():
        return False
    assert config.balance is not None
    return bool(np.abs(_unbalanced(feet, qpos, fps, whole, config.balance)).max() < _BALANCED)


def _raised(feet: _Feet, qpos: Array, clearance: float) -> Array:
    """The motion with its swings raised, and standing legs as they are."""
    out = np.array(qpos)
    for k, side in enumerate(_SIDES):
        leg, pose, joints = feet.walker.legs[side], feet.pose[side], feet.joints[side]
        stands = np.asarray(feet.height[:, k] < _TOUCH)
        step = _Footsteps(stands, pose.position[:, CALCN], pose.rotation[:, CALCN], joints[:, MTP])
        raised = _leg(leg, feet.walker.soles[side], step, joints, feet.root_pos, feet.root_rot, clearance)
        out[:, leg.qpos] = np.where(stands[:, None], joints, raised)
    return feet.walker.body.couplings.apply(out)


def _unbalanced(feet: _Feet, qpos: Array, fps: float, down: Mask, seconds: float) -> Array:
    """How far (T, 2) the root is to move over the footsteps (T, 2, 2) of left and right, heel and toes; not at all
    where a foot never stands."""
    if len(qpos) < _SHORTEST or not down.any((0, 2)).all():
        return np.zeros((len(qpos), 2))
    walker = feet.walker
    stances = {side: np.asarray(down[:, k]) for k, side in enumerate(_SIDES)}
    steps = recorded_steps(qpos, fps, feet.pose, walker.rolls, stances)
    return out_of_balance(walker.body, qpos, fps, steps, walker.rolls, seconds)


def _rolls(roll: FootRoll, pose: LegPose, toes: Array, height: Array, fps: float) -> bool:
    """Whether one foot, its toes bent by `toes` (T,), rolls without sliding whenever it is on the floor."""
    air = (height > _TOUCH) & (height < _LOW)
    still = np.linalg.norm(np.gradient(pose.position[:, CALCN], 1 / fps, axis=0), axis=1) < _STILL
    if height.min() < -_DEEP or max((run.stop - run.start for run in runs(air & still)), default=0) > _HOVERS:
        return False
    yaw, pitch = _directions(pose.rotation[:, CALCN], roll)
    known_yaw, known = _directions(roll.rotation, roll)
    angle = np.interp(pitch, known, roll.angle)
    yaw -= np.interp(angle, roll.angle, known_yaw)
    for run in runs(height < _TOUCH):
        inner = np.arange(run.start + (run.start > 0), run.stop - (run.stop < len(height)))
        if not len(inner):
            continue
        local, turn, bend = roll.at(angle[inner])
        world = Rotation.from_euler("z", np.median(yaw[inner])).as_matrix()
        slip = pose.position[inner, CALCN] - local @ world.T
        slip[:, :2] -= np.median(slip[:, :2], axis=0)
        twist = Rotation.from_matrix((world @ turn).swapaxes(-1, -2) @ pose.rotation[inner, CALCN]).magnitude()
        if np.abs(slip).max() > _SLIP or twist.max() > _TWIST or np.abs(toes[inner] - bend).max() > _BENT:
            return False
    return True


def _directions(rotation: Array, roll: FootRoll) -> tuple[Array, Array]:
    """Direction and pitch, positive with the toes up, of a calcaneus with rotations (T, 3, 3), in radians (T,) each."""
    _, flat_rotation, _ = roll.at(np.zeros(1))
    axes = rotation @ flat_rotation[0].T
    yaw = np.unwrap(np.arctan2(axes[:, 1, 0], axes[:, 0, 0]))
    return yaw, np.arctan2(axes[:, 2, 0], np.hypot(axes[:, 0, 0], axes[:, 1, 0]))


def _leg(
    leg: Leg, sole: Sole, step: _Footsteps, guess: Array, root_pos: Array, root_rot: Array, clearance: float
) -> Array:
    """Joint angles (T, 7) that put the foot where it shall be, and straight up from there where it swings too low."""
    joints = guess.copy()
    joints[:, MTP] = np.clip(step.toes, leg.low[MTP], leg.high[MTP])
    need = clearance * _swing_bump(step.stands)
    place = step.position.copy()
    for _ in range(_RAISES):
        joints = leg.inverse(root_pos, root_rot, place, step.rotation, joints, damping=STEADY, tolerance=1e-4)
        lack = np.maximum(need - sole.height(leg.forward(joints, root_pos, root_rot)), 0.0)
        lack[step.stands] = 0.0
        if lack.max() < _CLOSE:
            break
        wide = gaussian_filter1d(maximum_filter1d(lack, 3, mode="nearest"), 1.0, mode="nearest")
        place[:, 2] += np.where(step.stands, 0.0, wide)
    return joints


def _swing_bump(stands: Mask) -> Array:
    """(T,) 1 in the middle of each swing, falling smoothly to 0 at lift and strike."""
    out = np.zeros(len(stands))
    for run in runs(~stands):
        share = (np.arange(run.stop - run.start) + 1.0) / (run.stop - run.start + 1.0)
        out[run] = smoothstep(share / 0.2) * smoothstep((1.0 - share) / 0.2)
    return out


@dataclass(frozen=True)
class _Footsteps:
    """Where the calcaneus of one foot shall be in T frames; world frame."""

    stands: Mask
    position: Array
    rotation: Array
    toes: Array
    """(T,) metatarsophalangeal angle in radians."""


def _footsteps(position: Array, rotation: Array, stance: Mask, roll: FootRoll, config: FootingConfig) -> _Footsteps:
    """From the calcaneus' recorded position (T, 3), rotation (T, 3, 3) and which of heel and toes stand (T, 2)."""
    yaw, pitch = _directions(rotation, roll)
    stands, flat = np.asarray(stance.any(1)), np.asarray(stance.all(1))
    usual = float(np.median(pitch[flat])) if flat.any() else 0.0
    place, turn, toes = position.copy(), rotation.copy(), np.zeros(len(position))
    for run in runs(stands):
        level = flat[run]
        own = float(np.median(pitch[run][level])) if level.sum() >= _FLAT_FRAMES else usual
        angle = _roll_angle(pitch[run] - own, stance[run], config.flat)
        local, local_turn, toes[run] = roll.at(angle)
        heading = _steady(yaw[run][:, None], level, config.pivot)[:, 0]
        world = Rotation.from_rotvec(heading[:, None] * [0.0, 0.0, 1.0]).as_matrix()
        moved = (world @ local[..., None])[..., 0]
        origin = _steady(position[run, :2] - moved[:, :2], level, config.creep)
        place[run, :2], place[run, 2] = origin + moved[:, :2], moved[:, 2]
        turn[run] = world @ local_turn
    _lead_through_swings(place, turn, toes, position, rotation, stands, config.toes_up)
    return _Footsteps(stands, place, turn, toes)


def _roll_angle(angle: Array, stance: Mask, flat: float) -> Array:
    """Roll angle (n,), positive with the toes up: none while heel and toes stand, and never through the floor."""
    down = np.sign(angle) * np.maximum(np.abs(angle) - flat, 0.0)
    heel, toes = stance.T
    down = np.where(heel & ~toes, np.maximum(down, 0.0), np.where(toes & ~heel, np.minimum(down, 0.0), down))
    rolls = gaussian_filter1d((~(heel & toes)).astype(float), 1.0, mode="nearest")
    return np.asarray(down * rolls)


def _steady(values: Array, level: Mask, limit: float) -> Array:
    """Values (n, k) replaced by their mean over the frames that lie flat; only smoothed where they change more."""
    chosen = values[level] if level.any() else values
    mean = chosen.mean(0)
    if 2 * np.linalg.norm(chosen - mean, axis=1).max() <= limit:
        return np.broadcast_to(mean, values.shape)
    return np.asarray(gaussian_filter1d(values, _SMOOTH, axis=0, mode="nearest"))


def _lead_through_swings(
    place: Array, turn: Array, toes: Array, position: Array, rotation: Array, stands: Mask, toes_up: float
) -> None:
    """Fill in the swings of place, turn and toes: as recorded, plus what the stances before and after changed."""
    shift = place - position
    twist = Rotation.from_matrix(turn @ rotation.swapaxes(-1, -2)).as_rotvec()
    last = len(place)
    for run in runs(~stands):
        before, after = run.start - 1, run.stop
        if before < 0 and after >= last:
            return  # never stands
        first = before if before >= 0 else after
        then = after if after < last else before
        share = smoothstep((np.arange(run.start, run.stop) - before) / (after - before))[:, None]
        place[run] = position[run] + (1 - share) * shift[first] + share * shift[then]
        change = (1 - share) * twist[first] + share * twist[then]
        turn[run] = Rotation.from_rotvec(change).as_matrix() @ rotation[run]
        swing = share[:, 0]
        toes[run] = (1 - swing) * toes[first] + swing * toes[then] - toes_up * 4 * swing * (1 - swing)


def _drop(
    walker: Walker,
    steps: dict[Side, _Footsteps],
    joints: dict[Side, Array],
    root_pos: Array,
    root_rot: Array,
    config: FootingConfig,
) -> Array:
    """How far (T,) the root comes down in metres so that standing legs reach."""
    lack = np.zeros(len(root_pos))
    for side, leg in walker.legs.items():
        step = steps[side]
        pose = leg.forward(joints[side])
        offset = pose.position[:, _TALUS] - pose.position[:, CALCN]
        local = (pose.rotation[:, CALCN].swapaxes(-1, -2) @ offset[..., None])[..., 0]
        ankle = step.position + (step.rotation @ local[..., None])[..., 0]
        hip = root_pos + root_rot @ leg.hip_offset
        across = np.linalg.norm(hip[:, :2] - ankle[:, :2], axis=1)
        straight = max(config.straightest, float(leg.low[KNEE]))
        highest = ankle[:, 2] + np.sqrt(np.maximum(leg.reach(np.array(straight)) ** 2 - across**2, 0.01))
        lack = np.maximum(lack, np.where(step.stands, hip[:, 2] - highest, 0.0))
    wide = maximum_filter1d(np.maximum(lack, 0.0), 2 * round(_SMOOTH) + 1, mode="nearest")
    return np.asarray(gaussian_filter1d(wide, _SMOOTH, mode="nearest"))
