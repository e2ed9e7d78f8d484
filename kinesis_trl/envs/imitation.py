"""Imitation: follow a reference clip with the tracked bodies."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kinesis_trl.body.model import BodyModel
from kinesis_trl.body.simulator import ALL
from kinesis_trl.envs.base import MyoLegsEnv, Rows
from kinesis_trl.envs.config import ImitationConfig
from kinesis_trl.envs.control.base import Reference
from kinesis_trl.envs.control.config import ControlConfig
from kinesis_trl.envs.control.feedforward import InverseSolutions
from kinesis_trl.envs.disturbance import Disturbance
from kinesis_trl.envs.geometry import rotation_between
from kinesis_trl.envs.placement import Placement, turn_away
from kinesis_trl.envs.sampling import StartSampler
from kinesis_trl.envs.scene import Tracked
from kinesis_trl.envs.scoring import AdaptiveEffort, Metric, StepResult
from kinesis_trl.envs.starts import Starts
from kinesis_trl.envs.step import ImitationStep, body_distance
from kinesis_trl.envs.terms.metrics import (
    clip,
    close,
    effort_factor,
    episode_steps,
    lacking_moment,
    largest_error,
    mean_error,
)
from kinesis_trl.motion.library import FPS, MotionLibrary
from kinesis_trl.motion.solving import SolveConfig

_HALVINGS = 5
"""How often the time by which a body starts late is halved where that is too much."""
_SAFE = 0.8
"""Share of the distance at which bodies are lost, within which they start."""


def inverse_for(control: ControlConfig) -> SolveConfig | None:
    """What a control needs of its motions: how to solve static optimisation, or None."""
    return SolveConfig() if control.needs_inverse else None


class ImitationEnv(MyoLegsEnv):
    """N bodies, each following a clip of a library; an episode is truncated at the clip's end.

    Rows draw their clips from `clip_weights`, unless `assign` gave each row its own.

    Attributes:
        clip: (N,) clip each row follows.
        time: (N,) seconds into that clip, float64.
        distances: (N, K) distance in metres of each tracked body from its reference at the last step.
        clip_weights: (C,) probabilities of the clips where starts do not look at failures; may be changed.
        placement: where each row's clip lies in the world.
        sampler: draws clips and start times, and counts failures.
    """

    settings: ImitationConfig

    @classmethod
    def metrics(cls, config: ImitationConfig) -> tuple[Metric, ...]:  # type: ignore[override]  # its own config
        """As the base class."""
        adaptive = (effort_factor, close) if config.effort.threshold else ()
        moments = (lacking_moment,) if config.control.needs_moment_arms else ()
        return mean_error, largest_error, clip, episode_steps, *adaptive, *moments

    def __init__(self, body: BodyModel, library: MotionLibrary, config: ImitationConfig | None = None) -> None:
        """Environment on a body with references prepared for it.

        Args:
            body: the model to control.
            library: references for this body.
            config: settings; default: training rules.

        Raises:
            ValueError: the library is of another body or lacks inverse solutions, or the policy step is not its frame
                time.
        """
        config = config or ImitationConfig()
        if library.body_name != body.name:
            raise ValueError(
                f"the motion library is of body {library.body_name!r}, not {body.name!r}; prepare it anew."
            )
        super().__init__(body, config)
        wanting = [f"observation term {term.name}" for term in self.layout.terms if term.needs_inverse]
        wanting += [f"control {config.control.name}"] * config.control.needs_inverse
        wanting += ["the cost departure"] * ("departure" in config.reward.weights())
        if wanting and library.inverse is None:
            raise ValueError(f"{wanting[-1]} needs motions with inverse solutions; prepare them with --inverse.")
        n = config.num_envs
        self.library = library
        self.clip = self.state["clip"] = torch.zeros(n, dtype=torch.int64)
        self.time = self.state["time"] = torch.zeros(n, dtype=torch.float64)
        self.distances = torch.zeros(n, len(body.tracked_ids), dtype=torch.float64)
        self._body_pos = torch.zeros(n, len(body.tracked_ids), 3, dtype=torch.float64)
        self._lag = torch.zeros(n, dtype=torch.float64)
        self.clip_weights = np.full(len(library), 1 / len(library))
        self.sampler = StartSampler(library.duration.numpy(), config.starts)
        self.disturbance = Disturbance(n, config.disturbance)
        self.placement = Placement(n)
        self.adaptive = AdaptiveEffort(config.effort)
        self.state["disturbance"] = self.disturbance.state
        self.state["placement"] = self.placement.state
        self._starts = Starts(
            self.sampler,
            beginning=config.start == "beginning",
            turned=config.random_heading,
        )
        # steps from the present to the references that are observed; the first is the next one
        self._steps = torch.tensor([1, *(1 + k for k in config.observation.reference_steps)], dtype=torch.float64)
        self._ahead = self.state["ahead"] = torch.zeros(
            n, 1 + len(self._steps), len(body.tracked_ids), 3, dtype=torch.float64
        )
        self._now = self.state["seen_at"] = torch.zeros(n, dtype=torch.float64)
        if self.policy_dt * FPS > 1 + 1e-9:
            raise ValueError(
                f"a policy step of {self.policy_dt} s is longer than a frame of references at {FPS} frames/s."
            )

    def assign(self, clips: NDArray[np.int64] | list[int] | None) -> None:
        """Let row i follow clip `clips[i]` from the next reset on; None goes back to drawing at random."""
        self._starts.assign(clips, self.settings.num_envs)

    def reference(self, time: Tensor, rows: Any = ALL) -> tuple[Tensor, Tensor]:
        """Tracked bodies' reference of `rows` (R,), as each is turned, at `time` (Q, R) or (R,) seconds.

        Returns:
            positions and velocities, (Q, R, K, 3) or (R, K, 3), world frame.
        """
        position, velocity = self.library.tracked(self.clip[rows].expand(time.shape), time)
        return self.placement.points(position, rows), self.placement.vectors(velocity, rows)

    def turned_state(self, frame: Tensor, rows: Any = ALL) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Reference states qpos (R, nq) and qvel (R, nv) at `frame` (R,), as each of `rows` is turned; world frame."""
        return self.placement.states(self.library.qpos[frame], self.library.qvel[frame], rows)

    def apart_from_unsolved(self) -> Tensor:
        """(N, K) distance in metres of each tracked body from the unsolved clip, at the last step.

        Differs from `distances` where inverse solutions made clips consistent (see `motion.solving`).
        """
        now = self.time - self._lag
        position, _ = self.library.tracked(self.clip, now, unsolved=True)
        return body_distance(self._body_pos, self.placement.points(position))

    def reference_root(self, time: Tensor, rows: Any = ALL) -> Tensor:
        """Orientation (R, 4) wxyz of the reference's root of `rows`, as each is turned, at `time` (R,) seconds."""
        return self.placement.rotations(self.library.root_rotation(self.clip[rows], time), rows)

    @property
    def solutions(self) -> InverseSolutions:
        """The inverse solutions of the clips.

        Raises:
            ValueError: they have none.
        """
        return InverseSolutions(self.body, self.library)

    def current_reference(self) -> Reference:
        """What the bodies follow now."""
        return Reference(self.library, self.clip, self.time, self.placement, self.policy_dt)

    def next_frame(self, rows: Any = ALL) -> Tensor:
        """(R,) row of the library's arrays one policy step ahead of `rows` (R,)."""
        return self.current_reference().next_frame(rows)

    def reference_action(self) -> Tensor:
        """(N, A) action that asks for the reference as it is; ValueError where the control has none."""
        return torch.from_numpy(self.control.reference_action(self.current_reference())).float()

    def references_ahead(self, rows: Any = ALL) -> tuple[Tensor, Tensor, Tensor]:
        """What `rows` (R,) observe: positions and velocities (R, K, 3) a step ahead, later positions (R, L, K, 3)."""
        ahead = self._ahead[rows]
        return ahead[:, 0], ahead[:, 1], ahead[:, 2:]

    def next_time(self, rows: Any = ALL) -> Tensor:
        """(R,) seconds into the clips of `rows` of the reference that is observed, a policy step ahead."""
        return self._now[rows] + self.policy_dt

    # -- hooks ---------------------------------------------------------------------------------------------

    def _start(self, rows: Rows) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        start = self._starts.draw(rows, self.clip_weights, self.generator)
        index, clip = torch.from_numpy(rows), torch.from_numpy(start.clip)
        self.clip[index] = clip
        self.disturbance.clear(index)
        # the frame nearest to the start, because states are stored at whole frames
        first, frame = self.library.start[clip], self.library.frame_index(clip, torch.from_numpy(start.time))
        followed = self.time[index] = (frame - first).double() / FPS
        self.placement.put(index, torch.from_numpy(start.angle), self.library.qpos[first, :2])
        self.time[index] = late = self._late(index, torch.from_numpy(start.late))
        qpos, qvel = self.turned_state(self.library.frame_index(clip, late), index)
        if start.off_heading.any():
            qpos, qvel = turn_away(qpos, qvel, start.off_heading)
        activation = self.control.start(rows, self.current_reference())
        self.time[index] = followed
        self._look_ahead(followed, index)
        return qpos, qvel, activation

    def _late(self, index: Tensor, late: Tensor) -> Tensor:
        """Times (R,) at which references of `index` are where bodies `late` (R,) seconds behind them start.

        `late` is halved, time and again, where a body would be close to being lost.
        """
        now, longest = self.time[index], self.library.duration[self.clip[index]]
        if not late.any():
            return now
        position, _ = self.reference(now, index)
        for _ in range(_HALVINGS):
            there = (now - late).clamp(min=0).minimum(longest)
            apart = body_distance(self.reference(there, index)[0], position)
            late = torch.where(self.settings.rule.failed(apart / _SAFE), late / 2, late)
        return (now - late).clamp(min=0).minimum(longest)

    def _act(self, action: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        if self.settings.disturbance.force:
            self.physics.push(self.disturbance.step(self.policy_dt, self.generator))
        return super()._act(action)

    def _advance_time(self) -> None:
        super()._advance_time()
        self.time += self.policy_dt

    def _look_ahead(self, now: Tensor, rows: Any = ALL) -> tuple[Tensor, Tensor]:
        """Keep what `rows` (R,) will observe of their references; returns positions and velocities of `now`."""
        times = torch.cat([now[None], now + self.policy_dt * self._steps[:, None]])
        position, velocity = self.library.tracked(self.clip[rows].expand(times.shape), times)
        position, velocity = self.placement.points(position, rows), self.placement.vectors(velocity[:2], rows)
        self._ahead[rows] = torch.cat([position[1:2], velocity[1:2], position[2:]]).transpose(0, 1)
        self._now[rows] = now
        return position[0], velocity[0]

    def _ahead_of(self, state: Tracked, rows: Any) -> ClipAhead:
        return ClipAhead(self, state, rows)

    def moment_error(self, rows: Any = ALL) -> Tensor:
        """`InverseSolutions.moment_error` of `rows` (R,) now, (R, J)."""
        now = self.library.frame_index(self.clip[rows], self.time[rows])
        return torch.from_numpy(self.solutions.moment_error(now, self.physics.activation[rows]))

    def solved_activation(self, time: Tensor) -> Tensor:
        """(N, M) activations of the inverse solutions at `time` (N,) seconds into the clips; ValueError without any."""
        return torch.from_numpy(self.solutions.activation(self.library.frame_index(self.clip, time)))

    def _result(self, state: Tracked, effort: Tensor) -> StepResult:
        # the description is `lag` old: compare it with the reference at that moment
        now = self.time - state.lag
        ref_pos, ref_vel = self._look_ahead(now)
        step = ImitationStep(
            **self._step_made(state, effort),
            ref_pos=ref_pos,
            ref_vel=ref_vel,
            ref_root=lambda: self.reference_root(now),
            solution=lambda: self.solved_activation(self.time),
            clip=self.clip,
            time=self.time,
            duration=self.library.duration[self.clip],
            effort_factor=self.adaptive.factor,
            lacking=None if self.control.lacking is None else torch.from_numpy(self.control.lacking),
        )
        self._body_pos, self._lag = state.body_pos, state.lag
        self.distances = step.distance
        result = self.scoring(step, self.adaptive.factor)
        self.adaptive.adapt(close(step, self.settings))
        self.sampler.note(self.clip.numpy(), self.time.numpy(), result.terminated.numpy().reshape(-1))
        return result

    # -- going on later ------------------------------------------------------------------------------------

    def get_state(self) -> dict[str, Any]:
        """As the base class, with the clips' weights and failures."""
        counts = {name: getattr(self.sampler, name) for name in ("failures", "visits")}
        counts["clip_weights"] = self.clip_weights
        mine = {name: torch.tensor(array) for name, array in counts.items()}
        return super().get_state() | mine | self.adaptive.get_state()

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore what `get_state` returned."""
        super().set_state(state)
        self.adaptive.set_state(state)
        self.clip_weights = np.array(state["clip_weights"])
        self.sampler.failures = np.array(state["failures"])
        self.sampler.visits = np.array(state.get("visits", np.zeros(self.sampler.failures.shape)))


class ClipAhead:
    """The references ahead of some rows of an imitation; see `scene.Ahead`."""

    def __init__(self, env: ImitationEnv, state: Tracked, rows: Any) -> None:
        self._env, self._state, self._rows = env, state, rows
        self.position, self.velocity, self.later = env.references_ahead(rows)

    @cached_property
    def _frame(self) -> Tensor:
        return self._env.next_frame(self._rows)[:, None]

    @property
    def root_turn(self) -> Tensor:
        """(R, 3) radians."""
        reference = self._env.reference_root(self._env.next_time(self._rows), self._rows)
        return rotation_between(self._state.quaternion[:, 0], reference)

    @property
    def joint_angle(self) -> Tensor:
        """(R, J) radians."""
        return self._env.library.qpos[self._frame, self._env.joint_dofs + 1]

    @property
    def joint_rate(self) -> Tensor:
        """(R, J) rad/s."""
        return self._env.library.qvel[self._frame, self._env.joint_dofs]

    @property
    def moment_error(self) -> Tensor:
        """(R, J) N m."""
        return self._env.moment_error(self._rows)
