"""Where clips lie in the world: worked out by hand for a quarter turn, and there and back."""

import numpy as np
import torch

from kinesis_trl.envs.placement import Placement


def placed():
    """Two rows; the second begins at (1, 2) of its clip and is turned by 90° to the left."""
    placement = Placement(2)
    start = torch.tensor([[0.0, 0.0], [1.0, 2.0]], dtype=torch.float64)
    placement.put(torch.arange(2), torch.tensor([0.0, np.pi / 2], dtype=torch.float64), start)
    return placement


def test_a_quarter_turn():
    placement = placed()
    point = torch.tensor([[[2.0, 2.0, 0.9]], [[2.0, 2.0, 0.9]]], dtype=torch.float64)
    expected = [[[2, 2, 0.9]], [[0, 1, 0.9]]]  # one metre ahead of the start is one metre to the world's left
    np.testing.assert_allclose(placement.points(point), expected, atol=1e-12)
    np.testing.assert_allclose(placement.points(point[1:], torch.tensor([1])), expected[1:], atol=1e-12)
    np.testing.assert_allclose(placement.vectors(point)[1], [[-2, 2, 0.9]], atol=1e-12)
    level = torch.tensor([[1.0, 0, 0, 0]] * 2, dtype=torch.float64)
    np.testing.assert_allclose(placement.rotations(level)[1], [0.5**0.5, 0, 0, 0.5**0.5], atol=1e-12)


def test_states_move_as_a_whole_and_back():
    placement, rng = placed(), np.random.default_rng(0)
    qpos = torch.tensor([[2.0, 2, 0.9, 1, 0, 0, 0, 0.3]] * 2, dtype=torch.float64)
    qvel = torch.from_numpy(rng.normal(size=(2, 7)))
    world_qpos, world_qvel = placement.states(qpos, qvel)
    np.testing.assert_allclose(world_qpos[1], [0, 1, 0.9, 0.5**0.5, 0, 0, 0.5**0.5, 0.3], atol=1e-12)
    np.testing.assert_array_equal(world_qvel[:, 3:], qvel[:, 3:])  # angular velocity is about the body's own axes
    np.testing.assert_allclose(placement.to_clip(world_qvel[:, :3]), qvel[:, :3], atol=1e-12)
    assert qpos[1, 0] == 2.0  # the clip is left as it was
