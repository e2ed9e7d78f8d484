"""Imitation: follow a reference clip with the tracked bodies."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kinesis_trl.body.model import BodyModel
from kinesis_trl.body.muscles import action_for_length
from kinesis_trl.body.physics import ALL
from kinesis_trl.body.residuals import ResidualConfig
from kinesis_trl.envs.base import EnvConfig, Judgement, MyoLegsEnv, Rows, Tracked
from kinesis_trl.envs.observations import about_z, multiply, to_heading, tracking
from kinesis_trl.envs.rewards import tracking_reward, upright_reward
from kinesis_trl.envs.sampling import StartConfig, StartSampler
from kinesis_trl.envs.terminations import STRICT, DistanceRule, body_distance
from kinesis_trl.motion.library import FPS, MotionLibrary


@dataclass(frozen=True, kw_only=True)
class RewardConfig:
    """Weights and scales of the reward (KINESIS, arXiv 2503.14637)."""

    position_weight: float = 0.6
    """Weight of the position term."""
    position_scale: float = 200.0
    """Scale of the mean squared position error, 1/m²."""
    velocity_weight: float = 0.2
    """Weight of the velocity term."""
    velocity_scale: float = 5.0
    """Scale of the mean squared velocity error, s²/m²."""
    upright_weight: float = 0.1
    """Weight of the upright term."""
    upright_scale: float = 3.0
    """Scale of the root's squared tilt, 1/rad²."""
    effort_weight: float = 0.1
    """Weight of the effort term."""


@dataclass(frozen=True, kw_only=True)
class FeedforwardConfig:
    """How an action corrects the target lengths that static optimisation found."""

    space: Literal["joints", "muscles"] = "joints"
    """joints: one number per independent joint, spread over the muscles by their moment arms; muscles: one each."""
    joint_scale: float = 3.0
    """Change of target lengths for an action of 1, in lengths that turning the joint by 1 rad would change."""
    muscle_scale: float = 0.1
    """Change of a target length for an action of 1, as a share of the muscle's longest length."""
    activation: bool = True
    """Start episodes with the activations that static optimisation found, instead of relaxed."""


@dataclass(frozen=True, kw_only=True)
class ImitationConfig(EnvConfig):
    """The imitation task; the defaults are the training rules."""

    start: Literal["random", "beginning"] = "random"
    """Where in its clip an episode starts."""
    starts: StartConfig = field(default_factory=StartConfig)
    """How random starts are drawn."""
    random_heading: bool = True
    """Turn each episode's clip by a random angle about the vertical."""
    feedforward: FeedforwardConfig = field(default_factory=FeedforwardConfig)
    """Corrections, with control feedforward."""
    rule: DistanceRule = STRICT
    """When an episode has failed."""
    reward: RewardConfig = field(default_factory=RewardConfig)
    """Weights and scales of the reward."""


def inverse_for(control: str) -> ResidualConfig | None:
    """What a kind of control needs of its motions: how to solve static optimisation, or None."""
    return ResidualConfig() if control == "feedforward" else None


