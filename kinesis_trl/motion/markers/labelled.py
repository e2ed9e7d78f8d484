"""Markers whose places on the body are known, upright and in metres."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from kinesis_trl.motion.markers.c3d import MarkerFile, read_c3d
from kinesis_trl.motion.markers.frame import Frame, upright
from kinesis_trl.motion.markers.recorded import Markers, TrialError
from kinesis_trl.motion.markers.sets import MarkerPlace, place_markers
from kinesis_trl.motion.markers.trc import read_trc

Array = NDArray[np.float64]

_NAMED = 12
_FRONT = -0.03  # metres: markers of the pelvis before this place are its anterior spines
_WRONG_SIDE = 0.02  # metres beyond the marker of the other side
_JUMP, _SHORTLY = 0.15, 0.15
"""Metres from the median of so many seconds, which no marker on a person goes and comes back."""


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """Markers that a set knows."""

    markers: Markers
    """All markers; world frame, metres, z up."""
    places: tuple[MarkerPlace, ...]
    """Of those that are used."""
    frame: Frame
    """How the file's frame became the world's."""
    notes: tuple[str, ...]
    """What was detected."""
    problems: tuple[str, ...]
    """One sentence for everything that cannot be used."""

    def seen(self, places: Sequence[MarkerPlace] | None = None) -> Array:
        """(T, K, 3) of the markers at K `places`, by default of all that are used; NaN where not seen."""
        return np.stack([self.markers.place(p.label) for p in (self.places if places is None else places)], axis=1)


def read_markers(path: Path) -> MarkerFile:
    """Content of a .c3d or .trc file.

    Raises:
        TrialError: it cannot be read, or is of another ending.
    """
    suffix = path.suffix.lower()
    if suffix == ".c3d":
        return read_c3d(path)
    if suffix == ".trc":
        return MarkerFile(markers=read_trc(path))
    raise TrialError(f"{path}: {suffix or 'no ending'} is no format of markers; give a .c3d or .trc file.")


def labelled(markers: Markers | None, own: Path | None = None) -> Labelled:
    """Markers with their places; `own` is a user's map of labels, see `sets.place_markers`.

    Raises:
        TrialError: no markers, none that a set knows, or no upright person of a person's size.
    """
    if markers is None:
        raise TrialError("there is no marker in the file, so there is no motion; give a file with markers.")
    problems: list[str] = []
    name, placed = place_markers(markers.names, own)
    if double := [place.label for place in placed if markers.names.count(place.label) > 1]:
        problems.append(f"several markers have one name and are left out: {listed(double)}.")
        placed = [place for place in placed if place.label not in double]
    placed = _seen(placed, markers, problems)
    markers, frame = upright(markers, placed)
    markers = _without_jumps(markers, placed, problems)
    placed = _on_their_sides(placed, markers, problems)
    used = {place.label for place in placed}
    unused = [label for label in markers.names if label not in used]
    notes = [f"marker set: {name}", *markers.notes]
    if unused:
        notes.append(f"markers not used: {listed(unused)}")
    return Labelled(markers=markers, places=tuple(placed), frame=frame, notes=tuple(notes), problems=tuple(problems))


def listed(names: Sequence[str]) -> str:
    """The first of some names, and how many more there are."""
    return ", ".join(names[:_NAMED]) + f" and {len(names) - _NAMED} more" * (len(names) > _NAMED)


def _seen(places: list[MarkerPlace], markers: Markers, problems: list[str]) -> list[MarkerPlace]:
    """Places of those markers that are ever seen; says which never are."""
    there = {place.label: float(np.isfinite(markers.place(place.label)).all(1).mean()) for place in places}
    if gone := [label for label, share in there.items() if share == 0]:
        problems.append(f"never seen, and left out: {listed(gone)}.")
    if worst := sorted((share, label) for label, share in there.items() if 0 < share < 0.98):
        said = listed([f"{label} {100 * (1 - share):.0f} %" for share, label in worst])
        problems.append(f"gaps, bridged by the other markers, in so many of the frames: {said}.")
    return [place for place in places if there[place.label] > 0]


def _without_jumps(markers: Markers, places: Sequence[MarkerPlace], problems: list[str]) -> Markers:
    """Markers without the frames in which one is far from where it is shortly before and after; says which."""
    width = 2 * max(round(_SHORTLY * markers.rate / 2), 1) + 1
    position, said = markers.position.copy(), []
    for label in (place.label for place in places):
        k = markers.names.index(label)
        there = np.isfinite(position[:, k]).all(1)
        usual = median_filter(position[there, k], size=(width, 1), mode="nearest")
        jumps = np.linalg.norm(position[there, k] - usual, axis=1) > _JUMP
        if jumps.any():
            position[np.flatnonzero(there)[jumps], k] = np.nan
            said.append(f"{label} in {int(jumps.sum())} frames")
    if said:
        problems.append(f"jumps of more than {100 * _JUMP:.0f} cm, taken as gaps: {listed(said)}.")
    return replace(markers, position=position)


def _on_their_sides(places: list[MarkerPlace], markers: Markers, problems: list[str]) -> list[MarkerPlace]:
    """Places without those landmarks whose markers lie on each other's side; says which.

    Raises:
        TrialError: so do most, or those of the pelvis by its front and back.
    """
    pairs: dict[tuple[str, float, float], dict[str, list[str]]] = {}
    for place in places:
        part, _, side = place.part.partition("_")
        side = side or ("r" if place.at[2] > 0 else "l" if place.at[2] < 0 else "")
        pairs.setdefault((part, *place.at[:2]), {}).setdefault(side, []).append(place.label)
    pairs = {key: labels for key, labels in pairs.items() if labels.keys() == {"r", "l"}}
    pelvis = [place for place in places if place.part == "pelvis"]
    front, back = ([p.label for p in pelvis if (p.at[0] > _FRONT) == ahead] for ahead in (True, False))
    if len(front) < 2 or not back:
        return places
    leftward = np.cross([0.0, 0.0, 1.0], _mean(markers, front) - _mean(markers, back))
    leftward /= np.linalg.norm(leftward, axis=1, keepdims=True)
    wrong: list[str] = []
    for (part, *_), labels in pairs.items():
        apart = ((_mean(markers, labels["r"]) - _mean(markers, labels["l"])) * leftward).sum(1)
        apart = apart[np.isfinite(apart)]
        if len(apart) and np.median(apart) > _WRONG_SIDE:
            wrong += [*labels["r"], *labels["l"]]
            if part == "pelvis":
                raise TrialError(
                    f"{listed(wrong)}: right and left are swapped, or the laboratory's axes are left-handed. "
                    "Change the labels (--marker-map), or turn one axis round."
                )
    if 2 * len(wrong) > sum(len(rows) for labels in pairs.values() for rows in labels.values()):
        raise TrialError(f"{listed(wrong)}: right and left are swapped; change the labels (--marker-map).")
    if wrong:
        problems.append(f"{listed(wrong)}: right and left are swapped, and left out; change the labels.")
    return [place for place in places if place.label not in wrong]


def _mean(markers: Markers, labels: Sequence[str]) -> Array:
    """(T, 3) mean place of some markers; NaN in frames in which one is not seen."""
    return np.mean([markers.place(label) for label in labels], axis=0)
