"""Running statistics: exactness, what changes them, and who sees the change."""

from __future__ import annotations

import pytest
import torch

from kinesis_trl.agents.normalisation import RunningNorm


def test_statistics_do_not_depend_on_how_the_data_are_split() -> None:
    data = torch.randn(1000, 3, dtype=torch.float64) * torch.tensor([1e-3, 1.0, 50.0]) + 7.0
    norm = RunningNorm(3)
    for part in data.split([1, 9, 490, 500]):
        norm.update(part)
    assert int(norm.count) == 1000
    torch.testing.assert_close(norm.mean.double(), data.mean(0), rtol=1e-6, atol=0)
    torch.testing.assert_close(norm.std.double(), data.std(0, correction=0), rtol=1e-4, atol=0)


def test_small_deviation_on_a_large_mean_survives_single_precision() -> None:
    # Sums of squares in float32 would lose a variance of 1 beside a squared mean of 1e8.
    data = torch.tensor([[9999.0], [10001.0]]).repeat(500, 1)
    norm = RunningNorm(1)
    for part in data.split(10):
        norm.update(part)
    assert float(norm.std) == pytest.approx(1.0, rel=1e-4)


def test_output_is_normalised_and_clipped() -> None:
    norm = RunningNorm(2)
    norm.update(torch.tensor([[0.0, 10.0], [4.0, 10.0]]))  # means 2 and 10, deviations 2 and 0
    out = norm(torch.tensor([[4.0, 10.0], [1000.0, 10.1], [-1000.0, 9.9]]))
    torch.testing.assert_close(out, torch.tensor([[1.0, 0.0], [5.0, 5.0], [-5.0, -5.0]]))


def test_leading_dimensions_are_pooled_and_an_empty_batch_changes_nothing() -> None:
    data = torch.randn(4, 5, 6)
    stacked, flat = RunningNorm(6), RunningNorm(6)
    stacked.update(data)
    stacked.update(data[:0])
    flat.update(data.reshape(20, 6))
    assert all(torch.equal(a, b) for a, b in zip(stacked.buffers(), flat.buffers(), strict=True))


@pytest.mark.parametrize("training", [True, False])
def test_forward_never_changes_statistics(training: bool) -> None:
    norm = RunningNorm(3).train(training)
    norm.update(torch.randn(10, 3))
    before = [b.clone() for b in norm.buffers()]
    norm(torch.randn(100, 3) + 5)
    assert all(torch.equal(a, b) for a, b in zip(before, norm.buffers(), strict=True))


def test_update_writes_in_place_so_that_shared_memory_stays_shared() -> None:
    norm = RunningNorm(3).share_memory()
    views = [b.detach() for b in norm.buffers()]
    norm.update(torch.randn(10, 3))
    assert all(b.is_shared() for b in norm.buffers())
    assert all(torch.equal(view, b) for view, b in zip(views, norm.buffers(), strict=True))
    assert int(views[0]) == 10


def test_frozen_or_poisoned_updates_are_refused_and_change_nothing() -> None:
    norm = RunningNorm(2)
    norm.update(torch.randn(10, 2))
    before = [b.clone() for b in norm.buffers()]
    with pytest.raises(ValueError, match="1 of 3 observations are not finite"):
        norm.update(torch.tensor([[0.0, 0.0], [float("nan"), float("inf")], [1.0, 1.0]]))
    norm.freeze()
    with pytest.raises(RuntimeError, match="frozen"):
        norm.update(torch.randn(10, 2))
    assert all(torch.equal(a, b) for a, b in zip(before, norm.buffers(), strict=True))
