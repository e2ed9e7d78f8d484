"""BodyModel: a compiled musculoskeletal model and everything that is known about its parts."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cached_property, lru_cache
from pathlib import Path

import mujoco
import numpy as np
from numpy.typing import NDArray

from kinesis_trl.body.catalog import BodyEntry, canonical, compile_entry, entry_for, kind_of
from kinesis_trl.body.couplings import Couplings
from kinesis_trl.body.lean import colliding
from kinesis_trl.body.mirror import MirrorMap, mirror_map
from kinesis_trl.body.muscles import MuscleParameters
from kinesis_trl.body.scaling import stature

PHYSICS_DT = 1 / 150
"""Physics time step in seconds."""

MUSCLE_GROUPS: dict[str, tuple[str, ...]] = {
    "gluteus maximus": ("glmax1", "glmax2", "glmax3"),
    "gluteus medius": ("glmed1", "glmed2", "glmed3"),
    "gluteus minimus": ("glmin1", "glmin2", "glmin3"),
    "hip flexors": ("iliacus", "psoas", "sart", "recfem", "tfl"),
    "adductors": ("addbrev", "addlong", "addmagDist", "addmagIsch", "addmagMid", "addmagProx", "grac"),
    "hip rotators": ("piri",),
    "hamstrings": ("bflh", "bfsh", "semimem", "semiten"),
    "quadriceps": ("recfem", "vasint", "vaslat", "vasmed"),
    "triceps surae": ("gaslat", "gasmed", "soleus"),
    "dorsiflexors": ("tibant", "edl", "ehl"),
    "deep plantarflexors": ("tibpost", "fdl", "fhl"),
    "evertors": ("perbrev", "perlong"),
    "abdomen": ("rect_abd", "intobl", "extobl", "EO*", "IO*"),
    "psoas fascicles": ("Ps_*",),
    "erector spinae": ("ercspn", "IL_*", "LTp*"),
    "multifidus": ("MF_*",),
    "quadratus lumborum": ("QL_*",),
}
"""Functional groups of muscles, by the muscle's name without its side; * stands for any letters."""


