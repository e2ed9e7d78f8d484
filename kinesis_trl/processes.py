"""Worker processes for work that has many independent parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from joblib import Parallel, delayed, parallel_config

Part = TypeVar("Part")
Result = TypeVar("Result")


class WorkerDiedError(RuntimeError):
    """A worker process was killed; the message says what to do."""


def in_processes(function: Callable[[Part], Result], parts: Sequence[Part], workers: int) -> Iterator[Result]:
    """`function` of each part in turn, by processes of one thread each for linear algebra: there is one a core already.

    One worker is this process.

    Raises:
        WorkerDiedError: a process died on the part whose result is next, or on a later one.
    """
    if workers <= 1 or len(parts) <= 1:
        yield from map(function, parts)
        return
    with parallel_config("loky", inner_max_num_threads=1, max_nbytes=None):
        # a copy of a large array instead of a file that all may read: functions may write to what they are given
        pool: Any = Parallel(n_jobs=min(workers, len(parts)), return_as="generator")
        results = pool(delayed(function)(part) for part in parts)
    try:
        yield from results
    except BrokenProcessPool as error:
        raise WorkerDiedError(
            "a worker process died, probably for want of memory; use fewer --workers or shorter files."
        ) from error
