"""A short walk, and what a search finds for it."""

from dataclasses import replace

import pytest
import torch

from kinesis_trl.agents.checkpoint import load_checkpoint
from kinesis_trl.body.simulator import PhysicsConfig
from kinesis_trl.envs.imitation import ImitationConfig
from kinesis_trl.motion.gait.language import text_to_clip
from kinesis_trl.motion.library import MotionLibrary
from kinesis_trl.motion.solving import SolveConfig
from kinesis_trl.planning.controllers import make_player
from kinesis_trl.planning.search import SearchConfig, search
from kinesis_trl.shipped import FEEDFORWARD_POLICY, asset

SEARCH = SearchConfig(bodies=8, clips=2)


@pytest.fixture(scope="session")
def walk(body):
    """A library of one clip of a few steps, cut to two seconds from its middle."""
    clip = text_to_clip("walk forward", body)
    clip = replace(clip, qpos=clip.qpos[20:65].copy())
    return MotionLibrary.build([clip], body, inverse=SolveConfig())


@pytest.fixture(scope="session")
def player(body):
    torch.set_num_threads(1)
    return make_player(str(asset(FEEDFORWARD_POLICY)), body, ImitationConfig(physics=PhysicsConfig(threads=2)))


@pytest.fixture(scope="session")
def critic():
    return load_checkpoint(asset(FEEDFORWARD_POLICY)).critic.eval()


@pytest.fixture(scope="session")
def found(body, walk, player, critic):
    [(clip, result)] = search(body, walk, player.policy, critic, player.settings, SEARCH, [0])
    assert clip == 0
    return result
