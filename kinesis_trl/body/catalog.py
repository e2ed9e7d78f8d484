"""The bodies we can build: where each comes from and what its parts are called.

A new body is one `BodyEntry`. No model file is copied: the catalogue composes them with MjSpec from the
`myo-sim` package, or from an XML file the user has.
"""

from __future__ import annotations

import copy
import re
import warnings
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
from scipy.spatial.transform import Rotation

from kinesis_trl.body.lean import leave_out_unused, pair_with_floor
from kinesis_trl.body.scaling import Scaling
from kinesis_trl.body.subject import Subject, split_name
from kinesis_trl.failures import PrintableError
from kinesis_trl.reading import read_text

_MULTIPLIES = re.compile(r"<\s*(replicate|composite|flexcomp|plugin)\b")
_INCLUDES = re.compile(r"<\s*include\s[^>]*?file\s*=\s*[\"']([^\"']+)")
_LOCKED = ("Abs_t1", "Abs_t2")
_LEGS = ("femur", "tibia", "talus", "calcn", "toes", "patella")


class BodyError(PrintableError):
    """A body cannot be built; the message says what was missing and what is available."""


@dataclass(frozen=True, kw_only=True)
class BodyEntry:
    """One body: how to make its MjSpec, and what its parts are called there."""

    build: Callable[[], mujoco.MjSpec]
    """Makes the uncompiled specification; upright with an identity root it faces +x."""
    root: str
    """Name of the floating body."""
    trunk: tuple[str, str, str] = ("torso", "head", "pelvis")
    """Names of torso, head and pelvis bodies."""
    touch: tuple[str, ...] = ("r_foot", "r_toes", "l_foot", "l_toes")
    """Names of the touch sensors: right foot and toes, left foot and toes."""
    muscles: int = 80
    """Number of muscles, checked after compilation."""
    subject: Subject | None = None
    """A person's own size; None: as it is built."""

    @property
    def observed(self) -> tuple[str, ...]:
        """The 16 observed bodies: trunk, right leg, left leg."""
        right, left = (tuple(f"{part}_{side}" for part in _LEGS) for side in "rl")
        return (self.root, *self.trunk, *right, *left)

    @property
    def tracked(self) -> tuple[str, ...]:
        """The 7 tracked bodies: root, knees, ankles, toes."""
        return (self.root, "tibia_l", "tibia_r", "talus_l", "talus_r", "toes_l", "toes_r")


@contextmanager
def _quiet_attach() -> Any:
    """Silence MuJoCo's remark, made for every composed model, that empty prefixes do not save well."""
    before = mujoco.get_mju_user_warning()
    mujoco.set_mju_user_warning(lambda message: None)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            yield
    finally:
        mujoco.set_mju_user_warning(before)


def _add_ground(spec: mujoco.MjSpec) -> None:
    """An endless floor at z = 0, light and sky, instead of the scene the package decorates."""
    for thing in [*spec.worldbody.geoms, *spec.worldbody.lights, *spec.worldbody.cameras]:
        spec.delete(thing)
    used = {g.meshname for g in spec.geoms}
    for mesh in list(spec.meshes):
        if mesh.name not in used:
            spec.delete(mesh)
    spec.add_texture(
        name="ground",
        type=mujoco.mjtTexture.mjTEXTURE_2D,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_CHECKER,
        rgb1=[0.55, 0.58, 0.61],
        rgb2=[0.47, 0.50, 0.53],
        width=256,
        height=256,
    )
    spec.add_texture(
        name="sky",
        type=mujoco.mjtTexture.mjTEXTURE_SKYBOX,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_GRADIENT,
        rgb1=[0.93, 0.95, 0.97],
        rgb2=[0.75, 0.80, 0.86],
        width=64,
        height=384,
    )
    ground = spec.add_material(name="ground", texrepeat=[0.5, 0.5], texuniform=True, specular=0.0, reflectance=0.0)
    ground.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = "ground"
    spec.worldbody.add_geom(
        name="floor",
        type=mujoco.mjtGeom.mjGEOM_PLANE,
        size=[0, 0, 0.5],
        material="ground",
        contype=1,
        conaffinity=1,
        condim=3,
    )
    spec.worldbody.add_light(
        type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL,
        pos=[0, 0, 4],
        dir=[0.3, 0.4, -1],
        diffuse=[0.5, 0.5, 0.5],
        ambient=[0.2, 0.2, 0.2],
    )


