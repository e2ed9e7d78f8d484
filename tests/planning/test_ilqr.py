"""Refining: a motion that was found is led closer to its clip, and stays one that the simulation makes."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from kinesis_trl.agents.baselines import baseline
from kinesis_trl.body.simulator import PhysicsConfig
from kinesis_trl.envs.control.config import FeedforwardConfig
from kinesis_trl.envs.control.feedforward import Feedforward
from kinesis_trl.envs.imitation import ImitationConfig
from kinesis_trl.evaluation.rollout import play_clips
from kinesis_trl.planning.ilqr import RefineConfig, Refiner
from kinesis_trl.planning.linear import RegulatorConfig
from kinesis_trl.planning.references import as_found

JOINTS = FeedforwardConfig()


@pytest.fixture(scope="module")
def before(body, walk, found):
    return as_found(body, walk, found, JOINTS)


def refiner(body, walk, config):
    solution = walk.inverse["target_length"].double().numpy()
    return Refiner(body, JOINTS, PhysicsConfig(), RegulatorConfig(), config, solution)


@pytest.fixture(scope="module")
def after(body, walk, before):
    return refiner(body, walk, RefineConfig(rounds=1)).refine(before)


def mean_distance(clip):
    """Mean distance in metres of the tracked bodies from the clip as it was given."""
    return float((clip.track[..., :3] - clip.unsolved[..., :3]).norm(dim=-1).mean())


def test_it_comes_closer_with_less_correction(body, walk, before, after):
    assert mean_distance(after) < 0.9 * mean_distance(before)
    careful = refiner(body, walk, RefineConfig())
    far = refiner(body, walk, RefineConfig(distance=1e3))  # what is left are corrections
    assert careful.cost(after) < 0.8 * careful.cost(before)
    assert far.cost(after) < 0.95 * far.cost(before)
    np.testing.assert_array_equal(after.unsolved.numpy(), before.unsolved.numpy())
    np.testing.assert_array_equal(after.qpos[0].numpy(), before.qpos[0].numpy())  # episodes begin where they did


def test_cost_is_that_of_distances_and_corrections(body, walk):
    """A clip moved by 5 cm, 7 bodies, whose lengths are the solution's for an action of 0.2 on one joint: 7 + 1."""
    control = Feedforward(body, walk, JOINTS)
    frames, action = int(walk.frames[0]), np.zeros((int(walk.frames[0]), 14))
    action[:, 3] = 0.2
    track = walk.unsolved.numpy().copy()
    track[..., 0] += 0.05
    lengths = control.corrected_length(torch.arange(frames), action)
    other = walk.replaced(track=track, target_length=lengths)
    expected = len(body.tracked_ids) + (frames - 1) / frames
    assert refiner(body, walk, RefineConfig()).cost(other) == pytest.approx(expected, rel=1e-3)


def test_its_controls_make_it(body, after):
    """Played from its start without any feedback, the simulation makes the very motion, as far as float32 carries."""
    settings = ImitationConfig(control="feedforward")
    [episode] = play_clips(body, after, lambda env: baseline("zero", env), settings, keep_states=frozenset({0}))
    moved = episode.qpos[:, :3] - after.qpos[: len(episode.qpos), :3].numpy()
    first = moved[0].copy()
    first[2] = 0.0  # environments begin clips at the origin
    np.testing.assert_allclose(moved[:15] - first, 0, atol=2e-3)


def test_rounds_may_be_none_but_not_fewer(body, walk, before):
    config = RefineConfig(rounds=0)
    assert refiner(body, walk, config).refine(before) is before
    for wrong in ({"rounds": -1}, {"corrections": 0}, {"distance": 0.0}, {"action": 0.0}, {"steadiness": 0.0}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            replace(config, **wrong)
