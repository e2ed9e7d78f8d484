"""Runs on other bodies and sizes, and with muscles that tire: what is learnt is kept with the body's name."""

import json
from dataclasses import replace

import numpy as np
import pytest

from kinesis_trl.agents.checkpoint import load_checkpoint
from kinesis_trl.body.fatigue import FatigueConfig
from kinesis_trl.body.model import load_body
from kinesis_trl.body.simulator import PhysicsConfig
from kinesis_trl.envs.config import ImitationConfig, ObservationConfig
from kinesis_trl.motion.gait.language import text_to_clip
from kinesis_trl.motion.library import MotionLibrary
from kinesis_trl.settings import SettingsError
from kinesis_trl.training.collect import body_of, make_env
from kinesis_trl.training.config import CollectConfig, EvaluationConfig
from kinesis_trl.training.presets import preset
from kinesis_trl.training.trainer import Trainer


@pytest.mark.parametrize("name", ["legs_abs", "legs_back", "legs:height=1.6,mass=55"])
def test_the_recipe_for_laptops_runs_on_every_body(name, small, console, tmp_path):
    body = load_body(name)
    MotionLibrary.build([text_to_clip("walk forward for 1 meter", body)], body).save(tmp_path / "walk")
    recipe = preset("laptop")
    terms = tuple(t for t in recipe.env.observation.terms if t != "moment_error")  # the clip is not solved, to be quick
    physics = PhysicsConfig(condition=FatigueConfig(start="random"))
    observation = ObservationConfig(terms=terms, reference_steps=recipe.env.observation.reference_steps)
    env = replace(recipe.env, num_envs=4, control="direct", observation=observation.without("last_action"))
    env = replace(env, observation=env.observation.plus("muscle_fatigue"), physics=physics)
    assert isinstance(env, ImitationConfig)
    run = replace(small, body=name, motions=str(tmp_path / "walk"), env=env, total_steps=64)
    run = replace(run, evaluation=EvaluationConfig(every=0, motions=str(tmp_path / "walk")))
    Trainer(run, console).run()
    policy = run.folder / "policy"
    assert json.loads((policy / "policy.json").read_text())["body"] == body.name
    loaded = load_checkpoint(policy, body=body.name)
    assert loaded.policy.action_width == body.model.nu


def test_workers_have_bodies_of_several_sizes(small, body, tmp_path):
    clip = text_to_clip("walk forward for 1 meter", body)
    np.savez(tmp_path / "walk.npz", qpos=clip.qpos, fps=30.0)
    sizes = CollectConfig(mode="workers", workers=2, horizon=8, sizes=("height=1.55,mass=50", "random"))
    env = replace(small.env, num_envs=4, control="direct", observation=ObservationConfig())
    run = replace(small, motions=str(tmp_path / "walk.npz"), env=env, collect=sizes, total_steps=64)
    assert body_of(run) == "myolegs" and body_of(run, 0) == body_of(run, 2) == "myolegs:height=1.55,mass=50"
    random = {body_of(replace(run, seed=seed), 1) for seed in range(20)}
    statures = [float(name.split("height=")[1]) for name in random]
    assert len(random) > 10 and min(statures) >= 1.5 and max(statures) <= 1.95
    own, other = make_env(run, 0), make_env(run, 1)
    assert own.body.height == pytest.approx(1.55) and 1.5 <= other.body.height <= 1.95
    assert own.observation_spec == other.observation_spec and own.action_spec == other.action_spec


def test_sizes_must_be_sizes_and_need_workers():
    with pytest.raises(ValueError, match="sizes need"):
        CollectConfig(sizes=("random",))
    with pytest.raises(SettingsError, match="a height of 3 m"):
        CollectConfig(mode="workers", workers=2, sizes=("height=3",))
