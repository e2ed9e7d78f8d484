"""Tasks with a goal, learnt from a policy that imitates."""

import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from kinesis_trl.agents.checkpoint import save_policy
from kinesis_trl.agents.policy import make_actor
from kinesis_trl.envs.directional import DirectionalConfig
from kinesis_trl.envs.point_goal import PointGoalConfig
from kinesis_trl.settings import from_yaml, to_yaml
from kinesis_trl.training import goals
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
    config = replace(small, goal=goal, warm_start=imitator, motions="not looked for")
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
    monkeypatch.setattr(goals, "GOALS", 2)
    evaluation = replace(small.evaluation, every=64)
    config = replace(small, goal=PointGoalConfig(steps=5), warm_start=imitator, evaluation=evaluation)
    Trainer(config, console).run()
    report = json.loads((config.folder / "evaluation.json").read_text())
    assert report["summary"]["goals"] == 2 and len(report["goals"]) == 2
    *_, logged = found = [row for row in rows(config) if "eval/success" in row]
    assert [row["step"] for row in found] == [64, 96]  # when it was due, and at the end
    assert logged["eval/distance_m_mean"] == pytest.approx(report["summary"]["distance_m"]["mean"])


def test_a_goal_needs_a_policy_to_start_from(small, console):
    with pytest.raises(RunError, match="--warm-start"):
        Trainer(replace(small, goal=PointGoalConfig()), console)
    with pytest.raises(ValueError, match="no goal"):
        goals.evaluate_goal(small, None, None)
