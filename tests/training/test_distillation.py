"""A learner of target lengths that gets labels from a policy that corrects inverse solutions."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from kinesis_trl.agents.checkpoint import load_checkpoint, save_policy
from kinesis_trl.agents.fresh import new_actor
from kinesis_trl.agents.lattice import LatticeConfig
from kinesis_trl.agents.networks import NetworkConfig
from kinesis_trl.body.residuals import ResidualConfig
from kinesis_trl.envs.config import JOINT_TERMS, ObservationConfig
from kinesis_trl.envs.described import describe
from kinesis_trl.envs.imitation import ImitationConfig, ImitationEnv
from kinesis_trl.motion.library import MotionLibrary
from kinesis_trl.motion.solving import SolveConfig
from kinesis_trl.training.dagger import DaggerConfig, length_labels
from kinesis_trl.training.distillation import COMPARISON, DistilConfig, distil

ONCE = SolveConfig(residuals=ResidualConfig(rounds=1))

NETWORK = NetworkConfig(hidden=(24, 16))
SEEN = ObservationConfig().plus(*JOINT_TERMS)
ENV = ImitationConfig(num_envs=4, control="feedforward")


@pytest.fixture(scope="module")
def solved(body, march, tmp_path_factory):
    folder = tmp_path_factory.mktemp("solved") / "march"
    MotionLibrary.build([march.with_(qpos=march.qpos[:31])], body, inverse=ONCE).save(folder)
    return str(folder)


@pytest.fixture
def config(body, solved, tmp_path):
    write_teacher(tmp_path / "teacher", body, solved, ENV)
    return DistilConfig(
        policy=tmp_path / "teacher",
        out=tmp_path / "plain",
        motions=solved,
        evaluation=solved,
        learner=LatticeConfig(network=NETWORK),
        dagger=DaggerConfig(labels=64, horizon=4, gradient_steps=2, minibatch=16),
        num_envs=4,
    )


def write_teacher(folder, body, motions, settings):
    """A policy of random corrections."""
    torch.manual_seed(3)
    env = ImitationEnv(body, MotionLibrary.load(motions, body), settings)
    actor = new_actor(LatticeConfig(network=replace(NETWORK, output_scale=1.0)), env)
    save_policy(folder, actor, body=body.name, notes=describe(settings))


def test_a_stopped_distillation_goes_on_and_another_is_refused(config, console):
    distil(config, console)
    before = load_checkpoint(config.out).policy.net.head.weight
    distil(replace(config, dagger=replace(config.dagger, labels=96)), console)
    after = load_checkpoint(config.out)
    assert after.notes["labels"] == 96 and not torch.equal(after.policy.net.head.weight, before)
    with pytest.raises(ValueError, match="other settings"):
        distil(replace(config, learner=LatticeConfig(network=NETWORK, action_log_std=-4.0)), console)
    with pytest.raises(ValueError, match="trained otherwise"):
        distil(replace(config, out=made_elsewhere(config)), console)


def made_elsewhere(config):
    """A policy of the same widths that never had a teacher."""
    loaded = load_checkpoint(config.out)
    notes = {key: value for key, value in loaded.notes.items() if key != "labels"}
    return save_policy(config.out.with_name("other"), loaded.policy, body=loaded.body, notes=notes)


def test_the_learner_gets_labels_that_act_as_its_teacher_does(config, body, console, tmp_path):
    teacher = load_checkpoint(config.policy).policy
    library = MotionLibrary.load(config.motions, body)
    ours = ImitationEnv(body, library, replace(ENV, control="pd", random_heading=False))
    theirs = ImitationEnv(body, library, replace(ENV, random_heading=False))
    td, same = ours.reset(), theirs.reset()
    # same states; only the touch of relaxed feet differs, so let the teacher see the same in both
    np.testing.assert_array_equal(ours.physics.qpos, theirs.physics.qpos)
    same["observation"] = td["observation"].clone()
    label, counts = length_labels(teacher, ENV, ours)(td)
    assert counts.all()
    ours.physics.activation[:] = theirs.physics.activation  # control pd starts relaxed
    after = ours.step(td.set("action", label))["next"]["observation"]
    with torch.no_grad():
        expected = theirs.step(teacher(same))["next"]["observation"]
    np.testing.assert_allclose(after, expected, atol=1e-3)
    report = distil(config, console)
    plain = load_checkpoint(config.out)
    assert plain.notes["control"] == {"name": "pd"} and plain.policy.action_width == 80
    assert 0 < report["learner"]["strict"]["coverage"]["mean"] <= 1
    assert plain.policy.observation_width == teacher.observation_width
    kept = json.loads((config.out / COMPARISON).read_text())
    assert set(kept) == {"teacher", "learner"} and kept == report


def test_a_learner_does_not_see_the_moments_that_its_teacher_sees(config, body, console):
    """They are moments against the inverse solution, which a goal does not have."""
    write_teacher(config.policy, body, config.motions, replace(ENV, observation=SEEN.plus("moment_error")))
    teacher = load_checkpoint(config.policy).policy
    library = MotionLibrary.load(config.motions, body)
    theirs, labels = replace(ENV, observation=SEEN.plus("moment_error")), {}
    for moments in (True, False):
        settings = replace(
            ENV, control="pd", observation=SEEN.plus("moment_error") if moments else SEEN, random_heading=False
        )
        env = ImitationEnv(body, library, settings)
        labels[moments] = length_labels(teacher, theirs, env)(env.reset())[0]
    assert env.moment_error().abs().max() > 1.0
    torch.testing.assert_close(labels[True], labels[False])
    distil(config, console)
    plain = load_checkpoint(config.out)
    assert tuple(plain.notes["observation"]["terms"]) == SEEN.terms
    assert plain.policy.observation_width == teacher.observation_width - len(body.independent_joints)
