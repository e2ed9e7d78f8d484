"""Which joint of a skeleton is which: proposed by its names, decided by its shape."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.motion.clip import ClipFormatError
from kinesis_trl.motion.readers.names import ARM, LEG, TOOLS, TRUNK, JointName, joint_name
from kinesis_trl.motion.readers.rig import Rig

Array = NDArray[np.float64]

SHORTEST_FOOT = 0.04
"""Ankle to toe over hip to ankle below which a toe joint is taken to lie on the ankle; of people it is 0.15 to 0.25."""
LONGEST_FOOT = 0.45
"""The same above which a joint cannot be the toe."""
_THIGH_TO_SHANK = (0.55, 1.8)
_MOST_OFF_LINE = 0.15
"""Distance from a segment, over its length, above which a joint is no part of it."""
_MOST_CANDIDATES = 12


@dataclass(frozen=True)
class JointMap:
    """Which joint of a rig plays which SMPL joint."""

    index: dict[str, int]
    """Rig index by SMPL name, in the order of the rig; a side's toe is missing where the rig has none."""
    ends: tuple[str, ...] = ()
    """Names of the toes that are only the end of the foot, which may lie anywhere about it."""
    guessed: tuple[str, ...] = ()
    """Sentences about joints that stand in for others."""
    doubts: tuple[str, ...] = ()
    """Sentences about what in the skeleton's shape does not fit a person."""

    @property
    def names(self) -> tuple[str, ...]:
        """SMPL names in rig order."""
        return tuple(self.index)


@dataclass(frozen=True)
class _Leg:
    """A proposal for one leg."""

    joints: tuple[int, int, int, int | None]
    """Hip, knee, ankle, toe."""
    tool: str
    """Tool of `TOOLS` that uses all these words; '' when no one does."""
    cost: tuple[float, ...]
    """Compared in order; the least wins."""
    shape: str
    """What is wrong with its shape; '' when nothing."""


def map_joints(rig: Rig) -> JointMap:
    """Find SMPL's joints in a rig.

    Each leg is a chain hip, knee, ankle, toe of joints with words of `TOOLS`. Among the chains the one wins whose
    segments have a leg's proportions, then the one whose words are all of one tool. The pelvis is the joint that
    carries both hips, whatever its name. A foot's end stands in for a toe that is missing or lies on the ankle; a foot
    without any end gets no toe here.

    Raises:
        ClipFormatError: no chain for a leg; the message lists what was found.
    """
    names = [joint_name(name) for name in rig.names]
    rest = rig.rest()
    above = [_ancestors(rig, joint) for joint in range(len(rig.names))]
    index: dict[str, int] = {}
    ends, guessed, doubts, tools = [], [], [], []
    for side in "LR":
        leg = min(_legs(rig, names, rest, above, side), key=lambda leg: leg.cost, default=None)
        if leg is None:
            raise ClipFormatError(_missing(rig, names, side))
        toe, said = _toe(rig, rest, leg.joints)
        index |= {
            f"{side}_{place}": joint for place, joint in zip(LEG, leg.joints[:3], strict=False) if joint is not None
        }
        if toe is not None:
            index[f"{side}_Toe"] = toe
            ends += [f"{side}_Toe"] if toe != leg.joints[3] else []
        guessed += [f"{side}_Toe {said}"] if said else []
        doubts += [f"{'left' if side == 'L' else 'right'} leg: {leg.shape}"] if leg.shape else []
        tools.append(leg.tool)
    shared = [joint for joint in above[index["L_Hip"]] if joint in above[index["R_Hip"]]]
    if not shared:
        raise ClipFormatError("its hips hang on no common joint; a skeleton has one pelvis.")
    index["Pelvis"] = shared[0]
    if tools[0] and tools[0] == tools[1]:
        guessed.insert(0, f"joints named as in {tools[0]}")
    doubts += _unequal(rest, index)
    taken = set(index.values())
    index |= _others(names, above, taken, shared[0])
    return JointMap(dict(sorted(index.items(), key=lambda item: item[1])), tuple(ends), tuple(guessed), tuple(doubts))


def _ancestors(rig: Rig, joint: int) -> list[int]:
    """Joints above a joint, nearest first."""
    chain = []
    while (joint := rig.parents[joint]) >= 0:
        chain.append(joint)
    return chain


def _legs(rig: Rig, names: list[JointName], rest: Array, above: list[list[int]], side: str) -> Iterator[_Leg]:
    """Every chain of joints of one side with words for hip, knee and ankle, and perhaps toe."""
    places = [[word for row in TOOLS.values() for word in row[place].split()] for place in range(4)]
    own = [j for j, name in enumerate(names) if name.side == side]
    hips, knees, ankles, toes = ([j for j in own if names[j].word in words][:_MOST_CANDIDATES] for words in places)
    for hip, knee, ankle in product(hips, knees, ankles):
        if hip not in above[knee] or knee not in above[ankle]:
            continue
        for toe in (*(t for t in toes if ankle in above[t]), None):
            joints = (hip, knee, ankle, toe)
            present = [j for j in joints if j is not None]
            words = [names[j].word for j in present]
            tool, order = _tool_of(words)
            chain = [j for j in above[ankle][: above[ankle].index(hip)] if j != knee]
            shape = _wrong_shape(rest, joints, chain)
            between = sum(bool(rig.offsets[j].any()) for j in (*chain, knee)) - 1
            length = sum(float(np.linalg.norm(rest[b] - rest[a])) for a, b in ((hip, knee), (knee, ankle)))
            doubt = sum(names[j].doubt for j in present)
            cost = (bool(shape), not tool, toe is None, doubt, order, -round(length, 6), between)
            yield _Leg(joints, tool, cost, shape)


