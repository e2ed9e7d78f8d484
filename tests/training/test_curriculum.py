"""The curriculum: which runs follow from which, mining, and going on after a stop."""

import json
from dataclasses import replace

import pytest
from rich.console import Console

from kinesis_trl.training.agent import RunError
from kinesis_trl.training.collect import read_clip_list
from kinesis_trl.training.curriculum import CurriculumConfig, CurriculumController, expert_config, mixture_config
from kinesis_trl.training.mining import mine
from kinesis_trl.training.trainer import Trainer


@pytest.fixture
def brief(small):
    return replace(small, total_steps=32)


def test_steps_ask_for_what_they_need(brief, console):
    with pytest.raises(RunError, match="kinesis train laptop --expert 0"):
        expert_config(brief, 1)
    with pytest.raises(RunError, match="needs two"):
        mixture_config(brief)
    with pytest.raises(RunError, match="holds no run"):
        mine(brief.folder)
    Trainer(brief, console).run()
    with pytest.raises(RunError, match="kinesis mine --run"):
        expert_config(brief, 1)


def test_mined_clips_and_weights_go_to_the_next_expert(brief, console):
    Trainer(brief, console).run()
    mined = mine(brief.folder, rule="strict")
    assert set(mined.failed) <= {"march", "in place", "turning"} and mined.failed  # 32 steps teach nothing
    assert read_clip_list(brief.folder / "mined.txt") == list(mined.failed)
    following = expert_config(brief, 1)
    assert following.name == "expert1" and following.clips == brief.folder / "mined.txt"
    assert following.warm_start == brief.folder / "policy"
    failed = {
        row["name"]
        for row in json.loads((brief.folder / "mining.json").read_text())["clips"]
        if not row["strict"]["success"]
    }
    assert failed == set(mined.failed)


def test_curriculum_runs_to_the_gate(brief, console):
    config = CurriculumConfig(train=brief, experts=2, few=0, gate_steps=32, rule="strict")
    assert CurriculumController(config, console).run()
    assert (brief.runs / "moe" / "policy" / "policy.safetensors").is_file()
    state = json.loads((brief.runs / "curriculum.json").read_text())
    assert state["done"] == ["expert0", "expert1", "moe"] and set(state["failed"]) == {"expert0", "expert1"}
    stamp = (brief.runs / "moe" / "policy" / "policy.safetensors").stat().st_mtime_ns
    assert CurriculumController(config, console).run()  # nothing is left to do
    assert (brief.runs / "moe" / "policy" / "policy.safetensors").stat().st_mtime_ns == stamp


def test_a_stopped_curriculum_goes_on(brief, console, monkeypatch):
    config = CurriculumConfig(train=brief, experts=2, few=0, gate_steps=32, rule="strict")
    real = Trainer.run
    monkeypatch.setattr(Trainer, "run", lambda self: {"step": 0} if self.config.name == "expert1" else real(self))
    assert not CurriculumController(config, console).run()
    monkeypatch.setattr(Trainer, "run", real)
    assert CurriculumController(config, console).run()
    assert json.loads((brief.runs / "curriculum.json").read_text())["done"] == ["expert0", "expert1", "moe"]


def test_runs_that_end_by_the_clock_are_ended(brief, console):
    timed = replace(brief, total_steps=10**9, total_seconds=1e-3)
    config = CurriculumConfig(train=timed, experts=2, few=0, gate_steps=10**9, rule="strict")
    assert CurriculumController(config, console).run()
    assert json.loads((brief.runs / "curriculum.json").read_text())["done"] == ["expert0", "expert1", "moe"]


def test_few_failures_end_the_curriculum(brief):
    said = Console(record=True, width=100)
    config = CurriculumConfig(train=brief, experts=3, few=3)
    assert CurriculumController(config, said).run()
    assert not (brief.runs / "expert1").exists() and "few enough" in said.export_text()
