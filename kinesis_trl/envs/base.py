"""MyoLegsEnv: a natively batched TorchRL environment around the body; tasks fill in three hooks."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tensordict import TensorDict, TensorDictBase
from torch import Tensor
from torchrl.data import Binary, Bounded, Composite, Unbounded
from torchrl.envs import EnvBase

from kinesis_trl.body.model import BodyModel
from kinesis_trl.body.physics import BatchPhysics
from kinesis_trl.body.simulator import ALL, Physics
from kinesis_trl.envs.anatomy import Anatomy
from kinesis_trl.envs.config import EnvConfig
from kinesis_trl.envs.control.base import Reference
from kinesis_trl.envs.layout import Layout
from kinesis_trl.envs.scene import Ahead, Scene, Tracked
from kinesis_trl.envs.scoring import Metric, Scoring, StepResult
from kinesis_trl.envs.symmetry import SampleMirror
from kinesis_trl.envs.terms.metrics import episode_steps

Rows = NDArray[np.int64]

_ENDS = ("done", "terminated", "truncated")
_LEFT_BEHIND = ("next", "reward", "_reset")
"""Keys of a step that the next one does not begin with."""


class MyoLegsEnv(EnvBase):
    """N bodies stepped together. Keys: observation, action, reward, done, terminated, truncated, metrics.

    `metrics` (N, m) are logged terms of the step just made, in the order of `metric_names`; zero after a reset.

    A task defines `metrics` and three hooks: `_start` (where episodes begin), `_ahead_of` (what is observed of its
    references) and `_result`.

    Attributes:
        settings: the config, with the task's own part.
        state: (N,) all that belongs to single bodies, with the simulations' own memory: clone it to keep it, index it
            to pick bodies, write to it to put them elsewhere. A task adds its own entries and changes them in place.
        layout: what is observed, term by term.
        control: what actions mean.
        anatomy: what reward terms know of the body.
        scoring: reward, terminations and metrics, term by term.
        actions: (N, 3, A) the last three, newest first, within [−1, 1]; zero before an episode began.
        episode_steps: (N,) policy steps made in the present episode.
        joint_dofs: (J,) places of the independent joints in qvel; in qpos they are one further.
    """

    def __init__(self, body: BodyModel, config: EnvConfig) -> None:
        """Build the simulations and declare the specs.

        Args:
            body: the model to control.
            config: settings that all tasks share.
        """
        super().__init__(device="cpu", batch_size=torch.Size([config.num_envs]))
        body = body.at_rate(config.physics.rate)
        self.body, self.settings = body, config
        self.physics: Physics = BatchPhysics(body, config.num_envs, config.physics)
        self.layout = Layout(body, config.observation)
        self.control = config.control.make(body, config.num_envs)
        self.anatomy = Anatomy(body)
        self.scoring = Scoring(config, self.metrics(config))
        self.policy_dt = config.physics.substeps * self.physics.substep
        self._tracked = torch.from_numpy(body.tracked_in_observed)
        self.joint_dofs = torch.from_numpy(body.couplings.independent_dofs(body.model.nv)[6:])
        if "last_action" in self.layout.places and self.control.width != len(self.joint_dofs):
            raise ValueError(
                f"the term last_action is of one number per joint, control {config.control.name} takes "
                f"{self.control.width}; leave it out."
            )
        self._set_seed(config.seed)
        self._declare_specs()
        if config.control.needs_moment_arms:
            self.physics.keep_moments()
        live = {name: torch.from_numpy(array) for name, array in self.physics.live_state().items()}
        self.state = TensorDict({"physics": live, "control": self.control.state}, batch_size=self.batch_size)
        self.actions = self.state["actions"] = torch.zeros(config.num_envs, 3, self.control.width, dtype=torch.float64)
        self.episode_steps = self.state["episode_steps"] = torch.zeros(config.num_envs, dtype=torch.int64)
        self._observation = self.state["observation"] = torch.zeros(config.num_envs, self.layout.width)
        self._restored = False

    # -- hooks ---------------------------------------------------------------------------------------------

    @classmethod
    def metrics(cls, config: EnvConfig) -> tuple[Metric, ...]:
        """What is logged besides the reward terms."""
        return (episode_steps,)

    @abstractmethod
    def _start(self, rows: Rows) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Begin new episodes in `rows` (R,): qpos (R, nq), qvel (R, nv), activation (R, M)."""

    @abstractmethod
    def _ahead_of(self, state: Tracked, rows: Any) -> Ahead:
        """The references of `rows` (R,), whose bodies are as `state` says."""

    @abstractmethod
    def _result(self, state: Tracked, effort: Tensor) -> StepResult:
        """Reward and ends of the step just made; `effort` (N,) is the energy term of the reward."""

    # -- TorchRL -------------------------------------------------------------------------------------------

    def _declare_specs(self) -> None:
        n, width = self.settings.num_envs, self.layout.width
        # one tensor for all metrics: a key each would cost 4 % of a step in merging them at resets
        metrics = Unbounded((n, len(self.metric_names)))
        self.observation_spec = Composite(observation=Unbounded((n, width)), metrics=metrics, shape=(n,))
        self.action_spec = Bounded(-1.0, 1.0, shape=(n, self.control.width))
        self.reward_spec = Unbounded((n, 1))
        self.full_done_spec = Composite(
            {key: Binary(1, shape=(n, 1), dtype=torch.bool) for key in _ENDS},
            shape=(n,),
        )

    def _set_seed(self, seed: int | None) -> None:
        self.generator = np.random.default_rng(seed)

    def _reset(self, tensordict: TensorDictBase | None = None, **kwargs: Any) -> TensorDictBase:
        n = self.settings.num_envs
        mask = None if tensordict is None else tensordict.get("_reset", None)
        rows = np.arange(n) if mask is None else np.flatnonzero(mask.reshape(-1).numpy())
        if self._restored and mask is None:
            self._restored = False  # a learner's first reset after `set_state` goes on instead of starting anew
        else:
            self._begin(rows)
        return TensorDict(
            {
                "observation": self._observation.clone(),
                "metrics": torch.zeros(n, len(self.metric_names)),
                **{key: torch.zeros(n, 1, dtype=torch.bool) for key in _ENDS},
            },
            batch_size=self.batch_size,
        )

    def _begin(self, rows: Rows) -> None:
        """Begin new episodes in `rows` (R,)."""
        index = torch.from_numpy(rows)
        self.actions[index] = 0.0
        if self.physics.fatigue is not None:
            self.physics.fatigue.start(rows, self.generator)
        self.episode_steps[index] = 0
        self.physics.reset(rows, *self._start(rows))
        self._observation[index] = self._describe(self._observe(rows), rows)

    def step_and_maybe_reset(self, tensordict: TensorDictBase) -> tuple[TensorDictBase, TensorDictBase]:
        """As TorchRL's for any environment, without the time it takes to find out about this one's keys."""
        after = self.advance(tensordict.get("action"))
        tensordict.set("next", after)
        ahead = {key: value for key, value in tensordict.items() if key not in _LEFT_BEHIND}
        ahead.update((key, value) for key, value in after.items() if key not in _LEFT_BEHIND)
        done = after.get("done")
        if done.any():
            self._begin(np.flatnonzero(done.numpy()))
            ahead["observation"] = self._observation.clone()
            ahead["metrics"] = after.get("metrics").masked_fill(done, 0.0)
            ahead.update((key, torch.zeros_like(done)) for key in _ENDS)
        return tensordict, TensorDict(ahead, batch_size=self.batch_size, device=tensordict.device)

    def _step(self, tensordict: TensorDictBase) -> TensorDictBase:
        return self.advance(tensordict.get("action"))

    def advance(self, chosen: Tensor) -> TensorDictBase:
        """One policy step under actions (N, A): what it led to, as `step` puts it under "next"."""
        action = chosen.double().numpy()
        self.actions[:, 1:] = self.actions[:, :2].clone()
        self.actions[:, 0] = torch.from_numpy(action).clamp(-1, 1)
        effort, failed = self._act(action)
        self._advance_time()
        state = self._observe()
        result = self._result(state, torch.from_numpy(effort))
        lost = torch.from_numpy(failed)
        terminated = result.terminated | lost
        truncated = result.truncated & ~terminated
        observation = self._describe(state, ALL)
        self._observation.copy_(observation)
        return TensorDict(
            {
                "observation": observation,
                "reward": result.reward.masked_fill(lost, 0.0).float()[:, None],
                "metrics": result.metrics,
                "done": (terminated | truncated)[:, None],
                "terminated": terminated[:, None],
                "truncated": truncated[:, None],
            },
            batch_size=self.batch_size,
        )

    def _observe(self, rows: Any = ALL) -> Tracked:
        return Tracked.of(self.physics.observe(rows), self._tracked)

    def sample_mirror(self) -> SampleMirror:
        """Mirrors what a policy observes and does here."""
        return SampleMirror(self.layout.mirror, self.control.mirror)

    def _act(self, action: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """One policy step under actions (N, A): effort reward (N,) and rows that failed (N,)."""
        return self.control.step(self.physics, action, self.current_reference())

    def current_reference(self) -> Reference | None:
        """What the bodies follow now, or None where they follow nothing."""
        return None

    def _advance_time(self) -> None:
        """Called after each policy step: tasks move their clocks here."""
        self.episode_steps += 1

    def _describe(self, state: Tracked, rows: Any) -> Tensor:
        """Observation (R, O), float32, of `rows`, whose bodies `state` describes."""
        return self.layout.compose(self._scene(state, rows))

    def scene(self) -> Scene:
        """What can be observed of all bodies now."""
        return self._scene(self._observe(), ALL)

    def _scene(self, state: Tracked, rows: Any) -> Scene:
        return Scene(state, self.physics, rows, self.joint_dofs, self._ahead_of(state, rows), self.actions[rows, 0])

    def _step_made(self, state: Tracked, effort: Tensor) -> dict[str, Any]:
        """What every task knows of the step just made, for its kind of `Step`."""
        return {
            "state": state,
            "physics": self.physics,
            "anatomy": self.anatomy,
            "actions": self.actions,
            "effort": effort,
            "episode_steps": self.episode_steps,
        }

    @property
    def metric_names(self) -> tuple[str, ...]:
        """Names of the logged terms."""
        return self.scoring.names

    @property
    def observation_width(self) -> int:
        """Numbers in an observation."""
        return self.layout.width

    # -- going on later ------------------------------------------------------------------------------------

    def get_state(self) -> dict[str, Any]:
        """Everything needed to go on to the same numbers, including the random numbers; copies."""
        return {"bodies": self.state.clone(), "generator": self.generator.bit_generator.state}

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore what `get_state` returned; the next reset of all rows then goes on from there.

        Raises:
            ValueError: another number of bodies, or of another environment.
        """
        put_rows(self.state, state["bodies"])
        self.generator.bit_generator.state = state["generator"]
        self._restored = True


def put_rows(state: TensorDictBase, kept: TensorDictBase, rows: Any = ALL) -> None:
    """Write `kept` (R,) into `rows` of an environment's state (N,), in place.

    Raises:
        ValueError: they are not of the same environment, body and number of rows.
    """
    for key, mine in state.items(include_nested=True, leaves_only=True):
        value = kept.get(key, None)
        if value is None or value.shape[1:] != mine.shape[1:] or (rows is ALL and len(value) != len(mine)):
            found = None if value is None else tuple(value.shape)
            raise ValueError(
                f"saved {key} has shape {found}, this environment's has {tuple(mine.shape)}; use the same task, body "
                "and number of environments."
            )
        mine[rows] = value
