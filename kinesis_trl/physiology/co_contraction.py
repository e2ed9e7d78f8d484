"""Antagonists that work against each other, and muscles at their limit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


PAIRS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "ankle: triceps surae and tibialis anterior": (("soleus", "gasmed", "gaslat"), ("tibant",)),
    "knee: vasti and hamstrings": (("vasmed", "vasint", "vaslat"), ("bflh", "bfsh", "semimem", "semiten")),
    "hip: gluteus maximus and iliopsoas": (("glmax1", "glmax2", "glmax3"), ("iliacus", "psoas")),
    "hip: gluteus medius and adductors": (("glmed1", "glmed2", "glmed3"), ("addbrev", "addlong")),
}
"""Two groups of muscles, without side, with opposite effect on a joint; ankle to hip."""


def co_contraction(activation: Array, names: Sequence[str]) -> dict[str, dict[str, float]]:
    """Co-contraction index of every pair of `PAIRS` in each leg: {pair: {"l": …, "r": …}}.

    CI = 2 ∫ min(a, b) dt / ∫ (a + b) dt with the mean activations a, b of the groups (Falconer and Winter 1985,
    Electromyogr. Clin. Neurophysiol. 25:135): 0 where they alternate, 1 where they are always equally active, NaN where
    neither is. A leg that lacks one of the muscles is left out.

    Args:
        activation: (T, M), evenly sampled.
        names: M muscles with side.
    """
    column = {name: k for k, name in enumerate(names)}
    found: dict[str, dict[str, float]] = {}
    for title, pair in PAIRS.items():
        for side in "lr":
            groups = [[f"{m}_{side}" for m in group] for group in pair]
            if all(name in column for group in groups for name in group):
                a, b = (activation[:, [column[name] for name in group]].mean(1) for group in groups)
                found.setdefault(title, {})[side] = index(a, b)
    return found


def index(a: Array, b: Array) -> float:
    """Falconer and Winter's index of two activations (T,); NaN where both are zero throughout."""
    total = (a + b).sum()
    return float(2 * np.minimum(a, b).sum() / total) if total > 0 else float("nan")


def saturation(activation: Array, threshold: float = 0.9) -> Array:
    """(M,) share of time that activation (T, M) lies above `threshold`."""
    return (np.asarray(activation) > threshold).mean(0)
