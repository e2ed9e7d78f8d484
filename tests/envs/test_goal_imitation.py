"""Planner references to goals, and what a policy that sees only the goal would observe."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from kinesis_trl.envs.config import JOINT_TERMS, MUSCLE_TERMS, ObservationConfig
from kinesis_trl.envs.goal_config import DirectionalConfig, PointGoalConfig
from kinesis_trl.envs.goal_imitation import GoalImitationEnv
from kinesis_trl.envs.imitation import ImitationConfig
from kinesis_trl.envs.planner_references import PlannerReferences, plan_references

TASKS = {"places": PointGoalConfig(), "orders": DirectionalConfig(steps=120, hold=(1.0, 2.0))}
PLAIN = ImitationConfig(
    num_envs=3, observation=ObservationConfig().plus("turn_to_reference", *JOINT_TERMS, reference_steps=(2, 5))
)


@pytest.fixture(scope="module")
def references(body):
    return {name: plan_references(task, body, 2, seed=4) for name, task in TASKS.items()}


def test_ways_lead_to_the_goals_that_the_task_draws(references):
    found = references["places"]
    drawn = PointGoalConfig().draw(2, np.random.default_rng(4))
    for k, goal in enumerate(drawn):
        frames = slice(int(found.library.start[k]), int(found.library.start[k]) + int(found.library.frames[k]))
        assert found.library.frames[k] == 151
        np.testing.assert_array_equal(found.goal[frames], np.tile(goal, (151, 1)))
        assert np.linalg.norm(found.library.qpos[frames][-1, :2].numpy() - goal) < 0.05


def test_commands_are_obeyed(references):
    found = references["orders"]
    ahead = found.goal.reshape(2, 121, 2)
    qpos = found.library.qpos.numpy().reshape(2, 121, -1)
    speed = np.linalg.norm(ahead, axis=-1) / 1.265
    assert ((speed == 0) | ((speed > 0.3 - 1e-9) & (speed < 1.5 + 1e-9))).all()
    changes = np.flatnonzero(np.abs(np.diff(ahead, axis=1)).max((0, 2)))
    assert len(changes)
    for k in range(2):
        last = ahead[k, -1]
        same = np.flatnonzero((ahead[k] != last).any(-1))[-1] + 1
        if last.any() and 121 - same > 45:  # after a second and a half it goes there
            moved = qpos[k, -1, :2] - qpos[k, -15, :2]
            assert moved @ last > 0.8 * np.linalg.norm(moved) * np.linalg.norm(last)


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("change", [(), MUSCLE_TERMS])
def test_the_view_is_what_the_task_shows_in_the_same_state(body, references, name, change):
    settings = replace(PLAIN, observation=PLAIN.observation.plus(*change))
    env = GoalImitationEnv(body, references[name], TASKS[name], replace(settings, start="beginning"))
    env.assign([0, 1, 1])
    task = TASKS[name].as_seen_in(settings).make(body)
    td = env.reset()
    for _ in range(3):
        task.physics = env.physics
        task.place = torch.from_numpy(env._observe().position.numpy()[:, 0, :2].copy())
        frame = env.library.frame_index(env.clip, env.time)
        goal = torch.from_numpy(references[name].goal)[frame]
        if name == "places":
            goal = goal - env.library.qpos[env.library.start[env.clip], :2]  # bodies start at the origin
        task.goal = (goal[:, None] @ env.placement.matrix[:, :2, :2]).squeeze(1)
        if name == "orders":
            task.goal = task.goal + task.place
        expected = task._describe(task._observe(), slice(None))
        np.testing.assert_allclose(env.goal_view(td), expected, atol=2e-3)
        td = env.step(td.set("action", torch.zeros(3, 80)))["next"]


def test_goals_must_fit_the_library(references):
    with pytest.raises(ValueError, match="frames with goals of shape"):
        PlannerReferences(references["places"].library, np.zeros((5, 2)), from_body=False)
