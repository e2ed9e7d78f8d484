"""What ships goes on doing exactly what it did: observations, actions, rewards and motion of one second, bit for bit.

`python -m tests.test_golden` writes the arrays anew; do that only where behaviour is meant to change, and say why.
On a processor other than the one that wrote them, sums are rounded otherwise, and the arrays agree closely instead.
"""

from __future__ import annotations

import platform
from pathlib import Path

import numpy as np
import pytest
import torch
from torchrl.envs.utils import ExplorationType, set_exploration_type

from kinesis_trl.body.model import load_body
from kinesis_trl.envs.directional import DirectionalEnv
from kinesis_trl.envs.goal_config import DirectionalConfig, PointGoalConfig
from kinesis_trl.envs.imitation import ImitationConfig, ImitationEnv
from kinesis_trl.envs.point_goal import PointGoalEnv
from kinesis_trl.motion.gait.data_sets import locomotion_v1
from kinesis_trl.motion.library import MotionLibrary
from kinesis_trl.motion.solving import SolveConfig
from kinesis_trl.planning.controllers import make_player
from kinesis_trl.shipped import GOAL_POLICIES, asset

FILE = Path(__file__).parent / "golden" / "shipped.npz"
STEPS = 30
IMITATORS = ("policies/walking",)
GOALS = {"point-goal": (PointGoalEnv, PointGoalConfig()), "directional": (DirectionalEnv, DirectionalConfig())}


def processor() -> str:
    """What decides how sums are rounded: the processor's model, and the instructions that torch takes."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    return f"{model}; {torch.backends.cpu.get_cpu_capability()}"


def play(env, policy) -> dict[str, np.ndarray]:
    """A second of play: observation (T, N, O), action (T, N, A), reward (T, N), qpos (T, N, nq)."""
    seen = {key: [] for key in ("observation", "action", "reward", "qpos")}
    with torch.no_grad(), set_exploration_type(ExplorationType.DETERMINISTIC):
        td = env.reset()
        for _ in range(STEPS):
            td = policy(td)
            seen["observation"].append(td["observation"].numpy().copy())
            seen["action"].append(td["action"].numpy().copy())
            td = env.step(td)["next"]
            seen["reward"].append(td["reward"][:, 0].numpy().copy())
            seen["qpos"].append(env.physics.qpos.copy())
    return {key: np.array(values) for key, values in seen.items()}


def outcomes(body) -> dict[str, np.ndarray]:
    """All that is pinned, by name; with one thread, as the order of sums depends on their number."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return _outcomes(body)
    finally:
        torch.set_num_threads(threads)


def _outcomes(body) -> dict[str, np.ndarray]:
    found = {}
    clips = [clip.with_(qpos=clip.qpos[: STEPS + 10]) for clip in locomotion_v1("demo", body)[:3]]
    library = MotionLibrary.build(clips, body, inverse=SolveConfig())
    for name in IMITATORS:
        player = make_player(str(asset(name)), body, ImitationConfig(num_envs=3, start="beginning"))
        env = ImitationEnv(body, library, player.settings)
        env.assign([0, 1, 2])
        found |= {f"{name}/{key}": value for key, value in play(env, player.policy(env)).items()}
    for name, (make, config) in GOALS.items():
        player = make_player(str(asset(f"{GOAL_POLICIES}/{name}")), body, ImitationConfig(num_envs=3))
        env = make(body, config.as_seen_in(player.settings))
        found |= {f"{name}/{key}": value[:, :3] for key, value in play(env, player.policy(env)).items()}
    return found


@pytest.fixture(scope="module")
def pinned() -> dict[str, np.ndarray]:
    with np.load(FILE) as arrays:
        return dict(arrays)


def test_shipped_policies_do_exactly_what_they_did(body, pinned):
    same = str(pinned.pop("processor")) == processor()
    found = outcomes(body)
    assert found.keys() == pinned.keys()
    for name, value in found.items():
        if same:
            np.testing.assert_array_equal(value, pinned[name], err_msg=name)
        else:
            np.testing.assert_allclose(value, pinned[name], atol=2e-2, err_msg=name)


if __name__ == "__main__":
    FILE.parent.mkdir(exist_ok=True)
    np.savez_compressed(FILE, processor=np.array(processor()), **outcomes(load_body()))
