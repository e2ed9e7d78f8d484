"""Gait generator: motion commands → footsteps → centre of mass, pelvis and feet → coordinates of the body.

Standing feet roll over the floor without sliding. The centre of mass moves as on a cart above the footsteps' centre
of pressure, so that ground forces can produce it; the pelvis is as high as the published knee curves of the standing
legs want it; the swinging leg follows the published curves from lift to strike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, maximum_filter1d
from scipy.spatial.transform import Rotation

from kinesis_trl.body.leg import ANKLE, HIP, KNEE, MTP, Leg, LegPose
from kinesis_trl.body.model import BodyModel
from kinesis_trl.motion.clip import FPS, MotionClip
from kinesis_trl.motion.gait.commands import Command, CommandError
from kinesis_trl.motion.gait.curve_fit import dying
from kinesis_trl.motion.gait.foot_roll import FootRoll, Sole
from kinesis_trl.motion.gait.footsteps import FootstepPlan, GaitStyle, Side, plan
from kinesis_trl.motion.gait.gait_curves import PELVIC_TILT, STANDING, TOE_OFF, reference, smoothstep
from kinesis_trl.motion.gait.pelvis import HEIGHT, centre_of_mass, height, orientation, vertical_acceleration
from kinesis_trl.motion.gait.stance import FootPath, foot_path
from kinesis_trl.motion.gait.swing import clear_floor, fill_swing
from kinesis_trl.motion.resample import continuous_quat
from kinesis_trl.motion.retarget.balance import cart_error, com_offset

Array = NDArray[np.float64]

LONGEST = 600.0
"""Longest generated clip in seconds."""
_PASSES = 3  # each uses the centre of mass and the ankles of the one before
_STRAIGHTEST = np.radians(3.5)
"""Least knee angle of a standing leg in radians, below the 5° of published walking at foot strike."""
_CART_SMOOTH = 0.03  # s, of where the floor presses on the body and not on a cart
_TURN_FADE = 0.5  # seconds in which the pelvis goes over from an earlier plan's orientation
_STEEPEST = np.radians(26.0)  # dorsiflexion of the ankle above which the heel rises; our choice
_TOES_UP = np.radians(23.0)  # extension of the toes in swing, 25° at foot strike in Perry 1992


@dataclass(frozen=True)
class Walker:
    """What the generator needs to know of a body."""

    body: BodyModel
    legs: dict[Side, Leg]
    rolls: dict[Side, FootRoll]
    soles: dict[Side, Sole]

    @staticmethod
    @lru_cache(maxsize=4)
    def of(body: BodyModel) -> Walker:
        """Read a body once."""
        legs: dict[Side, Leg] = {"r": Leg.of(body, "r"), "l": Leg.of(body, "l")}
        return Walker(
            body,
            legs,
            {side: FootRoll.of(body, leg) for side, leg in legs.items()},
            {side: Sole.of(body, leg) for side, leg in legs.items()},
        )


def synthesise(
    commands: Sequence[Command],
    body: BodyModel,
    *,
    style: GaitStyle | None = None,
    name: str = "synthetic",
    label: str = "",
    category: str = "",
    source: str = "gait generator",
) -> MotionClip:
    """A clip of a body that does what the commands say, from standing to standing, at 30 frames/s.

    Args:
        commands: one after another; neighbours are blended, each keeps its distance and angle.
        body: the body to move.
        style: personal variation; the default is the average person.
        name, label, category, source: of the clip.

    Returns:
        Clip with qpos (T, nq); starts above the origin, facing +x.

    Raises:
        CommandError: no command, or more than ten minutes of them.
    """
    if not commands:
        raise CommandError("no command; give at least one, such as walking forward or standing.")
    asked = sum(c.seconds for c in commands)
    if asked > LONGEST:
        raise CommandError(f"{asked:.0f} s of motion; at most {LONGEST:.0f} s in one clip.")
    style = style or GaitStyle()
    qpos = realise(plan(commands, style), body, style)
    qpos[:, :2] -= qpos[0, :2]
    return MotionClip(name=name, fps=FPS, qpos=qpos, label=label, category=category, source=source)


def realise(footsteps: FootstepPlan, body: BodyModel, style: GaitStyle, past: Array | None = None) -> Array:
    """Coordinates (T, nq) of a body that takes the footsteps, at 30 frames/s, in their world.

    Args:
        footsteps: when and where each foot stands.
        body: the body to move.
        style: personal variation.
        past: (P, nq) coordinates that it already had in the first P frames; its centre of mass and its pelvis then go
            on from there. Default: it begins at rest.
    """
    return _Motion(Walker.of(body), footsteps, style).solve(past)


class _Motion:
    """One plan on its way to coordinates."""

    def __init__(self, walker: Walker, footsteps: FootstepPlan, style: GaitStyle) -> None:
        self.walker, self.plan, self.style = walker, footsteps, style
        self.time = np.arange(int(np.ceil(footsteps.seconds * FPS)) + 1) / FPS
        self.raised: dict[Side, Array] = {"r": np.zeros(len(self.time)), "l": np.zeros(len(self.time))}
        self.feet = self._feet()
        self.run = footsteps.course.sample("run", self.time)
        self.rise = vertical_acceleration(footsteps, self.time)
        self.curve = {side: self._curve(foot) for side, foot in self.feet.items()}

    def solve(self, past: Array | None) -> Array:
        """Coordinates (T, nq)."""
        before = None if past is None else past[:, :2] + com_offset(self.walker.body, past)[:, :2]
        com = self._com(before, np.zeros((len(self.time), 2)))
        rotation = orientation(self.plan, self.feet, com, self.time, self.style.lean)
        if past is not None:
            old, new = Rotation.from_quat(past[:, 3:7], scalar_first=True), Rotation.from_matrix(rotation)
            apart = dying((new[: len(past)].inv() * old).as_rotvec(), len(com), round(_TURN_FADE * FPS))
            rotation = (new * Rotation.from_rotvec(apart)).as_matrix()
        offset = rotation @ com_offset(self.walker.body, self.walker.body.standing_qpos[None])[0]
        joints = dict(self.curve)
        for left in reversed(range(_PASSES)):
            root = np.concatenate([com - offset[:, :2], np.zeros((len(com), 1))], axis=1)
            root[:, 2] = self._height(root, rotation, joints)
            joints = {side: self._leg(side, root, rotation, joints[side], last=not left) for side in joints}
            qpos = self._assemble(root, rotation, joints)
            if left:
                error = gaussian_filter1d(cart_error(self.walker.body, qpos, FPS, HEIGHT), _CART_SMOOTH * FPS, axis=0)
                com = self._com(before, error * (1.0 - self.run[:, None]))
                offset = gaussian_filter1d(com_offset(self.walker.body, qpos), 0.12 * FPS, axis=0, mode="nearest")
                self._raise_heels(joints)
        return qpos

    def _com(self, past: Array | None, error: Array) -> Array:
        """Path (T, 2) of the centre of mass, of a body that needs the centre of pressure `error` (T, 2) further on."""
        feet = {side: replace(foot, pressure=foot.pressure - error) for side, foot in self.feet.items()}
        return centre_of_mass(feet, self.rise, 1 / FPS, past)

    def _feet(self) -> dict[Side, FootPath]:
        rolls = self.walker.rolls
        return {side: foot_path(self.plan, side, rolls[side], self.time, up) for side, up in self.raised.items()}

    def _raise_heels(self, joints: dict[Side, Array]) -> None:
        """Let the heel of a standing foot rise where the ankle would have to bend too far."""
        for side, angles in joints.items():
            excess = np.where(self.feet[side].stands, np.maximum(angles[:, ANKLE] - _STEEPEST, 0.0), 0.0)
            wide = maximum_filter1d(excess, 5)
            self.raised[side] = self.raised[side] + 0.9 * gaussian_filter1d(wide, 1.5, mode="nearest")
        self.feet = self._feet()

    def _curve(self, foot: FootPath) -> Array:
        """Reference angles (T, 7) of a leg: published curves of hip, knee and ankle, standing at rest."""
        course, time = self.plan.course, self.time
        forward = gaussian_filter1d(course.sample("forward", time), 0.2 * FPS, mode="nearest")
        motion = np.abs(forward) + np.abs(course.sample("left", time)) + 0.5 * np.abs(course.sample("turn", time))
        motion = gaussian_filter1d(motion, 0.2 * FPS, mode="nearest")
        angles = reference(foot.phase, forward, self.run)
        rest = np.radians(STANDING - [PELVIC_TILT, 0.0, 0.0])
        phase = foot.phase % 1.0
        stepping = np.where(phase > 0.3, smoothstep((phase - 0.4) / (TOE_OFF - 0.4)), 1.0 - smoothstep(phase / 0.2))
        share = np.maximum(smoothstep(motion / 0.25), stepping)[:, None]
        angles = rest + share * (angles - rest)
        swing = smoothstep((phase - 0.45) / (TOE_OFF - 0.45)) * smoothstep((1.0 - phase) / 0.15)
        toes_up = smoothstep((phase - 0.36) / (TOE_OFF - 0.36)) * smoothstep((1.0 - phase) / 0.15)
        angles[:, :2] *= 1.0 + (self.style.lift - 1.0) * swing[:, None]
        out = np.zeros((len(time), 7))
        out[:, [HIP, KNEE, ANKLE]] = angles
        out[:, MTP] = -_TOES_UP * toes_up
        return out

    def _height(self, root: Array, rotation: Array, joints: dict[Side, Array]) -> Array:
        """Height (T,) of the root from the knees of the standing legs."""
        count = len(root)
        wanted, weight, limit = np.zeros((count, 2)), np.zeros((count, 2)), np.full((count, 2), np.inf)
        straightest = _STRAIGHTEST * (1.0 + 2.4 * self.run)
        for k, (side, foot) in enumerate(self.feet.items()):
            leg = self.walker.legs[side]
            hip = rotation @ leg.hip_offset
            ankle = foot.position + _ankle_from_foot(leg, foot, joints[side])
            across = np.linalg.norm(root[:, :2] + hip[:, :2] - ankle[:, :2], axis=1)

            def level(knee: Array, leg: Leg = leg, across: Array = across) -> Array:
                return np.sqrt(np.maximum(leg.reach(knee) ** 2 - across**2, 0.01))

            base = ankle[:, 2] - hip[:, 2]
            wanted[:, k] = base + level(self.curve[side][:, KNEE])
            limit[:, k] = np.where(foot.stands, base + level(straightest), np.inf)
            weight[:, k] = np.where(foot.stands, foot.load, 0.0)
        return height(wanted, weight, limit, self.rise, self.run, 1 / FPS)

    def _leg(self, side: Side, root: Array, rotation: Array, guess: Array, *, last: bool) -> Array:
        """Joint angles (T, 7): inverse kinematics while standing, curves while swinging."""
        foot, leg = self.feet[side], self.walker.legs[side]
        on = foot.stands
        joints = self.curve[side].copy()
        start = guess[on].copy()
        start[:, 6] = foot.toes[on]
        joints[on] = leg.inverse(
            root[on], rotation[on], foot.position[on], foot.rotation[on], start, slack=0.0 if last else 0.5
        )
        joints = fill_swing(joints, self.curve[side], on, 1 / FPS)
        return clear_floor(joints, on, leg, self.walker.soles[side], root, rotation) if last else joints

    def _assemble(self, root: Array, rotation: Array, joints: dict[Side, Array]) -> Array:
        """Coordinates (T, nq) with the couplings fulfilled."""
        body = self.walker.body
        qpos = np.tile(body.standing_qpos, (len(root), 1))
        qpos[:, :3] = root
        qpos[:, 3:7] = continuous_quat(Rotation.from_matrix(rotation).as_quat(scalar_first=True))
        for side, angles in joints.items():
            qpos[:, self.walker.legs[side].qpos] = angles
        return body.couplings.apply(qpos)


def _ankle_from_foot(leg: Leg, foot: FootPath, joints: Array) -> Array:
    """Ankle joint less calcaneus origin (T, 3), world axes, at the subtalar angle of `joints` (T, 7)."""
    pose: LegPose = leg.forward(joints)
    calcn = pose.rotation[:, 3]
    local = np.einsum("tji,tj->ti", calcn, pose.position[:, 2] - pose.position[:, 3])
    return np.einsum("tij,tj->ti", foot.rotation, local)
