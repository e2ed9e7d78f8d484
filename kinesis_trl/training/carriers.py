"""What a checkpoint holds besides the learner, in the form that checkpoints take."""

from __future__ import annotations

import json
from typing import Any

from tensordict import TensorDict

from kinesis_trl.envs.base import MyoLegsEnv


class EnvCarrier:
    """The environment's state in the form that checkpoints take: tensors and text."""

    def __init__(self, env: MyoLegsEnv | None) -> None:
        self.env = env

    def state_dict(self) -> dict[str, Any]:
        if self.env is None:
            return {"present": False}
        state = self.env.get_state()
        plain = {"bodies": state["bodies"].to_dict(), "generator": json.dumps(state["generator"])}
        return {"present": True, **state, **plain}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if self.env is None or not state["present"]:
            return
        bodies = TensorDict(state["bodies"], batch_size=self.env.batch_size)
        self.env.set_state({**state, "bodies": bodies, "generator": json.loads(state["generator"])})


class Counters:
    """Counters of the run, restored in place."""

    def __init__(self, counters: dict[str, Any]) -> None:
        self.counters = counters

    def state_dict(self) -> dict[str, Any]:
        return dict(self.counters)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.counters.update(state)
