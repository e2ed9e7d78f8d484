"""Joint names of common tools: which word each of them uses for which joint, and how a name is taken apart."""

from __future__ import annotations

import re
from dataclasses import dataclass

LEG = ("Hip", "Knee", "Ankle", "Toe")
"""Joints of one leg, from the pelvis down; the columns of `TOOLS`."""
TOOLS: dict[str, tuple[str, str, str, str]] = {
    "CMU, Mixamo, MotionBuilder, LAFAN1, Vicon": ("upleg", "leg", "foot", "toebase toe toes"),
    "Biovision, Sony mocopi, Momentum": ("upleg", "lowleg loleg", "foot", "toe toebase toes ball"),
    "Meta": ("legupper upperleg upleg", "leglower lowerleg leg", "footankle talocrural", "football ball"),
    "Poser, DAZ, OptiTrack, Rokoko, Rigify": (
        "thigh thighbend",
        "shin shinbend",
        "foot",
        "toe toes toebase metatarsals metatarsal",
    ),
    "3ds Max Biped, Character Creator, Unreal": ("thigh", "calf", "foot", "toe toes toebase ball"),
    "Unity, VRM, Xsens, MakeHuman": ("upperleg legupper", "lowerleg leglower", "foot", "toes toe toebase"),
    "100STYLE, CMU converted by cgspeed, Xsens joints": ("hip", "knee", "ankle", "toe toes toebase ball ballfoot"),
    "SMPL, Kinect": ("hip", "knee", "ankle", "foot"),
    "SOMA": ("leg", "shin", "foot", "toebase toe toes"),
    "Acclaim": ("femur", "tibia", "foot", "toes toe"),
    "OpenSim": ("femur", "tibia", "talus calcn", "toes"),
    "Theia3D, Visual3D": ("thigh", "shank", "foot", "toe toes"),
    "MikuMikuDance": ("leg 足", "knee ひざ", "ankle 足首", "toe つま先"),
}
"""Words of a leg's joints (hip, knee, ankle, toe) by tool, lower case, without side, prefix and number.

One word may mean different joints: `leg` is CMU's knee and SOMA's hip, `foot` Mixamo's ankle and SMPL's toe. Which is
meant is decided by the other names of the leg and by its shape (`joint_map.py`). Where several words are given, the
first is preferred.
"""
ARM: dict[str, tuple[str, ...]] = {
    "Shoulder": ("arm", "upperarm", "uparm", "humerus", "shoulder"),
    "Elbow": ("forearm", "lowerarm", "elbow", "lowarm", "radius"),
    "Wrist": ("hand", "wrist"),
}
"""Words of an arm's joints, the preferred first."""
TRUNK: dict[str, tuple[str, ...]] = {
    "Torso": ("spine", "lowerback", "abdomen", "abdomenlower", "ab", "waist"),
    "Chest": ("chest", "thorax", "upperback", "torso", "upperchest"),
    "Neck": ("neck", "lowerneck", "upperneck", "necklower"),
    "Head": ("head",),
}
"""Words of the joints between the legs and above them, the preferred first."""

_SIDES = dict.fromkeys(("l", "left", "lt", "lf", "lft", "左"), "L") | dict.fromkeys(
    ("r", "right", "rt", "rgt", "右"), "R"
)
_AFFIX = re.compile(
    "armature|avatar|b|base|bind|bip|biped|bn|bone|c|cc|character|ctrl|def|deform|j|jnt|joint|m|mixamorig|model|org|ref|"
    "reference|rig|rl|robot|root|sk|skel|skeleton|skin|valve"
)
"""Words that tools put before or behind a joint's name."""
_NO_JOINT = re.compile(
    "aim|dummy|effector|end|fk|geo|goal|helper|ik|marker|mch|mesh|nub|pole|rigmesh|roll|site|target|tip|twist"
)
"""Words that mark what moves with a joint or steers it, but is not the joint."""
_LONGEST_NAME = 120
_TOKEN = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|[^\W\d_A-Za-z]+")
_SIDED = frozenset(
    word for words in (*(w.split() for row in TOOLS.values() for w in row), *ARM.values()) for word in words
)
_KNOWN = _SIDED.union(*TRUNK.values())


@dataclass(frozen=True)
class JointName:
    """What the name of a joint says."""

    side: str
    """'L', 'R', or '' for a joint of the middle."""
    word: str
    """A word of `TOOLS`, `ARM` or `TRUNK`; '' when none is in the name."""
    doubt: int
    """How much of the name had to be left out to find the word; 0: nothing but a namespace and the side."""


def joint_name(name: str) -> JointName:
    """Side and word of a name such as 'mixamorig:LeftUpLeg', 'DEF-thigh.L', 'J_Bip_L_UpperLeg' or 'Bip01 L Thigh'."""
    bare = re.split(r"[:|/]", name.strip())[-1][-_LONGEST_NAME:]
    tokens = [part for token in _TOKEN.findall(bare) for part in _without_glued_side(token)]
    side, words, numbers = "", [], 0
    for token in tokens:
        if token.isdigit():
            numbers = 1
        elif token in _SIDES and not side:
            side = _SIDES[token]
        else:
            words.append(token)
    if any(_NO_JOINT.fullmatch(word) for word in words):
        return JointName(side, "", 9)
    for doubt, parts in ((0, words), (1, [word for word in words if not _AFFIX.fullmatch(word)])):
        if "".join(parts) in _KNOWN:
            return JointName(side, "".join(parts), doubt + numbers)
    inner = ["".join(words[i:j]) for i in range(len(words)) for j in range(i + 1, len(words) + 1)]
    found = max((word for word in inner if word in _KNOWN), key=len, default="")
    return JointName(side, found, 2 + numbers if found else 9)


def _without_glued_side(token: str) -> list[str]:
    """'lfemur' → l, femur; 'LEFTUPLEG' → left, upleg; '右足首' → 右, 足首; other tokens in lower case."""
    lower = token.lower()
    if lower in _KNOWN or lower in _SIDES:
        return [lower]
    for mark in sorted(_SIDES, key=len, reverse=True):
        for rest in (lower.removeprefix(mark), lower.removesuffix(mark)):
            if rest != lower and rest in _SIDED:
                return [mark, rest]
    return [lower]
