"""Options that several subcommands share."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from kinesis_trl.body.fatigue import Condition, check_shares
from kinesis_trl.body.simulator import PhysicsConfig, muscles_named
from kinesis_trl.planning.config import MppiConfig

if TYPE_CHECKING:
    from kinesis_trl.body.model import BodyModel


@dataclass(frozen=True, kw_only=True)
class BodyOptions:
    """Which body, and of what size."""

    body: str = "myolegs"
    """Body by name: legs (myolegs, 80 muscles), legs_abs (myolegs_abdomen, 86), legs_back (myolegs_back, 290), or a
    path to a KINESIS model file."""
    subject: str = ""
    """A person's own size, as height=1.62,mass=58 in metres and kg, a .yaml file with these and segment lengths (thigh,
    shank, foot, pelvis, trunk, in metres), or a motion file, whose legs are taken; '': as the body is."""

    def load_body(self) -> BodyModel:
        """The body in this size."""
        from kinesis_trl.body.model import load_body

        return load_body(sized_as(self.body, self.subject))


@dataclass(frozen=True, kw_only=True)
class SimulationOptions(BodyOptions):
    """How the body is simulated, and by how many threads."""

    planner: MppiConfig = field(default_factory=MppiConfig)
    """MPPI about the policy: simulates samples × steps further steps before each step."""
    condition: Condition = None
    """Whether muscles tire: healthy, or fatigue with parameters as FIELD=VALUE, such as parameters=kinesis start=random
    fatigued=[0.3]; in Python None or a FatigueConfig."""
    threads: int = field(default_factory=lambda: os.cpu_count() or 1)
    """Threads of the simulation; results do not depend on it."""

    def load_body(self) -> BodyModel:
        """The body in this size; ValueError where the condition is of another number of muscles."""
        body = super().load_body()
        check_shares(self.condition, body.model.nu)
        return body

    def physics(self) -> PhysicsConfig:
        """Settings of the simulation."""
        return PhysicsConfig(threads=self.threads, condition=self.condition)


@dataclass(frozen=True, kw_only=True)
class LesionOptions(SimulationOptions):
    """Which muscles are cut or weak."""

    lesion: tuple[str, ...] = ()
    """Muscles whose excitation is cut, by name: tibant_l,tibant_r or tibant_l tibant_r."""
    strength: float = 1.0
    """Share of its excitation that every muscle receives, 0 to 1."""

    @property
    def cut(self) -> tuple[str, ...]:
        """Names of the muscles that are cut."""
        return muscles_named(self.lesion)

    def load_body(self) -> BodyModel:
        """As the base class; also ValueError for a muscle that the body does not have."""
        from kinesis_trl.body.muscles import lesion_mask

        body = super().load_body()
        lesion_mask(body.muscle_names, self.cut)
        return body

    def physics(self) -> PhysicsConfig:
        """As the base class, with the lesion."""
        return replace(super().physics(), lesions=self.cut, strength=self.strength)


def sized_as(body: str, subject: str) -> str:
    """Name of a body in the size of a subject, as `BodyOptions.subject` takes it."""
    from kinesis_trl.body.subject import sized

    path = Path(subject)
    if not path.is_file() or path.suffix in (".yaml", ".yml"):
        return sized(body, subject)
    from kinesis_trl.motion.readers import read_motion
    from kinesis_trl.motion.retarget.person import person_of

    return sized(body, person_of(read_motion(path)[0]).text)
