"""Steering controllers: one body that obeys a commanded direction and speed."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from kinesis_trl.body.model import BodyModel
from kinesis_trl.envs.base import MyoLegsEnv
from kinesis_trl.envs.directional import DirectionalEnv, Heading
from kinesis_trl.envs.goal_config import DirectionalConfig
from kinesis_trl.envs.live import LiveEnv, order_for
from kinesis_trl.envs.rollout import rollout
from kinesis_trl.envs.terms.terminations import KINESIS
from kinesis_trl.evaluation.task import Route
from kinesis_trl.planning.controllers import Player


class SteeringController(Protocol):
    """A body that can be commanded."""

    env: MyoLegsEnv

    def reset(self) -> None:
        """Stand at the origin, facing +x, and obey `command` as it was given last."""

    def command(self, heading: Heading) -> None:
        """Obey from the next step on."""

    def step(self) -> bool:
        """One policy step; whether the body fell."""


class _Stepping:
    """What both controllers do."""

    def __init__(self, env: MyoLegsEnv, player: Player, lowest: float) -> None:
        self.env, self._lowest = env, lowest
        env.reset()
        self._steps = rollout(env, player.policy(env))

    def reset(self) -> None:
        """As of `SteeringController`."""
        self.env.reset()

    def step(self) -> bool:
        """One policy step with the deterministic action; whether the body fell."""
        after = next(self._steps)
        return bool(after["terminated"].any()) or bool((self.env.physics.qpos[0, 2] < self._lowest).any())


class PlannerSteering(_Stepping):
    """Imitates a reference that a planner lays while it goes."""

    env: LiveEnv

    def __init__(self, body: BodyModel, player: Player, task: DirectionalConfig) -> None:
        """With a policy of imitation; the body counts as fallen when it lost its reference by 0.5 m on average."""
        super().__init__(LiveEnv(body, replace(player.settings, rule=KINESIS)), player, task.lowest)
        self._heading = Heading()

    def reset(self) -> None:
        """As of `SteeringController`."""
        super().reset()
        self.command(self._heading)

    def command(self, heading: Heading) -> None:
        """As of `SteeringController`."""
        self._heading = heading
        self.env.order(order_for(heading))


class PolicySteering(_Stepping):
    """Sees its goal ahead of itself."""

    env: DirectionalEnv

    def __init__(self, body: BodyModel, player: Player, task: DirectionalConfig) -> None:
        """With a policy fine-tuned for the task."""
        endless = replace(task.as_seen_in(player.settings), num_envs=1, terminations=("fallen",))
        env = DirectionalEnv(body, endless)
        env.command(Heading())
        super().__init__(env, player, task.lowest)

    def command(self, heading: Heading) -> None:
        """As of `SteeringController`."""
        self.env.command(heading)


def steering_controller(
    body: BodyModel, player: Player, route: Route, task: DirectionalConfig | None = None
) -> PlannerSteering | PolicySteering:
    """A body to be commanded, by either route.

    Args:
        body: the model.
        player: a policy of imitation for route planner, of this task for route policy.
        route: planner: imitate a reference that follows the commands; policy: the policy sees the goal.
        task: its rules.

    Raises:
        CheckpointError: the policy's widths do not fit.
        ValueError: control feedforward with route policy.
    """
    return (PlannerSteering if route == "planner" else PolicySteering)(body, player, task or DirectionalConfig())
