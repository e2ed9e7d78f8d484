"""What a checkpoint holds besides the learner, in the form that checkpoints take."""

from __future__ import annotations

import json
from typing import Any

import torch

from kinesis_trl.envs.base import MyoLegsEnv


class EnvStateAdapter:
    """The environment's state in the form that checkpoints take: tensors and text."""

    def __init__(self, env: MyoLegsEnv | None) -> None:
        self.env = env

    def state_dict(self) -> dict[str, Any]:
        if self.env is None:
            return {"present": False}
        state = self.env.get_state()
        tensors = {k: torch.as_tensor(v) for k, v in state.items() if k not in ("physics", "generator")}
        return {
            "present": True,
            "generator": json.dumps(state["generator"]),
            "physics": {k: torch.from_numpy(v) for k, v in state["physics"].items()},
            "task": tensors,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if self.env is None or not state["present"]:
            return
        self.env.set_state(
            {
                **state["task"],
                "generator": json.loads(state["generator"]),
                "physics": {k: v.numpy() for k, v in state["physics"].items()},
            }
        )


class Counters:
    """Counters of the run, restored in place."""

    def __init__(self, counters: dict[str, Any]) -> None:
        self.counters = counters

    def state_dict(self) -> dict[str, Any]:
        return dict(self.counters)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.counters.update(state)
