"""From labelled markers to the person's size and motion."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from kinesis_trl.body.model import BodyModel, load_body
from kinesis_trl.body.scaling import SEGMENTS, segment_lengths
from kinesis_trl.body.subject import Subject, SubjectError
from kinesis_trl.motion.markers.fit import FitConfig, MarkerFit, Placement, find_placement, fit_motion
from kinesis_trl.motion.markers.labelled import Labelled, listed
from kinesis_trl.motion.markers.recorded import TrialError
from kinesis_trl.motion.markers.sets import MarkerPlace

_FAR, _OTHER = 0.06, 0.025
"""Metres of a marker, and of all, from the body, beyond which labels or the static trial are in doubt."""


@dataclass(frozen=True, kw_only=True)
class MarkedPerson:
    """A person in motion."""

    size: Subject
    """With a mass only where one was given."""
    places: tuple[MarkerPlace, ...]
    """Of the K markers that were used."""
    fit: MarkerFit
    """Motion, and how far the markers are from the body."""
    notes: tuple[str, ...]
    problems: tuple[str, ...]
    kind: str
    """Body by name, without a size."""

    def body(self) -> BodyModel:
        """The body in the person's size."""
        return load_body(f"{self.kind}:{self.size.text}")


def person_of_markers(
    marked: Labelled,
    kind: str,
    *,
    static: Labelled | None = None,
    asked: Subject | None = None,
    config: FitConfig | None = None,
) -> MarkedPerson:
    """Size and motion of a person.

    Args:
        marked: markers of the motion.
        kind: body by name, without a size.
        static: markers of the same person standing; without them size and placement are from the motion itself.
        asked: size that is known; segments that it names are not fitted.
        config: of inverse kinematics.

    Raises:
        TrialError: too few markers, or a size that no body has.
    """
    config = config or FitConfig()
    body = load_body(kind)
    notes = ["size and placement of markers are from the static trial"]
    if static is None:
        placement = find_placement(body, marked.places, marked.seen(), config)
        notes = ["size and placement of markers are from the walking itself; a static trial (--static) is better"]
    else:
        try:
            placement, missing = _standing(body, marked, static, config)
        except TrialError as error:
            return _without(f"the static trial is not used: {error}", marked, kind, asked, config)
        if missing:
            notes.append(f"not in the static trial and left out: {listed(missing)}")
    lengths = placement.lengths(body)
    if asked is not None and (asked.segments or asked.height is not None):
        lengths = segment_lengths(load_body(f"{kind}:{asked.text}").whole)
        ratio = np.array([lengths[name] / segment_lengths(body.whole)[name] for name in SEGMENTS])
        placement = Placement(placement.places, ratio, placement.at)
    fit = fit_motion(body, placement, marked.seen(placement.places), marked.markers.rate, config)
    whole = float(np.sqrt(np.nanmean(np.square(fit.distance))))
    if static is not None and whole > _OTHER:
        reason = f"with the static trial, markers lie {1000 * whole:.0f} mm from the body: is it of the same person, "
        return _without(f"{reason}with the same markers? It is not used.", marked, kind, asked, config)
    try:
        size = Subject(mass=None if asked is None else asked.mass, **{k: round(v, 4) for k, v in lengths.items()})
    except SubjectError as error:
        raise TrialError(f"the markers make a body of no person's size ({error}); check their labels.") from error
    apart = np.sqrt(np.nanmean(np.square(fit.distance), axis=0))
    far = [f"{p.label} {1000 * d:.0f} mm" for p, d in zip(placement.places, apart, strict=True) if d > _FAR]
    problems = (f"far from where the body has them, check their labels: {listed(far)}.",) if far else ()
    return MarkedPerson(size=size, places=placement.places, fit=fit, notes=tuple(notes), problems=problems, kind=kind)


def _without(reason: str, marked: Labelled, kind: str, asked: Subject | None, config: FitConfig) -> MarkedPerson:
    """The same without a static trial, and why."""
    found = person_of_markers(marked, kind, asked=asked, config=config)
    return replace(found, problems=(reason, *found.problems))


def _standing(body: BodyModel, marked: Labelled, static: Labelled, config: FitConfig) -> tuple[Placement, list[str]]:
    """Size and places from the static trial, of the markers that both have; and those that it lacks."""
    found = find_placement(body, static.places, static.seen(), config, static=True)
    labels = {place.label for place in marked.places}
    kept = [k for k, place in enumerate(found.places) if place.label in labels]
    if len(kept) < len(labels) / 2:
        raise TrialError(f"it has {len(kept)} of the {len(labels)} markers of the motion; label both alike.")
    missing = sorted(labels - {found.places[k].label for k in kept})
    return Placement(tuple(found.places[k] for k in kept), found.ratio, found.at[kept]), missing
