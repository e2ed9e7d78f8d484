"""Rows of a batch divided among threads, for work that is compiled and needs no lock."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import pairwise

import numpy as np

from kinesis_trl.body.simulator import Rows

_FEWEST = 8
"""Rows that are worth a thread."""


def in_parts(work: Callable[[Rows], None], rows: Rows, count: int, threads: int) -> None:
    """Call `work` with parts of `rows`, on so many threads; it must not depend on how they are divided.

    Args:
        work: called with indices or slices that together are `rows`.
        rows: indices, or all of `count` rows as a slice.
        threads: how many, the caller's own among them.
    """
    total = count if isinstance(rows, slice) else len(rows)
    threads = min(threads, total // _FEWEST)
    if threads < 2:
        work(rows)
        return
    edges = np.linspace(0, total, threads + 1).astype(int).tolist()
    parts = [slice(a, b) for a, b in pairwise(edges)]
    own, *others = parts if isinstance(rows, slice) else [rows[part] for part in parts]
    running = [_pool(threads - 1).submit(work, part) for part in others]
    work(own)
    for other in running:
        other.result()


@lru_cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="rows")
