"""The tasks as registered Gymnasium environments, batched and single, for learners that do not speak TorchRL.

import gymnasium, kinesis_trl.envs.gym
envs = gymnasium.make_vec("kinesis_trl/Imitation-v0", num_envs=16, library=library, body=body)
env = gymnasium.make("kinesis_trl/Imitation-v0", library=library, body=body, render_mode="rgb_array")
"""

from __future__ import annotations

import weakref
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym
import mujoco
import numpy as np
import torch
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray
from tensordict import TensorDict

from kinesis_trl.body.model import BodyModel, load_body
from kinesis_trl.envs.base import MyoLegsEnv
from kinesis_trl.envs.config import EnvConfig, ImitationConfig
from kinesis_trl.envs.goal_config import BallConfig, DirectionalConfig, PointGoalConfig
from kinesis_trl.envs.imitation import inverse_for
from kinesis_trl.motion.library import MotionLibrary
from kinesis_trl.motion.sources import open_library

IMITATION = "kinesis_trl/Imitation-v0"
POINT_GOAL = "kinesis_trl/PointGoal-v0"
BALL = "kinesis_trl/Ball-v0"
DIRECTIONAL = "kinesis_trl/Directional-v0"


class MyoLegsVectorEnv(VectorEnv[NDArray[np.float32], NDArray[np.float32], NDArray[Any]]):
    """A natively batched task behind Gymnasium's vector interface.

    By default, as Gymnasium's own, an environment that ended is reset by the next step, which ignores its action and
    returns reward 0. In the mode SAME_STEP it is reset in the step that ends it: the observation returned is the new
    episode's first, and the true last one is in `infos["final_obs"]` with the mask `infos["_final_obs"]`. In the mode
    DISABLED it is reset by `reset` alone, with `options["reset_mask"]`. Logged terms stand in `infos` under their
    names.
    """

    def __init__(
        self,
        env: MyoLegsEnv,
        autoreset_mode: AutoresetMode = AutoresetMode.NEXT_STEP,
        render_mode: str | None = None,
    ) -> None:
        """Wrap a TorchRL environment of this package.

        Raises:
            ValueError: another render mode than rgb_array.
        """
        if render_mode not in (None, "rgb_array"):
            raise ValueError(f"render_mode is {render_mode!r}; choose rgb_array or None.")
        self.env, self.autoreset_mode, self.render_mode = env, AutoresetMode(autoreset_mode), render_mode
        self.num_envs = env.settings.num_envs
        self.metadata = {
            "autoreset_mode": self.autoreset_mode,
            "render_modes": ["rgb_array"],
            "render_fps": round(1 / env.policy_dt),
        }
        self._renderer: mujoco.Renderer | None = None
        self.single_observation_space = gym.spaces.Box(-np.inf, np.inf, (env.observation_width,), np.float32)
        self.single_action_space = gym.spaces.Box(-1.0, 1.0, (env.control.width,), np.float32)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self._ended = np.zeros(self.num_envs, dtype=bool)

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Reset all environments, or those of `options["reset_mask"]` (num_envs,); `seed` seeds the whole batch.

        Raises:
            ValueError: a list of seeds; one generator serves all environments.
        """
        if isinstance(seed, (list, tuple)):
            raise ValueError("one random generator serves all environments; pass a single seed, not a list.")
        if seed is not None:
            self.env.set_seed(int(seed))
        mask = (options or {}).get("reset_mask")
        chosen = np.ones(self.num_envs, dtype=bool) if mask is None else np.asarray(mask, dtype=bool)
        self._ended &= ~chosen
        return self._begin(None if mask is None else chosen), {}

    def step(
        self, actions: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[Any], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """One policy step for all environments; actions (num_envs, A) in [−1, 1]."""
        action = torch.as_tensor(np.asarray(actions, dtype=np.float32))
        if action.shape != self.env.action_spec.shape:
            raise ValueError(f"actions have shape {tuple(action.shape)}, expected {tuple(self.env.action_spec.shape)}.")
        td = self.env.advance(action)
        observation = td["observation"].numpy()
        reward, terminated, truncated = (
            td[key].reshape(-1).numpy().copy() for key in ("reward", "terminated", "truncated")
        )
        infos: dict[str, Any] = dict(zip(self.env.metric_names, td["metrics"].numpy().T, strict=True))
        done = terminated | truncated
        begins = np.zeros_like(done)
        if self.autoreset_mode is AutoresetMode.SAME_STEP:
            begins = done
            if done.any():
                infos["final_obs"], infos["_final_obs"] = observation.copy(), done.copy()
        elif self.autoreset_mode is AutoresetMode.NEXT_STEP:
            begins, self._ended = self._ended, done & ~self._ended
            reward[begins], terminated[begins], truncated[begins] = 0.0, False, False
        if begins.any():
            observation = np.where(begins[:, None], self._begin(begins), observation)
        return observation, reward, terminated, truncated, infos

    def _begin(self, rows: NDArray[np.bool_] | None) -> NDArray[np.float32]:
        """Observations (num_envs, O) after a reset of some rows, or of all."""
        request = None
        if rows is not None:
            mask = torch.from_numpy(rows.copy()).reshape(self.num_envs, 1)
            request = TensorDict({"_reset": mask}, batch_size=self.env.batch_size)
        self.env.reset(request)  # what it returns is zero in the other rows
        observation: NDArray[np.float32] = self.env.state["observation"].numpy().copy()
        return observation

    def render(self) -> tuple[NDArray[np.uint8], ...] | None:
        """Pictures (480, 640, 3) of each body from its side, with render_mode rgb_array."""
        if self.render_mode is None:
            return None
        model = self.env.body.whole
        if self._renderer is None:
            self._renderer = mujoco.Renderer(model, 480, 640)
            weakref.finalize(self, self._renderer.close)  # before what it draws with is torn down
        data, camera = mujoco.MjData(model), mujoco.MjvCamera()
        camera.distance, camera.azimuth, camera.elevation = 3.0, 90.0, -10.0
        pictures = []
        for qpos in self.env.physics.qpos:
            data.qpos[:] = qpos
            mujoco.mj_forward(model, data)
            camera.lookat[:] = qpos[:3]
            self._renderer.update_scene(data, camera)
            pictures.append(self._renderer.render())
        return tuple(pictures)

    def close_extras(self, **kwargs: Any) -> None:
        """Give the pictures' memory back."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None


