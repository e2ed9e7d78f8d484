"""Muscles of the body in words."""

from __future__ import annotations

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
_SIDES = {"r": "right", "l": "left"}


def in_words(muscle: str) -> str:
    """'tibant_l' → 'left tibialis anterior', 'tibant' → 'tibialis anterior'; an unknown name as it is."""
    stem, _, side = muscle.rpartition("_")
    if side in _SIDES and stem:
        return f"{_SIDES[side]} {_NAMES.get(stem, stem)}"
    return _NAMES.get(muscle, muscle)
