"""The person's size and motion, from markers or from joint angles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.body.model import BodyModel, load_body
from kinesis_trl.body.scaling import SEGMENTS, segment_lengths
from kinesis_trl.body.subject import Subject, SubjectError
from kinesis_trl.motion.kinematics import Poses
from kinesis_trl.trial.files import Trial
from kinesis_trl.trial.marker_fit import FitConfig, Placement, find_placement, fit_motion
from kinesis_trl.trial.marker_sets import MarkerPlace
from kinesis_trl.trial.recorded import Markers, TrialError

Array = NDArray[np.float64]

_PIECE = 256


@dataclass(frozen=True, kw_only=True)
class Motion:
    """A motion on a body of the person's size; world frame, z up."""

    size: Subject
    """Without a mass where none is known yet."""
    kind: str
    """Body by name, without a size."""
    qpos: Array
    """(T, nq)."""
    rate: float
    """Frames per second."""
    start: float
    """Time of the first frame in seconds."""
    markers: tuple[str, ...] = ()
    """K labels."""
    distance: Array | None = None
    """(T, K) distance of every marker from its place on the body in metres; NaN where it was not seen."""
    notes: tuple[str, ...] = ()

    @property
    def time(self) -> Array:
        """(T,) seconds."""
        return self.start + np.arange(len(self.qpos)) / self.rate

    def body(self, mass: float | None = None) -> BodyModel:
        """The body in the person's size."""
        given = {name: getattr(self.size, name) for name in ("height", "mass", *SEGMENTS)}
        size = Subject(**(given | ({} if mass is None else {"mass": float(mass)})))
        return load_body(f"{self.kind}:{size.text}" if size.text else self.kind)

    def residuals(self) -> dict[str, Any]:
        """Root mean square distance in metres of every marker, and of all; nothing where there are no markers."""
        if self.distance is None:
            return {}
        each = np.sqrt(np.nanmean(np.square(self.distance), axis=0))
        return {
            "markers": dict(zip(self.markers, each.tolist(), strict=True)),
            "all": float(np.sqrt(np.nanmean(np.square(self.distance)))),
        }


def motion_of(trial: Trial, kind: str, asked: Subject | None, config: FitConfig) -> Motion:
    """Size and motion of a trial.

    Args:
        trial: what was read.
        kind: body by name.
        asked: size that the user gives: segments that it names are not fitted.
        config: of inverse kinematics.

    Raises:
        TrialError: too few markers, or a size that no body has.
    """
    if trial.angles is not None:
        return _from_angles(trial, kind, asked)
    assert trial.markers is not None
    body = load_body(kind)
    placement, notes = _placement(trial, body, config)
    seen = _seen(trial.markers, placement.places)
    lengths = placement.lengths(body)
    given = {} if asked is None else asked.segments
    if asked is not None and (given or asked.height is not None):
        own = load_body(f"{kind}:{asked.text}")
        lengths = segment_lengths(own.whole)
        ratio = np.array([lengths[name] / segment_lengths(body.whole)[name] for name in SEGMENTS])
        placement = Placement(placement.places, ratio, placement.at)
    fit = fit_motion(body, placement, seen, trial.markers.rate, config)
    try:
        size = Subject(mass=None if asked is None else asked.mass, **{k: round(v, 4) for k, v in lengths.items()})
    except SubjectError as error:
        raise TrialError(f"the markers make a body of no person's size ({error}); check their labels.") from error
    return Motion(
        size=size,
        kind=kind,
        qpos=fit.qpos,
        rate=trial.markers.rate,
        start=trial.markers.start,
        markers=tuple(place.label for place in placement.places),
        distance=fit.distance,
        notes=tuple(notes),
    )


def feet(body: BodyModel, qpos: Array) -> tuple[Array, Array]:
    """Places (T, 2, 3) of right and left heel and toe joint in metres."""
    parts = []
    ids = [[body.model.body(f"{part}_{side}").id for side in "rl"] for part in ("calcn", "toes")]
    for start in range(0, len(qpos), _PIECE):
        field = Poses.of(body).evaluate(qpos[start : start + _PIECE])["xpos"]
        parts.append(np.stack([field[:, pair] for pair in ids]))
    heel, toes = np.concatenate(parts, axis=1)
    return heel, toes


def on_floor(body: BodyModel, qpos: Array) -> float:
    """Height in metres of the floor under the feet: of the lowest point of either while it stands, usually."""
    return float(np.quantile(body.lowest_foot_point(qpos), 0.1))


def _placement(trial: Trial, body: BodyModel, config: FitConfig) -> tuple[Placement, list[str]]:
    """Size and places of markers from the static trial, or from the walking itself."""
    assert trial.markers is not None
    if trial.static is None:
        seen = _seen(trial.markers, trial.places)
        note = "size and placement of markers are from the walking itself; a static trial (--static) is better"
        return find_placement(body, trial.places, seen, config), [note]
    found = find_placement(body, trial.static_places, _seen(trial.static, trial.static_places), config, static=True)
    labels = {place.label for place in trial.places}
    kept = [k for k, place in enumerate(found.places) if place.label in labels]
    missing = sorted(labels - {found.places[k].label for k in kept})
    notes = ["size and placement of markers are from the static trial"]
    if missing:
        notes.append(f"not in the static trial and left out: {', '.join(missing)}")
    return Placement(tuple(found.places[k] for k in kept), found.ratio, found.at[kept]), notes


def _seen(markers: Markers, places: tuple[MarkerPlace, ...]) -> Array:
    return np.stack([markers.place(place.label) for place in places], axis=1)


def _from_angles(trial: Trial, kind: str, asked: Subject | None) -> Motion:
    """Joint angles as they are; without a size that is given, one in which the feet stand on the floor."""
    clip = trial.angles
    assert clip is not None and clip.qpos is not None
    body = load_body(kind)
    if clip.qpos.shape[1] != body.model.nq:
        raise TrialError(f"{trial.name} has {clip.qpos.shape[1]} coordinates, body {kind} has {body.model.nq}.")
    notes: list[str] = []
    size = asked or Subject()
    if asked is None or not (asked.height or asked.segments):
        root = clip.qpos[:, 2]
        drop = root - body.lowest_foot_point(clip.qpos)
        taller = float(np.quantile(root / drop, 0.1))
        if 0.7 <= taller <= 1.3:
            size = Subject(height=round(body.height * taller, 3), mass=size.mass)
            notes.append(f"height of {size.height:.2f} m so that the feet of these joint angles stand on the floor")
    return Motion(
        size=size,
        kind=kind,
        qpos=clip.qpos,
        rate=clip.fps,
        start=float(clip.extra.get("start", 0.0)),
        notes=tuple(notes),
    )
