"""Muscles of the body in words."""

from __future__ import annotations

from collections.abc import Iterable

_NAMES = {
    "addbrev": "adductor brevis",
    "addlong": "adductor longus",
    "addmagDist": "adductor magnus, distal",
    "addmagIsch": "adductor magnus, ischial",
    "addmagMid": "adductor magnus, middle",
    "addmagProx": "adductor magnus, proximal",
    "bflh": "biceps femoris, long head",
    "bfsh": "biceps femoris, short head",
    "edl": "toe extensor (EDL)",
    "ehl": "big toe extensor (EHL)",
    "fdl": "toe flexor (FDL)",
    "fhl": "big toe flexor (FHL)",
    "gaslat": "gastrocnemius lateralis",
    "gasmed": "gastrocnemius medialis",
    "glmax1": "gluteus maximus, upper",
    "glmax2": "gluteus maximus, middle",
    "glmax3": "gluteus maximus, lower",
    "glmed1": "gluteus medius, front",
    "glmed2": "gluteus medius, middle",
    "glmed3": "gluteus medius, back",
    "glmin1": "gluteus minimus, front",
    "glmin2": "gluteus minimus, middle",
    "glmin3": "gluteus minimus, back",
    "grac": "gracilis",
    "perbrev": "peroneus brevis",
    "perlong": "peroneus longus",
    "piri": "piriformis",
    "recfem": "rectus femoris",
    "sart": "sartorius",
    "semimem": "semimembranosus",
    "semiten": "semitendinosus",
    "tfl": "tensor fasciae latae",
    "tibant": "tibialis anterior",
    "tibpost": "tibialis posterior",
    "vasint": "vastus intermedius",
    "vaslat": "vastus lateralis",
    "vasmed": "vastus medialis",
}
GROUPS = {
    "buttock": (
        "glmax1",
        "glmax2",
        "glmax3",
        "glmed1",
        "glmed2",
        "glmed3",
        "glmin1",
        "glmin2",
        "glmin3",
        "piri",
        "tfl",
    ),
    "hip flexors": ("iliacus", "psoas", "sart"),
    "inner thigh": ("addbrev", "addlong", "addmagDist", "addmagIsch", "addmagMid", "addmagProx", "grac"),
    "front of the thigh": ("recfem", "vasint", "vaslat", "vasmed"),
    "back of the thigh": ("bflh", "bfsh", "semimem", "semiten"),
    "calf": ("soleus", "gasmed", "gaslat", "tibpost", "fdl", "fhl", "perbrev", "perlong"),
    "shin": ("tibant", "edl", "ehl"),
}
"""Muscles without side by where they lie, from the hip down."""
_SIDES = {"r": "right", "l": "left"}


def grouped(stems: Iterable[str]) -> dict[str, list[str]]:
    """Muscles without side by group, from the hip down; those of no group, of other bodies, come last as 'others'."""
    given = list(stems)
    found = {group: [m for m in members if m in given] for group, members in GROUPS.items()}
    known = {m for members in GROUPS.values() for m in members}
    found["others"] = [m for m in given if m not in known]
    return {group: members for group, members in found.items() if members}


def in_words(muscle: str) -> str:
    """'tibant_l' → 'left tibialis anterior', 'tibant' → 'tibialis anterior'; an unknown name as it is."""
    stem, _, side = muscle.rpartition("_")
    if side in _SIDES and stem:
        return f"{_SIDES[side]} {_NAMES.get(stem, stem)}"
    return _NAMES.get(muscle, muscle)
