"""Reward terms by hand."""

import numpy as np
import torch

from kinesis_trl.envs.rewards import tracking_reward, upright_reward


def test_tracking_reward_by_hand():
    reference = torch.zeros(2, 7, 3, dtype=torch.float64)
    body = reference.clone()
    body[1, 0, 0] = 0.21  # mean squared error 0.21² / 21
    np.testing.assert_allclose(tracking_reward(body, reference, 200.0), [1.0, np.exp(-200 * 0.21**2 / 21)])


def test_upright_reward_by_hand():
    tilt = torch.tensor([[0.0, 0.0], [0.3, -0.4]], dtype=torch.float64)
    np.testing.assert_allclose(upright_reward(tilt, 3.0), [1.0, np.exp(-3 * 0.25)])
