"""Clamped log-deviations: bounded value, gradient that leads back."""

from __future__ import annotations

import pytest
import torch

from kinesis_trl.agents.actor import clamp_log_std


@pytest.mark.parametrize(
    ("start", "slope", "passes"),
    [
        (0.0, 1.0, True),
        (-9.0, 1.0, False),  # descent would lower it further
        (-9.0, -1.0, True),  # descent raises it back into the bounds
        (5.0, 1.0, True),
        (5.0, -1.0, False),
    ],
)
def test_gradient_only_leads_inwards(start: float, slope: float, passes: bool) -> None:
    log_std = torch.tensor([start], requires_grad=True)
    clamped = clamp_log_std(log_std, -5.0, 2.0)
    assert -5.0 <= float(clamped.detach()) <= 2.0
    (slope * clamped).sum().backward()
    assert log_std.grad is not None
    assert float(log_std.grad) == (slope if passes else 0.0)


def test_a_value_carried_over_the_bound_comes_back() -> None:
    log_std = torch.tensor([-5.3], requires_grad=True)
    optimizer = torch.optim.SGD([log_std], lr=0.1)
    for _ in range(50):
        optimizer.zero_grad()
        (clamp_log_std(log_std, -5.0, 2.0) + 3.0).square().sum().backward()
        optimizer.step()
    assert float(log_std.detach()) == pytest.approx(-3.0, abs=0.01)
