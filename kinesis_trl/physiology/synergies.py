"""Muscle synergies: how few patterns explain the activity of many muscles."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import NMF
from sklearn.exceptions import ConvergenceWarning

Array = NDArray[np.float64]


class SynergyError(ValueError):
    """Activity that cannot be factorised; the message says why."""


ENOUGH = 0.9
"""Explained variance from which a number of synergies is enough."""
SILENT = 1e-3
"""Muscles whose activity never passes this are left out: scaled to their peak, their noise would count in full."""
_ITERATIONS = 1000


@dataclass(frozen=True, kw_only=True)
class Synergies:
    """Non-negative factorisations of one leg's muscle activity."""

    muscles: tuple[str, ...]
    """M muscles that were active."""
    explained: Array
    """(N,) variance accounted for by 1 … N synergies, 1 − ‖X − W H‖² / ‖X‖², uncentred (Torres-Oviedo et al. 2006)."""
    enough: int | None
    """Least number of synergies that explains enough; None where the largest number tried does not."""
    weight: Array
    """(n, M) share of each muscle in each of the n = `enough` (or N) synergies, the largest 1."""


def synergies(activation: Array, names: Sequence[str], most: int = 8) -> Synergies:
    """Factorise activation, each muscle scaled to its own peak, into 1 … `most` synergies.

    Deterministic: scikit-learn's coordinate descent from a singular value decomposition. Compare numbers of
    synergies only between factorisations of the same muscles: fewer muscles need fewer.

    Args:
        activation: (T, M) activation of one leg, whole gait cycles, T ≥ 2.
        names: M muscles.
        most: largest number of synergies.

    Raises:
        SynergyError: another shape, negative or infinite values, or no active muscle.
    """
    values = np.asarray(activation, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] != len(names) or len(values) < 2:
        raise SynergyError(f"activation has shape {values.shape}, expected (samples ≥ 2, {len(names)} muscles).")
    if not (np.isfinite(values).all() and (values >= 0).all()):
        raise SynergyError("activation holds negative or infinite numbers; expected 0 to 1.")
    peak = values.max(0)
    active = peak > SILENT
    if not active.any():
        raise SynergyError("no muscle is active; there is nothing to factorise.")
    scaled = values[:, active] / peak[active]
    total = np.square(scaled).sum()
    explained, weights = [], []
    for number in range(1, min(most, *scaled.shape) + 1):
        pattern, weight = _factorise(scaled, number)
        explained.append(1 - np.square(scaled - pattern @ weight).sum() / total)
        weights.append(weight)
    reached = np.flatnonzero(np.array(explained) >= ENOUGH)
    enough = int(reached[0]) + 1 if len(reached) else None
    weight = weights[(enough or len(weights)) - 1]
    return Synergies(
        muscles=tuple(name for name, there in zip(names, active, strict=True) if there),
        explained=np.array(explained),
        enough=enough,
        weight=weight / np.maximum(weight.max(1, keepdims=True), np.finfo(float).tiny),
    )


def _factorise(scaled: Array, number: int) -> tuple[Array, Array]:
    model = NMF(n_components=number, init="nndsvda", solver="cd", max_iter=_ITERATIONS, tol=1e-4, random_state=0)
    with warnings.catch_warnings():
        # Explained variance tells how good a factorisation is; the last digits do not matter.
        warnings.simplefilter("ignore", ConvergenceWarning)
        pattern = model.fit_transform(scaled)
    return pattern, model.components_
