"""Runs: reproducible, resumable after a kill to the same numbers, and safe against a full disk."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from filelock import FileLock
from safetensors.torch import load_file

from kinesis_trl.agents.checkpoint import load_policy
from kinesis_trl.agents.exceptions import CheckpointError
from kinesis_trl.envs.config import MUSCLE_TERMS
from kinesis_trl.settings import to_yaml
from kinesis_trl.training.agent import RunError
from kinesis_trl.training.config import EvaluationConfig
from kinesis_trl.training.trainer import Trainer


def weights(config):
    return load_file(config.folder / "policy" / "policy.safetensors")


def lines(config):
    rows = [json.loads(line) for line in (config.folder / "metrics.jsonl").read_text().splitlines()]
    unequal = ("train/steps_per_second", "train/collect_share")  # wall-clock
    return [{k: v for k, v in row.items() if k not in unequal} for row in rows]


def same(one, two):
    assert one.keys() == two.keys()
    return all(torch.equal(one[k], two[k]) for k in one)


def test_same_seed_same_run(small, console, tmp_path):
    other = replace(small, runs=tmp_path / "again")
    different = replace(small, runs=tmp_path / "different", seed=1)
    for config in (small, other, different):
        Trainer(config, console).run()
    assert same(weights(small), weights(other)) and lines(small) == lines(other)
    assert not same(weights(small), weights(different))


def test_stopped_and_resumed_equals_uninterrupted(small, console, tmp_path):
    whole = replace(small, runs=tmp_path / "whole")
    Trainer(whole, console).run()
    Trainer(replace(small, total_steps=32), console).run()
    trainer = Trainer(small, console)
    assert trainer.resumed and trainer.progress["step"] == 32
    trainer.run()
    assert same(weights(whole), weights(small)) and lines(whole) == lines(small)


PROGRAM = """
import sys
from pathlib import Path
from rich.console import Console
from kinesis_trl.settings import from_yaml
from kinesis_trl.training.config import TrainConfig
from kinesis_trl.training.trainer import Trainer
Trainer(from_yaml(TrainConfig, Path(sys.argv[1]).read_text()), Console()).run()
"""


def test_killed_at_a_random_moment_and_resumed_equals_uninterrupted(small, console, tmp_path):
    config = replace(small, total_steps=32 * 40)
    whole = replace(config, runs=tmp_path / "whole")
    Trainer(whole, console).run()
    settings = tmp_path / "config.yaml"
    settings.write_text(to_yaml(config))
    command = [sys.executable, "-c", PROGRAM, str(settings)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and not list((config.folder / "checkpoints").glob("checkpoint-*")):
        time.sleep(0.02)
    time.sleep(random.uniform(0.0, 1.0))
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "the run ended before it could be killed"
    trainer = Trainer(config, console)
    assert trainer.resumed and 0 < trainer.progress["step"] < config.total_steps
    trainer.run()
    assert same(weights(whole), weights(config)) and lines(whole) == lines(config)


def test_a_signal_ends_the_iteration_and_saves(small, console):
    config = replace(small, total_steps=10**6, checkpoint_seconds=1e9)
    trainer = Trainer(config, console)
    learn, calls = trainer.learner.learn, []
    before = signal.getsignal(signal.SIGINT)  # ignored where a shell started the tests in the background

    def interrupted(batch, progress):
        calls.append(1)
        if len(calls) == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return learn(batch, progress)

    trainer.learner.learn = interrupted
    assert trainer.run()["step"] == 64
    assert Trainer(config, console).progress["step"] == 64
    assert signal.getsignal(signal.SIGINT) is before


def test_full_disk_costs_a_warning_not_the_run(small, console, monkeypatch):
    trainer = Trainer(small, console)
    real, refused = trainer._rotation.save, []

    def full(*args, **kwargs):
        if len(refused) < 2:
            refused.append(1)
            raise OSError(28, "No space left on device")
        return real(*args, **kwargs)

    monkeypatch.setattr(trainer._rotation, "save", full)
    assert trainer.run()["step"] == small.total_steps
    assert refused and Trainer(small, console).progress["step"] == small.total_steps


def test_another_run_in_the_folder_is_not_overwritten(small, console):
    Trainer(small, console).run()
    with pytest.raises(RunError, match="other settings"):
        Trainer(replace(small, seed=5), console)
    Trainer(replace(small, total_steps=128), console)  # longer is the same run


def test_two_processes_do_not_train_in_one_folder(small, console):
    run = Trainer(small, console)
    with FileLock(small.folder / ".lock"), pytest.raises(RunError, match="another process"):
        run.run()
    assert run.run()["step"] == small.total_steps  # and nothing was lost
    with FileLock(small.folder / ".lock", timeout=0):  # free again
        pass


def test_evaluation_while_training_changes_nothing(small, console, tmp_path):
    watched = replace(
        small, runs=tmp_path / "watched", evaluation=EvaluationConfig(every=32, motions=small.motions, images=0)
    )
    Trainer(small, console).run()
    Trainer(watched, console).run()
    assert same(weights(small), weights(watched))
    evaluated = [row for row in lines(watched) if "eval/strict_coverage" in row]
    assert [row["step"] for row in evaluated] == [32, 64, 96]
    assert json.loads((watched.folder / "evaluation.json").read_text())["step"] == 96


def test_warm_start_takes_over_policy_and_value(small, console):
    Trainer(small, console).run()
    warm = replace(small, name="next", warm_start=small.folder / "policy", total_steps=32)
    trainer = Trainer(warm, console)
    assert same(dict(trainer.learner.policy.state_dict()), dict(load_policy(small.folder / "policy").state_dict()))


def test_checkpoints_that_do_not_fit_are_refused(small, console, kinesis_xml):
    Trainer(small, console).run()
    policy = small.folder / "policy"
    wide = replace(small.env, observation=small.env.observation.plus(*MUSCLE_TERMS))
    with pytest.raises(CheckpointError, match="549"):
        Trainer(replace(small, name="wide", env=wide, warm_start=policy), console)
    (policy / "policy.safetensors").write_bytes(b"garbage")
    with pytest.raises(CheckpointError):
        Trainer(replace(small, name="broken", warm_start=policy), console)


def test_gate_over_two_experts_trains_and_leaves_them_as_they_are(small, console):
    second = replace(small, name="expert1", seed=3)
    for config in (small, second):
        Trainer(config, console).run()
    gate = replace(small, name="moe", experts=(small.folder / "policy", second.folder / "policy"))
    trainer = Trainer(gate, console)
    before = {k: v.clone() for k, v in trainer.learner.policy.state_dict().items()}
    trainer.run()
    after = weights(gate)
    changed = {k for k in before if not torch.equal(before[k], trainer.learner.policy.state_dict()[k])}
    assert changed and all(k.startswith("gate.") for k in changed)
    assert len(after) > 0 and np.isfinite(sum(float(v.sum()) for v in after.values() if v.is_floating_point()))