def _tool_of(words: list[str]) -> tuple[str, int]:
    """Tool that uses these words for hip, knee, ankle and perhaps toe, and how far from its first choice they are."""
    for tool, row in TOOLS.items():
        columns = [column.split() for column in row]
        if all(word in column for word, column in zip(words, columns, strict=False)):
            return tool, sum(column.index(word) for word, column in zip(words, columns, strict=False))
    return "", 0


def _wrong_shape(rest: Array, joints: tuple[int, int, int, int | None], between: list[int]) -> str:
    """What is wrong with a leg whose chain has further joints `between` hip and ankle; '' when nothing."""
    hip, knee, ankle, toe = joints
    thigh, shank = float(np.linalg.norm(rest[knee] - rest[hip])), float(np.linalg.norm(rest[ankle] - rest[knee]))
    if not (shank > 0 and _THIGH_TO_SHANK[0] <= thigh / shank <= _THIGH_TO_SHANK[1]):
        return f"thigh of {thigh:.3g} and shank of {shank:.3g} units, which are about equal in people"
    for joint in between:
        ways = (_off_line(rest, joint, hip, knee), _off_line(rest, joint, knee, ankle))
        if min(ways) > _MOST_OFF_LINE:
            return "a joint between hip and ankle that lies beside thigh and shank"
    foot = 0.0 if toe is None else float(np.linalg.norm(rest[toe] - rest[ankle]))
    if foot > LONGEST_FOOT * (thigh + shank):
        return f"foot of {foot:.3g} units under a leg of {thigh + shank:.3g}"
    return ""


def _off_line(rest: Array, joint: int, start: int, end: int) -> float:
    """Distance of a joint from the segment between two others, over its length."""
    way, off = rest[end] - rest[start], rest[joint] - rest[start]
    along = np.clip(off @ way / max(float(way @ way), 1e-12), 0.0, 1.0)
    return float(np.linalg.norm(off - along * way) / max(float(np.linalg.norm(way)), 1e-12))


def _toe(rig: Rig, rest: Array, joints: tuple[int, int, int, int | None]) -> tuple[int | None, str]:
    """The joint to take for the toe, if any, and a sentence when it is not the named one."""
    hip, knee, ankle, toe = joints
    leg = float(np.linalg.norm(rest[knee] - rest[hip]) + np.linalg.norm(rest[ankle] - rest[knee]))
    fits = (SHORTEST_FOOT * leg, LONGEST_FOOT * leg)

    def reach(joint: int) -> float:
        return float(np.linalg.norm(rest[joint] - rest[ankle]))

    if toe is not None and reach(toe) >= fits[0]:
        return toe, ""
    start = ankle if toe is None else toe
    ends = [j for j in range(len(rig.names)) if start in _ancestors(rig, j) and fits[0] <= reach(j) <= fits[1]]
    why = "" if toe is None else f"joint {rig.names[toe]} lies on the ankle; "
    if ends:
        return max(ends, key=reach), f"{why}taken as the end of the foot"
    return None, f"{why}has no end of the foot either"


def _unequal(rest: Array, index: dict[str, int]) -> list[str]:
    """Segments that are longer on one side than on the other by more than 15 %."""
    found = []
    for what, upper, lower in (("thigh", "Hip", "Knee"), ("shank", "Knee", "Ankle")):
        left, right = (float(np.linalg.norm(rest[index[f"{s}_{lower}"]] - rest[index[f"{s}_{upper}"]])) for s in "LR")
        if abs(left - right) > 0.15 * max(left, right):
            found.append(f"left {what} of {left:.3g} and right one of {right:.3g} units")
    return found


def _others(names: list[JointName], above: list[list[int]], taken: set[int], pelvis: int) -> dict[str, int]:
    """Joints of trunk and arms by name: the preferred word first, of one word the joint nearest to the root."""
    index: dict[str, int] = {}
    wanted = [("", TRUNK), ("L", ARM), ("R", ARM)]
    for side, table in wanted:
        for joint, words in table.items():
            choices = [
                (words.index(name.word), len(above[k]), k)
                for k, name in enumerate(names)
                if name.side == side and name.word in words and k not in taken and k not in above[pelvis]
            ]
            if choices:
                index[f"{side}_{joint}" if side else joint] = min(choices)[2]
                taken.add(min(choices)[2])
    return index


def _missing(rig: Rig, names: list[JointName], side: str) -> str:
    places = [
        f"{side}_{place}"
        for column, place in enumerate(LEG[:3])
        if not any(n.side == side and any(n.word in row[column].split() for row in TOOLS.values()) for n in names)
    ]
    what = (
        f"no joint for {', '.join(places)}" if places else f"the {side}_Hip, {side}_Knee and {side}_Ankle are no chain"
    )
    found = ", ".join(rig.names[:24]) + (", …" if len(rig.names) > 24 else "")
    return f"{what} among {found}; rename the joints as in Mixamo (Hips, LeftUpLeg, LeftLeg, LeftFoot, LeftToeBase, …)."
