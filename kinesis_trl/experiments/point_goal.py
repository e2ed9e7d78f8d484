"""Preset for target reaching: fine-tuning from a policy that imitates."""

import os
from dataclasses import replace

from kinesis_trl.body.simulator import PhysicsConfig
from kinesis_trl.envs.goal_config import PointGoalConfig
from kinesis_trl.experiments.imitation import LENGTHS as IMITATION
from kinesis_trl.training.config import CollectConfig, EvaluationConfig

CORES = os.cpu_count() or 1

LAPTOP = replace(
    IMITATION,
    name="point-goal",
    env=PointGoalConfig(num_envs=128, physics=PhysicsConfig(threads=min(CORES, 4))),
    ppo=replace(
        IMITATION.ppo,
        gamma=0.99,
        policy_lr=1e-4,
        max_lr=3e-4,
        minibatch=4096,
        target_kl=0.02,
        final_kl=0.005,
        reward_scale=0.01,  # a step at the goal earns 100
        value_first=10,  # the policy is distilled, the value function is new
    ),
    collect=CollectConfig(horizon=96),
    evaluation=EvaluationConfig(every=250_000),
    total_steps=5_000_000,
)

PRESETS = {"point-goal": ("target reaching, from a policy that imitates: a few cores, hours", LAPTOP)}
