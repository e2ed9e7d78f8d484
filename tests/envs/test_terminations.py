"""What ends an episode, by hand."""

from types import SimpleNamespace

import pytest
import torch

from kinesis_trl.envs.config import ImitationConfig
from kinesis_trl.envs.goal_config import PointGoalConfig
from kinesis_trl.envs.imitation import ImitationEnv
from kinesis_trl.envs.step import body_distance
from kinesis_trl.envs.terms.terminations import KINESIS, STRICT, TERMINATIONS


def ends(name, config, **step):
    return TERMINATIONS[name].compute(SimpleNamespace(**step), config).tolist()


def test_rules_by_hand():
    body = torch.zeros(4, 2, 3)
    reference = body.clone()
    reference[0, 0, 1] = 0.14  # all within 0.15 m
    reference[1, 0, 1] = 0.16  # one beyond 0.15 m
    reference[2, :, 2] = 0.6  # both beyond 0.5 m
    reference[3, 0, 2] = 0.9  # the mean stays at 0.45 m
    distance = body_distance(body, reference)
    assert STRICT.failed(distance).tolist() == [False, True, True, True]
    assert ends("lost", ImitationConfig(rule=KINESIS), distance=distance) == [False, False, True, False]


def test_distance_is_euclidean():
    assert body_distance(torch.zeros(1, 1, 3), torch.tensor([[[3.0, 4.0, 0.0]]])).item() == 5.0


def test_falls_and_time_by_hand():
    position = torch.tensor([0.69, 0.71])[:, None, None].expand(2, 1, 3)
    assert ends("fallen", PointGoalConfig(), state=SimpleNamespace(position=position)) == [True, False]
    assert ends("time_over", PointGoalConfig(steps=9), episode_steps=torch.tensor([8, 9])) == [False, True]
    time, duration = torch.tensor([1.9, 2.0]), torch.tensor([2.0, 2.0])
    assert ends("clip_over", ImitationConfig(), time=time, duration=duration) == [False, True]


def test_only_what_is_named_ends_an_episode(body, library):
    far = torch.full((2, 80), -1.0)
    for names, done in ((("lost",), True), (("clip_over",), False), ((), False)):
        env = ImitationEnv(body, library, ImitationConfig(num_envs=2, start="beginning", terminations=names))
        td = env.reset()
        for _ in range(15):
            td = env.step(td.set("action", far))["next"]
        assert td["terminated"].all() == done
    with pytest.raises(ValueError, match="no termination 'bored'; choose of lost, clip_over, fallen"):
        ImitationEnv(body, library, ImitationConfig(num_envs=2, terminations=("bored",)))
