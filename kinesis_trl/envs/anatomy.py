"""What reward terms need to know of a body that does not change: volumes, weight, feet, ranges of joints."""

from __future__ import annotations

from functools import cached_property

import mujoco
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kinesis_trl.body.metabolics import Contraction, bhargava_2004, slow_share
from kinesis_trl.body.model import BodyModel


class Anatomy:
    """Constants of a body.

    Attributes:
        weight: newtons.
    """

    def __init__(self, body: BodyModel) -> None:
        self._body = body
        self.weight = float(body.model.body_mass.sum() * abs(body.model.opt.gravity[2]))

    @cached_property
    def volume(self) -> Tensor:
        """(M,) volumes of the muscles, in proportion: peak force times optimal length."""
        return torch.from_numpy(self._body.muscles.peak_force / self._body.muscles.length_scale)

    def metabolic_power(self, excitation: Tensor, activation: Tensor, length: Tensor, velocity: Tensor) -> Tensor:
        """(N,) power of all muscles in W per kg of the body (`body.metabolics.bhargava_2004`).

        Excitations and activations (N, M), muscle–tendon lengths (N, M) in metres and their rates (N, M) in m/s.
        """
        given = {"excitation": excitation, "activation": activation, "length": length, "velocity": velocity}
        muscles = Contraction.of(self._body.muscles, **{name: value.numpy() for name, value in given.items()})
        power = bhargava_2004(muscles, self._slow_share).sum(-1) / float(self._body.model.body_mass.sum())
        return torch.from_numpy(power)

    @cached_property
    def _slow_share(self) -> NDArray[np.float64]:
        return slow_share(self._body.muscle_names)

    @cached_property
    def limited(self) -> Tensor:
        """(L,) places in qpos of the independent joints that have ranges."""
        return torch.from_numpy(self._limited_dofs + 1)

    @cached_property
    def bounds(self) -> Tensor:
        """(L, 2) their ranges in radians."""
        return torch.from_numpy(self._body.joint_range[self._limited_dofs - 6])

    def by_foot(self, touch: Tensor) -> Tensor:
        """(N, 2) newtons on the right and left foot, of the touch sensors' (N, S)."""
        return torch.stack([touch[:, places].sum(-1) for places in self._feet[0]], dim=-1)

    def clearance(self, height: Tensor) -> Tensor:
        """(N, 2) metres between floor and sole of the right and left foot, of heights (N, K) of the tracked bodies.

        That of heel or toes, the lower.
        """
        above = height - self._standing
        return torch.stack([above[:, places].amin(-1) for places in self._feet[1]], dim=-1)

    @cached_property
    def _limited_dofs(self):  # type: ignore[no-untyped-def]
        model = self._body.model
        dofs = self._body.couplings.independent_dofs(model.nv)[6:]
        return dofs[model.jnt_limited[1:][dofs - 6] > 0]

    @cached_property
    def _standing(self) -> Tensor:
        """(K,) heights of the tracked bodies in metres where the body stands."""
        data = mujoco.MjData(self._body.model)
        data.qpos[:] = self._body.standing_qpos
        mujoco.mj_kinematics(self._body.model, data)
        return torch.from_numpy(data.xpos[self._body.tracked_ids, 2].copy())

    @cached_property
    def _feet(self) -> tuple[list[list[int]], list[list[int]]]:
        """Touch sensors, then tracked bodies, of the right and left foot.

        Raises:
            ValueError: the body has none.
        """
        touch, tracked = self._body.entry.touch, self._body.entry.tracked
        feet = (
            [[k for k, name in enumerate(touch) if name.startswith(f"{side}_")] for side in "rl"],
            [[k for k, name in enumerate(tracked) if name in (f"talus_{side}", f"toes_{side}")] for side in "rl"],
        )
        if not all(places for part in feet for places in part):
            raise ValueError(f"the term scuff needs feet; body {self._body.name} tracks {', '.join(tracked)}.")
        return feet
