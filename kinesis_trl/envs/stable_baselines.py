"""The tasks for Stable-Baselines3, all bodies stepped together: several times as fast as one environment a body.

from stable_baselines3 import PPO
PPO("MlpPolicy", BatchedVecEnv(make_vector(IMITATION, num_envs=16))).learn(1_000_000)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray
from stable_baselines3.common.vec_env.base_vec_env import VecEnv

from kinesis_trl.envs.gym import MyoLegsVectorEnv


class BatchedVecEnv(VecEnv):
    """A vector environment of `kinesis_trl.envs.gym` as Stable-Baselines3 wants it; resets in the step that ends."""

    def __init__(self, envs: MyoLegsVectorEnv) -> None:
        """Take over a vector environment."""
        envs.autoreset_mode = envs.metadata["autoreset_mode"] = AutoresetMode.SAME_STEP
        self.envs, self.render_mode = envs, envs.render_mode
        super().__init__(envs.num_envs, envs.single_observation_space, envs.single_action_space)

    def reset(self) -> NDArray[np.float32]:  # type: ignore[override]  # observations are one array
        """First observations (N, O); seeded by the first seed given to `seed`."""
        observation, _ = self.envs.reset(seed=self._seeds[0])
        self._reset_seeds()
        return observation

    def step_async(self, actions: NDArray[np.float32]) -> None:
        """Keep actions (N, A)."""
        self._actions = actions

    def step_wait(self) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_], list[dict[str, Any]]]:  # type: ignore[override]
        """One policy step of all bodies."""
        observation, reward, terminated, truncated, said = self.envs.step(self._actions)
        done = terminated | truncated
        infos: list[dict[str, Any]] = [{"TimeLimit.truncated": bool(cut)} for cut in truncated]
        for row in np.flatnonzero(done):
            infos[row] |= {name: float(said[name][row]) for name in self.envs.env.metric_names}
            infos[row]["terminal_observation"] = said["final_obs"][row]
        return observation, reward, done, infos

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """Something that all bodies share, once for each."""
        return [getattr(self.envs, attr_name) for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Set something that all bodies share."""
        setattr(self.envs, attr_name, value)

    def env_method(self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any) -> list[Any]:
        """Call a method of all bodies together; its result, once for each."""
        result = getattr(self.envs, method_name)(*method_args, **method_kwargs)
        return [result for _ in self._get_indices(indices)]

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        """Bodies are not wrapped one by one."""
        return [False for _ in self._get_indices(indices)]

    def get_images(self) -> Sequence[NDArray[np.uint8] | None]:
        """Pictures of all bodies, with render_mode rgb_array."""
        return self.envs.render() or [None] * self.num_envs

    def close(self) -> None:
        """Give the pictures' memory back."""
        self.envs.close()
