"""Tasks with a goal, learnt from a policy that imitates."""

import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from kinesis_trl.agents.checkpoint import save_policy
from kinesis_trl.agents.policy import make_actor
from kinesis_trl.envs.config import ImitationConfig, ObservationConfig
from kinesis_trl.envs.goal_config import DirectionalConfig, PointGoalConfig, PointGoalRewardConfig
from kinesis_trl.evaluation import point_goal
from kinesis_trl.evaluation.task import task_of
from kinesis_trl.settings import SettingsError, from_yaml, read_settings, to_yaml
from kinesis_trl.shipped import asset
from kinesis_trl.training.agent import RunError
from kinesis_trl.training.config import TrainConfig
from kinesis_trl.training.trainer import Trainer


@pytest.fixture
def imitator(small, body, tmp_path):
    save_policy(tmp_path / "imitator", make_actor(small.actor, 309, 80), body=body.name, notes={"control": "pd"})
    return tmp_path / "imitator"


def rows(config):
    return [json.loads(line) for line in (config.folder / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("goal", [PointGoalConfig(steps=10), DirectionalConfig(hold=(0.1, 0.2))])
def test_a_goal_is_learnt_from_imitation_and_goes_on_after_a_stop(small, imitator, console, tmp_path, goal):
    config = replace(small, env=goal.as_seen_in(small.env), warm_start=imitator, motions="not looked for")
    assert from_yaml(TrainConfig, to_yaml(config)) == config
    whole = replace(config, runs=tmp_path / "whole")
    Trainer(whole, console).run()
    Trainer(replace(config, total_steps=32), console).run()
    trainer = Trainer(config, console)
    assert trainer.resumed
    trainer.run()
    one, two = (load_file(c.folder / "policy" / "policy.safetensors") for c in (whole, config))
    start = load_file(imitator / "policy.safetensors")
    assert all(torch.equal(one[k], two[k]) for k in one) and not all(torch.equal(one[k], start[k]) for k in start)
    named = rows(config)[-1]
    assert "train/effort_reward" in named
    assert ("train/distance" in named) == isinstance(goal, PointGoalConfig)


def test_evaluation_of_a_goal_while_training(small, imitator, console, monkeypatch):
    monkeypatch.setattr(point_goal, "GOALS", 2)
    evaluation = replace(small.evaluation, every=64)
    config = replace(small, env=PointGoalConfig(num_envs=4, steps=5), warm_start=imitator, evaluation=evaluation)
    Trainer(config, console).run()
    report = json.loads((config.folder / "evaluation.json").read_text())
    assert report["summary"]["goals"] == 2 and len(report["goals"]) == 2
    *_, logged = found = [row for row in rows(config) if "eval/success" in row]
    assert [row["step"] for row in found] == [64, 96]  # when it was due, and at the end
    assert logged["eval/distance_m_mean"] == pytest.approx(report["summary"]["distance_m"]["mean"])


def test_a_goal_needs_a_policy_to_start_from(small, console):
    with pytest.raises(RunError, match="--warm-start"):
        Trainer(replace(small, env=PointGoalConfig(num_envs=4)), console)
    with pytest.raises(ValueError, match="imitation has no goal"):
        task_of(small.env)


def test_settings_of_version_01_are_read_as_they_were_meant():
    old = """
    name: mine
    env:
      _type: ImitationConfig
      num_envs: 12
      seed: 3
      random_heading: false
      observation: {_type: ObservationConfig, terms: [root_height, position_error], reference_steps: []}
    goal:
      _type: %s
      lowest: 0.6
      upright_weight: 0.3
      %s
    """
    point = from_yaml(TrainConfig, old % ("PointGoalConfig", "near_reward: 50.0")).env
    observation = ObservationConfig(terms=("root_height", "position_error"))
    reward = PointGoalRewardConfig(upright_weight=0.3, near_weight=50.0)
    assert point == PointGoalConfig(num_envs=12, seed=3, lowest=0.6, observation=observation, reward=reward)
    commands = from_yaml(TrainConfig, old % ("DirectionalConfig", "velocity_weight: 0.5")).env
    assert isinstance(commands, DirectionalConfig) and commands.reward.command_weight == 0.5
    assert from_yaml(TrainConfig, "goal: null\nenv: {num_envs: 8}").env == ImitationConfig(num_envs=8)
    with pytest.raises(SettingsError, match="it is now part of env"):
        from_yaml(TrainConfig, "goal: far away")


@pytest.mark.parametrize("path", sorted(asset("").glob("*/*/config.yaml")), ids=lambda path: path.parent.name)
def test_the_settings_of_what_ships_are_read(path):
    config = read_settings(TrainConfig, path)
    assert from_yaml(TrainConfig, to_yaml(config)) == config
