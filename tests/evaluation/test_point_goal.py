"""Target reaching, evaluated."""

import json

import numpy as np
import pytest

from kinesis_trl.agents.exceptions import CheckpointError
from kinesis_trl.envs.goal_config import PointGoalConfig
from kinesis_trl.envs.imitation import ImitationConfig
from kinesis_trl.evaluation.point_goal import Attempt, draw_paths, goal_table, reach_goals, report_attempts
from kinesis_trl.planning.controllers import Player, make_player

RULES = PointGoalConfig(steps=90, reach=0.4)


def straight(goal, frames, *, fell=False, until=1.0):
    """A made-up attempt that goes straight, as far as a share of the way."""
    share = np.minimum(np.linspace(0.0, 1.3, frames), until)
    return Attempt(goal=np.array(goal), path=share[:, None] * np.array(goal), fell=fell, steps=frames - 1, near=0.1)


def test_success_distance_and_time():
    there, short, fallen = (
        straight((1.5, 0.0), 151),
        straight((0.0, 2.5), 151, until=0.5),
        straight((0.5, 0), 20, fell=True),
    )
    assert there.success and there.distance == pytest.approx(0.0)
    assert there.seconds == pytest.approx((1.4 / 1.5) / (1.3 / 150) / 30, abs=0.05)
    assert not short.success and short.distance == pytest.approx(1.25) and short.seconds is None
    assert not fallen.success
    report = report_attempts([there, short, fallen])
    assert report["summary"]["success"] == pytest.approx(1 / 3) and report["summary"]["fell"] == pytest.approx(1 / 3)
    assert report["by_range"]["1 to 2 m"]["goals"] == 1 and report["by_range"]["beyond 2 m"]["success"] == 0.0
    json.dumps(report, allow_nan=False)
    assert goal_table(report).row_count == 4


def test_an_attempt_that_passes_by_is_no_success():
    path = np.stack([np.linspace(0.0, 3.0, 151), np.zeros(151)], axis=1)
    attempt = Attempt(goal=np.array([1.5, 0.0]), path=path, fell=False, steps=150, near=0.1)
    assert not attempt.success and attempt.seconds is None


def test_both_routes_run_and_are_judged_alike(body, tmp_path):
    player = make_player("zero", body, ImitationConfig())
    runs = {}
    for route in ("planner", "policy"):
        attempts, paths = reach_goals(body, player, route, RULES, count=3, seed=4, keep=2)
        runs[route] = attempts
        assert len(attempts) == 3 and len(paths) == (route == "planner")
        assert [t.qpos is not None for t in attempts] == [True, True, False]
        for attempt in attempts:
            np.testing.assert_allclose(attempt.path[0], 0.0)
            assert len(attempt.path) == 91 or attempt.fell
        assert len(attempts[0].qpos) == len(attempts[0].path)
    np.testing.assert_array_equal([t.goal for t in runs["planner"]], [t.goal for t in runs["policy"]])
    draw_paths(runs["planner"], tmp_path / "deep" / "paths.png")
    assert (tmp_path / "deep" / "paths.png").read_bytes()[:4] == b"\x89PNG"


def test_what_does_not_fit_is_said(body):
    narrow = Player(ImitationConfig(), lambda env: lambda td: td, (300, 80))
    with pytest.raises(CheckpointError, match="observes 300 numbers"):
        reach_goals(body, narrow, "policy", RULES, count=1)
    with pytest.raises(ValueError, match=r"kinesis distil"):
        forward = Player(ImitationConfig(control="feedforward"), lambda env: lambda td: td)
        reach_goals(body, forward, "policy", RULES, count=1)
    with pytest.raises(ValueError, match="at least one"):
        reach_goals(body, narrow, "planner", RULES, count=0)