class MyoLegsSingleEnv(gym.Env[NDArray[np.float32], NDArray[np.float32]]):
    """One body behind Gymnasium's interface; observations are those of a vector environment of one."""

    def __init__(self, envs: MyoLegsVectorEnv) -> None:
        """Wrap a vector environment of one that does not reset by itself."""
        self.envs, self.render_mode = envs, envs.render_mode
        self.metadata = {key: envs.metadata[key] for key in ("render_modes", "render_fps")}
        self.observation_space, self.action_space = envs.single_observation_space, envs.single_action_space

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin an episode."""
        super().reset(seed=seed)
        return self.envs.reset(seed=seed)[0][0], {}

    def step(self, action: NDArray[np.float32]) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """One policy step; action (A,) in [−1, 1]. Logged terms stand in the last value."""
        observation, reward, terminated, truncated, infos = self.envs.step(np.asarray(action)[None])
        said = {name: float(value[0]) for name, value in infos.items()}
        return observation[0], float(reward[0]), bool(terminated[0]), bool(truncated[0]), said

    def render(self) -> NDArray[np.uint8] | None:  # type: ignore[override]  # one frame, not a list of frames
        """Picture (480, 640, 3) of the body from its side, with render_mode rgb_array."""
        pictures = self.envs.render()
        return None if pictures is None else pictures[0]

    def close(self) -> None:
        """Give the picture's memory back."""
        self.envs.close()


def make_vector(
    task: str,
    num_envs: int = 1,
    *,
    body: BodyModel | str | Path = "myolegs",
    library: MotionLibrary | str | Path = "locomotion-v1/train",
    config: EnvConfig | None = None,
    autoreset_mode: AutoresetMode = AutoresetMode.NEXT_STEP,
    render_mode: str | None = None,
    **options: Any,
) -> MyoLegsVectorEnv:
    """Vector environment of a registered task.

    Args:
        task: as Gymnasium calls it.
        num_envs: environments stepped together.
        body: a body, its name, or a path to a KINESIS model file.
        library: motions, or what `kinesis_trl.motion.sources.open_library` takes, for a task that follows clips.
        config: settings; default: the task's own.
        autoreset_mode: when an environment that ended is reset.
        render_mode: rgb_array for pictures.
        options: fields of the config to replace.
    """
    model = body if isinstance(body, BodyModel) else load_body(body)
    settings = replace(config or _TASKS[task](), num_envs=num_envs, **options)
    motions = library if isinstance(library, MotionLibrary) else None
    if settings.follows_clips and motions is None:
        motions, _ = open_library(library, model, inverse=inverse_for(settings.control))  # type: ignore[arg-type]
    return MyoLegsVectorEnv(settings.make(model, motions), autoreset_mode, render_mode)


def make_single(task: str, **options: Any) -> MyoLegsSingleEnv:
    """One environment of a registered task; `options` as of `make_vector`."""
    return MyoLegsSingleEnv(make_vector(task, 1, autoreset_mode=AutoresetMode.DISABLED, **options))


_TASKS: dict[str, type[EnvConfig]] = {
    IMITATION: ImitationConfig,
    POINT_GOAL: PointGoalConfig,
    BALL: BallConfig,
    DIRECTIONAL: DirectionalConfig,
}
for _id in _TASKS:
    if _id not in gym.registry:
        gym.register(id=_id, entry_point=partial(make_single, _id), vector_entry_point=partial(make_vector, _id))
