"""Averages of policies: the mean of all weights, and refusals."""

from dataclasses import replace

import pytest
import torch

from kinesis_trl.agents.averaging import average_policies
from kinesis_trl.agents.checkpoint import load_checkpoint, save_policy
from kinesis_trl.agents.critic import Critic, CriticConfig
from kinesis_trl.agents.exceptions import CheckpointError
from kinesis_trl.agents.lattice import LatticeConfig
from kinesis_trl.agents.networks import NetworkConfig
from kinesis_trl.agents.policy import make_actor

NETWORK = NetworkConfig(hidden=(6, 5))


def write(folder, seed, *, config=None, critic=True, **notes):
    torch.manual_seed(seed)
    policy = make_actor(config or LatticeConfig(network=NETWORK), 9, 4)
    policy.update_norm(torch.randn(50, 9) * 3 + seed)
    value = Critic(CriticConfig(network=NETWORK), 9) if critic else None
    return save_policy(folder, policy, body="myolegs", critic=value, notes={"control": "pd", **notes})


def test_weights_and_statistics_are_averaged_in_the_shares_given(tmp_path):
    one, two = write(tmp_path / "one", 1), write(tmp_path / "two", 2)
    average_policies([one, two], tmp_path / "mean", [0.25, 0.75])
    a, b, mean = (load_checkpoint(tmp_path / name) for name in ("one", "two", "mean"))
    for part in ("policy", "critic"):
        states = [getattr(loaded, part).state_dict() for loaded in (a, b, mean)]
        for name, value in states[2].items():
            if value.is_floating_point():
                expected = 0.25 * states[0][name] + 0.75 * states[1][name]
                rounded = part == "critic" and value.ndim > 1  # a file has halves of these
                torch.testing.assert_close(value, expected, **({"rtol": 1e-3, "atol": 1e-6} if rounded else {}))
    assert mean.notes["averaged"] == {str(one): 0.25, str(two): 0.75} and mean.notes["control"] == "pd"
    average_policies([one, one, one], tmp_path / "same")
    seen = torch.randn(7, 9)
    torch.testing.assert_close(load_checkpoint(tmp_path / "same").policy.mean(seen), a.policy.mean(seen))


def test_without_value_functions_there_is_none(tmp_path):
    average_policies([write(tmp_path / "one", 1), write(tmp_path / "two", 2, critic=False)], tmp_path / "mean")
    assert load_checkpoint(tmp_path / "mean").critic is None


def test_what_does_not_belong_together_is_refused(tmp_path):
    one = write(tmp_path / "one", 1)
    wider = LatticeConfig(network=replace(NETWORK, hidden=(7, 5)))
    for other in (write(tmp_path / "wide", 2, config=wider), write(tmp_path / "task", 2, control="direct")):
        with pytest.raises(CheckpointError, match="no average"):
            average_policies([one, other], tmp_path / "mean")
    for policies, weights in (([one], [1.0]), ([one, one], [0.5, 0.6]), ([one, one], [1.0]), ([], [])):
        with pytest.raises(ValueError, match="add up to 1"):
            average_policies(policies, tmp_path / "mean", weights)
    assert not (tmp_path / "mean").exists()
