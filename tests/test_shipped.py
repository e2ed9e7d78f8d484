"""What ships can be found, is whole, and says where it comes from."""

import pytest
import torch
from tensordict import TensorDict
from torchrl.envs.utils import ExplorationType, set_exploration_type

from kinesis_trl.agents.checkpoint import load_checkpoint
from kinesis_trl.envs.config import ImitationConfig
from kinesis_trl.envs.described import as_described
from kinesis_trl.envs.goal_config import DirectionalConfig, PointGoalConfig
from kinesis_trl.settings import from_yaml
from kinesis_trl.shipped import COORDINATED_POLICY, FEEDFORWARD_POLICY, GOAL_POLICIES, SHIPPED_POLICY, asset
from kinesis_trl.training.config import TrainConfig


@pytest.mark.parametrize("name", [SHIPPED_POLICY, COORDINATED_POLICY, FEEDFORWARD_POLICY])
def test_shipped_policies_load_and_fit_their_own_config(body, name):
    folder = asset(name)
    loaded = load_checkpoint(folder, body=body.name)
    run = from_yaml(TrainConfig, (folder / "config.yaml").read_text(), where="config.yaml")
    made_for = as_described(ImitationConfig(), loaded.notes)
    assert (made_for.control, made_for.observation) == (run.env.control, run.env.observation)
    assert loaded.policy.action_width == len(body.independent_joints)
    seen = TensorDict({"observation": torch.zeros(1, loaded.policy.observation_width)}, batch_size=[1])
    with torch.no_grad(), set_exploration_type(ExplorationType.DETERMINISTIC):
        action = loaded.policy.eval()(seen)["action"]
    assert torch.isfinite(action).all() and action.abs().max() < 2
    assert loaded.notes["step"] > 500_000


@pytest.mark.parametrize("task", ["point-goal", "directional"])
def test_policies_that_see_goals_ship(body, task):
    loaded = load_checkpoint(asset(f"{GOAL_POLICIES}/{task}"), body=body.name)
    settings = as_described(PointGoalConfig() if task == "point-goal" else DirectionalConfig(), loaded.notes)
    env = settings.make(body)
    assert settings.control.name == "pd"  # a goal has no inverse solution to correct
    assert loaded.policy.observation_width == env.observation_width and loaded.policy.action_width == body.model.nu


def test_what_does_not_ship_is_said():
    with pytest.raises(FileNotFoundError, match="does not ship"):
        asset("policies/flying")
