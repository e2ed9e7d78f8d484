"""Imitation of a reference that is planned while it is followed: the body obeys orders given between steps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.body.inverse import InverseConfig
from kinesis_trl.body.model import BodyModel
from kinesis_trl.envs.base import Rows
from kinesis_trl.envs.directional import Heading
from kinesis_trl.envs.imitation import ImitationConfig, ImitationEnv
from kinesis_trl.motion.gait.commands import FASTEST as WALKING
from kinesis_trl.motion.gait.planner import GaitPlanner
from kinesis_trl.motion.gait.steering import STOP, Order, Travel
from kinesis_trl.motion.library import FPS


def order_for(heading: Heading) -> Order:
    """What the planner is to do for a command of the directional task.

    Speeds that the generator cannot walk are run, from where running has a flight phase.
    """
    if heading.direction is None:
        return STOP
    if heading.speed > WALKING["forward"]:
        return Travel(speed=heading.speed, direction=heading.direction, gait="run")
    return Travel(speed=heading.speed, direction=heading.direction)


class LiveEnv(ImitationEnv):
    """One body that follows a `GaitPlanner`. Every policy made for `ImitationEnv` acts here.

    `order` may be called between steps; without orders the body stands. The reference never ends, so that episodes
    end by the distance rule alone. A reset stands the body at the origin, facing +x, with the order `STOP`.

    Attributes:
        planner: the reference; its frame now is `frame`.
    """

    def __init__(self, body: BodyModel, config: ImitationConfig | None = None) -> None:
        """Environment with one row.

        Args:
            body: the model to control.
            config: settings as the policy was trained with; number of rows, start and heading are set here.
        """
        config = config or ImitationConfig()
        inverse = InverseConfig() if config.control.needs_inverse else None
        planner = GaitPlanner(body, inverse=inverse)
        settings = replace(config, num_envs=1, start="beginning", random_heading=False)
        super().__init__(body, planner.library, settings)
        self.planner = planner

    @property
    def frame(self) -> int:
        """Frame of the reference that the body is at, counted from the last reset."""
        return self.planner.first + round(float(self.time[0]) * FPS)

    @property
    def reference_qpos(self) -> NDArray[np.float64]:
        """(nq,) coordinates of the reference now, where the body sees them."""
        return self.planner.qpos(self.frame)

    def order(self, order: Order) -> None:
        """Carry out an order from the next step on; the frame that the policy has been shown stays as it is.

        Raises:
            CommandError: a place that cannot be reached in its time.
        """
        before = self.planner.first
        self.planner.order(order, self.frame)
        self._follow()
        self.time -= (self.planner.first - before) / FPS

    def _follow(self) -> None:
        """Take the planner's reference as it is now."""
        self.library = self.planner.library

    def _start(self, rows: Rows) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        self.planner.reset()
        self._follow()
        return super()._start(rows)

    def _advance_time(self) -> None:
        super()._advance_time()
        if self.planner.due(self.frame):
            self.order(self.planner.current)

    def get_state(self) -> dict[str, Any]:
        """As the base class, with the plan."""
        return {**super().get_state(), "planner": self.planner.get_state()}

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore what `get_state` returned."""
        self.planner.set_state(state["planner"])
        self._follow()
        super().set_state(state)