def _face_forward(spec: mujoco.MjSpec) -> None:
    """Turn the package's body, which faces −y, to +x, by the frames of its two halves.

    The package rounds the pelvis' right angles to 1.57 rad, which skews the legs by 0.8 mrad against the
    trunk and breaks left–right symmetry; the exact angles restore it.
    """
    spec.body("pelvis").alt.euler = [np.pi / 2, -np.pi / 2, 0]
    turn = Rotation.from_euler("z", np.pi / 2)
    trunk = spec.body("sacrum")
    trunk.alt.euler = (turn * Rotation.from_euler("XYZ", trunk.alt.euler)).as_euler("XYZ")
    spec.body("myolegs_root").quat = turn.as_quat(scalar_first=True)


def _symmetric_inertia(spec: mujoco.MjSpec) -> None:
    """Give the trunk's mesh-derived bodies a centre of mass and inertia that are mirror-symmetric.

    Skull and neck meshes are sculpted and lie up to 0.3 mm off the mid-plane; the left tibia differs from
    the right in the sixth digit. Mirror symmetry of the body must be exact for its tests to mean anything.
    """
    model = spec.copy().compile()
    lateral = np.array([1.0, 1.0, -1.0])  # the package's body frames have z to the right
    sign = np.outer(lateral, lateral)

    def inertia(name: str) -> tuple[float, Any, Any]:
        body = model.body(name)
        rotation = Rotation.from_quat(body.iquat, scalar_first=True).as_matrix()
        return float(body.mass[0]), body.ipos.copy(), rotation @ np.diag(body.inertia) @ rotation.T

    def write(name: str, mass: float, centre: Any, matrix: Any) -> None:
        body = spec.body(name)
        body.explicitinertial = True
        body.mass, body.ipos = mass, centre
        body.iquat = [1, 0, 0, 0]
        body.inertia = [0, 0, 0]
        body.fullinertia = [
            matrix[0, 0],
            matrix[1, 1],
            matrix[2, 2],
            matrix[0, 1],
            matrix[0, 2],
            matrix[1, 2],
        ]

    for name in ("neck", "head"):
        mass, centre, matrix = inertia(name)
        write(name, mass, 0.5 * (centre + centre * lateral), 0.5 * (matrix + matrix * sign))
    for part in _LEGS:
        mass, centre, matrix = inertia(f"{part}_r")
        write(f"{part}_l", mass, centre * lateral, matrix * sign)


def _from_package(name: str) -> mujoco.MjSpec:
    import myo_sim  # noqa: PLC0415  takes 0.3 s, and a user's own XML does not need it

    with _quiet_attach():
        spec = _legs_and_back() if name == "myolegs_back" else myo_sim.load_spec(name)
        _add_ground(spec)
        _face_forward(spec)
        _symmetric_inertia(spec)
    return spec


def _legs_and_back() -> mujoco.MjSpec:
    """The package's torso with its 210 muscles on its legs with 80, without arms.

    Two slides of the abdomen, which the torso locks at zero, are left out.
    """
    from myo_sim.build import compose  # noqa: PLC0415  as above

    legs = compose.MODEL_REGISTRY["myolegs"]
    parts = replace(legs, build_kwargs={**legs.build_kwargs, "add_root_freejoint": True})
    spec = compose.build_torso_spec(parts)
    frame = spec.body("Full Body").add_frame(name="legs_attach")
    spec.attach(compose.build_legs_spec(parts), prefix="", suffix="", frame=frame)
    for equality in [e for e in spec.equalities if e.name1 in _LOCKED]:
        spec.delete(equality)
    for name in _LOCKED:
        spec.delete(spec.joint(name))
    return spec


def _check_xml(path: Path, seen: set[Path]) -> None:
    """Raise BodyError for a model file or one it includes that could keep MuJoCo at work without end."""
    try:
        text = read_text(path, most=1 << 24)
    except (OSError, UnicodeDecodeError) as error:
        raise BodyError(f"{path} cannot be read ({error}); give a model file in XML.") from error
    if found := _MULTIPLIES.search(text):
        raise BodyError(f"{path}: <{found[1]}> is not read, as a few bytes of it may stand for any size; write it out.")
    seen.add(path)
    for name in _INCLUDES.findall(text):
        if (file := path.parent / name) not in seen:
            _check_xml(file, seen)


def _from_xml(path: Path) -> mujoco.MjSpec:
    if not path.is_file():
        raise BodyError(f"no model file at {path}; expected a KINESIS myolegs.xml or one of {sorted(CATALOG)}.")
    _check_xml(path, set())
    try:
        return mujoco.MjSpec.from_file(str(path))
    except (ValueError, mujoco.FatalError) as error:
        raise BodyError(f"{path} is not a MuJoCo model that loads: {error}") from error


