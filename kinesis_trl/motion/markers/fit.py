"""Inverse kinematics on markers by Gauss–Newton: first the person's size and where the markers sit, then the motion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from kinesis_trl.body.model import BodyModel
from kinesis_trl.body.scaling import SEGMENTS, segment_lengths
from kinesis_trl.motion.markers.model import MarkerModel
from kinesis_trl.motion.markers.recorded import TrialError
from kinesis_trl.motion.markers.sets import MarkerPlace
from kinesis_trl.motion.resample import continuous_quat
from kinesis_trl.motion.retarget.banded import add_smoothness, solve_banded

Array = NDArray[np.float64]

_LARGEST_STEP = 0.4
_SOFT = 0.1  # metres: a marker that may be anywhere on its segment is on soft tissue
_STIFF = {"subtalar_angle": 0.05, "mtp_angle": 0.3}


@dataclass(frozen=True, kw_only=True)
class FitConfig:
    """What the fit of markers weighs against what: the deviation at which each squared residual reaches 1."""

    marker: float = 0.01
    """Error of a marker on a bone's landmark, in metres."""
    skin: float = 0.018
    """Error of a marker on soft tissue, which slides over the bone (Leardini et al. 2005, Gait Posture 21:212)."""
    ratio: float = 0.5
    """Deviation of a segment's length from the standard body's, as a share of it."""
    posture: float = 1.5
    """Deviation of a joint from neutral, in radians; the joints within the foot, which few markers see, are stiffer."""
    standing: float = 0.15
    """The same in a static trial, whose person stands upright, in radians."""
    acceleration: float = 200.0
    """Acceleration of a joint, in rad/s²; bridges gaps."""
    frames: int = 60
    """Frames from which size and placement are found."""
    independent: float = 0.3
    """How many frames with errors of their own those frames are worth."""
    iterations: int = 25
    """Most Gauss–Newton steps."""
    tolerance: float = 2e-4
    """Largest step in radians or metres that counts as converged."""


@dataclass(frozen=True)
class Placement:
    """A person's size, and where the markers sit on it."""

    places: tuple[MarkerPlace, ...]
    ratio: Array
    """(5,) lengths of the segments of `SEGMENTS` as shares of the standard body's."""
    at: Array
    """(K, 3) places of the markers in their parts' frames, in the standard body's size."""

    def lengths(self, body: BodyModel) -> dict[str, float]:
        """Segment lengths in metres."""
        own = segment_lengths(body.whole)
        return {name: float(r * own[name]) for name, r in zip(SEGMENTS, self.ratio, strict=True)}


@dataclass(frozen=True)
class MarkerFit:
    """A motion from markers."""

    qpos: Array
    """(T, nq) coordinates."""
    distance: Array
    """(T, K) distance of every marker from its place on the body in metres; NaN where it was not seen."""


