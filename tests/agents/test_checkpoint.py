"""Policies on disk: round trips, refusals, and crashes while writing."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from kinesis_trl.agents.checkpoint import (
    DESCRIPTION,
    WEIGHTS,
    load_checkpoint,
    load_policy,
    save_policy,
)
from kinesis_trl.agents.critic import Critic, CriticConfig
from kinesis_trl.agents.exceptions import CheckpointError
from kinesis_trl.agents.gaussian import GaussianConfig
from kinesis_trl.agents.lattice import LatticeActor, LatticeConfig
from kinesis_trl.agents.mixture import MixtureConfig, make_mixture
from kinesis_trl.agents.networks import NetworkConfig
from kinesis_trl.agents.policy import Policy, make_actor

OBSERVATION, ACTION = 9, 4
NETWORK = NetworkConfig(hidden=(8, 6), activation="elu", output_scale=0.5)


def make(kind: str) -> Policy:
    torch.manual_seed(0)
    lattice = LatticeConfig(network=NETWORK, action_log_std=-1.5, min_log_std=-4.0)
    gaussian = GaussianConfig(network=NetworkConfig(hidden=(5,)), normalise=False)
    if kind == "lattice":
        policy: Policy = make_actor(lattice, OBSERVATION, ACTION)
    elif kind == "gaussian":
        policy = make_actor(gaussian, OBSERVATION, ACTION)
    else:
        experts = [make_actor(config, OBSERVATION, ACTION) for config in (lattice, gaussian)]
        policy = make_mixture(MixtureConfig(gate=NETWORK, finetune=kind == "finetuned"), experts)
    policy.update_norm(torch.randn(50, OBSERVATION) * 3 + 1)
    return policy


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return save_policy(tmp_path / "run", make("lattice"), body="legs")


@pytest.mark.parametrize("kind", ["lattice", "gaussian", "mixture", "finetuned"])
def test_every_kind_comes_back_equal(tmp_path: Path, kind: str) -> None:
    policy = make(kind)
    critic = Critic(CriticConfig(network=NETWORK), OBSERVATION)
    save_policy(tmp_path, policy, body="legs", critic=critic, notes={"steps": 12, "clips": ["a"]})
    found = load_checkpoint(tmp_path, body="legs", observation_width=OBSERVATION, action_width=ACTION)
    assert type(found.policy) is type(policy) and found.policy.config == policy.config
    assert found.body == "legs" and found.notes == {"steps": 12, "clips": ["a"]}
    assert found.provenance["torch"] == torch.__version__
    assert found.critic is not None
    expected, loaded = policy.state_dict(), found.policy.state_dict()
    assert expected.keys() == loaded.keys()
    assert all(torch.equal(expected[name], loaded[name]) for name in expected)
    assert not found.policy.training
    trainable = [name for name, p in policy.named_parameters() if p.requires_grad]
    assert [name for name, p in found.policy.named_parameters() if p.requires_grad] == trainable


def test_a_value_function_is_kept_in_half_precision(tmp_path: Path) -> None:
    critic = Critic(CriticConfig(network=NETWORK, normalise=True), OBSERVATION)
    critic.update_norm(1e6 * torch.randn(50, OBSERVATION))  # beyond what halves hold
    save_policy(tmp_path, make("lattice"), body="legs", critic=critic)
    kept = load_file(tmp_path / WEIGHTS)
    halves = {name for name, weight in kept.items() if weight.dtype == torch.float16}
    assert halves == {name for name, weight in kept.items() if name.startswith("critic.") and weight.ndim == 2}
    assert len(halves) == 3
    found = load_checkpoint(tmp_path).critic
    assert found is not None and all(p.dtype == torch.float32 for p in found.parameters())
    seen = 1e6 * torch.randn(20, OBSERVATION)
    torch.testing.assert_close(found.net(seen), critic.net(seen), rtol=5e-3, atol=5e-3)
    save_policy(tmp_path, make("lattice"), body="legs", critic=found)
    again = load_checkpoint(tmp_path).critic
    assert again is not None and torch.equal(again.net(seen), found.net(seen))


def test_loaded_policy_acts_and_learns_like_the_saved_one(saved: Path) -> None:
    policy, original = load_policy(saved), make("lattice")
    assert isinstance(policy, LatticeActor) and isinstance(original, LatticeActor)
    observation, action = torch.randn(3, OBSERVATION), torch.randn(3, ACTION)
    log_prob = policy.distribution(observation).log_prob(action)
    assert torch.equal(log_prob, original.distribution(observation).log_prob(action))
    log_prob.sum().backward()
    assert policy.log_std.grad is not None
    policy.update_norm(observation)
    assert int(policy.get_buffer("net.norm.count")) == 53


def test_weights_alone_are_enough_and_the_description_can_be_read(saved: Path, tmp_path: Path) -> None:
    description = json.loads((saved / DESCRIPTION).read_text())
    assert description["body"] == "legs"
    assert (description["observation_width"], description["action_width"]) == (OBSERVATION, ACTION)
    assert description["policy"]["config"]["network"]["hidden"] == [8, 6]
    lone = tmp_path / "lone.safetensors"
    lone.write_bytes((saved / WEIGHTS).read_bytes())
    assert load_policy(lone).config == make("lattice").config


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        ({"body": "legs_back"}, "body is legs, expected legs_back"),
        ({"observation_width": 10}, "observation width is 9, expected 10"),
        ({"action_width": 80}, "action width is 4, expected 80"),
        ({"network": NetworkConfig(hidden=(512, 256))}, r"network is .*\(8, 6\).*expected .*\(512, 256\)"),
    ],
)
def test_checkpoint_of_another_task_is_refused(saved: Path, expected: dict, message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        load_policy(saved, **expected)
    load_policy(saved, network=NETWORK)


def damage(path: Path, change: Callable[[bytes], bytes]) -> None:
    path.write_bytes(change(path.read_bytes()))


@pytest.mark.parametrize(
    "change",
    [
        lambda content: b"",
        lambda content: content[:200],
        lambda content: content[:-4],
        lambda content: content[:-4] + bytes([content[-4] ^ 1]) + content[-3:],
        lambda content: b"\xff" * 8 + content[8:],
        lambda content: b"PK\x03\x04" + content[4:],
    ],
    ids=["empty", "cut header", "cut weights", "flipped bit", "huge header", "other format"],
)
def test_damaged_file_is_refused(saved: Path, change: Callable[[bytes], bytes]) -> None:
    damage(saved / WEIGHTS, change)
    with pytest.raises(CheckpointError, match=r"[Cc]opy or download it again"):
        load_policy(saved)


def rewrite(saved: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Store a changed description with the same weights."""
    weights = load_file(saved / WEIGHTS)
    with safe_open(saved / WEIGHTS, framework="pt") as file:
        description = json.loads(file.metadata()["kinesis_trl"])
    change(description)
    save_file(weights, saved / WEIGHTS, metadata={"kinesis_trl": json.dumps(description)})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.update(format_version=2), "format version 2, expected 1"),
        (lambda d: d.pop("format_version"), "format version None, expected 1"),
        (lambda d: d["policy"].update(kind="oracle"), "does not hold together"),
        (lambda d: d["policy"]["config"].update(surprise=1), "unknown settings surprise"),
        (lambda d: d["policy"]["config"].update(network=7), "does not hold together"),
        (lambda d: d.pop("policy"), "does not hold together"),
        (lambda d: d.update(action_width="many"), "does not hold together"),
        (lambda d: d.update(action_width=-1), "does not hold together"),
        (lambda d: d.update(action_width=5), "has shape .*expected by its description"),
        (lambda d: d.update(observation_width=10**9), "has shape .*expected by its description"),
        (lambda d: d["policy"]["config"]["network"].update(hidden=[8, 6, 6]), "expected by its description"),
        (lambda d: d["policy"]["config"].update(normalise=False), "no such weight"),
        (lambda d: d.update(critic={"network": {"hidden": [8]}}), "missing"),
    ],
)
def test_description_that_does_not_fit_the_weights_is_refused(
    saved: Path, change: Callable[[dict[str, Any]], Any], message: str
) -> None:
    rewrite(saved, change)
    with pytest.raises(CheckpointError, match=message):
        load_policy(saved)