CATALOG: dict[str, BodyEntry] = {
    "myolegs": BodyEntry(build=partial(_from_package, "myolegs"), root="Full Body"),
    "myolegs_abdomen": BodyEntry(build=partial(_from_package, "myolegs_abdomen"), root="root", muscles=86),
    "myolegs_back": BodyEntry(build=partial(_from_package, "myolegs_back"), root="Full Body", muscles=290),
}
"""Bodies by name; anything else `load_body` is given is a path to a KINESIS model file."""


ALIASES = {"legs": "myolegs", "legs_abs": "myolegs_abdomen", "legs_back": "myolegs_back"}
"""KINESIS's names."""


def canonical(name: str) -> str:
    """A body's own name, for a name or an alias, with the size that may follow it."""
    base, subject = split_name(name)
    base = ALIASES.get(base, base)
    return base if subject is None else f"{base}:{subject.text}"


def kind_of(name: str) -> str:
    """The body that a name stands for, whatever its size."""
    return split_name(canonical(name))[0]


def entry_for(body: str | Path) -> BodyEntry:
    """The catalogue's entry for a name, or an entry for a KINESIS XML at a path; with the size that follows."""
    body, subject = split_name(canonical(str(body)))
    if subject is not None:
        return replace(entry_for(body), subject=subject)
    if str(body) in CATALOG:
        return CATALOG[str(body)]
    if Path(body).suffix.lower() != ".xml":
        known = sorted({**CATALOG, **ALIASES})
        raise BodyError(f"unknown body {str(body)!r}; choose one of {known} or give a path to an .xml file.")
    return BodyEntry(build=partial(_from_xml, Path(body)), root="root")


def compile_entry(entry: BodyEntry, timestep: float) -> tuple[mujoco.MjModel, mujoco.MjModel]:
    """The model to simulate and the whole model to draw, with the given physics step in seconds.

    Both have the same bodies, joints, tendons and actuators, but not the same sites and geoms.

    Raises:
        BodyError: a part that the entry names is missing.
    """
    lean, whole = _as_built(replace(entry, subject=None), timestep)
    if entry.subject is None:
        return copy.copy(lean), copy.copy(whole)
    scaling = Scaling.of(whole, entry.subject)
    return scaling.apply(lean), scaling.apply(whole)


@lru_cache(maxsize=4)  # a second to build, and people differ in size only
def _as_built(entry: BodyEntry, timestep: float) -> tuple[mujoco.MjModel, mujoco.MjModel]:
    with _quiet_attach():
        spec = entry.build()
        spec.option.timestep = timestep
        whole = spec.compile()
        _check_parts(entry, whole)
        leave_out_unused(spec, whole)
        pair_with_floor(spec, spec.compile())
        return spec.compile(), whole


def compile_skeleton(entry: BodyEntry, timestep: float) -> mujoco.MjModel:
    """The model to simulate without muscles and what only they need; bodies, joints and geoms keep their ids."""
    skeleton, whole = _skeleton_as_built(replace(entry, subject=None), timestep)
    return copy.copy(skeleton) if entry.subject is None else Scaling.of(whole, entry.subject).apply(skeleton)


@lru_cache(maxsize=4)
def _skeleton_as_built(entry: BodyEntry, timestep: float) -> tuple[mujoco.MjModel, mujoco.MjModel]:
    with _quiet_attach():
        spec = entry.build()
        spec.option.timestep = timestep
        whole = spec.compile()
        leave_out_unused(spec, whole)
        for part in [*spec.actuators, *spec.sensors, *spec.tendons, *spec.sites]:
            spec.delete(part)
        return spec.compile(), whole


def _check_parts(entry: BodyEntry, model: mujoco.MjModel) -> None:
    bodies = {model.body(i).name for i in range(model.nbody)}
    sensors = {model.sensor(i).name for i in range(model.nsensor)}
    missing = [n for n in entry.observed if n not in bodies] + [n for n in entry.touch if n not in sensors]
    if missing:
        raise BodyError(f"the model has no {missing}; it has bodies {sorted(bodies)} and sensors {sorted(sensors)}.")
    if model.nu != entry.muscles or model.na != entry.muscles:
        raise BodyError(
            f"the model has {model.nu} actuators and {model.na} activations, expected {entry.muscles} muscles."
        )
