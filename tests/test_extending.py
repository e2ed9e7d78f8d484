"""The examples of docs/extending.md do what the page says, as they stand there."""

import re
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch
from torchrl.envs.utils import check_env_specs

from kinesis_trl.body.catalog import CATALOG
from kinesis_trl.body.model import load_body
from kinesis_trl.envs.config import ImitationConfig, ObservationConfig
from kinesis_trl.envs.imitation import ImitationEnv
from kinesis_trl.envs.terms.observations import OBSERVATIONS
from kinesis_trl.envs.terms.rewards import REWARDS, RewardConfig
from kinesis_trl.envs.terms.terminations import TERMINATIONS
from kinesis_trl.evaluation import episodes
from kinesis_trl.evaluation.task import task_of
from kinesis_trl.motion.readers import registry
from kinesis_trl.motion.readers.registry import MotionFile, ReadOptions
from kinesis_trl.planning.controllers import make_player
from kinesis_trl.settings import from_yaml, to_yaml
from kinesis_trl.training.config import TrainConfig
from kinesis_trl.training.presets import preset, presets_of

PAGE = Path(__file__).parents[1] / "docs" / "extending.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.S)
NAMES = ("observation", "reward", "termination", "task", "body", "reader", "control", "preset")
EXAMPLES = dict(zip(NAMES, BLOCKS, strict=True))


def test_every_example_is_short():
    assert all(len(text.splitlines()) < 20 for text in EXAMPLES.values())


def test_an_observation_of_ones_own(body, library, monkeypatch):
    monkeypatch.setattr("kinesis_trl.envs.terms.observations.OBSERVATIONS", OBSERVATIONS)
    try:
        exec(EXAMPLES["observation"], {})
        config = ImitationConfig(num_envs=2, observation=ObservationConfig().plus("root_speed"), start="beginning")
        env = ImitationEnv(body, library, config)
        seen = env.reset()["observation"][:, env.layout.places["root_speed"]]
        assert seen.shape == (2, 1) and (seen >= 0).all()
        np.testing.assert_allclose(seen[:, 0], np.linalg.norm(env.physics.qvel[:, :2], axis=1), atol=1e-5)
    finally:
        OBSERVATIONS.pop("root_speed", None)


def test_a_reward_of_ones_own(body, library):
    try:
        exec(EXAMPLES["reward"], {})
        config = ImitationConfig(num_envs=2, start="beginning", reward=RewardConfig(more={"joint_rate": 0.1}))
        rewards = []
        for given in (config, replace(config, reward=RewardConfig())):
            env = ImitationEnv(body, library, given)
            rewards.append(env.step(env.reset().set("action", torch.zeros(2, 80)))["next"]["reward"][:, 0])
            rate = np.square(env.physics.qvel[:, 6:]).mean(1)
        np.testing.assert_allclose(rewards[1] - rewards[0], 0.1 * rate, rtol=1e-4)
        assert "joint_rate_cost" in ImitationEnv(body, library, config).metric_names
    finally:
        REWARDS.pop("joint_rate", None)


def test_a_termination_of_ones_own(body, library):
    try:
        exec(EXAMPLES["termination"], {})
        config = ImitationConfig(num_envs=2, start="beginning", terminations=("off_course",))
        env = ImitationEnv(body, library, config)
        td = env.reset()
        env.physics.qpos[1, 0] += 0.5
        td = env.step(td.set("action", torch.zeros(2, 80)))["next"]
        assert td["terminated"][:, 0].tolist() == [False, True]
    finally:
        TERMINATIONS.pop("off_course", None)


def test_a_task_of_ones_own(body, tmp_path, monkeypatch):
    (tmp_path / "stand.py").write_text(EXAMPLES["task"])
    monkeypatch.syspath_prepend(tmp_path)
    config = import_module("stand").StandConfig(steps=20)
    env = config.make(body)
    check_env_specs(env)
    env.reset()
    np.testing.assert_array_equal(env.goal, env.place)
    monkeypatch.setattr(episodes, "EPISODES", 4)
    player = make_player("zero", body, ImitationConfig())
    report = task_of(config).evaluate(body, player, "policy", config, 0)
    assert 0 < report["summary"]["seconds"] <= 20 / 30 and "upright_reward" in report["summary"]
    assert "on their feet" in task_of(config).verdict(report)
    assert task_of(config).table(report).row_count == len(report["summary"])
    with pytest.raises(ValueError, match="--route policy"):
        task_of(config).evaluate(body, player, "planner", config, 0)
    run = replace(preset("point-goal"), env=config)
    assert from_yaml(TrainConfig, to_yaml(run)) == run


def test_a_body_of_ones_own(body):
    try:
        exec(EXAMPLES["body"], {})
        laden = load_body("rucksack")
        assert laden.model.body_mass.sum() == pytest.approx(body.model.body_mass.sum() + 8.0)
        assert laden.muscle_names == body.muscle_names
    finally:
        CATALOG.pop("rucksack", None)


def test_a_reader_of_ones_own(body, tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "_READERS", [])
    exec(EXAMPLES["reader"], {})
    (mine,) = registry._READERS
    np.savetxt(tmp_path / "stand.qpos", np.tile(body.standing_qpos, (5, 1)), header="qpos")
    file = MotionFile(tmp_path / "stand.qpos")
    assert mine.recognises(file) and mine.suffixes == (".qpos",)
    (clip,) = mine.read(file, ReadOptions())
    np.testing.assert_allclose(clip.qpos, np.tile(body.standing_qpos, (5, 1)))


def test_a_control_of_ones_own(body):
    made = {}
    exec(EXAMPLES["control"], made)

    class Spy:
        def step_excitations(self, excitation):
            self.excitation = excitation

    from kinesis_trl.envs.control.config import DirectConfig

    spy, control = Spy(), made["GentleControl"](body, 1, DirectConfig())
    control.step(spy, np.full((1, control.width), 1.0), None)
    assert spy.excitation.shape == (1, body.model.nu) and spy.excitation.max() == pytest.approx(0.5)


def test_a_preset_of_ones_own(tmp_path):
    (tmp_path / "my_walk.py").write_text(EXAMPLES["preset"])
    found = presets_of(tmp_path / "my_walk.py")
    assert found["my-walk"].run.total_steps == 2_000_000 and found["my-walk"].run.name == "my-walk"
