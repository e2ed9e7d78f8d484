"""The tasks as registered Gymnasium vector environments, for learners that do not speak TorchRL.

import gymnasium, kinesis_trl.envs.gym
envs = gymnasium.make_vec("kinesis_trl/Imitation-v0", num_envs=16, library=library, body=body)
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray
from tensordict import TensorDict

from kinesis_trl.body.model import BodyModel, load_body
from kinesis_trl.envs.base import MyoLegsEnv
from kinesis_trl.envs.directional import DirectionalConfig, DirectionalEnv
from kinesis_trl.envs.imitation import ImitationConfig, ImitationEnv
from kinesis_trl.envs.point_goal import PointGoalConfig, PointGoalEnv
from kinesis_trl.motion.library import MotionLibrary
from kinesis_trl.motion.sources import open_library

IMITATION = "kinesis_trl/Imitation-v0"
POINT_GOAL = "kinesis_trl/PointGoal-v0"
DIRECTIONAL = "kinesis_trl/Directional-v0"


class MyoLegsVectorEnv(VectorEnv[NDArray[np.float32], NDArray[np.float32], NDArray[Any]]):
    """A natively batched task behind Gymnasium's vector interface.

    An environment that ends is reset in the same step: the observation returned is the new episode's first,
    and the true last one is in `infos["final_obs"]` with the mask `infos["_final_obs"]`. Logged terms stand
    in `infos` under their names.
    """

    def __init__(self, env: MyoLegsEnv) -> None:
        """Wrap a TorchRL environment of this package."""
        self.env = env
        self.num_envs = env.settings.num_envs
        self.metadata = {"autoreset_mode": AutoresetMode.SAME_STEP}
        self.single_observation_space = gym.spaces.Box(-np.inf, np.inf, (env.observation_width,), np.float32)
        self.single_action_space = gym.spaces.Box(-1.0, 1.0, (env.body.model.nu,), np.float32)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)

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
            self.env._set_seed(int(seed))
        mask = (options or {}).get("reset_mask")
        request = None
        if mask is not None:
            mask = torch.as_tensor(np.asarray(mask, dtype=bool)).reshape(self.num_envs, 1)
            request = TensorDict({"_reset": mask}, batch_size=self.env.batch_size)
        td = self.env._reset(request)
        return td["observation"].numpy(), {}

    def step(
        self, actions: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[Any], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """One policy step for all environments; actions (num_envs, M) in [−1, 1]."""
        action = torch.as_tensor(np.asarray(actions, dtype=np.float32))
        if action.shape != self.env.action_spec.shape:
            raise ValueError(f"actions have shape {tuple(action.shape)}, expected {tuple(self.env.action_spec.shape)}.")
        td = self.env._step(TensorDict({"action": action}, batch_size=self.env.batch_size))
        observation = td["observation"].numpy()
        infos: dict[str, Any] = dict(zip(self.env.metric_names, td["metrics"].numpy().T, strict=True))
        done = td["done"]
        if bool(done.any()):
            infos["final_obs"], infos["_final_obs"] = observation.copy(), done.reshape(-1).numpy()
            fresh = self.env._reset(TensorDict({"_reset": done}, batch_size=self.env.batch_size))
            observation = np.where(done.numpy(), fresh["observation"].numpy(), observation)
        return (
            observation,
            td["reward"].reshape(-1).numpy(),
            td["terminated"].reshape(-1).numpy(),
            td["truncated"].reshape(-1).numpy(),
            infos,
        )

    def close_extras(self, **kwargs: Any) -> None:
        """Nothing is held outside memory."""


def make_imitation(
    num_envs: int = 1,
    *,
    body: BodyModel | str | Path = "myolegs",
    library: MotionLibrary | str | Path = "locomotion-v1/train",
    config: ImitationConfig | None = None,
    **options: Any,
) -> MyoLegsVectorEnv:
    """Vector environment of the imitation task.

    Args:
        num_envs: environments stepped together.
        body: a body, its name, or a path to a KINESIS model file.
        library: motions, or what `kinesis_trl.motion.sources.open_library` takes.
        config: settings; default: training rules.
        options: fields of the config to replace.
    """
    model = body if isinstance(body, BodyModel) else load_body(body)
    motions = library if isinstance(library, MotionLibrary) else open_library(library, model)[0]
    settings = replace(config or ImitationConfig(), num_envs=num_envs, **options)
    return MyoLegsVectorEnv(ImitationEnv(model, motions, settings))


def make_point_goal(
    num_envs: int = 1,
    *,
    body: BodyModel | str | Path = "myolegs",
    rules: PointGoalConfig | None = None,
    config: ImitationConfig | None = None,
    **options: Any,
) -> MyoLegsVectorEnv:
    """Vector environment of target reaching; `rules` of the task, `config` and `options` as of `make_imitation`."""
    model = body if isinstance(body, BodyModel) else load_body(body)
    settings = replace(config or ImitationConfig(), num_envs=num_envs, **options)
    return MyoLegsVectorEnv(PointGoalEnv(model, rules, settings))


def make_directional(
    num_envs: int = 1,
    *,
    body: BodyModel | str | Path = "myolegs",
    rules: DirectionalConfig | None = None,
    config: ImitationConfig | None = None,
    **options: Any,
) -> MyoLegsVectorEnv:
    """Vector environment of directional control; arguments as of `make_point_goal`."""
    model = body if isinstance(body, BodyModel) else load_body(body)
    settings = replace(config or ImitationConfig(), num_envs=num_envs, **options)
    return MyoLegsVectorEnv(DirectionalEnv(model, rules, settings))


for _id, _entry in ((IMITATION, make_imitation), (POINT_GOAL, make_point_goal), (DIRECTIONAL, make_directional)):
    if _id not in gym.registry:
        gym.register(id=_id, vector_entry_point=f"{__name__}:{_entry.__name__}")
