"""Runs on other bodies and sizes, and with muscles that tire: what is learnt is kept with the body's name."""

import json
from dataclasses import replace

import pytest

from kinesis_trl.agents.checkpoint import load_checkpoint
from kinesis_trl.body.fatigue import FatigueConfig
from kinesis_trl.body.model import load_body
from kinesis_trl.body.simulator import PhysicsConfig
from kinesis_trl.envs.config import ImitationConfig, ObservationConfig
from kinesis_trl.motion.gait.language import text_to_clip
from kinesis_trl.motion.library import MotionLibrary
from kinesis_trl.training.config import EvaluationConfig
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
