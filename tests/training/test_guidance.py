"""A policy that sees a goal, taught by one that imitates the planner's way there."""

import json
from dataclasses import replace

import pytest

from kinesis_trl.agents.checkpoint import load_checkpoint, save_policy
from kinesis_trl.agents.lattice import LatticeConfig
from kinesis_trl.agents.networks import NetworkConfig
from kinesis_trl.agents.policy import make_actor
from kinesis_trl.envs.directional import DirectionalConfig
from kinesis_trl.envs.point_goal import PointGoalConfig
from kinesis_trl.training.dagger import DaggerConfig
from kinesis_trl.training.distillation import COMPARISON
from kinesis_trl.training.guidance import GuidanceConfig, guide, guided_policy

SMALL = LatticeConfig(network=NetworkConfig(hidden=(8, 8)))


@pytest.fixture
def lesson(tmp_path, body):
    save_policy(tmp_path / "teacher", make_actor(SMALL, 309, 14), body=body.name, notes={"control": "feedforward"})
    return GuidanceConfig(
        policy=tmp_path / "teacher",
        out=tmp_path / "student",
        task=PointGoalConfig(steps=90, reach=0.5),
        guides=2,
        student=SMALL,
        dagger=DaggerConfig(labels=32, horizon=4, gradient_steps=2, minibatch=8),
        trials=2,
        num_envs=4,
    )


def test_a_student_of_goals_is_taught_compared_and_kept(lesson, console, monkeypatch):
    found = guide(lesson, console)
    assert found["teacher"]["goals"] == found["student"]["goals"] == 2
    student = load_checkpoint(lesson.out)
    assert student.notes["control"] == {"name": "pd"} and student.notes["task"] == "PointGoalConfig"
    assert (student.policy.observation_width, student.policy.action_width) == (309, 80)
    assert json.loads((lesson.out / COMPARISON).read_text()) == found
    assert guided_policy(replace(lesson, policy=lesson.out), console) == lesson.out  # needs no inverse solutions
    taught = guided_policy(lesson, console)
    assert taught != lesson.out and taught.name.startswith("student-")
    more = replace(lesson, dagger=replace(lesson.dagger, labels=64))
    assert guided_policy(more, console) == taught and load_checkpoint(taught).notes["labels"] == 64
    monkeypatch.setattr("kinesis_trl.training.guidance.guide", None)
    assert guided_policy(more, console) == guided_policy(lesson, console) == taught  # once


def test_orders_can_be_taught_too(lesson, console, monkeypatch):
    monkeypatch.setattr("kinesis_trl.training.guidance.ride", lambda rider: rider.env and [])
    monkeypatch.setattr("kinesis_trl.training.guidance.report_ride", lambda segments: {"summary": {"falls": 0}})
    monkeypatch.setattr("kinesis_trl.training.guidance.ride_table", lambda report: "table")
    rides = replace(lesson, task=DirectionalConfig(steps=40, hold=(0.5, 1.0)))
    assert guide(rides, console) == {"teacher": {"falls": 0}, "student": {"falls": 0}}


def test_a_teacher_must_act_by_lengths(lesson, console, body):
    save_policy(lesson.policy, make_actor(SMALL, 309, 80), body=body.name, notes={"control": "direct"})
    with pytest.raises(ValueError, match="no target lengths to teach"):
        guide(lesson, console)
