"""Refining: a motion that was found is led closer to its clip, and stays one that the simulation makes."""

from dataclasses import replace

import numpy as np
import pytest

from kinesis_trl.body.physics import PhysicsConfig
from kinesis_trl.envs.feedforward import FeedforwardConfig
from kinesis_trl.envs.imitation import ImitationConfig
from kinesis_trl.evaluation.policies import baseline
from kinesis_trl.evaluation.rollout import play_clips
from kinesis_trl.motion.library import MotionLibrary
from kinesis_trl.rehearsal.linear import RegulatorConfig
from kinesis_trl.rehearsal.references import as_found
from kinesis_trl.rehearsal.refining import RefineConfig, mean_distance, refine

JOINTS = FeedforwardConfig()


@pytest.fixture(scope="module")
def before(body, walk, found):
    return as_found(body, walk, found, JOINTS)


@pytest.fixture(scope="module")
def after(body, before):
    return refine(body, before, JOINTS, PhysicsConfig(), RegulatorConfig(), RefineConfig(rounds=1))


def test_it_comes_closer(before, after):
    assert mean_distance(after) < 0.85 * mean_distance(before)
    np.testing.assert_array_equal(after.prepared.numpy(), before.prepared.numpy())
    np.testing.assert_array_equal(after.qpos[0].numpy(), before.qpos[0].numpy())  # episodes begin where they did


def test_its_controls_make_it(body, after):
    """Played from its start without any feedback, the simulation makes the very motion, as far as float32 carries."""
    settings = ImitationConfig(control="feedforward")
    [episode] = play_clips(body, after, lambda env: baseline("zero", env), settings, keep_states=frozenset({0}))
    moved = episode.qpos[:, :3] - after.qpos[: len(episode.qpos), :3].numpy()
    first = moved[0].copy()
    first[2] = 0.0  # environments begin clips at the origin
    np.testing.assert_allclose(moved[:15] - first, 0, atol=2e-3)


def test_a_clip_that_is_its_own_motion_is_left_alone(body, before):
    own = MotionLibrary(
        before.body_name,
        before.clips,
        {name: array.numpy() for name, array in _arrays(before).items()} | {"prepared": before.track.numpy()},
    )
    kept = refine(body, own, JOINTS, PhysicsConfig(), RegulatorConfig(), RefineConfig(rounds=1, corrections=1))
    assert mean_distance(kept) < 1e-9


def test_rounds_may_be_none_but_not_fewer(body, before):
    config = RefineConfig(rounds=0)
    assert refine(body, before, JOINTS, PhysicsConfig(), RegulatorConfig(), config) is before
    for wrong in ({"rounds": -1}, {"corrections": 0}, {"distance": 0.0}, {"steadiness": 0.0}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            replace(config, **wrong)


def _arrays(library):
    return {
        "qpos": library.qpos,
        "qvel": library.qvel,
        "track": library.track,
        "muscle_length": library.muscle_length,
        **library.inverse,
    }
