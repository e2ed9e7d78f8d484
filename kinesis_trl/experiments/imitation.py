"""Presets for imitation, by the size of the machine."""

import os
from dataclasses import replace

from kinesis_trl.agents.config import LAPTOP as SMALL
from kinesis_trl.agents.config import PAPER as PAPER_NETWORK
from kinesis_trl.agents.config import WORKSTATION as MIDDLE
from kinesis_trl.agents.config import CriticConfig, LatticeConfig
from kinesis_trl.body.simulator import PhysicsConfig
from kinesis_trl.envs.config import (
    JOINT_TERMS,
    AdaptiveEffortConfig,
    DisturbanceConfig,
    ImitationConfig,
    ObservationConfig,
)
from kinesis_trl.envs.control.config import CoordinatedConfig, DirectConfig, FeedforwardConfig
from kinesis_trl.envs.sampling import StartConfig
from kinesis_trl.envs.terms.rewards import CalmConfig, RewardConfig
from kinesis_trl.envs.terms.terminations import KINESIS
from kinesis_trl.training.config import CollectConfig, PPOConfig, TrainConfig

CORES = os.cpu_count() or 1

FOLLOW = RewardConfig(
    position_weight=0.45, velocity_weight=0.15, orientation_weight=0.25, upright_weight=0.05, effort_weight=0.1
)
"""The reward of KINESIS, with a share for the orientation of the trunk, which tilts before the body falls."""

LENGTHS_TASK = ImitationConfig(
    num_envs=128,
    control=FeedforwardConfig(),
    observation=ObservationConfig().plus("turn_to_reference", *JOINT_TERMS, "moment_error", reference_steps=(2, 6, 14)),
    disturbance=DisturbanceConfig(force=20.0),
    reward=FOLLOW,
    physics=PhysicsConfig(threads=min(CORES, 4)),
)

LENGTHS = TrainConfig(
    env=LENGTHS_TASK,
    actor=LatticeConfig(network=SMALL, symmetric=True),
    critic=CriticConfig(network=SMALL, symmetric=True),
    ppo=PPOConfig(epochs=3, max_lr=2e-3, target_kl=0.15, final_kl=0.02, stop_kl=0.4, autocast=None),
    collect=CollectConfig(horizon=32),
    total_steps=10_000_000,
    torch_threads=min(CORES, 2),
)
"""Corrections of target lengths, which `kinesis distil` and tasks with a goal start from."""

TASK = replace(
    LENGTHS_TASK,
    control=CoordinatedConfig(),
    observation=LENGTHS_TASK.observation.plus("last_action"),
    reward=replace(
        FOLLOW,
        effort_weight=0.0,
        survival=1.0,
        calm=CalmConfig(
            action_weight=0.5,
            change_weight=2.0,
            bend_weight=0.5,
            activation_weight=4.0,
            load_weight=2.0,
            scuff_weight=2.0,
        ),
    ),
    effort=AdaptiveEffortConfig(start=0.15),
)

LAPTOP = replace(
    LENGTHS,
    env=TASK,
    actor=LatticeConfig(network=SMALL, symmetric=True, noise_memory=0.5),
    ppo=replace(LENGTHS.ppo, epochs=1, reward_scale=0.5),
)
"""Joint moments shared among muscles at least effort, from nothing; calm costs little until the policy follows."""

RECOVER_TASK = replace(
    TASK,
    rule=KINESIS,
    starts=StartConfig(failure_share=0.3),
    reward=replace(TASK.reward, position_weight=0.3, far_weight=0.2, velocity_weight=0.1),
)

RECOVER = replace(
    LAPTOP,
    env=RECOVER_TASK,
    ppo=replace(LAPTOP.ppo, epochs=2, minibatch=2048, target_kl=0.045, final_kl=0.004, value_first=8),
    collect=CollectConfig(horizon=64),
)
"""Goes on from a policy of `LAPTOP`, which has never been further off than 0.15 m and falls when it is."""

COORDINATED = replace(
    RECOVER,
    env=replace(RECOVER_TASK, effort=AdaptiveEffortConfig(threshold=0.86, start=1.0, largest=8.0, rate=2e-4)),
    ppo=replace(RECOVER.ppo, target_kl=0.06, final_kl=0.01),
)
"""Goes on calmly: as much effort is spared as tracking allows."""

WORKSTATION = replace(
    LAPTOP,
    env=replace(TASK, num_envs=512, physics=PhysicsConfig(threads=min(CORES, 16))),
    actor=replace(LAPTOP.actor, network=MIDDLE),
    critic=CriticConfig(network=MIDDLE, symmetric=True),
    ppo=replace(LAPTOP.ppo, minibatch=4096),
    total_steps=100_000_000,
    torch_threads=min(CORES, 8),
)

PAPER = replace(
    WORKSTATION,
    env=ImitationConfig(num_envs=256, physics=PhysicsConfig(threads=min(CORES, 16))),
    actor=LatticeConfig(network=PAPER_NETWORK, action_log_std=0.0, latent_log_std=0.0),
    critic=CriticConfig(network=PAPER_NETWORK, normalise=False),
    collect=CollectConfig(horizon=200),
    ppo=PPOConfig(
        gamma=0.99,
        epochs=10,
        minibatch=51_200,
        policy_lr=5e-5,
        max_lr=5e-5,
        critic_lr=3e-4,
        target_kl=None,
        stop_kl=None,
        max_grad_norm=25.0,
        bootstrap=False,
        average=0.0,
    ),
    total_steps=1_100_000_000,
)

DIRECT = replace(
    LENGTHS,
    name="direct",
    body="myolegs_back",
    env=replace(
        LENGTHS_TASK,
        control=DirectConfig(),
        observation=ObservationConfig().plus("turn_to_reference", *JOINT_TERMS, reference_steps=(6, 20, 46)),
        physics=replace(LENGTHS_TASK.physics, rate=1000.0, substeps=10),
    ),
    ppo=replace(LENGTHS.ppo, gamma=0.99),
)
"""Excitations at 100 Hz over physics at 1,000 Hz, as KINESIS 2.0 controls bodies of more than 80 muscles."""

PRESETS = {
    "laptop": ("joint moments shared among muscles at least effort, 512-256 units: a few cores, hours", LAPTOP),
    "recover": ("goes on from a policy that laptop trained (--warm-start), failing at 0.5 m instead of 0.15", RECOVER),
    "coordinated": ("goes on calmly: costs of effort rise as far as tracking allows", COORDINATED),
    "lengths": ("corrections of target lengths, which kinesis distil and tasks with a goal start from", LENGTHS),
    "direct": ("290 muscles by excitations at 100 Hz over physics at 1,000 Hz, as KINESIS 2.0: a day", DIRECT),
    "workstation": ("as laptop, with 1024-512-512 units and 512 environments: 8 to 16 cores", WORKSTATION),
    "paper": ("the control, networks, batch and learning rule of KINESIS (arXiv 2503.14637): a cluster", PAPER),
}
