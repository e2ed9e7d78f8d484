"""Calm movement: costs of restless actions, effort and heavy steps, and how much they count while tracking holds."""

from __future__ import annotations

from typing import Any

import mujoco
import torch
from torch import Tensor

from kinesis_trl.body.model import BodyModel
from kinesis_trl.body.physics import BatchPhysics
from kinesis_trl.envs.config import AdaptiveEffortConfig, CalmConfig
from kinesis_trl.envs.rewards import (
    action_cost,
    activation_cost,
    bend_cost,
    change_cost,
    limit_cost,
    load_cost,
    scuff_cost,
)

_AIR = 0.02  # metres above the floor from which on a foot is in the air


class Calm:
    """Costs of N bodies after a policy step.

    Attributes:
        factor: what all costs are multiplied by.
        score: smoothed share of the bodies that are where they should be.
    """

    def __init__(self, body: BodyModel, config: CalmConfig, adaptive: AdaptiveEffortConfig) -> None:
        self.config, self.adaptive = config, adaptive
        self.factor, self.score = adaptive.start, adaptive.threshold
        muscles, model = body.muscles, body.model
        self._volume = torch.from_numpy(muscles.peak_force / muscles.length_scale)
        self._weight = float(model.body_mass.sum() * abs(model.opt.gravity[2]))
        data = mujoco.MjData(model)
        data.qpos[:] = body.standing_qpos
        mujoco.mj_kinematics(model, data)
        self._standing = torch.from_numpy(data.xpos[body.tracked_ids, 2].copy())
        names = body.entry.touch, body.entry.tracked
        self._feet = (
            [[k for k, name in enumerate(names[0]) if name.startswith(f"{side}_")] for side in "rl"],
            [[k for k, name in enumerate(names[1]) if name in (f"talus_{side}", f"toes_{side}")] for side in "rl"],
        )
        if config.scuff_weight and not all(places for part in self._feet for places in part):
            raise ValueError(f"scuff_weight needs feet; body {body.name} tracks {', '.join(names[1])}.")
        dofs = body.couplings.independent_dofs(model.nv)[6:]
        limited = model.jnt_limited[1:][dofs - 6] > 0
        self._joints = torch.from_numpy(dofs[limited] + 1)
        self._bounds = torch.from_numpy(body.joint_range[dofs[limited] - 6])

    def costs(self, actions: Tensor, physics: BatchPhysics, touch: Tensor, height: Tensor) -> dict[str, Tensor]:
        """Costs (N,) that count, by name.

        Args:
            actions: (N, 3, A) the last three, newest first.
            physics: the bodies.
            touch: (N, S) newtons.
            height: (N, K) of the tracked bodies' references, in metres.
        """
        made = {
            "action": lambda: action_cost(actions),
            "change": lambda: change_cost(actions),
            "bend": lambda: bend_cost(actions),
            "activation": lambda: activation_cost(torch.from_numpy(physics.activation), self._volume),
            "load": lambda: load_cost(touch, self._weight, self.config.load_limit),
            "scuff": lambda: scuff_cost(self._by_foot(touch), self._clearance(height), self._weight, _AIR),
            "limit": lambda: limit_cost(torch.from_numpy(physics.qpos)[:, self._joints], self._bounds),
        }
        return {name: made[name]() for name in self.config.names}

    def _by_foot(self, touch: Tensor) -> Tensor:
        """(N, 2) newtons on the right and left foot."""
        return torch.stack([touch[:, places].sum(-1) for places in self._feet[0]], dim=-1)

    def _clearance(self, height: Tensor) -> Tensor:
        """(N, 2) metres between floor and sole of the references' right and left foot: of heel or toes, the lower."""
        above = height - self._standing
        return torch.stack([above[:, places].amin(-1) for places in self._feet[1]], dim=-1)

    def adapt(self, near: Tensor) -> None:
        """Move the factor by which bodies (N,) are within 0.15 m of their reference."""
        config = self.adaptive
        if not config.threshold:
            return
        self.score = config.smoothing * self.score + (1 - config.smoothing) * float(near.double().mean())
        change = 1 + config.rate if self.score >= config.threshold else 1 / (1 + config.rate)
        self.factor = min(max(self.factor * change, config.least), config.largest)

    def get_state(self) -> dict[str, Any]:
        """What learning goes on from."""
        return {"effort": torch.tensor([self.factor, self.score], dtype=torch.float64)}

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore what `get_state` returned."""
        self.factor, self.score = torch.as_tensor(state["effort"]).tolist()
