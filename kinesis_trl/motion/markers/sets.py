"""Marker sets: which landmark of the body a label stands for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from kinesis_trl.motion.markers.recorded import TrialError
from kinesis_trl.settings import SettingsError, read_yaml
from kinesis_trl.shipped import asset

_NEEDED = ("pelvis", "femur", "tibia", "calcn")


@dataclass(frozen=True)
class MarkerPlace:
    """Where a marker sits on the standard body."""

    label: str
    """As the file calls it."""
    part: str
    """Body it moves with, as "femur_r"."""
    at: tuple[float, float, float]
    """Place in that body's frame in metres: forward, up, right."""
    spread: float
    """Distance in metres within which a person's marker is expected around it."""


@cache
def landmarks() -> dict[str, tuple[str, float, float, float, float]]:
    """Part, place and spread of every landmark, those of a leg for the right one."""
    return {name: tuple(row) for name, row in read_map(asset("trial/landmarks.yaml")).items()}


@cache
def marker_sets() -> dict[str, dict[str, str]]:
    """Labels and their landmarks of every set that ships."""
    return {name: dict(labels) for name, labels in read_map(asset("trial/marker_sets.yaml")).items()}


def place_markers(labels: Sequence[str], own: Path | None = None) -> tuple[str, list[MarkerPlace]]:
    """Name of the marker set, and the places of those labels that it knows.

    Args:
        labels: as the file has them.
        own: a YAML file that maps labels to landmarks (`asis`, with side: `asis_r`) or to
            [part, forward, up, right, spread]; None: the set that ships which knows most of the labels.

    Raises:
        TrialError: no set knows enough labels, or the file cannot be used.
    """
    if own is not None:
        return own.name, _place(labels, _own_map(own))
    found = {name: _place(labels, _both_sides(rows)) for name, rows in marker_sets().items()}
    name = max(found, key=lambda key: len(found[key]))
    parts = {place.part.split("_")[0] for place in found[name]}
    missing = [part for part in _NEEDED if part not in parts]
    if missing:
        raise TrialError(
            f"no marker set knows enough of the labels {', '.join(labels[:12])}{', …' * (len(labels) > 12)}: nothing "
            f"on {', '.join(missing)}. Known are {', '.join(marker_sets())}; name others in a YAML file (--marker-map)."
        )
    return name, found[name]


def plain(label: str) -> str:
    """'Subject1:R.Knee_Lat' → 'rkneelat'."""
    return re.sub(r"[^a-z0-9]", "", label.rsplit(":", 1)[-1].lower())


def _place(labels: Sequence[str], known: Mapping[str, MarkerPlace]) -> list[MarkerPlace]:
    out: dict[str, MarkerPlace] = {}
    for label in labels:
        row = known.get(plain(label))
        if row is not None and label not in out:
            out[label] = MarkerPlace(label, row.part, row.at, row.spread)
    return list(out.values())


def _both_sides(rows: Mapping[str, str]) -> dict[str, MarkerPlace]:
    out = {}
    for pattern, landmark in rows.items():
        sides = "RL" if "{side}" in pattern else " "
        for side in sides:
            label = pattern.replace("{side}", side)
            out[plain(label)] = _landmark(label, landmark, "r" if side == " " else side.lower())
    return out


def _landmark(label: str, name: str, side: str) -> MarkerPlace:
    part, forward, up, right, spread = landmarks()[name]
    sign = -1.0 if side == "l" else 1.0
    whole = part if part == "pelvis" else f"{part}_{side}"
    return MarkerPlace(label, whole, (forward, up, sign * right), spread)


def _own_map(path: Path) -> dict[str, MarkerPlace]:
    rows = read_map(path)
    out = {}
    for label, value in rows.items():
        if isinstance(value, str):
            name, _, side = value.rpartition("_")
            name, side = (name, side) if side in ("r", "l") and name in landmarks() else (value, "r")
            if name not in landmarks():
                raise TrialError(
                    f"{path}: {label} is on {value!r}, which is no landmark; expected one of "
                    f"{', '.join(sorted(landmarks()))}, with _r or _l for a side."
                )
            out[plain(str(label))] = _landmark(str(label), name, side)
            continue
        try:
            part, *numbers = value
            forward, up, right, spread = (float(number) for number in numbers)
        except (TypeError, ValueError):
            raise TrialError(
                f"{path}: {label} is {value!r}; expected a landmark, or [part, forward, up, right, spread] in metres."
            ) from None
        if not np.isfinite([forward, up, right, spread]).all() or not 0 < spread <= 1:
            raise TrialError(f"{path}: {label} has a place or spread out of reason: {value!r}; both are in metres.")
        out[plain(str(label))] = MarkerPlace(str(label), str(part), (forward, up, right), spread)
    if not out:
        raise TrialError(f"{path} names no marker; write lines as 'LABEL: asis_r'.")
    return out


def read_map(path: Path) -> dict[str, Any]:
    """Content of a YAML file that says what labels stand for.

    Raises:
        TrialError: not there, too large, no YAML, or no map.
    """
    try:
        found = read_yaml(path)
    except SettingsError as error:
        raise TrialError(str(error)) from error
    if not isinstance(found, dict):
        raise TrialError(f"{path} holds no map of labels; write lines as 'LABEL: asis_r', or 'Channel 3: soleus_r'.")
    return found
