"""Ways to collect: same shapes and numbers of steps; lists of clips."""

import importlib.util
from dataclasses import replace

import pytest
import torch

from kinesis_trl.agents.lattice import LatticeConfig
from kinesis_trl.agents.networks import NetworkConfig
from kinesis_trl.agents.policy import make_actor
from kinesis_trl.motion.clip import ClipFormatError
from kinesis_trl.training.collect import CollectError, flatten, make_env, make_source, open_clips, read_clip_list
from kinesis_trl.training.config import CollectConfig
from kinesis_trl.training.trainer import Trainer

pytestmark = pytest.mark.slow


def batches(config, count=2):
    torch.manual_seed(0)
    env = make_env(config) if config.collect.mode == "in-process" else None
    policy = make_actor(LatticeConfig(network=NetworkConfig(hidden=(24, 16))), 309, 80)
    source = make_source(config, policy, torch.device("cpu"), env)
    try:
        iterator = iter(source.collector)
        out = []
        for _ in range(count):
            out.append(flatten(next(iterator)).clone())
            with torch.no_grad():
                policy.net.head.bias.add_(0.5)
            source.update_policy(policy)
        return out
    finally:
        source.close()


def check(config, first, second):
    assert first.shape == (config.env.num_envs, config.collect.horizon)
    assert torch.isfinite(first["observation"]).all() and first["action"].shape[-1] == 80
    # the weights changed in between are the ones that act in the second batch
    assert second["action"].mean() - first["action"].mean() > 0.3


def test_in_process(small):
    check(small, *batches(small))


def test_worker_processes_collect_the_same_number_of_steps(small):
    config = replace(small, collect=CollectConfig(mode="workers", workers=2, horizon=8))
    first, second = batches(config)
    check(config, first, second)
    assert not torch.equal(first["observation"][:2], first["observation"][2:])  # workers draw their own episodes


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="ray is not installed (an optional extra)")
def test_two_ray_workers_train(small, console):
    config = replace(small, collect=CollectConfig(mode="ray", workers=2, horizon=8), total_steps=64)
    assert Trainer(config, console).run() == {"step": 64, "iteration": 2, "next_evaluation": 0}
    assert (config.folder / "policy" / "policy.safetensors").is_file()


@pytest.mark.skipif(importlib.util.find_spec("ray") is not None, reason="ray is installed")
def test_ray_missing_is_said(small):
    config = replace(small, collect=CollectConfig(mode="ray", workers=2, horizon=8))
    with pytest.raises(CollectError, match=r"kinesis_trl\[ray\]"):
        batches(config)


def test_listed_clips_only(small, body, tmp_path):
    names = tmp_path / "mined.txt"
    names.write_text("# two of three\nturning\n\nmarch\n")
    assert [c.name for c in open_clips(replace(small, clips=names), body).clips] == ["turning", "march"]
    names.write_text("elsewhere\n")
    with pytest.raises(ClipFormatError, match="'elsewhere'"):
        open_clips(replace(small, clips=names), body)
    names.write_text("# none failed\n")
    with pytest.raises(ClipFormatError, match="nothing is left"):
        read_clip_list(names)
    with pytest.raises(ClipFormatError, match=r"kinesis mine"):
        read_clip_list(tmp_path / "missing.txt")


def test_uneven_shares_are_refused(small):
    with pytest.raises(ValueError, match="shared out evenly"):
        replace(small, collect=CollectConfig(mode="workers", workers=3))
    with pytest.raises(ValueError, match=r"need --collect\.mode"):
        CollectConfig(workers=2)
