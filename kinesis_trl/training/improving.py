"""Expert iteration: a policy learns what the planner would do instead, and the planner then searches about it.

MPPI corrects the policy in each state visited; the policy is fitted to its corrected actions (Anthony et al. 2017,
Thinking fast and slow with deep learning and tree search, Advances in Neural Information Processing Systems), in the
states to which planner and policy come by turns (DAgger).
"""

from __future__ import annotations

import torch
from rich.console import Console
from tensordict import TensorDictBase
from torch import Tensor
from torchrl.envs.utils import ExplorationType, set_exploration_type

from kinesis_trl.agents.actor import GaussianPolicy
from kinesis_trl.agents.checkpoint import save_policy
from kinesis_trl.body.model import load_body
from kinesis_trl.body.simulator import PhysicsConfig
from kinesis_trl.envs.described import as_described, describe
from kinesis_trl.envs.imitation import ImitationConfig, ImitationEnv, inverse_for
from kinesis_trl.envs.terms.terminations import KINESIS
from kinesis_trl.motion.sources import open_library
from kinesis_trl.planning.mppi import Mppi
from kinesis_trl.progress import counting, progress
from kinesis_trl.training.dagger import Dagger, Teacher, going_on, open_gaussian
from kinesis_trl.training.improve_config import ImproveConfig


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
    with counting(console, f"preparing {config.motions}", "clips") as on_clip:
        library, _ = open_library(config.motions, body, inverse=inverse_for(settings.control), on_clip=on_clip)
    env = ImitationEnv(body, library, settings)
    teacher = planned(Mppi(env, learner, start.critic, body, config.planner))
    dagger = Dagger(env, teacher, learner, config.dagger, labelled=labelled, seed=config.seed)

    def save() -> None:
        notes = describe(settings) | made_of | {"seed": config.seed, "labels": dagger.labelled}
        save_policy(config.out, learner, body=body.name, critic=start.critic, notes=notes)

    with progress(console, "learning from the planner", config.dagger.labels, "labels", completed=labelled) as advance:
        dagger.learn(on_labels=advance, save=save)
    console.print(
        f"The policy was fitted to {dagger.labelled:,} of the planner's actions: mean loss {dagger.loss:.5f}."
    )
    return learner


def planned(planner: Mppi) -> Teacher:
    """The planner's actions, which count in every state."""

    @torch.no_grad()
    def label(td: TensorDictBase) -> tuple[Tensor, Tensor]:
        with set_exploration_type(ExplorationType.DETERMINISTIC):
            action = planner(td.copy())["action"]
        return action, torch.ones(len(action), dtype=torch.bool)

    return label