def find_placement(
    body: BodyModel,
    places: Sequence[MarkerPlace],
    seen: Array,
    config: FitConfig,
    *,
    static: bool = False,
) -> Placement:
    """Segment lengths and places of markers that fit a static trial, or, without one, the walking itself.

    Every frame's coordinates, the ratios and the places are solved for together; the frames are eliminated (Schur
    complement), as in Reinbolt et al. 2005, J Biomech 38:621.

    Args:
        body: the standard body.
        places: K markers.
        seen: (T, K, 3) positions in metres, z up; NaN where not seen.
        config: weights.
        static: whether the person stands.

    Raises:
        TrialError: too few frames in which enough markers are seen.
    """
    model = MarkerModel(body, places)
    usable = np.flatnonzero(_enough(model, seen))
    if not len(usable):
        raise TrialError(_too_few(model, places, seen))
    picked = usable[np.unique(np.linspace(0, len(usable) - 1, config.frames).astype(int))]
    seen = seen[picked]
    there, target = np.isfinite(seen).all(-1), np.nan_to_num(seen)
    ratio, at = np.ones(len(SEGMENTS)), model.home.copy()
    spread = np.array([place.spread for place in places])
    qpos = first_guess(model, seen)
    prior = np.r_[np.full(len(SEGMENTS), config.ratio**-2), np.repeat(spread**-2, 3)]
    prior[SEGMENTS.index("trunk")] = 1e8
    stiff = _stiffness(model, config.standing if static else config.posture)
    weight = there / _errors(places, config) ** 2
    for _ in range(config.iterations):
        found = model.evaluate(qpos, ratio, at)
        size = ratio[model.segment[model.carrier]]
        by_place = np.zeros((*there.shape, 3, at.size))
        turned = found.axes * size[:, None, None]
        for k in range(len(places)):
            by_place[:, k, :, 3 * k : 3 * k + 3] = turned[:, k]
        common = _rows(np.concatenate([found.by_ratio, by_place], axis=-1), weight)
        own, miss = _rows(found.by_coordinate, weight), _rows((found.position - target)[..., None], weight)[..., 0]
        joints = qpos[:, model.joint_qpos]
        transposed = own.swapaxes(1, 2)
        inner = transposed @ own + np.diag(stiff + 1e-6)
        side = transposed @ common
        push = (transposed @ miss[..., None])[..., 0]
        push[:, 6:] += stiff[6:] * joints
        # errors of soft tissue repeat from frame to frame: all frames together count as a few
        share = min(1.0, config.independent / len(qpos))
        flat = common.reshape(-1, common.shape[-1])
        outer = share * flat.T @ flat + np.diag(prior)
        pull = share * flat.T @ miss.reshape(-1)
        pull += prior * np.r_[ratio - 1.0, (at - model.home).ravel()]
        solved = np.linalg.solve(inner, np.concatenate([side, push[..., None]], axis=2))
        reduced = outer - share * np.einsum("fab,fac->bc", side, solved[..., :-1])
        change = -np.linalg.solve(reduced, pull - share * np.einsum("fab,fa->b", side, solved[..., -1]))
        step = -solved[..., -1] - solved[..., :-1] @ change
        largest = max(float(np.abs(step).max()), float(np.abs(change).max()))
        damp = min(1.0, _LARGEST_STEP / largest)
        qpos = model.move(qpos, damp * step)
        ratio = np.clip(ratio + damp * change[: len(SEGMENTS)], 0.65, 1.5)
        at = at + damp * change[len(SEGMENTS) :].reshape(at.shape)
        if largest < config.tolerance:
            break
    legs = [SEGMENTS.index(name) for name in ("thigh", "shank")]
    ratio[SEGMENTS.index("trunk")] = ratio[legs].mean()
    return Placement(tuple(places), ratio, at)


def fit_motion(body: BodyModel, placement: Placement, seen: Array, rate: float, config: FitConfig) -> MarkerFit:
    """The motion (T, nq) of least squares of markers seen (T, K, 3) at `rate` frames/s; all frames are solved together.

    Raises:
        TrialError: no frame in which enough markers are seen.
    """
    model = MarkerModel(body, placement.places)
    if not _enough(model, seen).any():
        raise TrialError(_too_few(model, placement.places, seen))
    there, target = np.isfinite(seen).all(-1), np.nan_to_num(seen)
    qpos = first_guess(model, seen)
    reference = np.tile(qpos[0], (len(qpos), 1))
    stiff = _stiffness(model, config.posture)
    weight = there / _errors(placement.places, config) ** 2
    held = np.zeros((len(qpos), len(model.dofs)), dtype=bool)
    low, high = model.limits
    nothing = np.zeros((len(qpos), len(model.dofs), len(model.dofs)))
    for _ in range(config.iterations):
        found = model.evaluate(qpos, placement.ratio, placement.at)
        own, miss = _rows(found.by_coordinate, weight), _rows((found.position - target)[..., None], weight)
        joints = qpos[:, model.joint_qpos]
        transposed = own.swapaxes(1, 2)
        normal = transposed @ own + np.diag(stiff)
        gradient = (transposed @ miss)[..., 0]
        gradient[:, 6:] += stiff[6:] * joints
        deviation = np.concatenate([qpos[:, :3], _turn(reference, qpos), joints], axis=1)
        smooth = add_smoothness(deviation, config.acceleration / rate**2, gradient)
        smooth[0] += 1e-3
        held[:, 6:] = ((joints <= low) & (gradient[:, 6:] > 0)) | ((joints >= high) & (gradient[:, 6:] < 0))
        step = np.clip(solve_banded(normal, nothing, smooth, gradient, held), -_LARGEST_STEP, _LARGEST_STEP)
        qpos = model.move(qpos, step)
        if np.abs(step).max() < config.tolerance:
            break
    miss = model.evaluate(qpos, placement.ratio, placement.at).position - seen
    return MarkerFit(qpos, np.linalg.norm(miss, axis=-1))


