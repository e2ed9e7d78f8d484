"""Paths to goals."""

import numpy as np
import pytest

from kinesis_trl.body.inverse import InverseConfig
from kinesis_trl.motion.gait.commands import CommandError
from kinesis_trl.motion.gait.paths import path_to, paths_to


@pytest.mark.parametrize("goal", [(1.4, 1.0), (-1.8, -0.2), (0.0, 1.2), (1.95, -1.95)])
def test_a_path_ends_at_its_goal_in_time(body, goal):
    clip = path_to(goal, 5.0, body)
    assert clip.frames == 151
    np.testing.assert_allclose(clip.qpos[0, :2], 0.0, atol=0.02)
    np.testing.assert_allclose(clip.qpos[0, 3:7], [1, 0, 0, 0], atol=0.03)
    assert np.hypot(*(clip.qpos[-1, :2] - goal)) < 0.07
    assert clip.qpos[:, 2].min() > 0.85
    assert np.abs(np.diff(clip.qpos[:, :2], axis=0)).max() * 30 < 1.6
    heading = 2.0 * np.arctan2(clip.qpos[-1, 6], clip.qpos[-1, 3])
    towards = np.arctan2(goal[1], goal[0])
    assert np.abs(np.angle(np.exp(1j * (heading - towards)))) < 0.4  # turned and walked, not backward


def test_paths_in_a_library_with_inverse_solutions(body):
    goals = np.array([[1.0, 0.2], [-0.5, 0.0]])
    seen = []
    library = paths_to(goals, 4.0, body, inverse=InverseConfig(), on_path=seen.append)
    assert len(library) == 2 and library.frames.tolist() == [121, 121] and seen == [1, 1]
    assert library.start.tolist() == [0, 121]
    ends = library.qpos[[120, 241], :2].numpy()
    assert np.linalg.norm(ends - goals, axis=1).max() < 0.08
    assert library.inverse["activation"].shape == (242, 80)
    plain = paths_to(goals[:1], 4.0, body)
    assert plain.inverse is None


def test_what_cannot_be_reached_is_said(body):
    with pytest.raises(CommandError, match="cannot be reached in"):
        path_to((5.0, 0.0), 2.0, body)
    with pytest.raises(CommandError, match="1 to 60 s"):
        path_to((1.0, 0.0), 0.5, body)