class ImitationEnv(MyoLegsEnv):
    """N bodies, each following a clip of a library; an episode is truncated at the clip's end.

    Rows draw their clips from `clip_weights`, unless `assign` gave each row its own.

    Attributes:
        clip: (N,) clip each row follows.
        episode_steps: (N,) policy steps made in the present episode.
        time: (N,) seconds into that clip, float64.
        distances: (N, K) distance in metres of each tracked body from its reference at the last step.
        clip_weights: (C,) probabilities of the clips where starts do not look at failures; may be changed.
        sampler: draws clips and start times, and counts failures.
    """

    metric_names = (
        "position_reward",
        "velocity_reward",
        "upright_reward",
        "effort_reward",
        "mean_error",
        "largest_error",
        "clip",
        "episode_steps",
    )

    def __init__(self, body: BodyModel, library: MotionLibrary, config: ImitationConfig | None = None) -> None:
        """Environment on a body with references prepared for it.

        Args:
            body: the model to control.
            library: references for this body.
            config: settings; default: training rules.

        Raises:
            ValueError: the library is of another body, or the policy step is not its frame time.
        """
        config = config or ImitationConfig()
        if library.body_name != body.name:
            raise ValueError(
                f"the motion library is of body {library.body_name!r}, not {body.name!r}; prepare it anew."
            )
        if config.control == "feedforward" and library.inverse is None:
            raise ValueError("control feedforward needs motions with inverse solutions; prepare them with --inverse.")
        n = config.num_envs
        self.task_width = 9 * len(body.tracked_ids)
        self.library, self.rules = library, config
        self.clip = torch.zeros(n, dtype=torch.int64)
        self.episode_steps = torch.zeros(n, dtype=torch.int64)
        self.time = torch.zeros(n, dtype=torch.float64)
        self.distances = torch.zeros(n, len(body.tracked_ids), dtype=torch.float64)
        self.clip_weights = np.full(len(library), 1 / len(library))
        self.sampler = StartSampler(library.duration.numpy(), config.starts)
        self._assigned: NDArray[np.int64] | None = None
        self._turn = about_z(torch.zeros(n, dtype=torch.float64))
        self._turn_matrix = torch.zeros(n, 3, 3, dtype=torch.float64)
        self._ahead = torch.zeros(n, 2, len(body.tracked_ids), 3, dtype=torch.float64)
        self._origin = torch.zeros(n, 1, 3, dtype=torch.float64)
        super().__init__(body, config)
        if abs(self.policy_dt * FPS - 1) > 1e-9:
            raise ValueError(f"a policy step of {self.policy_dt} s does not fit references at {FPS} frames/s.")

    def assign(self, clips: NDArray[np.int64] | list[int] | None) -> None:
        """Let row i follow clip `clips[i]` from the next reset on; None goes back to drawing at random."""
        if clips is None:
            self._assigned = None
            return
        chosen = np.asarray(clips, dtype=np.int64)
        if chosen.shape != (self.settings.num_envs,) or chosen.min() < 0 or chosen.max() >= len(self.library):
            raise ValueError(
                f"assign needs {self.settings.num_envs} clip indices below {len(self.library)}, got {chosen.tolist()}."
            )
        self._assigned = chosen

    def reference(self, time: Tensor, rows: Any = ALL) -> tuple[Tensor, Tensor]:
        """Tracked bodies' reference of `rows` (R,), as each is turned, at `time` (Q, R) or (R,) seconds.

        Returns:
            positions and velocities, (Q, R, K, 3) or (R, K, 3), world frame.
        """
        position, velocity = self.library.tracked(self.clip[rows].expand(time.shape), time)
        turn = self._turn_matrix[rows]
        return (position - self._origin[rows]) @ turn, velocity @ turn

    def reference_action(self) -> Tensor:
        """(N, M) action whose target lengths are the reference's muscle lengths one policy step ahead (pd)."""
        index = self.library.frame_index(self.clip, self.time + self.policy_dt)
        length = self.library.muscle_length[index].double().numpy()
        return torch.from_numpy(action_for_length(length, self.body.muscles)).float()

    # -- hooks ---------------------------------------------------------------------------------------------

    def _start(self, rows: Rows) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        rng, count = self.generator, len(rows)
        if self._assigned is not None:
            clip = self._assigned[rows]
            time = self.sampler.times(clip, rng)
        else:
            clip, time = self.sampler.draw(count, self.clip_weights, rng)
        if self.rules.start == "beginning":
            time = np.zeros(count)
        angle = rng.uniform(-np.pi, np.pi, count) if self.rules.random_heading else np.zeros(count)
        index = torch.from_numpy(rows)
        self.clip[index] = torch.from_numpy(clip)
        self.time[index] = torch.from_numpy(time)
        self.episode_steps[index] = 0
        self._turn[index] = turn = about_z(torch.from_numpy(angle))
        self._turn_matrix[index] = to_heading(turn).mT
        # the frame nearest to the start, because states are stored at whole frames
        frame = self.library.frame_index(self.clip[index], self.time[index])
        self.time[index] = (frame - self.library.start[self.clip[index]]).double() / FPS
        first = self.library.qpos[self.library.start[self.clip[index]]]
        self._origin[index, 0, :2] = first[:, :2]
        qpos, qvel = self.library.qpos[frame].clone(), self.library.qvel[frame].clone()
        matrix = self._turn_matrix[index]
        qpos[:, :3] = ((qpos[:, :3] - self._origin[index, 0])[:, None] @ matrix).squeeze(1)
        qpos[:, 3:7] = multiply(turn, qpos[:, 3:7])
        qvel[:, :3] = (qvel[:, None, :3] @ matrix).squeeze(1)
        self._ahead[index] = torch.stack(self.reference(self.time[index] + self.policy_dt, index), dim=1)
        activation = torch.zeros(count, self.body.model.na)
        if self.settings.control == "feedforward" and self.rules.feedforward.activation:
            assert self.library.inverse is not None
            activation = self.library.inverse["activation"][frame]
        return qpos.numpy(), qvel.numpy(), activation.double().numpy()

    def _action_width(self) -> int:
        joints = self.settings.control == "feedforward" and self.rules.feedforward.space == "joints"
        return len(self.body.independent_joints) if joints else super()._action_width()

    def _act(self, action: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        if self.settings.control != "feedforward":
            return super()._act(action)
        assert self.library.inverse is not None
        # what the muscles should do at the step's end: activation follows excitation with a delay
        frame = self.library.frame_index(self.clip, self.time + self.policy_dt)
        target = self.library.inverse["target_length"][frame].double().numpy()
        correction = np.clip(action, -1, 1)
        if self.rules.feedforward.space == "joints":
            arms = self.library.inverse["moment_arm"][frame].double().numpy()
            return self.physics.step_lengths(
                target + self.rules.feedforward.joint_scale * np.einsum("nmj,nj->nm", arms, correction)
            )
        return self.physics.step_lengths(
            target + self.rules.feedforward.muscle_scale * self.body.muscles.longest_tendon * correction
        )

    def _advance_time(self) -> None:
        self.time += self.policy_dt
        self.episode_steps += 1

    def _task_observation(self, state: Tracked, rows: Any) -> dict[str, Tensor]:
        ref_pos, ref_vel = self._ahead[rows].unbind(1)
        root_pos, root_quat = state.position[:, 0], state.quaternion[:, 0]
        return tracking(root_pos, root_quat, state.body_pos, state.body_vel, ref_pos, ref_vel, state.heading)

    def _judge(self, state: Tracked, effort: Tensor) -> Judgement:
        # the description is `lag` old: compare it with the reference at that moment
        now = self.time - state.lag
        (ref_pos, next_pos), (ref_vel, next_vel) = self.reference(torch.stack([now, now + self.policy_dt]))
        self._ahead = torch.stack([next_pos, next_vel], dim=1)
        weights = self.rules.reward
        position = tracking_reward(state.body_pos, ref_pos, weights.position_scale)
        velocity = tracking_reward(state.body_vel, ref_vel, weights.velocity_scale)
        upright = upright_reward(state.tilt, weights.upright_scale)
        self.distances = distance = body_distance(state.body_pos, ref_pos)
        failed = self.rules.rule.failed(distance)
        lost = failed.numpy()
        self.sampler.note(self.clip.numpy()[lost], self.time.numpy()[lost])
        return Judgement(
            reward=weights.position_weight * position
            + weights.velocity_weight * velocity
            + weights.upright_weight * upright
            + weights.effort_weight * effort,
            terminated=failed,
            truncated=self.time >= self.library.duration[self.clip] - 1e-6,
            metrics={
                "position_reward": position,
                "velocity_reward": velocity,
                "upright_reward": upright,
                "effort_reward": effort,
                "mean_error": distance.mean(-1),
                "largest_error": distance.amax(-1),
                "clip": self.clip,
                "episode_steps": self.episode_steps,
            },
        )

    # -- going on later ------------------------------------------------------------------------------------

    def get_state(self) -> dict[str, Any]:
        """As the base class, with each row's clip, time and heading, the clips' weights and their failures."""
        mine = {key: value.clone() for key, value in self._carried().items()}
        counts = {"clip_weights": self.clip_weights.copy(), "failures": self.sampler.failures.copy()}
        return {**super().get_state(), **mine, **counts}

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore what `get_state` returned."""
        super().set_state(state)
        for key, mine in self._carried().items():
            mine.copy_(state[key])
        self.clip_weights = np.array(state["clip_weights"])
        self.sampler.failures = np.array(state["failures"])

    def _carried(self) -> dict[str, Tensor]:
        return {
            "clip": self.clip,
            "episode_steps": self.episode_steps,
            "time": self.time,
            "turn": self._turn,
            "turn_matrix": self._turn_matrix,
            "origin": self._origin,
            "ahead": self._ahead,
        }
