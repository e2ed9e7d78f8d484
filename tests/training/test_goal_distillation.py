"""A learner that sees a goal, with labels of a teacher that follows planner references."""

import json
from dataclasses import replace

import pytest

from kinesis_trl.agents.checkpoint import load_checkpoint, save_policy
from kinesis_trl.agents.lattice import LatticeConfig
from kinesis_trl.agents.networks import NetworkConfig
from kinesis_trl.agents.policy import make_actor
from kinesis_trl.envs.goal_config import DirectionalConfig, PointGoalConfig
from kinesis_trl.evaluation import directional, point_goal
from kinesis_trl.training.dagger import DaggerConfig
from kinesis_trl.training.distillation import COMPARISON, DistilConfig, distil, policy_without_inverse

pytestmark = pytest.mark.slow

SMALL = LatticeConfig(network=NetworkConfig(hidden=(8, 8)))


@pytest.fixture
def config(tmp_path, body, monkeypatch):
    monkeypatch.setattr(point_goal, "GOALS", 1)
    save_policy(tmp_path / "teacher", make_actor(SMALL, 309, 14), body=body.name, notes={"control": "feedforward"})
    return DistilConfig(
        policy=tmp_path / "teacher",
        out=tmp_path / "learner",
        goal=PointGoalConfig(steps=90, reach=0.5),
        references=2,
        learner=SMALL,
        dagger=DaggerConfig(labels=32, horizon=4, gradient_steps=2, minibatch=8),
        num_envs=4,
    )


def test_a_policy_that_sees_the_goal_is_distilled_compared_and_kept(config, console, monkeypatch):
    found = distil(config, console)
    assert found["teacher"]["goals"] == found["learner"]["goals"] == 1
    learner = load_checkpoint(config.out)
    assert learner.notes["control"] == {"name": "pd"} and learner.notes["task"] == "point-goal"
    assert learner.notes["teacher"] == str(config.policy) and learner.notes["labels"] == 32
    assert (learner.policy.observation_width, learner.policy.action_width) == (309, 80)
    assert json.loads((config.out / COMPARISON).read_text()) == found
    assert policy_without_inverse(replace(config, policy=config.out), console) == config.out
    made = policy_without_inverse(config, console)
    assert made != config.out and made.name.startswith("learner-")
    more = replace(config, dagger=replace(config.dagger, labels=64))
    assert policy_without_inverse(more, console) == made and load_checkpoint(made).notes["labels"] == 64
    monkeypatch.setattr("kinesis_trl.training.distillation.distil", None)
    assert policy_without_inverse(more, console) == policy_without_inverse(config, console) == made  # once


def test_commands_are_a_goal_too(config, console, monkeypatch):
    monkeypatch.setattr(directional, "SCRIPT", ("stop",))
    few = replace(directional.TASK, evaluate=lambda *given: {"summary": {"falls": 0}}, table=lambda report: "table")
    monkeypatch.setattr(directional, "TASK", few)
    commands = replace(config, goal=DirectionalConfig(steps=40, hold=(0.5, 1.0)))
    assert distil(commands, console) == {"teacher": {"falls": 0}, "learner": {"falls": 0}}


def test_a_teacher_must_act_by_lengths(config, console, body):
    save_policy(config.policy, make_actor(SMALL, 309, 80), body=body.name, notes={"control": "direct"})
    with pytest.raises(ValueError, match="no target lengths to teach"):
        distil(config, console)
