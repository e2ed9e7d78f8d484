"""Termination rules by hand."""

import torch

from kinesis_trl.envs.terminations import KINESIS, STRICT, body_distance


def test_rules_by_hand():
    body = torch.zeros(4, 2, 3)
    reference = body.clone()
    reference[0, 0, 1] = 0.14  # all within 0.15 m
    reference[1, 0, 1] = 0.16  # one beyond 0.15 m
    reference[2, :, 2] = 0.6  # both beyond 0.5 m
    reference[3, 0, 2] = 0.9  # the mean stays at 0.45 m
    distance = body_distance(body, reference)
    assert STRICT.failed(distance).tolist() == [False, True, True, True]
    assert KINESIS.failed(distance).tolist() == [False, False, True, False]


def test_distance_is_euclidean():
    assert body_distance(torch.zeros(1, 1, 3), torch.tensor([[[3.0, 4.0, 0.0]]])).item() == 5.0
