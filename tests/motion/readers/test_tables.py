"""Tables: separators, headers that are off, and the rate of rounded times."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kinesis_trl.motion.clip import ClipFormatError
from kinesis_trl.motion.readers.tables import rate_of, read_table


@pytest.mark.parametrize("rate", [24.0, 30.0, 60.0, 90.0, 100.0, 120.0, 240.0])
@pytest.mark.parametrize("decimals", [2, 3, 4])
@pytest.mark.parametrize("start", [0.0, 1.37])
def test_rounded_times_of_a_usual_rate(rate: float, decimals: int, start: float) -> None:
    assert rate_of(np.round(start + np.arange(300) / rate, decimals)) == rate


@pytest.mark.parametrize("rate", [66.0, 80.0, 110.0, 128.0])
@pytest.mark.parametrize("decimals", [3, 4, 6])
def test_rounded_times_of_any_whole_rate(rate: float, decimals: int) -> None:
    assert rate_of(np.round(np.arange(300) / rate, decimals)) == rate


def test_exact_times_of_any_rate() -> None:
    for rate in (29.97, 59.94, 80.0, 101.0, 37.5):
        assert rate_of(np.arange(200) / rate) == pytest.approx(rate, rel=1e-9)
    jitter = np.arange(100) / 50 + 5e-5 * np.sin(np.arange(100))
    assert rate_of(jitter) == pytest.approx(50, rel=1e-3)


def test_times_with_gaps_or_in_another_unit_are_refused() -> None:
    times = np.arange(100) / 100
    for broken in (np.delete(times, 50), np.concatenate([times, times]), times[::-1], 0 * times, times**1.1):
        with pytest.raises(ClipFormatError, match="equal steps"):
            rate_of(broken)
    with pytest.raises(ClipFormatError, match="rise by 10 a row; they must be seconds"):
        rate_of(1000 * times)
    with pytest.raises(ClipFormatError, match="equal steps"):
        rate_of(np.array([0.0]))


@pytest.mark.parametrize("mark", [",", ";", " ", "\t", " ; "])
def test_separators(tmp_path: Path, mark: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text("\n".join(mark.join(row) for row in (("time", "x"), ("0", "1.5"), ("0.1", "-2"))))
    table = read_table(path)
    assert table.columns == ("time", "x")
    np.testing.assert_array_equal(table.values, [[0, 1.5], [0.1, -2]])
