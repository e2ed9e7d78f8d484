"""The one way in which policies are played: what is halted changes nothing for the others."""

import numpy as np
import pytest
import torch

from kinesis_trl.envs.imitation import ImitationConfig, ImitationEnv
from kinesis_trl.envs.rollout import rollout
from kinesis_trl.envs.terms.terminations import KINESIS
from kinesis_trl.motion.library import MotionLibrary
from kinesis_trl.motion.solving import SolveConfig

FRAMES = (6, 14, 9)


@pytest.fixture(scope="module")
def clips(body, march):
    cut = [march.with_(qpos=march.qpos[:frames]) for frames in FRAMES]
    return MotionLibrary.build(cut, body, inverse=SolveConfig())


def played(body, clips, control, *, halt):
    """States, rewards and ends (T, N, …) of a made-up network until all clips are over, and where each body is last."""
    env = ImitationEnv(body, clips, ImitationConfig(num_envs=3, control=control, start="beginning", rule=KINESIS))
    env.assign([0, 1, 2])
    torch.manual_seed(1)
    layer = torch.nn.Linear(env.observation_width, env.control.width)
    env.reset()
    seen = {"qpos": [], "reward": [], "done": []}
    steps = rollout(env, lambda td: td.set("action", 0.2 * torch.tanh(layer(td["observation"]))), halt=halt)
    for _, after in zip(range(max(FRAMES) - 1), steps, strict=False):
        seen["qpos"].append(env.physics.qpos.copy())
        seen["reward"].append(after["reward"][:, 0].numpy().copy())
        seen["done"].append(after["done"][:, 0].numpy().copy())
    return {name: np.array(values) for name, values in seen.items()}, env


@pytest.mark.parametrize("control", ["pd", "coordinated"])
def test_bodies_do_the_same_whether_or_not_others_are_halted(body, clips, control):
    (alone, env), (together, _) = (played(body, clips, control, halt=halt) for halt in (True, False))
    for row, frames in enumerate(FRAMES):
        own = slice(0, frames - 1)
        for name, values in together.items():
            np.testing.assert_array_equal(alone[name][own, row], values[own, row], err_msg=name)
        assert alone["done"][frames - 2, row]
        still = alone["qpos"][frames - 2 :, row]
        np.testing.assert_array_equal(still, np.tile(still[0], (len(still), 1)))
    assert not env.physics.running.any()
    assert (together["qpos"][-1] != together["qpos"][FRAMES[0] - 2]).any(1)[0]  # it would have gone on


def test_a_reset_lets_a_halted_body_go_on(body, clips):
    _, env = played(body, clips, "pd", halt=True)
    env.reset()
    before = env.physics.qpos.copy()
    next(rollout(env, lambda td: td.set("action", torch.zeros(3, 80))))
    assert env.physics.running.all() and (env.physics.qpos != before).any(1).all()


def test_noise_of_exploration_is_left_out(body, clips):
    from torchrl.envs.utils import ExplorationType, exploration_type

    env = ImitationEnv(body, clips, ImitationConfig(num_envs=1))
    env.reset()
    kinds = []

    def policy(td):
        kinds.append(exploration_type())
        assert not torch.is_grad_enabled()
        return td.set("action", torch.zeros(1, 80))

    next(rollout(env, policy))
    assert kinds == [ExplorationType.DETERMINISTIC] and torch.is_grad_enabled()