def first_guess(model: MarkerModel, seen: Array) -> Array:
    """(T, nq) joints neutral and the root where the markers of the pelvis are, by the best rigid fit in every frame."""
    on_pelvis = np.array([model.body.model.body(int(b)).name == "pelvis" for b in model.carrier])
    qpos = np.tile(model.body.standing_qpos, (len(seen), 1))
    neutral = qpos[:1].copy()
    neutral[0, :3], neutral[0, 3:7] = 0.0, [1.0, 0.0, 0.0, 0.0]
    home = model.evaluate(neutral, np.ones(len(SEGMENTS)), model.home).position[0]
    there = np.isfinite(seen).all(-1) & on_pelvis
    whole = np.flatnonzero(there.sum(1) >= 3)
    if not len(whole):
        raise TrialError(
            "no frame shows three markers of the pelvis (both anterior spines and the sacrum or the posterior spines); "
            "fill their gaps or map other markers to the pelvis (--marker-map)."
        )
    places, turns = [], []
    for t in whole:
        there_now = seen[t, there[t]]
        turn, _ = Rotation.align_vectors(there_now - there_now.mean(0), home[there[t]] - home[there[t]].mean(0))
        turns.append(turn.as_quat(scalar_first=True))
        places.append(there_now.mean(0) - turn.apply(home[there[t]].mean(0)))
    frames = np.arange(len(seen))
    quat, place = continuous_quat(np.array(turns)), np.array(places)
    for axis in range(3):
        qpos[:, axis] = np.interp(frames, whole, place[:, axis])
    for axis in range(4):
        qpos[:, 3 + axis] = np.interp(frames, whole, quat[:, axis])
    qpos[:, 3:7] /= np.linalg.norm(qpos[:, 3:7], axis=1, keepdims=True)
    return qpos


def _rows(slopes: Array, weight: Array) -> Array:
    """(F, 3K, n) of slopes (F, K, 3, n), each marker's by the root of its weight (F, K)."""
    return (slopes * np.sqrt(weight)[..., None, None]).reshape(len(slopes), -1, slopes.shape[-1])


def _errors(places: Sequence[MarkerPlace], config: FitConfig) -> Array:
    """(K,) expected error of every marker in metres."""
    return np.array([config.skin if place.spread >= _SOFT else config.marker for place in places])


def _stiffness(model: MarkerModel, posture: float) -> Array:
    """(n,) weights of the joints' deviations from neutral; none for the root."""
    out = np.zeros(len(model.dofs))
    for k, name in enumerate(model.body.independent_joints):
        out[6 + k] = min(posture, _STIFF.get(name.rsplit("_", 1)[0], posture)) ** -2
    return out


def _turn(reference: Array, qpos: Array) -> Array:
    start, end = (Rotation.from_quat(q[:, 3:7], scalar_first=True) for q in (reference, qpos))
    return (start.inv() * end).as_rotvec()


def _enough(model: MarkerModel, seen: Array) -> NDArray[np.bool_]:
    """(T,) whether three markers of the pelvis and half of all are seen."""
    there: NDArray[np.bool_] = np.asarray(np.isfinite(seen).all(-1))
    on_pelvis = np.array([model.body.model.body(int(b)).name == "pelvis" for b in model.carrier])
    return (there[:, on_pelvis].sum(1) >= 3) & (there.sum(1) >= 0.5 * there.shape[1])


def _too_few(model: MarkerModel, places: Sequence[MarkerPlace], seen: Array) -> str:
    there = np.isfinite(seen).all(-1).mean(0)
    worst = ", ".join(f"{places[k].label} {100 * there[k]:.0f} %" for k in np.argsort(there)[:6])
    return (
        "no frame shows three markers of the pelvis and half of all markers, which inverse kinematics needs; "
        f"least seen: {worst} of the frames. Fill the gaps."
    )
