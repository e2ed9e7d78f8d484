"""Preset for the ball task: as target reaching, from a policy that imitates."""

from dataclasses import replace

from kinesis_trl.envs.goal_config import BallConfig
from kinesis_trl.experiments.point_goal import LAPTOP as POINT_GOAL

LAPTOP = replace(
    POINT_GOAL, name="ball", env=BallConfig(num_envs=POINT_GOAL.env.num_envs, physics=POINT_GOAL.env.physics)
)

PRESETS = {"ball": ("stand at a ball and face it within 4 s, from a policy that imitates: a few cores, hours", LAPTOP)}
