"""What ships can be found, is whole, and says where it comes from."""

import pytest
import torch

from kinesis_trl.agents.checkpoint import load_checkpoint
from kinesis_trl.envs.described import as_described
from kinesis_trl.envs.imitation import ImitationConfig
from kinesis_trl.settings import from_yaml
from kinesis_trl.shipped import SHIPPED_POLICY, asset
from kinesis_trl.training.config import TrainConfig


def test_shipped_policy_loads_and_fits_its_own_config(body):
    folder = asset(SHIPPED_POLICY)
    loaded = load_checkpoint(folder, body=body.name)
    run = from_yaml(TrainConfig, (folder / "config.yaml").read_text(), where="config.yaml")
    made_for = as_described(ImitationConfig(), loaded.notes)
    assert (made_for.control, made_for.lookahead) == (run.env.control, run.env.lookahead)
    assert loaded.policy.action_width == len(body.independent_joints)
    action = loaded.policy.eval().mean(torch.zeros(1, loaded.policy.observation_width))
    assert torch.isfinite(action).all() and action.abs().max() < 2
    assert loaded.notes["step"] > 500_000


def test_what_does_not_ship_is_said():
    with pytest.raises(FileNotFoundError, match="does not ship"):
        asset("policies/flying")
