"""Rows divided among threads: each exactly once, and what goes wrong is told."""

import threading

import numpy as np
import pytest

from kinesis_trl.body.parallel import in_parts


@pytest.mark.parametrize("rows", [slice(None), np.array([1, 4, 5, *range(40, 90)])])
@pytest.mark.parametrize("threads", [1, 3, 64])
def test_every_row_is_worked_on_once(rows, threads):
    times, workers = np.zeros(100, dtype=int), set()

    def work(part):
        times[part] += 1
        workers.add(threading.get_ident())

    in_parts(work, rows, 100, threads)
    expected = np.zeros(100, dtype=int)
    expected[rows] = 1
    np.testing.assert_array_equal(times, expected)
    assert threading.get_ident() in workers


def test_few_rows_and_none_stay_on_the_callers_thread():
    seen = []
    for rows in (slice(None), np.arange(0)):
        in_parts(lambda part: seen.append((part, threading.get_ident())), rows, 3, 8)
    assert {who for _, who in seen} == {threading.get_ident()} and len(seen) == 2


def test_an_error_in_a_part_reaches_the_caller():
    def work(part):
        if part.start:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        in_parts(work, slice(None), 64, 2)
