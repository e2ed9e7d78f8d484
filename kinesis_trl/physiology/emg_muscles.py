"""Which of the body's muscles an electrode records."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


class UnknownMuscleError(ValueError):
    """A name that is no muscle we know; the message says which are close."""


@dataclass(frozen=True, kw_only=True)
class RecordedMuscle:
    """What an electrode over one muscle is compared with."""

    model: tuple[str, ...]
    """Muscles of the body, without side; their mean activation is compared."""
    aliases: tuple[str, ...] = ()
    """Other names in EMG files."""
    decisive: bool = True
    """Whether people agree among themselves well enough for a comparison to mean something."""


RECORDED: Mapping[str, RecordedMuscle] = {
    "soleus": RecordedMuscle(model=("soleus",), aliases=("sol",)),
    "gastrocnemius medialis": RecordedMuscle(model=("gasmed",), aliases=("medial gastrocnemius", "gm", "gasmed")),
    "gastrocnemius lateralis": RecordedMuscle(model=("gaslat",), aliases=("lateral gastrocnemius", "gl", "gaslat")),
    "gastrocnemius": RecordedMuscle(model=("gasmed", "gaslat"), aliases=("gas", "gastroc", "gastrocs")),
    "tibialis anterior": RecordedMuscle(model=("tibant",), aliases=("ta", "tibant", "tib ant")),
    "semimembranosus": RecordedMuscle(model=("semimem",), aliases=("sm", "semimem")),
    "semitendinosus": RecordedMuscle(model=("semiten",), aliases=("st", "semiten")),
    # The surface electrode lies over the long head; the short head is deep to it.
    "biceps femoris": RecordedMuscle(
        model=("bflh",), aliases=("biceps femoris long head", "hamstrings lateralis", "bf", "bflh")
    ),
    "medial hamstrings": RecordedMuscle(
        model=("semimem", "semiten"), aliases=("hamstrings medialis", "medial hamstring", "mh", "medham")
    ),
    # Pairs of people correlate by 0.14 to 0.24 only (Wang et al. 2023).
    "vastus lateralis": RecordedMuscle(model=("vaslat",), aliases=("vastus lateral", "vl", "vaslat"), decisive=False),
    "vastus medialis": RecordedMuscle(model=("vasmed",), aliases=("vastus medial", "vastus medius", "vm", "vasmed")),
    "rectus femoris": RecordedMuscle(model=("recfem",), aliases=("rf", "recfem")),
    "gluteus maximus": RecordedMuscle(model=("glmax1", "glmax2", "glmax3"), aliases=("gmax",)),
    "gluteus medius": RecordedMuscle(model=("glmed1", "glmed2", "glmed3"), aliases=("gluteus medialis", "gmed")),
    "tensor fasciae latae": RecordedMuscle(model=("tfl",), aliases=("tfl",)),
    "sartorius": RecordedMuscle(model=("sart",), aliases=("sart",)),
    "gracilis": RecordedMuscle(model=("grac",), aliases=("grac",)),
    "adductor longus": RecordedMuscle(model=("addlong",), aliases=("addlong",)),
    "peroneus longus": RecordedMuscle(model=("perlong",), aliases=("fibularis longus", "pl", "perlong")),
    "peroneus brevis": RecordedMuscle(model=("perbrev",), aliases=("fibularis brevis", "pb", "perbrev")),
    "extensor digitorum longus": RecordedMuscle(model=("edl",), aliases=("edl",)),
}
"""Muscles that surface electrodes record, by name, and the body's muscles below them."""

PUBLISHED: Mapping[str, RecordedMuscle] = {
    **RECORDED,
    "biceps femoris": RecordedMuscle(model=("bfsh",), aliases=RECORDED["biceps femoris"].aliases),
}
"""The mapping with which KINESIS' published correlations come out: biceps femoris is its short head there."""

_NAMES = {alias: name for name, muscle in RECORDED.items() for alias in (name, *muscle.aliases)}


def recorded_name(name: str) -> str:
    """Name in `RECORDED` for a name or abbreviation in an EMG file, whatever its case, underscores, hyphens and spaces.

    Raises:
        UnknownMuscleError: nothing we know.
    """
    plain = " ".join(name.replace("_", " ").replace("-", " ").lower().split())
    if plain in _NAMES:
        return _NAMES[plain]
    close = difflib.get_close_matches(plain, list(_NAMES), n=3)
    hint = f"did you mean {', '.join(close)}?" if close else f"known are {', '.join(RECORDED)}."
    raise UnknownMuscleError(f"no muscle {name!r} is known; {hint}")


def model_columns(muscle: str, side: str, names: Sequence[str], mapping: Mapping[str, RecordedMuscle]) -> list[int]:
    """Columns of a body's muscle arrays that a recorded muscle is compared with.

    Args:
        muscle: a key of `mapping`.
        side: "l" or "r".
        names: the body's muscles, with side, as "soleus_l".
        mapping: `RECORDED` or `PUBLISHED`.

    Raises:
        UnknownMuscleError: the body lacks one of the muscles.
    """
    wanted = [f"{part}_{side}" for part in mapping[muscle].model]
    missing = [name for name in wanted if name not in names]
    if missing:
        raise UnknownMuscleError(f"the body has no {', '.join(missing)}, which {muscle} is compared with.")
    return [list(names).index(name) for name in wanted]
