"""The person's size and motion, from markers or from joint angles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.body.model import BodyModel, load_body
from kinesis_trl.body.scaling import SEGMENTS
from kinesis_trl.body.subject import Subject
from kinesis_trl.motion.markers.fit import FitConfig
from kinesis_trl.motion.markers.person import person_of_markers
from kinesis_trl.motion.markers.recorded import TrialError
from kinesis_trl.trial.files import Trial

Array = NDArray[np.float64]

_SLOWEST, _SHORTEST, _MOST = 25, 0.4, 30_000
"""Frames per second, seconds, and frames that a study can do with."""


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
    problems: tuple[str, ...] = ()
    """One sentence for everything that cannot be used."""

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
    if trial.markers is not None:
        markers = trial.markers.markers
        frames, rate = len(markers.position), markers.rate
    else:
        assert trial.angles is not None
        frames, rate = trial.angles.frames, trial.angles.fps
    if not (rate >= _SLOWEST and _SHORTEST * rate <= frames <= _MOST):
        raise TrialError(
            f"{trial.name} has {frames} frames at {rate:g} a second; a study needs {_SHORTEST} s at {_SLOWEST} a "
            f"second or more, and at most {_MOST} frames. Check its times, or cut it."
        )
    if trial.markers is None:
        return _from_angles(trial, kind, asked)
    found = person_of_markers(trial.markers, kind, static=trial.static, asked=asked, config=config)
    return Motion(
        size=found.size,
        kind=kind,
        qpos=found.fit.qpos,
        rate=markers.rate,
        start=markers.start,
        markers=tuple(place.label for place in found.places),
        distance=found.fit.distance,
        notes=found.notes,
        problems=found.problems,
    )


def on_floor(body: BodyModel, qpos: Array) -> float:
    """Height in metres of the floor under the feet: of the lowest point of either while it stands, usually."""
    return float(np.quantile(body.lowest_foot_point(qpos), 0.1))


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
