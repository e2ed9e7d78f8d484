"""Runs: reproducible, resumable after a kill to the same numbers, and safe against a full disk."""

import json
import os
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
from filelock import FileLock
from rich.console import Console
from safetensors import safe_open
from safetensors.torch import load_file

from kinesis_trl.agents.checkpoint import load_policy
from kinesis_trl.agents.exceptions import CheckpointError
from kinesis_trl.agents.tensor_file import write_tensors
from kinesis_trl.envs.config import MUSCLE_TERMS
from kinesis_trl.training.agent import RunError
from kinesis_trl.training.config import EvaluationConfig
from kinesis_trl.training.metrics_file import MetricsFileError
from kinesis_trl.training.trainer import Trainer

pytestmark = pytest.mark.slow


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


@pytest.mark.parametrize("memory", [0.0, 0.5])
def test_stopped_and_resumed_equals_uninterrupted(small, console, tmp_path, memory):
    small = replace(small, actor=replace(small.actor, noise_memory=memory))
    whole = replace(small, runs=tmp_path / "whole")
    Trainer(whole, console).run()
    Trainer(replace(small, total_steps=32), console).run()
    trainer = Trainer(small, console)
    assert trainer.resumed and trainer.progress["step"] == 32
    trainer.run()
    assert same(weights(whole), weights(small)) and lines(whole) == lines(small)


def test_a_run_that_time_ends_says_how_far_it_will_come(small, console):
    trainer = Trainer(replace(small, total_steps=10**9, total_seconds=100.0), console)
    trainer.progress.update(step=3000, seconds=20.0)
    assert trainer._steps_in_all() == 15_000
    trainer.close()
    trainer = Trainer(replace(small, name="steps", total_steps=10**4, total_seconds=100.0), console)
    trainer.progress.update(step=3000, seconds=20.0)
    assert trainer._steps_in_all() == 10**4
    trainer.close()


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


def full_disk(*_, **__):
    raise OSError(28, "No space left on device")


def test_full_disk_costs_a_warning_not_the_run(small, monkeypatch):
    said = Console(record=True, width=200)
    trainer = Trainer(small, said)
    real, refused = trainer._checkpoints.save, []

    def full(*args):
        if len(refused) < 2:
            refused.append(1)
            full_disk()
        return real(*args)

    monkeypatch.setattr(trainer._checkpoints, "save", full)
    assert trainer.run()["step"] == small.total_steps
    assert said.export_text().count("could not be written: [Errno 28] No space left on device") == 1
    again = Trainer(small, said)
    assert refused and again.progress["step"] == small.total_steps
    again.close()


def test_full_disk_at_the_end_is_an_error_and_the_run_goes_on_later(small, console, monkeypatch, tmp_path):
    whole = replace(small, runs=tmp_path / "whole")
    Trainer(whole, console).run()
    trainer = Trainer(small, console)
    save = trainer._checkpoints.save
    monkeypatch.setattr(
        trainer._checkpoints, "save", lambda state, step: save(state, step) if step == 32 else full_disk()
    )
    with pytest.raises(RunError, match=r"step 96 could not be written \(.*No space left.* same command again"):
        trainer.run()
    trainer = Trainer(small, console)
    assert trainer.progress["step"] == 32
    trainer.run()
    assert same(weights(whole), weights(small)) and lines(whole) == lines(small)


def test_numbers_that_the_disk_refused_are_in_the_file_before_a_checkpoint_is(small, console, monkeypatch):
    trainer = Trainer(small, console)

    def refuse():
        raise MetricsFileError("No space left on device")

    monkeypatch.setattr(trainer.log._metrics, "flush", refuse)
    with pytest.raises(RunError, match="could not be written"):
        trainer.run()
    assert not list((small.folder / "checkpoints").glob("*")) and not (small.folder / "policy").exists()


def test_another_run_in_the_folder_is_not_overwritten(small, console):
    Trainer(small, console).run()
    with pytest.raises(RunError, match="other settings"):
        Trainer(replace(small, seed=5), console)
    Trainer(replace(small, total_steps=128), console)  # longer is the same run


def test_the_same_command_given_twice_destroys_nothing(small, console):
    first = Trainer(small, console)
    first.log.log_scalars({"train/loss": 1.0}, 5)
    before = {path: path.read_bytes() for path in small.folder.rglob("*") if path.is_file()}
    with pytest.raises(RunError, match="another process"):
        Trainer(small, console)
    assert {path: path.read_bytes() for path in small.folder.rglob("*") if path.is_file()} == before
    assert first.run()["step"] == small.total_steps
    with FileLock(small.folder / ".lock", timeout=0):  # free again
        pass


