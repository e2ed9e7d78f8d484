"""The pretraining command's work: a policy folder that training starts from, and that is taught further."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from kinesis_trl.envs.feedforward import FeedforwardConfig

from kinesis_trl.agents.checkpoint import load_checkpoint
from kinesis_trl.agents.lattice import LatticeConfig
from kinesis_trl.agents.networks import NetworkConfig
from kinesis_trl.body.residuals import ResidualConfig
from kinesis_trl.envs.imitation import ImitationConfig, ImitationEnv
from kinesis_trl.motion.library import MotionLibrary
from kinesis_trl.motion.solving import SolveConfig
from kinesis_trl.training.actors import new_actor
from kinesis_trl.training.dagger import DaggerConfig
from kinesis_trl.training.distillation import COMPARISON, DistilConfig, distil, lengths_of
from kinesis_trl.training.pretraining import PretrainConfig, compare, pretrain, survival
from kinesis_trl.training.trainer import Trainer

ONCE = SolveConfig(residuals=ResidualConfig(rounds=1))

NETWORK = NetworkConfig(hidden=(24, 16))
ENV = ImitationConfig(num_envs=4, control="feedforward")


@pytest.fixture(scope="module")
def prepared(body, march, tmp_path_factory):
    folder = tmp_path_factory.mktemp("solved") / "march"
    MotionLibrary.build([march.with_(qpos=march.qpos[:31])], body, inverse=ONCE).save(folder)
    return str(folder)


@pytest.fixture
def config(prepared, tmp_path):
    return PretrainConfig(
        out=tmp_path / "pre",
        motions=prepared,
        env=ENV,
        student=LatticeConfig(network=NETWORK),
        dagger=DaggerConfig(labels=64, horizon=4, gradient_steps=2, minibatch=16),
    )


@pytest.fixture
def lesson(config, tmp_path):
    """What `config.out` teaches a student of lengths."""
    return DistilConfig(
        policy=config.out,
        out=tmp_path / "plain",
        motions=config.motions,
        evaluation=config.motions,
        student=LatticeConfig(network=NETWORK),
        dagger=config.dagger,
        num_envs=4,
    )


def test_training_starts_from_what_was_taught(config, small, console):
    found = pretrain(config, console)
    assert set(found) == {"zero", "teacher", "student"} and all(v.frames >= 0 for v in found.values())
    taught = load_checkpoint(config.out)
    assert taught.notes["labels"] == 64 and taught.notes["control"] == "feedforward"
    run = replace(small, motions=config.motions, env=ENV, warm_start=config.out)
    trainer = Trainer(run, console)
    torch.testing.assert_close(trainer.learner.policy.net.head.weight, taught.policy.net.head.weight)


def test_a_stopped_lesson_goes_on_and_another_is_refused(config, console):
    pretrain(config, console)
    before = load_checkpoint(config.out).policy.net.head.weight
    pretrain(replace(config, dagger=replace(config.dagger, labels=96)), console)
    after = load_checkpoint(config.out)
    assert after.notes["labels"] == 96 and not torch.equal(after.policy.net.head.weight, before)
    with pytest.raises(ValueError, match="trained otherwise"):
        pretrain(replace(config, env=replace(ENV, feedforward=FeedforwardConfig(joint_scale=2.0))), console)
    with pytest.raises(ValueError, match="no control direct"):
        replace(config, env=replace(ENV, control="direct"))


def test_survival_counts_steps_until_failure_or_the_end(body, library):
    env = ImitationEnv(body, library, ImitationConfig(num_envs=3, start="beginning"))
    env.assign([1, 1, 1])
    failing = survival(env, lambda td: torch.ones(3, 80), limit=44)
    assert failing.frames < 20 and failing.per_failure == pytest.approx(failing.frames)
    lenient = replace(env.rules, rule=replace(env.rules.rule, distance=100.0))
    env = ImitationEnv(body, library, lenient)
    env.assign([1, 1, 1])  # 46 frames, 45 steps
    assert survival(env, lambda td: torch.zeros(3, 80)).frames == 45
    assert survival(env, lambda td: torch.zeros(3, 80), limit=10).frames == 10


def test_all_actors_start_from_the_same_states(body, library):
    """Failures of one actor must not choose the starts of the next, as they do in training."""
    env = ImitationEnv(body, library, ImitationConfig(num_envs=16))
    starts = []

    def act(value):
        def acting(td):
            if int(env.episode_steps.max()) == 0:
                starts.append((env.clip.clone(), env.time.clone()))
            return torch.full((16, 80), value)

        return acting

    found = compare(env, {"one": act(0.0), "wild": act(1.0), "same": act(0.0)}, seed=4)
    assert env.sampler.failures.any()
    for clip, time in starts[1:]:
        assert torch.equal(clip, starts[0][0]) and torch.equal(time, starts[0][1])
    assert found["one"] == found["same"] and found["one"] != found["wild"]


def test_a_student_of_lengths_is_taught_what_its_teacher_and_the_inverse_ask_for(
    config, lesson, body, console, tmp_path
):
    pretrain(config, console)
    teacher = load_checkpoint(config.out).policy
    library = MotionLibrary.load(config.motions, body)
    ours = ImitationEnv(body, library, replace(ENV, control="pd", random_heading=False))
    theirs = ImitationEnv(body, library, replace(ENV, random_heading=False))
    td, same = ours.reset(), theirs.reset()
    # same states; only the touch of relaxed feet differs, so let the teacher see the same in both
    np.testing.assert_array_equal(ours.physics.qpos, theirs.physics.qpos)
    same["observation"] = td["observation"].clone()
    told, counts = lengths_of(teacher, ours)(td)
    assert counts.all()
    ours.physics.activation[:] = theirs.physics.activation  # control pd starts relaxed
    after = ours.step(td.set("action", told))["next"]["observation"]
    with torch.no_grad():
        expected = theirs.step(teacher(same))["next"]["observation"]
    np.testing.assert_allclose(after, expected, atol=1e-3)
    report = distil(lesson, console)
    plain = load_checkpoint(lesson.out)
    assert plain.notes["control"] == "pd" and plain.policy.action_width == 80
    assert 0 < report["student"]["summary"]["strict"]["coverage"]["mean"] <= 1
    assert plain.policy.observation_width == teacher.observation_width
    kept = json.loads((lesson.out / COMPARISON).read_text())
    assert set(kept) == {"teacher", "student"} and kept["student"] == report["student"]["summary"]
    with pytest.raises(ValueError, match="needs control feedforward"):
        distil(replace(lesson, policy=lesson.out, out=tmp_path / "again"), console)


def test_a_student_does_not_see_the_moments_that_its_teacher_sees(config, lesson, body, console):
    """They are moments against the inverse solution, which a goal does not have."""
    sighted = replace(config, env=replace(ENV, observe_joints=True, observe_moments=True))
    pretrain(sighted, console)
    teacher = load_checkpoint(config.out).policy
    library = MotionLibrary.load(config.motions, body)
    told = {}
    for moments in (True, False):
        settings = replace(ENV, control="pd", observe_joints=True, observe_moments=moments, random_heading=False)
        env = ImitationEnv(body, library, settings)
        told[moments] = lengths_of(teacher, env)(env.reset())[0]
    assert env.moment_error().abs().max() > 1.0
    torch.testing.assert_close(told[True], told[False])
    distil(lesson, console)
    plain = load_checkpoint(lesson.out)
    assert not plain.notes["observe_moments"] and plain.notes["observe_joints"]
    assert plain.policy.observation_width == teacher.observation_width - len(body.independent_joints)


def test_noise_along_the_moment_arms_needs_actions_on_muscles(body, prepared):
    library = MotionLibrary.load(prepared, body)
    actor = LatticeConfig(network=NETWORK, directions="moment-arms", action_log_std=-5.0, latent_log_std=-2.0)
    env = ImitationEnv(body, library, replace(ENV, feedforward=FeedforwardConfig(space="muscles")))
    covariance = new_actor(actor, env).covariance().detach()
    strong = torch.linalg.eigvalsh(covariance) > 10 * np.exp(-10.0)
    assert 8 <= int(strong.sum()) <= 14  # as many as there are joints, less those with hardly any lever
    with pytest.raises(ValueError, match="space muscles"):
        new_actor(actor, ImitationEnv(body, library, ENV))
