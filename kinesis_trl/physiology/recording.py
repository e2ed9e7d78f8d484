"""Recording: the biomechanics of one clip played, in memory and as one documented .npz file."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated, Any, NamedTuple, get_type_hints

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.atomic import replacing
from kinesis_trl.failures import PrintableError
from kinesis_trl.motion.clip import ClipFormatError
from kinesis_trl.motion.pickles import load_npz

Array = NDArray[np.float64]

SIDES = ("right", "left")
"""Order of everything that is there once per foot or leg."""
_FORMAT = "kinesis_trl recording"
_VERSION = 1


class RecordingError(PrintableError):
    """A recording or its file does not hold what it says; the message names the quantity and what was expected."""


class Quantity(NamedTuple):
    """What an array of a recording holds."""

    shape: str
    """Axes: T samples, Q and V coordinates and velocities of the body, B bodies, S sides (right, left), J joints,
    M muscles, R reference frames, F samples of fatigue (T or none); a number is a length."""
    unit: str
    """SI unit, 1 for a pure number."""
    meaning: str
    """In words, with the frame and the sign."""
    kind: str = "<f8"
    """Type in the file."""


def _muscles(unit: str, meaning: str) -> Quantity:
    return Quantity("T,M", unit, meaning, "<f4")


@dataclass(frozen=True, kw_only=True)
class Recording:
    """One clip played (or any sequence of states and excitations), sampled at every physics step.

    Sampling at the physics rate (150 Hz) and not at the policy's (30 Hz) is deliberate: the impact of a heel lasts
    20–50 ms. Sample k describes the state at `time[k]` and the forces that act in that state, with the excitation
    that enters the step from there. World frame: z up; forces act on the body; independent joints only, knee and
    patella couplings eliminated; positive as the joint's coordinate (flexion, adduction, dorsiflexion).

    Raises RecordingError when an array has another shape than its `Quantity` says or is not finite.
    """

    clip: str
    """Name of the clip."""
    label: str = ""
    """What it shows, in words."""
    category: str = ""
    """Its group, e.g. 'walk forward'."""
    body: str
    """Name of the body, for `load_body`."""
    mass: float
    """Mass of the body in kg."""
    gravity: float
    """Gravitational acceleration in m/s²."""
    rate: float
    """Samples per second."""
    fell: bool
    """Whether the body was lost before the clip's end."""
    body_names: tuple[str, ...]
    """B bodies whose poses were recorded."""
    coordinate_names: tuple[str, ...]
    """Joints behind the root's seven coordinates in `qpos`, six velocities in `qvel`."""
    joint_names: tuple[str, ...]
    """J independent joints."""
    muscle_names: tuple[str, ...]
    """M muscles."""

    time: Annotated[Array, Quantity("T", "s", "time of each sample")]
    qpos: Annotated[Array, Quantity("T,Q", "m, rad", "root position (world), root quaternion wxyz, joint coordinates")]
    qvel: Annotated[
        Array, Quantity("T,V", "m/s, rad/s", "root velocity (world), angular velocity (root's axes), joint velocities")
    ]
    qacc: Annotated[Array, Quantity("T,V", "m/s^2, rad/s^2", "accelerations that the forces in this state cause")]
    body_position: Annotated[Array, Quantity("T,B,3", "m", "origins of the bodies, world")]
    body_quaternion: Annotated[Array, Quantity("T,B,4", "1", "orientations of the bodies, wxyz, world")]
    centre_of_mass: Annotated[Array, Quantity("T,3", "m", "centre of mass of the whole body, world")]
    centre_velocity: Annotated[Array, Quantity("T,3", "m/s", "its velocity, world")]
    contact: Annotated[Array, Quantity("T,S", "1", "1 while the floor presses on the foot, else 0", "|u1")]
    ground_force: Annotated[Array, Quantity("T,S,3", "N", "force of the floor on each foot, world")]
    centre_of_pressure: Annotated[
        Array, Quantity("T,S,3", "m", "mean of the foot's contact points weighted by normal force; NaN in the air")
    ]
    free_moment: Annotated[Array, Quantity("T,S,3", "N m", "moment of the floor on each foot about that point, world")]
    other_force: Annotated[Array, Quantity("T,3", "N", "force of the floor on all other bodies: zero unless falling")]
    joint_moment: Annotated[
        Array, Quantity("T,J", "N m", "net internal moment: muscles, passive damping and stiffness, joint limits")
    ]
    muscle_moment: Annotated[Array, Quantity("T,J", "N m", "the muscles' part of it")]
    joint_power: Annotated[Array, Quantity("T,J", "W", "net internal moment times joint velocity, positive: generated")]
    activation: Annotated[Array, _muscles("1", "muscle activation, 0 to 1")]
    excitation: Annotated[Array, _muscles("1", "neural excitation, 0 to 1")]
    fatigued: Annotated[Array, Quantity("F,M", "1", "fatigued share of each muscle; empty where none tires", "<f4")]
    muscle_length: Annotated[Array, _muscles("m", "muscle-tendon length")]
    muscle_velocity: Annotated[Array, _muscles("m/s", "rate of the muscle-tendon length, positive: lengthening")]
    muscle_force: Annotated[Array, _muscles("N", "tension, active and passive, positive: pulling")]
    passive_force: Annotated[Array, _muscles("N", "passive part of the tension")]
    muscle_power: Annotated[Array, _muscles("W", "tension times shortening velocity, positive: generated")]
    fibre_length: Annotated[Array, _muscles("optimal length", "fibre length (the tendon is rigid)")]
    fibre_velocity: Annotated[Array, _muscles("optimal length/s", "fibre velocity, positive: lengthening")]
    optimal_length: Annotated[Array, Quantity("M", "m", "optimal fibre length")]
    peak_force: Annotated[Array, Quantity("M", "N", "peak isometric force")]
    maximum_velocity: Annotated[Array, Quantity("M", "optimal length/s", "fastest shortening")]
    reference_time: Annotated[Array, Quantity("R", "s", "time of the reference's frames; empty without a reference")]
    reference_qpos: Annotated[Array, Quantity("R,Q", "m, rad", "coordinates of the reference, as qpos")]

    def __post_init__(self) -> None:
        sizes = {
            "T": len(self.time),
            "S": len(SIDES),
            "B": len(self.body_names),
            "J": len(self.joint_names),
            "M": len(self.muscle_names),
            "Q": 7 + len(self.coordinate_names),
            "V": 6 + len(self.coordinate_names),
            "R": len(self.reference_time),
            "F": len(self.fatigued) and len(self.time),
        }
        if not len(self.time):
            raise RecordingError(f"{self.clip}: holds no sample.")
        for name in ("mass", "gravity", "rate"):
            if not (np.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise RecordingError(f"{self.clip}: {name} must be positive, found {getattr(self, name)}.")
        for name, quantity in quantities().items():
            array = getattr(self, name)
            wanted = tuple(sizes[axis] if axis in sizes else int(axis) for axis in quantity.shape.split(","))
            if array.shape != wanted:
                raise RecordingError(
                    f"{self.clip}: {name} has shape {array.shape}, expected ({quantity.shape}) = {wanted}."
                )
            if name != "centre_of_pressure" and not np.isfinite(array).all():
                raise RecordingError(f"{self.clip}: {name} holds values that are not finite.")
        if (np.abs(np.diff(self.time) * self.rate - 1) > 1e-3).any():
            raise RecordingError(f"{self.clip}: time does not rise in steps of 1/{self.rate:g} s.")

    @property
    def seconds(self) -> float:
        """Time from the first to the last sample in seconds."""
        return float(self.time[-1] - self.time[0])

    @property
    def weight(self) -> float:
        """Body weight in newtons."""
        return self.mass * self.gravity

    @cached_property
    def speed(self) -> float:
        """Mean horizontal speed of the centre of mass between first and last sample, in m/s; 0 for one sample."""
        moved = np.linalg.norm(self.centre_of_mass[-1, :2] - self.centre_of_mass[0, :2])
        return float(moved / self.seconds) if self.seconds > 0 else 0.0

    def angle(self, coordinate: str) -> Array:
        """(T,) a joint coordinate by name, radians (metres for slides)."""
        return self.qpos[:, 7 + _index(self.coordinate_names, coordinate, "joint coordinate")]

    def joint(self, name: str) -> int:
        """Column of an independent joint in `joint_moment`, `muscle_moment` and `joint_power`."""
        return _index(self.joint_names, name, "independent joint")

    def muscle(self, name: str) -> int:
        """Column of a muscle in the muscle arrays."""
        return _index(self.muscle_names, name, "muscle")

    def position(self, name: str) -> Array:
        """(T, 3) origin of a recorded body in metres, world."""
        return self.body_position[:, _index(self.body_names, name, "body")]

    def save(self, path: Path) -> None:
        """Write one compressed .npz, atomically; its entry `about` (JSON) says name, unit and axes of every array.

        States, moments and ground reaction are kept in full, what the muscles did to seven digits (float32).
        """
        described = quantities()
        about = {
            "format": _FORMAT,
            "version": _VERSION,
            **{f.name: getattr(self, f.name) for f in fields(self) if f.name not in described},
            "sides": SIDES,
            "arrays": {name: quantity._asdict() for name, quantity in described.items()},
        }
        arrays: dict[str, Any] = {name: getattr(self, name).astype(q.kind) for name, q in described.items()}
        with replacing(Path(path)) as temporary:
            np.savez_compressed(temporary, about=np.array(json.dumps(about, indent=1)), **arrays)

    @classmethod
    def load(cls, path: Path) -> Recording:
        """Read what `save` wrote; nothing in the file is run.

        Raises:
            RecordingError: not there, not such a file, of another version, or damaged.
        """
        try:
            content = load_npz(Path(path))
        except ClipFormatError as error:
            raise RecordingError(str(error)) from error
        try:
            about = json.loads(str(content["about"].reshape(())))
            found = about.get("format"), about.get("version")
        except (KeyError, ValueError, AttributeError, RecursionError) as error:
            raise RecordingError(f"{path}: is no recording (no readable entry 'about'); record it anew.") from error
        if found != (_FORMAT, _VERSION):
            raise RecordingError(f"{path}: is {found[0]!r} version {found[1]}, expected {_FORMAT!r} {_VERSION}.")
        described = quantities()
        content.setdefault("fatigued", np.empty((0, len(about.get("muscle_names", ())))))  # older recordings
        facts = [f.name for f in fields(cls) if f.name not in described]
        missing = [name for name in described if name not in content] + [name for name in facts if name not in about]
        if missing:
            raise RecordingError(f"{path}: has no {', '.join(missing)}; record it anew.")
        try:
            arrays: dict[str, Any] = {name: np.array(content[name], dtype=np.float64) for name in described}
            return cls(**_facts({name: about[name] for name in facts}), **arrays)
        except (TypeError, ValueError) as error:
            raise RecordingError(f"{path}: {error}") from error


@lru_cache(maxsize=1)
def quantities() -> dict[str, Quantity]:
    """Every array of a recording by name."""
    hints = get_type_hints(Recording, include_extras=True)
    return {name: q for name, hint in hints.items() for q in getattr(hint, "__metadata__", ()) if type(q) is Quantity}


def _facts(facts: dict[str, Any]) -> dict[str, Any]:
    """Checked plain fields of a file's description."""
    kinds: dict[str, type] = {"mass": float, "gravity": float, "rate": float, "fell": bool}
    out: dict[str, Any] = {}
    for name, value in facts.items():
        if name.endswith("_names"):
            if not (isinstance(value, list) and all(isinstance(item, str) for item in value)):
                raise TypeError(f"{name} is not a list of names.")
            out[name] = tuple(value)
        else:
            kind = kinds.get(name, str)
            if not isinstance(value, (int, float) if kind is float else kind):
                raise TypeError(f"{name} is {value!r}, expected {kind.__name__}.")
            out[name] = kind(value)
    return out


def _index(names: tuple[str, ...], name: str, what: str) -> int:
    if name not in names:
        raise RecordingError(f"no {what} {name!r} in this recording; it has {', '.join(names)}.")
    return names.index(name)
