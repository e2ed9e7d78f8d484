"""N simulations of one body, stepped together: arrays in, arrays out.

`BatchPhysics` runs on MuJoCo's own batch of simulations (a C++ thread pool, bit-identical at any thread
count). What MuJoCo derives from a state (body poses, muscle lengths) describes, after a step, the state one
substep earlier; recomputing it costs 12 % of a policy step, so by default `BodyState.lag` says how old it is
and the task compares it with the reference at that same moment.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import mujoco
import numpy as np
from mujoco.batch import Batch, SimulationError
from numpy.typing import NDArray

from kinesis_trl.body import compiled_muscles, compiled_state
from kinesis_trl.body.failures import Failure, log_warning
from kinesis_trl.body.fatigue import Fatigue
from kinesis_trl.body.model import BodyModel
from kinesis_trl.body.moment_arms import MomentArms
from kinesis_trl.body.muscles import effort_reward, lesion_mask
from kinesis_trl.body.simulator import ALL, Array, BodyState, PhysicsConfig, Rows

_BAD = [
    int(mujoco.mjtWarning.mjWARN_BADQPOS),
    int(mujoco.mjtWarning.mjWARN_BADQVEL),
    int(mujoco.mjtWarning.mjWARN_BADQACC),
    int(mujoco.mjtWarning.mjWARN_BADCTRL),
]
_POSES = int(mujoco.mjtStage.mjSTAGE_POS)
_CURRENT = int(mujoco.mjtStage.mjSTAGE_VEL)
_NONE = int(mujoco.mjtStage.mjSTAGE_NONE)


class BatchPhysics:
    """`num` simulations of `body` on MuJoCo's simulation pool.

    Attributes:
        qpos, qvel, activation, excitation: live views (N, ·) of the simulations' states.
        length, velocity: muscle–tendon lengths (N, M) in metres and their rates, as last derived.
        strength: (M,) share of its excitation that each muscle receives; may be changed between steps.
        fatigue: how far muscles are fatigued; None where they do not tire.
        running: (N,) which simulations step; the others stay as they are until they are reset.
        failures: reports on simulations that became non-finite, newest last.
        on_substep: called before every physics substep, states and excitations as they enter it; None: never.
    """

    def __init__(self, body: BodyModel, num: int, config: PhysicsConfig | None = None) -> None:
        """Start all simulations in the standing pose.

        Args:
            body: the model to simulate.
            num: number of simulations N.
            config: how to simulate.
        """
        if mujoco.get_mju_user_warning() is None:  # one for the whole process: a program's own stays
            mujoco.set_mju_user_warning(log_warning)
        self.body, self.num = body, num
        self.config = config or PhysicsConfig()
        self.strength = self.config.strength * lesion_mask(body.muscle_names, self.config.lesions)
        self._muscles = compiled_muscles.constants(body.muscles)
        condition = self.config.condition
        self.fatigue = None if condition is None else Fatigue(body.model, num, condition)
        self._batch = Batch(body.model, num, self.config.threads)
        self.qpos, self.qvel = self._batch.bind("qpos"), self._batch.bind("qvel")
        self.activation, self.excitation = self._batch.bind("act"), self._batch.bind("ctrl")
        self._applied = self._batch.bind("xfrc_applied")
        self._derived = {
            name: self._batch.bind(name)
            for name in (
                "xpos",
                "xipos",
                "xquat",
                "cvel",
                "subtree_com",
                "sensordata",
                "actuator_length",
                "actuator_velocity",
                "actuator_force",
            )
        }
        self.length = np.zeros((num, body.model.nu))
        self.velocity = np.zeros((num, body.model.nu))
        self.lag = np.zeros(num)
        self.running = np.ones(num, dtype=bool)
        self._moment: tuple[MomentArms, Array, Array] | None = None
        self.failures: deque[Failure] = deque(maxlen=16)
        self.on_substep: Callable[[], None] | None = None
        self._past_states = np.zeros((self.config.history, num, self._batch.nstate))
        self._past_inputs = np.zeros((self.config.history, num, body.model.nu))
        self._steps = 0
        self._failed = np.zeros(num, dtype=bool)
        self._sensed = np.zeros((2, num, len(body.observed_ids), 3))
        self._all = np.arange(num)
        self._root = int(body.model.body_rootid[body.observed_ids[0]])
        self._rest = self._batch.state[0].copy()  # no warm start, no applied forces, time zero
        self._stand(np.arange(num))

    @property
    def substep(self) -> float:
        """Physics step in seconds."""
        return float(self.body.model.opt.timestep)

    @property
    def running_rows(self) -> Rows:
        """Which simulations step, to index with."""
        return ALL if self.running.all() else np.flatnonzero(self.running)

    @property
    def muscle_force(self) -> Array:
        """(N, M) muscle forces of the last substep in newtons, negative when pulling."""
        return self._derived["actuator_force"]

    def reset(self, rows: NDArray[np.int64], qpos: Array, qvel: Array, activation: Array) -> None:
        """Put `rows` (R,) into the states qpos (R, nq), qvel (R, nv), activation (R, M).

        Everything derived of these rows is current afterwards (lag 0). What is fatigued is not active.

        Raises:
            ValueError: a state that is not finite, naming the row.
        """
        if len(rows) == 0:
            return
        bad = ~(np.isfinite(qpos).all(1) & np.isfinite(qvel).all(1) & np.isfinite(activation).all(1))
        if bad.any():
            raise ValueError(f"cannot reset simulation {rows[bad.argmax()]} to a state that is not finite.")
        if self.fatigue is not None:
            activation = np.minimum(activation, 1 - self.fatigue.fatigued[rows])
        self._batch.state[rows] = self._rest
        self.qpos[rows], self.qvel[rows], self.activation[rows] = qpos, qvel, activation
        self._batch.forward(rows)
        self._batch.warning[rows] = 0
        self.running[rows] = True
        self.lag[rows] = 0.0
        self._keep_lengths(rows)
        if self.config.sensing == "original":
            self._sense_as_original(rows)

    def step_lengths(self, target: Array) -> tuple[Array, NDArray[np.bool_]]:
        """One policy step in which the length controller pulls towards `target` (N, M) metres.

        Returns:
            effort reward (N,), the mean over substeps; rows (N,) that failed and were put to standing.
        """
        target = self._remember(target)
        effort = np.zeros(self.num)
        for k in range(self.config.substeps):
            compiled_muscles.length_controller(
                self.length, self.velocity, target, self._muscles, self.strength, self.excitation
            )
            compiled_muscles.add_effort(self.excitation, effort)
            self._advance(1, last=k == self.config.substeps - 1)
        return effort / self.config.substeps, self._guard()

    def step_controlled(self, controller: Callable[[int], Array]) -> tuple[Array, NDArray[np.bool_]]:
        """One policy step in which `controller(k)` gives the excitations (N, M) in [0, 1] of each physics substep k.

        It is called as the substep begins: states are current then, and what is derived of them is a substep old. Rows
        for which it gives a number that is not finite fail. Returns as `step_lengths`.
        """
        effort, lost = np.zeros(self.num), np.zeros(self.num, dtype=bool)
        for k in range(self.config.substeps):
            wanted = controller(k)
            if k == 0:
                self._remember(wanted)
            compiled_muscles.excite(wanted, self.strength, self.excitation, lost)
            compiled_muscles.add_effort(self.excitation, effort)
            self._advance(1, last=k == self.config.substeps - 1)
        self._failed |= lost
        return effort / self.config.substeps, self._guard()

    def step_excitations(self, excitation: Array) -> tuple[Array, NDArray[np.bool_]]:
        """One policy step at constant `excitation` (N, M) in [0, 1]; returns as `step_lengths`."""
        self.excitation[:] = np.clip(self._remember(excitation), 0, 1) * self.strength
        pieces = 1 if self.on_substep is None and self.fatigue is None else self.config.substeps
        for k in range(pieces):
            self._advance(self.config.substeps // pieces, last=k == pieces - 1)
        return effort_reward(self.excitation), self._guard()

    def moment_arms(self, rows: Rows = ALL) -> tuple[Array, Array]:
        """Of `rows` (R,): moment arms (R, M, J) in m/rad about the independent joints, and present muscle velocities
        (R, M) in m/s.

        Arms are as old as `length`; how muscles attach to joints changes little in a substep.
        """
        self.keep_moments()
        assert self._moment is not None
        arms, _, kept = self._moment
        return arms.evaluate(kept[rows], self.qpos[rows], self.qvel[rows])

    def keep_moments(self) -> None:
        """Keep from now on what moment arms are made of; it is then part of the state."""
        if self._moment is not None:
            return
        live = self._batch.bind("actuator_moment")
        self._batch.forward(stage=_POSES)
        self._moment = MomentArms(self.body), live, live.copy()

    def push(self, force: Array) -> None:
        """Push the root at its centre of mass with `force` (N, 3) newtons, world frame, until the next call."""
        self._applied[:, self.body.observed_ids[0], :3] = force

    def weaken(self, strength: Array) -> None:
        """Give every muscle a share (M,) of its excitation from now on: 0 cuts it, 1 heals it.

        Raises:
            ValueError: shares of another shape, or outside [0, 1].
        """
        if strength.shape != self.strength.shape or not ((strength >= 0) & (strength <= 1)).all():
            raise ValueError(f"expected {len(self.strength)} shares from 0 to 1, got {strength}.")
        self.strength = strength.copy()

    def observe(self, rows: Rows = ALL) -> BodyState:
        """Describe the bodies of `rows` (R,) as last derived; copies, safe to keep."""
        ids, index, derived = self.body.observed_ids, self._index(rows), self._derived
        position = compiled_state.picked(derived["xpos"], index, ids)
        if self.config.sensing == "original":
            linear, angular = self._sensed[0][rows].copy(), self._sensed[1][rows].copy()
        else:
            linear, angular = self._velocities(index, position)
        quaternion = compiled_state.picked(derived["xquat"], index, ids)
        touch = derived["sensordata"][rows][:, self.body.touch_adr]
        return BodyState(position, quaternion, linear, angular, touch, self.lag[rows].copy())

    def _index(self, rows: Rows) -> NDArray[np.int64]:
        return self._all if isinstance(rows, slice) else rows

    def _velocities(self, rows: NDArray[np.int64], points: Array) -> tuple[Array, Array]:
        """Linear velocities (R, B, 3) of `points` on the observed bodies, and angular velocities (R, B, 3)."""
        spatial, centre = self._derived["cvel"], self._derived["subtree_com"]
        linear, angular = compiled_state.velocities(points, spatial, centre, rows, self.body.observed_ids, self._root)
        return linear, angular

    def _sense_as_original(self, rows: Rows) -> None:
        """Keep the velocities of the centres of mass as derived last, then bring the poses up to date."""
        centres = compiled_state.picked(self._derived["xipos"], self._index(rows), self.body.observed_ids)
        self._sensed[0][rows], self._sensed[1][rows] = self._velocities(self._index(rows), centres)
        self._batch.forward(_ids(rows), stage=_POSES)

    def live_state(self) -> dict[str, Array]:
        """Everything needed to go on to the same numbers, (N, …) each: the arrays themselves, to read and to write."""
        moment = {} if self._moment is None else {"moment": self._moment[2]}
        fatigued = {} if self.fatigue is None else {"fatigued": self.fatigue.fatigued}
        return (
            moment
            | fatigued
            | {
                "state": self._batch.state,
                "length": self.length,
                "velocity": self.velocity,
                "lag": self.lag,
                "linear_sensed": self._sensed[0],
                "angular_sensed": self._sensed[1],
            }
        )

    def get_state(self) -> dict[str, Array]:
        """Copies of `live_state`."""
        return {name: array.copy() for name, array in self.live_state().items()}

    def set_state(self, state: dict[str, Array]) -> None:
        """Restore what `get_state` returned, of the same body and number of simulations."""
        if state["state"].shape != self._batch.state.shape:
            raise ValueError(
                f"saved simulations have shape {state['state'].shape}, these have {self._batch.state.shape}; "
                "use the same body and number of environments."
            )
        for name, mine in self.live_state().items():
            mine[:] = state[name]

    def _stand(self, rows: NDArray[np.int64]) -> None:
        model = self.body.model
        shape = (len(rows), 1)
        self.reset(
            rows,
            np.tile(self.body.standing_qpos, shape),
            np.zeros((len(rows), model.nv)),
            np.zeros((len(rows), model.na)),
        )

    def _keep_lengths(self, rows: Rows) -> None:
        self.length[rows] = self._derived["actuator_length"][rows]
        self.velocity[rows] = self._derived["actuator_velocity"][rows]
        if self._moment is not None:
            self._moment[2][rows] = self._moment[1][rows]

    def _remember(self, inputs: Array) -> Array:
        """Keep state and inputs for a failure report; returns the inputs with non-finite rows at zero."""
        slot = self._steps % self.config.history
        self._past_states[slot] = self._batch.state
        self._past_inputs[slot] = inputs
        self._steps += 1
        self._failed[:] = ~np.isfinite(inputs).all(1)
        return np.where(self._failed[:, None], 0.0, inputs) if self._failed.any() else inputs

    def _advance(self, substeps: int, *, last: bool) -> None:
        if self.on_substep is not None:
            self.on_substep()
        fresh = last and self.config.sensing == "fresh"
        active = None if self.fatigue is None else self.fatigue.advance(self.activation, self.excitation)
        rows = self.running_rows
        try:
            self._batch.step(_ids(rows), nstep=substeps, stage=_CURRENT if fresh else _NONE)
        except SimulationError as error:  # these kept their last state; the others went on
            self._failed[error.ids] = True
        if active is not None:
            self.activation[rows] = active[rows]
        self._keep_lengths(rows)
        if last and self.config.sensing == "original":
            self._sense_as_original(rows)
        self.lag[:] = self.substep if self.config.sensing == "lagged" else 0.0

    def _guard(self) -> NDArray[np.bool_]:
        """Rows that became non-finite in this policy step; they are reported and put to standing."""
        failed = self._failed | ~np.isfinite(self._batch.state).all(1)
        failed |= (self._batch.warning[:, _BAD, 1] > 0).any(1)  # (lastinfo, number)
        if not failed.any():
            return failed
        order = np.arange(self._steps - self.config.history, self._steps)
        order = order[order >= 0] % self.config.history
        for row in np.flatnonzero(failed):
            failure = Failure(
                body=self.body.name,
                row=int(row),
                policy_step=self._steps,
                states=self._past_states[order, row].copy(),
                inputs=self._past_inputs[order, row].copy(),
            )
            self.failures.append(failure)
            if self.config.failure_dir is not None:
                failure.save(self.config.failure_dir)
        self._stand(np.flatnonzero(failed))
        return failed


def _ids(rows: Rows) -> NDArray[np.int64] | None:
    """As MuJoCo takes them; None: all."""
    return None if isinstance(rows, slice) else rows