@dataclass(frozen=True)
class BodyModel:
    """A compiled body. World frame z up; with an identity root quaternion it stands upright and faces +x."""

    name: str
    """Catalogue name, or the path of the model file."""
    entry: BodyEntry
    """What its parts are called."""
    model: mujoco.MjModel
    """The compiled MuJoCo model to simulate: without sites and geoms that are there for drawing only."""
    whole: mujoco.MjModel
    """The same with every site, geom and mesh, to draw."""

    @cached_property
    def mass(self) -> float:
        """Mass of the whole body in kg."""
        return float(self.model.body_mass.sum())

    @cached_property
    def height(self) -> float:
        """Stature in metres."""
        return stature(self.whole)

    @cached_property
    def relative_size(self) -> tuple[float, float]:
        """Height of the standing root and mass, as ratios to those of the body without a person's own size."""
        if self.entry.subject is None:
            return 1.0, 1.0
        kind = load_body(kind_of(self.name))
        return float(self.standing_qpos[2] / kind.standing_qpos[2]), self.mass / kind.mass

    def at_rate(self, rate: float | None) -> BodyModel:
        """This body with `rate` physics steps per second; None: as it is."""
        return self if rate is None or abs(rate * self.model.opt.timestep - 1) < 1e-9 else _at_rate(self, rate)

    @cached_property
    def observed_ids(self) -> NDArray[np.int64]:
        """(16,) MuJoCo ids of the observed bodies, in observation order."""
        return np.array([self.model.body(n).id for n in self.entry.observed])

    @cached_property
    def tracked_ids(self) -> NDArray[np.int64]:
        """(7,) MuJoCo ids of the tracked bodies."""
        return np.array([self.model.body(n).id for n in self.entry.tracked])

    @cached_property
    def tracked_in_observed(self) -> NDArray[np.int64]:
        """(7,) position of each tracked body within the observed bodies."""
        return np.array([self.entry.observed.index(n) for n in self.entry.tracked])

    @cached_property
    def touch_adr(self) -> NDArray[np.int64]:
        """(4,) addresses of the touch sensors in sensordata."""
        return np.array([self.model.sensor(n).adr[0] for n in self.entry.touch])

    @cached_property
    def couplings(self) -> Couplings:
        """Knee and patella couplings."""
        return Couplings.of(self.model)

    @cached_property
    def muscles(self) -> MuscleParameters:
        """Parameters of the muscles, in actuator order."""
        return MuscleParameters.of(self.model)

    @cached_property
    def muscle_names(self) -> tuple[str, ...]:
        """Names of the muscles, in actuator order."""
        return tuple(self.model.actuator(i).name for i in range(self.model.nu))

    @cached_property
    def muscle_groups(self) -> dict[str, NDArray[np.int64]]:
        """Indices of the muscles of each functional group that this body has, both sides."""
        stems = [n.rsplit("_", 1)[0] for n in self.muscle_names]
        groups = {
            g: np.flatnonzero([any(fnmatchcase(s, m) for m in members) for s in stems])
            for g, members in MUSCLE_GROUPS.items()
        }
        return {g: ids for g, ids in groups.items() if len(ids)}

    @cached_property
    def joint_names(self) -> tuple[str, ...]:
        """Names of the joints after the root, in qpos order (one coordinate each)."""
        return tuple(self.model.joint(j).name for j in range(1, self.model.njnt))

    @cached_property
    def independent_joints(self) -> tuple[str, ...]:
        """Names of the joints that do not follow another."""
        dependent = set(self.couplings.dependent_qpos.tolist())
        return tuple(n for k, n in enumerate(self.joint_names) if k + 7 not in dependent)

    @cached_property
    def joint_range(self) -> NDArray[np.float64]:
        """(nq − 7, 2) limits of the joints in radians (metres for slides)."""
        return self.model.jnt_range[1:].copy()

    @cached_property
    def mirror(self) -> MirrorMap:
        """Left–right mirror maps."""
        observed, tracked, touch = (list(x) for x in (self.entry.observed, self.entry.tracked, self.entry.touch))
        return mirror_map(self.model, self.standing_qpos, observed, tracked, touch)

    @cached_property
    def foot_geoms(self) -> NDArray[np.int64]:
        """Ids of the colliding geoms of hindfoot and toes, right then left."""
        side = [[self.model.body(f"{part}_{s}").id for part in ("calcn", "toes")] for s in "rl"]
        collides = colliding(self.model)
        return np.concatenate([np.flatnonzero(np.isin(self.model.geom_bodyid, ids) & collides) for ids in side])

    @cached_property
    def standing_qpos(self) -> NDArray[np.float64]:
        """(nq,) upright at the origin, facing +x, all joints neutral, the lowest foot point on the floor."""
        qpos = np.zeros(self.model.nq)
        qpos[3] = 1.0
        qpos = self.couplings.apply(qpos)
        qpos[2] -= self.lowest_foot_point(qpos[None])[0]
        return qpos

    def lowest_foot_point(self, qpos: NDArray[np.float64]) -> NDArray[np.float64]:
        """Height (T,) in metres of the lowest point of the feet's collision geoms at qpos (T, nq)."""
        data = mujoco.MjData(self.model)
        ids = self.foot_geoms
        heights = np.empty(len(qpos))
        for t, q in enumerate(qpos):
            data.qpos[:] = q
            mujoco.mj_kinematics(self.model, data)
            heights[t] = self.geom_bottom(data.geom_xpos[ids], data.geom_xmat[ids].reshape(-1, 3, 3), ids).min()
        return heights

    def geom_bottom(
        self, position: NDArray[np.float64], rotation: NDArray[np.float64], ids: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Lowest height (…, G) of capsules, ellipsoids and spheres at `position` (…, G, 3), `rotation` (…, G, 3, 3)."""
        size, kind = self.model.geom_size[ids], self.model.geom_type[ids]
        up = rotation[..., 2, :]  # the world's z axis in each geom's frame
        capsule = size[:, 0] + size[:, 1] * np.abs(up[..., 2])
        ellipsoid = np.linalg.norm(up * size, axis=-1)
        reach = np.where(
            kind == mujoco.mjtGeom.mjGEOM_CAPSULE,
            capsule,
            np.where(kind == mujoco.mjtGeom.mjGEOM_ELLIPSOID, ellipsoid, size[:, 0]),
        )
        return position[..., 2] - reach


@lru_cache(maxsize=8)
def _at_rate(body: BodyModel, rate: float) -> BodyModel:
    model = copy.copy(body.model)
    model.opt.timestep = 1 / rate
    return replace(body, model=model)


@lru_cache(maxsize=8)
def load_body(body: str | Path = "myolegs", *, timestep: float = PHYSICS_DT) -> BodyModel:
    """Build a body by name, or from a KINESIS model file.

    Args:
        body: name or alias in the catalogue, or path to a KINESIS myolegs.xml with its assets beside it; a size may
            follow, as in myolegs:height=1.62,mass=58 (`body/subject.py`).
        timestep: physics step in seconds.

    Raises:
        BodyError: unknown name, missing file, or a model without the expected parts.
        SubjectError: a size that no body can have.
    """
    name = canonical(str(body))
    entry = entry_for(name)
    model, whole = compile_entry(entry, timestep)
    return BodyModel(name=name, entry=entry, model=model, whole=whole)
