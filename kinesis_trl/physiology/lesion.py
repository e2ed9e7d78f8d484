"""What cut or weak muscles change: how high the toes pass the floor, how the ankle hangs, which muscles help out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from kinesis_trl.body.model import BodyModel
from kinesis_trl.physiology.activity import activity_of
from kinesis_trl.physiology.findings import UNKNOWN
from kinesis_trl.physiology.gait_cycles import Cycle
from kinesis_trl.physiology.joint_angles import joint_angles
from kinesis_trl.physiology.muscle_names import in_words
from kinesis_trl.physiology.recording import Array, Recording
from kinesis_trl.physiology.strides import Strides

_DROP = 5.0  # degrees that an ankle hangs lower in swing from which on a foot drops
_RISE = 0.01  # mean activation over the stride from which on a muscle helps out
_MOST = 8  # muscles named


def toe_height(recording: Recording, body: BodyModel) -> Array:
    """(T, 2) height in metres above the floor of the lowest point of the right and left toes."""
    sides = []
    for side in "rl":
        name = f"toes_{side}"
        ids = body.foot_geoms[body.model.geom_bodyid[body.foot_geoms] == body.model.body(name).id]
        k = recording.body_names.index(name)
        turn = Rotation.from_quat(recording.body_quaternion[:, k], scalar_first=True).as_matrix()
        local = Rotation.from_quat(body.model.geom_quat[ids], scalar_first=True).as_matrix()
        place = recording.body_position[:, k, None] + np.einsum("tij,gj->tgi", turn, body.model.geom_pos[ids])
        sides.append(body.geom_bottom(place, np.einsum("tij,gjk->tgik", turn, local), ids).min(1))
    return np.stack(sides, axis=1)


def swing(strides: Strides, body: BodyModel) -> dict[str, Any]:
    """Of every stride, right then left foot: least height of the toes in the middle half of the swing in mm (minimum
    toe clearance, Winter 1992, Phys. Ther. 72:45), whether the foot touches the floor then, mean ankle angle in ° over
    the swing (dorsiflexion positive), and the largest bend of knee and hip in it."""
    found: dict[str, list[list[float]]] = {}
    for recording, cycles in strides.found:
        toes, angles = toe_height(recording, body), joint_angles(recording)
        for cycle in cycles.cycles:
            middle, whole, side = _middle(cycle), slice(cycle.foot_off, cycle.next_strike), cycle.side
            measured = {
                "clearance": 1000 * toes[middle, side].min(),
                "touches": (recording.ground_force[middle, side, 2] > 0).any(),
                "ankle": angles["ankle"][whole, side].mean(),
                "knee": angles["knee"][whole, side].max(),
                "hip": angles["hip"][whole, side].max(),
            }
            for name, value in measured.items():
                found.setdefault(name, [[], []])[side].append(float(value))
    return dict(found)


def _middle(cycle: Cycle) -> slice:
    """The middle half of the swing, at least one sample."""
    start = cycle.foot_off + (cycle.next_strike - cycle.foot_off) // 4
    return slice(start, max(start + 1, cycle.next_strike - (cycle.next_strike - cycle.foot_off) // 4))


def lesion_effects(healthy: Strides, lesioned: Strides, body: BodyModel, cut: Sequence[str]) -> dict[str, Any]:
    """Both walks' swing (see `swing`), and the muscles whose mean activity over the stride rises, most first.

    Args:
        healthy: strides of the whole body.
        lesioned: those of the same body with cut or weak muscles.
        body: the body.
        cut: names of the muscles that were cut.
    """
    before, after = (_mean_activity(strides) for strides in (healthy, lesioned))
    rises = {m: after[m] - before[m] for m in after if m in before and m not in cut}
    return {
        "healthy": swing(healthy, body),
        "lesioned": swing(lesioned, body),
        "rises": {m: v for m, v in sorted(rises.items(), key=lambda item: -item[1])[:_MOST] if v >= _RISE},
        "cut": list(cut),
    }


def _mean_activity(strides: Strides) -> dict[str, float]:
    """Mean activity of each muscle over the strides of its leg."""
    activity = activity_of(strides)
    return {
        activity.names[k]: float(activity.profiles[side][..., k].mean())
        for side in "rl"
        if len(activity.profiles[side])
        for k in activity.leg(side)
    }


def judge_lesion(found: dict[str, Any], fell: dict[str, tuple[int, int]]) -> tuple[str, str, str]:
    """State (none: it is no question of good or poor), headline and sentence.

    Args:
        found: what `lesion_effects` gives.
        fell: by "healthy" and "lesioned", clips with a fall and clips in all.
    """
    mean = {who: {k: float(np.mean([*v[0], *v[1]])) for k, v in found[who].items()} for who in ("healthy", "lesioned")}
    here, there = mean["lesioned"], mean["healthy"]
    hangs, lower = there["ankle"] - here["ankle"], there["clearance"] - here["clearance"]
    drops = hangs >= _DROP and lower > 0
    headline = (
        f"{'foot drop' if drops else 'no foot drop'}: toes {abs(lower):.0f} mm {'lower' if lower > 0 else 'higher'}"
    )
    text = (
        f"{'The foot drops' if drops else 'The foot does not drop'}: in swing the ankle hangs at {here['ankle']:.0f}° "
        f"instead of {there['ankle']:.0f}°, and the toes pass {here['clearance']:.0f} mm above the floor instead of "
        f"{there['clearance']:.0f} mm. "
    )
    if here["touches"] or there["touches"]:
        text += (
            f"They touch it in {100 * here['touches']:.0f} % of the swings instead of {100 * there['touches']:.0f} %. "
        )
    bent = [f"the {j} by {here[j] - there[j]:.0f}°" for j in ("knee", "hip") if here[j] - there[j] >= 2]
    text += (
        f"To clear the floor it bends more: {' and '.join(bent)}. "
        if bent
        else "Knee and hip bend no more than before. "
    )
    rises = [f"{in_words(m)} (+{v:.2f})" for m, v in found["rises"].items()]
    text += f"Muscles that work more: {', '.join(rises)}." if rises else "No muscle works noticeably more."
    if any(count for count, _ in fell.values()):
        (a, n), (b, m) = fell["lesioned"], fell["healthy"]
        text += f" It fell in {a} of {n} clips, the healthy body in {b} of {m}."
    return UNKNOWN, headline, text
