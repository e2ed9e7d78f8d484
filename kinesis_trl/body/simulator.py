"""What a simulator of N bodies takes and gives."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Protocol

import numpy as np
import tyro
from numpy.typing import NDArray

from kinesis_trl.body.fatigue import Condition, Fatigue
from kinesis_trl.settings import FileOnly

if TYPE_CHECKING:
    from kinesis_trl.body.failures import Failure
    from kinesis_trl.body.model import BodyModel

Array = NDArray[np.float64]
Rows = NDArray[np.int64] | slice
ALL = slice(None)
Sensing = Literal["lagged", "fresh", "original"]
"""Which moment of the simulation is sensed, see `PhysicsConfig.sensing`."""


def muscles_named(words: Iterable[str]) -> tuple[str, ...]:
    """Names of muscles, given one by one or separated by commas: ("a,b", "c") → ("a", "b", "c")."""
    return tuple(name for word in words for name in word.replace(",", " ").split())


@dataclass(frozen=True, kw_only=True)
class PhysicsConfig:
    """How the body is simulated."""

    substeps: FileOnly[int] = 5
    """Physics steps per policy step."""
    rate: FileOnly[float | None] = None
    """Physics steps per second; None: as of the body, 150."""
    threads: int = 1
    """Threads of the simulation pool; results do not depend on it."""
    sensing: Sensing = "lagged"
    """lagged: poses and velocities one substep (6.7 ms) old, at no cost; fresh: current, +12 % time; original: as
    KINESIS had it, poses current, velocities and touch one substep old, velocities of the centres of mass."""
    lesions: tuple[str, ...] = ()
    """Muscles whose excitation is cut, by name, e.g. tibant_l."""
    strength: float = 1.0
    """Share of its excitation that every muscle receives, 0 to 1: 0.7 leaves 70 % of the active force."""
    condition: Annotated[Condition, tyro.conf.arg(aliases=["--condition"])] = None
    """Whether muscles tire: healthy, or fatigue with parameters as FIELD=VALUE, such as parameters=kinesis
    start=random fatigued=[0.3] (`body/fatigue.py` has them all)."""
    history: FileOnly[int] = 8
    """Policy steps of states kept for the report of a simulation that became non-finite."""
    failure_dir: FileOnly[Path | None] = None
    """Folder for such reports (.npz); None keeps the last 16 in memory only."""

    def __post_init__(self) -> None:
        if self.substeps < 1 or self.threads < 1 or self.history < 1:
            raise ValueError(
                f"substeps, threads and history must be at least 1, got "
                f"{self.substeps}, {self.threads} and {self.history}."
            )
        if self.rate is not None and not 50 <= self.rate <= 10_000:
            raise ValueError(f"rate is {self.rate} physics steps per second; expected 50 to 10,000.")
        if not 0.0 <= self.strength <= 1.0:
            raise ValueError(f"strength is {self.strength}; expected a share from 0 (paralysed) to 1 (healthy).")


@dataclass(frozen=True)
class BodyState:
    """What can be observed of N bodies; observed-body order, world frame."""

    position: Array
    """(N, B, 3) body origins in metres."""
    quaternion: Array
    """(N, B, 4) body orientations, wxyz."""
    linear_velocity: Array
    """(N, B, 3) velocities of the body origins in m/s."""
    angular_velocity: Array
    """(N, B, 3) angular velocities in rad/s, world axes."""
    touch: Array
    """(N, 4) normal force on the touch sensors in newtons: right foot, right toes, left foot, left toes."""
    lag: Array
    """(N,) age of this description in seconds."""


class Physics(Protocol):
    """What environments, controls, planners and recorders need of a simulator of N bodies."""

    body: BodyModel
    num: int
    config: PhysicsConfig
    qpos: Array
    """(N, nq) live coordinates."""
    qvel: Array
    """(N, nv) live velocities."""
    activation: Array
    """(N, M) live activations."""
    excitation: Array
    """(N, M) live excitations."""
    length: Array
    """(N, M) muscle–tendon lengths in metres, as last derived."""
    velocity: Array
    """(N, M) their rates in m/s, as last derived."""
    lag: Array
    """(N,) age in seconds of what is derived."""
    strength: Array
    """(M,) share of its excitation that each muscle receives."""
    fatigue: Fatigue | None
    """How far the muscles are fatigued; None where they do not tire."""
    running: NDArray[np.bool_]
    """(N,) which simulations step; the others stay as they are until they are reset."""
    failures: deque[Failure]
    """Reports on simulations that became non-finite, newest last."""
    on_substep: Callable[[], None] | None
    """Called before every physics substep; None: never."""

    @property
    def substep(self) -> float:
        """Physics step in seconds."""

    @property
    def running_rows(self) -> Rows:
        """Which simulations step, to index with."""

    @property
    def muscle_force(self) -> Array:
        """(N, M) muscle forces of the last substep in newtons, negative when pulling."""

    def reset(self, rows: NDArray[np.int64], qpos: Array, qvel: Array, activation: Array) -> None:
        """Put `rows` (R,) into the given states (R, ·)."""

    def step_lengths(self, target: Array) -> tuple[Array, NDArray[np.bool_]]:
        """One policy step towards target lengths (N, M); effort reward (N,) and rows that failed (N,)."""

    def step_controlled(self, controller: Callable[[int], Array]) -> tuple[Array, NDArray[np.bool_]]:
        """One policy step with the excitations (N, M) that `controller(k)` gives at each substep k."""

    def step_excitations(self, excitation: Array) -> tuple[Array, NDArray[np.bool_]]:
        """One policy step at constant excitations (N, M); effort reward (N,) and rows that failed (N,)."""

    def moment_arms(self, rows: Rows = ALL) -> tuple[Array, Array]:
        """Of some simulations: moment arms (R, M, J) in m/rad, and muscle velocities (R, M) in m/s."""

    def observe(self, rows: Rows = ALL) -> BodyState:
        """Describe the bodies of some simulations."""

    def push(self, force: Array) -> None:
        """Push the roots with `force` (N, 3) newtons, world frame, until told otherwise."""

    def weaken(self, strength: Array) -> None:
        """Give every muscle a share (M,) of its excitation from now on."""

    def live_state(self) -> dict[str, Array]:
        """Everything needed to go on to the same numbers, (N, …) each: the arrays themselves, to read and to write."""

    def get_state(self) -> dict[str, Array]:
        """Everything needed to go on to the same numbers; copies, (N, …) each."""

    def set_state(self, state: dict[str, Array]) -> None:
        """Restore what `get_state` returned."""