def test_files_of_others_and_missing_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no such file"):
        load_policy(tmp_path)
    save_file({"w": torch.ones(2)}, tmp_path / WEIGHTS)
    with pytest.raises(CheckpointError, match="no description of a policy"):
        load_policy(tmp_path)


def test_diverged_weights_are_not_saved(saved: Path) -> None:
    policy = make("lattice")
    with torch.no_grad():
        policy.get_parameter("log_std")[0] = float("nan")
    before = (saved / WEIGHTS).read_bytes()
    with pytest.raises(CheckpointError, match=r"policy.log_std holds NaN"):
        save_policy(saved, policy, body="legs")
    assert (saved / WEIGHTS).read_bytes() == before


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_full_disk_or_crash_leaves_the_earlier_checkpoint(
    saved: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    policy = make("lattice")
    with torch.no_grad():
        policy.get_parameter("log_std").add_(1.0)
    with monkeypatch.context() as patch:
        patch.setattr(os, step, fail)
        with pytest.raises(CheckpointError, match=r"No space left on device.*Free space"):
            save_policy(saved, policy, body="legs")
    assert sorted(file.name for file in saved.iterdir()) == sorted([WEIGHTS, DESCRIPTION])
    assert torch.equal(load_policy(saved).log_std, make("lattice").log_std)


def test_a_death_between_the_two_files_leaves_a_loadable_checkpoint(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = os.replace

    def die_at_description(source: Path, target: Path) -> None:
        if target.name == DESCRIPTION:
            raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr(os, "replace", die_at_description)
    with pytest.raises(KeyboardInterrupt):
        save_policy(saved, make("gaussian"), body="legs")
    assert load_policy(saved).config == make("gaussian").config
