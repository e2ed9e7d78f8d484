"""Preset for directional control: fine-tuning from a policy that imitates."""

from dataclasses import replace

from kinesis_trl.envs.goal_config import DirectionalConfig
from kinesis_trl.experiments.point_goal import LAPTOP as POINT_GOAL

LAPTOP = replace(
    POINT_GOAL,
    name="directional",
    env=DirectionalConfig().as_seen_in(POINT_GOAL.env),
    ppo=replace(POINT_GOAL.ppo, reward_scale=0.1),
)

PRESETS = {"directional": ("directional control, from a policy that imitates: a few cores, hours", LAPTOP)}