def test_a_start_before_the_first_checkpoint_leaves_no_numbers_of_the_one_that_was_killed(small, console):
    (small.folder).mkdir(parents=True)
    (small.folder / "metrics.jsonl").write_text('{"step": 32, "train/loss": 1.0}\n')
    Trainer(small, console).run()
    assert [row["step"] for row in lines(small)] == [32, 64, 96] and "train/loss" not in lines(small)[0]


def test_a_folder_that_cannot_be_written_is_said_in_a_line(small, console, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot be written to"):
        Trainer(replace(small, runs=tmp_path / "file"), console)


def test_checkpoints_that_need_a_pickle_are_refused_with_the_way_on(small, console):
    old = small.folder / "checkpoints" / "checkpoint-000000000032" / "learner"
    old.mkdir(parents=True)
    (old / "other.pickle").write_bytes(b"cos\nsystem\n(S'touch %s'\ntR." % bytes(small.folder / "ran"))
    with pytest.raises(CheckpointError, match=r"--warm-start .*expert0/policy"):
        Trainer(small, console)
    assert not (small.folder / "ran").exists()


def test_damaged_and_foreign_checkpoints_are_refused_in_a_line(small, console):
    Trainer(small, console).run()
    newest = max((small.folder / "checkpoints").iterdir())
    file = safe_open(newest, framework="pt")
    description = json.loads(file.metadata()["kinesis_trl"])
    tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    whole = newest.read_bytes()

    def refused(match, **changes):
        values = {**description["values"], **changes.pop("values", {})}
        write_tensors(newest, {**tensors, **changes}, {**description, "values": values})
        with pytest.raises(CheckpointError, match=match) as caught:
            Trainer(small, console)
        assert "\n" not in str(caught.value)

    refused("has shape", **{"learner/policy/log_std": torch.zeros(3)})
    refused("float64", **{"learner/policy/log_std": tensors["learner/policy/log_std"].double()})
    refused("no such weight", **{"learner/policy/more": torch.zeros(3)})
    refused("NaN", **{"learner/optimizer/0/exp_avg": tensors["learner/optimizer/0/exp_avg"] * float("nan")})
    refused("cannot be gone on from", **{"rng/torch": torch.full_like(tensors["rng/torch"], 255)})
    refused("progress/step is 'many'", values={"progress/step": "many"})
    refused("counters", values={"progress/step": -1})
    refused("not those of this run", values={"progress/more": 1})
    refused("cannot be gone on from", values={"env/generator/bit_generator": "MT19937"})
    for damaged in (whole[:-9], whole[: len(whole) // 2], whole[:-1] + b"\xff", b""):
        newest.write_bytes(damaged)
        with pytest.raises(CheckpointError):
            Trainer(small, console)
    newest.unlink()
    trainer = Trainer(small, console)
    assert trainer.progress["step"] == 64
    trainer.close()


def test_what_killed_processes_left_in_the_folder_is_swept(small, console):
    left = [
        small.folder / ".evaluation.01234567.part.json",
        small.folder / "policy" / ".policy.01234567.part.safetensors",
        small.folder / "checkpoints" / ".checkpoint-1.01234567.part.safetensors",
    ]
    for path in left:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("half")
    Trainer(small, console).close()
    assert not any(path.exists() for path in left)


def test_no_logged_number_is_a_placeholder(small, console):
    """Each number that is logged differs from zero somewhere."""
    second = replace(small, name="expert1", seed=3)
    longer = replace(small, total_steps=32 * 12, ppo=replace(small.ppo, clip=0.01))
    for config in (longer, second):
        Trainer(config, console).run()
    gate = replace(longer, name="moe", experts=(small.folder / "policy", second.folder / "policy"), warm_start=None)
    Trainer(gate, console).run()
    for config in (longer, gate):
        rows = lines(config)
        names = {name for row in rows for name in row} - {"train/reached_end"}  # what learns so little reaches none
        assert {name for name in names if not any(row.get(name) for row in rows)} == set()
        assert "train/entropy" in names and ("train/noise" in names) == (config is longer)
    expert = [row["train/entropy"] for row in lines(longer)]
    actor = load_policy(longer.folder / "policy")
    factor = actor.scale_tril()
    exact = float(torch.distributions.MultivariateNormal(torch.zeros(80), scale_tril=factor).entropy())
    assert expert[-1] == pytest.approx(exact, abs=2.0) and expert[0] != expert[-1]
    assert all(0 < row["train/entropy"] <= np.log(2) + 1e-6 for row in lines(gate))


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
