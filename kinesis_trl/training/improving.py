"""Expert iteration: a policy learns what the planner would do instead, and the planner then searches about it.

MPPI corrects the policy in each state visited; the policy is fitted to its corrected actions (Anthony et al. 2017,
Thinking fast and slow with deep learning and tree search, Advances in Neural Information Processing Systems), in the
states to which planner and policy come by turns (DAgger). The planner's states are few and near the motions, so a
policy fitted to them alone forgets how to recover; the policy that it was teaches the rest.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from rich.console import Console
from tensordict import TensorDictBase
from torch import Tensor
from torchrl.envs.utils import ExplorationType, set_exploration_type

from kinesis_trl.agents.actor import GaussianPolicy
from kinesis_trl.agents.checkpoint import save_policy
from kinesis_trl.body.model import load_body
from kinesis_trl.body.simulator import PhysicsConfig
from kinesis_trl.envs.base import MyoLegsEnv
from kinesis_trl.envs.config import DisturbanceConfig
from kinesis_trl.envs.described import as_described, describe
from kinesis_trl.envs.imitation import ImitationConfig, ImitationEnv, inverse_for
from kinesis_trl.envs.sampling import StartConfig
from kinesis_trl.envs.terms.terminations import KINESIS
from kinesis_trl.motion.library import MotionLibrary
from kinesis_trl.motion.sources import open_library
from kinesis_trl.planning.mppi import Mppi
from kinesis_trl.progress import counting, progress
from kinesis_trl.training.dagger import Dagger, Teacher, going_on, open_gaussian
from kinesis_trl.training.improve_config import ImproveConfig

ASTRAY = StartConfig(off_heading_share=0.4, off_heading=130.0, late_share=0.2)
"""How episodes start in which the body is to recover."""
PUSHES = DisturbanceConfig(force=60.0)
"""How it is pushed meanwhile."""


def improve(config: ImproveConfig, console: Console) -> GaussianPolicy:
    """Fit a policy to what the planner does about it, and save it.

    Raises:
        CheckpointError: no such policy, or one of another body.
        ValueError: a mixture, a `config.out` made otherwise, or motions without what the control needs.
    """
    torch.manual_seed(config.seed)
    body = load_body(config.body)
    start = open_gaussian(config.policy, body)
    assert isinstance(start.policy, GaussianPolicy)
    settings = as_described(
        ImitationConfig(
            num_envs=config.num_envs,
            physics=PhysicsConfig(threads=config.threads),
            rule=KINESIS,
            seed=config.seed,
        ),
        start.notes,
    )
    made_of = {"improved": str(config.policy)}
    learner, labelled = going_on(config.out, start.policy, made_of, body)

    def library(motions: str) -> MotionLibrary:
        with counting(console, f"preparing {motions}", "clips") as on_clip:
            return open_library(motions, body, inverse=inverse_for(settings.control), on_clip=on_clip)[0]

    env = ImitationEnv(body, library(config.motions), settings)
    teacher = planned(Mppi(env, learner, start.critic, body, config.planner))
    before = start.policy.eval()
    kept: list[tuple[MyoLegsEnv, Teacher]] = []
    if config.keep is not None:
        calm = ImitationEnv(body, library(config.keep), settings)
        kept.append((calm, unchanged(before, calm)))
    if config.keep_beyond is not None:
        astray = ImitationEnv(body, env.library, replace(settings, starts=ASTRAY, disturbance=PUSHES))
        kept.append((astray, unchanged(before, astray, beyond=config.keep_beyond)))
    dagger = Dagger(env, teacher, learner, config.dagger, labelled=labelled, seed=config.seed, further=kept)

    def save() -> None:
        notes = describe(settings) | made_of | {"seed": config.seed, "labels": dagger.labelled}
        save_policy(config.out, learner, body=body.name, critic=start.critic, notes=notes)

    with progress(console, "learning from the planner", config.dagger.labels, "labels", completed=labelled) as advance:
        dagger.learn(on_labels=advance, save=save)
    what = "the planner and the policy as it was" if kept else "the planner"
    console.print(f"The policy was fitted to {dagger.labelled:,} actions of {what}: mean loss {dagger.loss:.5f}.")
    return learner


def unchanged(before: GaussianPolicy, env: ImitationEnv, *, beyond: float = -1.0) -> Teacher:
    """The actions of the policy as it was, which count where `env` is off its references by more than `beyond` m."""

    @torch.no_grad()
    def label(td: TensorDictBase) -> tuple[Tensor, Tensor]:
        return before.mean(td["observation"]).clamp(-1, 1), env.distances.mean(-1) > beyond

    return label


def planned(planner: Mppi) -> Teacher:
    """The planner's actions, which count in every state."""

    @torch.no_grad()
    def label(td: TensorDictBase) -> tuple[Tensor, Tensor]:
        with set_exploration_type(ExplorationType.DETERMINISTIC):
            action = planner(td.copy())["action"]
        return action, torch.ones(len(action), dtype=torch.bool)

    return label
