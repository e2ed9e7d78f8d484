"""Experts of different motions united in one policy: each teaches its own motions (DAgger with several teachers).

An expert of one kind of motion learns it many times faster than a policy that learns everything at once, and what it
does is easily learnt by regression (Rusu et al. 2016, Policy distillation, International Conference on Learning
Representations).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from rich.console import Console
from tensordict import TensorDictBase
from torch import Tensor

from kinesis_trl.agents.actor import GaussianPolicy
from kinesis_trl.agents.checkpoint import load_checkpoint, save_policy
from kinesis_trl.agents.transfer import scaled
from kinesis_trl.body.model import BodyModel, load_body
from kinesis_trl.body.simulator import PhysicsConfig
from kinesis_trl.envs.control.config import CoordinatedConfig
from kinesis_trl.envs.described import as_described, describe
from kinesis_trl.envs.imitation import ImitationConfig, ImitationEnv, inverse_for
from kinesis_trl.envs.layout import Layout
from kinesis_trl.envs.terms.terminations import KINESIS
from kinesis_trl.motion.sources import open_library
from kinesis_trl.progress import counting, progress
from kinesis_trl.training.dagger import Dagger, Teacher, going_on, open_gaussian
from kinesis_trl.training.unite_config import UniteConfig


def unite(config: UniteConfig, console: Console) -> GaussianPolicy:
    """Fit one policy to what each expert does on its own motions, and save it.

    Raises:
        CheckpointError: an expert that is not there, or of another body.
        ValueError: fewer than two experts, one without motions, or experts that observe or act differently.
    """
    pairs = [_pair(text) for text in config.experts]
    if len(pairs) < 2:
        raise ValueError(f"{len(pairs)} experts given, expected at least two, each as POLICY=MOTIONS.")
    torch.manual_seed(config.seed)
    body = load_body(config.body)
    settings = ImitationConfig(
        num_envs=config.num_envs, physics=PhysicsConfig(threads=config.threads), rule=KINESIS, seed=config.seed
    )
    experts = [_expert(folder, body, settings) for folder, _ in pairs]
    mine = experts[0][1]
    for (folder, _), (policy, theirs) in zip(pairs, experts, strict=True):
        if describe(_in_unit_of(mine, policy, theirs, body)) != describe(mine):
            raise ValueError(f"{folder} observes or acts otherwise than {pairs[0][0]}; unite policies of one kind.")
    made_of = {"experts": list(config.experts)}
    learner, labelled = going_on(config.out, experts[0][0], made_of, body)
    critic = load_checkpoint(pairs[0][0], body=body.name).critic
    sources = []
    for (_, motions), (policy, _) in zip(pairs, experts, strict=True):
        with counting(console, f"preparing {motions}", "clips") as on_clip:
            library, _ = open_library(motions, body, inverse=inverse_for(mine.control), on_clip=on_clip)
        sources.append((ImitationEnv(body, library, mine), _labels(policy)))
    dagger = Dagger(*sources[0], learner, config.dagger, labelled=labelled, seed=config.seed, further=sources[1:])

    def save() -> None:
        notes = describe(mine) | made_of | {"seed": config.seed, "labels": dagger.labelled}
        save_policy(config.out, learner, body=body.name, critic=critic, notes=notes)

    with progress(console, "uniting", config.dagger.labels, "labels", completed=labelled) as advance:
        dagger.learn(on_labels=advance, save=save)
    console.print(
        f"One policy does what {len(experts)} do: mean loss {dagger.loss:.5f} after {dagger.labelled:,} labels."
    )
    return learner


def _pair(text: str) -> tuple[Path, str]:
    folder, _, motions = text.partition("=")
    if not (folder and motions):
        raise ValueError(f"{text!r} is no POLICY=MOTIONS, such as runs/back/policy=motions/back.")
    return Path(folder), motions


def _expert(folder: Path, body: BodyModel, settings: ImitationConfig) -> tuple[GaussianPolicy, ImitationConfig]:
    loaded = open_gaussian(folder, body)
    assert isinstance(loaded.policy, GaussianPolicy)
    return loaded.policy.eval(), as_described(settings, loaded.notes)


def _in_unit_of(
    mine: ImitationConfig, policy: GaussianPolicy, theirs: ImitationConfig, body: BodyModel
) -> ImitationConfig:
    """Bring a policy of coordinated control to the unit of my actions, in place; the settings that it then has."""
    if not (isinstance(theirs.control, CoordinatedConfig) and isinstance(mine.control, CoordinatedConfig)):
        return theirs
    last = Layout(body, theirs.observation).places.get("last_action", slice(0))
    scaled(policy, theirs.control.moment / mine.control.moment, last)
    return replace(theirs, control=replace(theirs.control, moment=mine.control.moment))


def _labels(policy: GaussianPolicy) -> Teacher:
    """The policy's mean actions, which count in every state."""

    @torch.no_grad()
    def label(td: TensorDictBase) -> tuple[Tensor, Tensor]:
        action = policy.mean(td["observation"]).clamp(-1, 1)
        return action, torch.ones(len(action), dtype=torch.bool)

    return label
