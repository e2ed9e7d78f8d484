"""Worker processes for work that has many independent parts."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from joblib import Parallel, delayed, parallel_config

Part = TypeVar("Part")
Result = TypeVar("Result")

_DIED = "a worker process died, probably for want of memory; use fewer --workers or shorter files."


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
    try:
        with _loky():
            pool: Any = Parallel(n_jobs=min(workers, len(parts)), return_as="generator")
            results = pool(delayed(function)(part) for part in parts)  # a process may die before all are handed out
        yield from results
    except BrokenProcessPool as error:
        raise WorkerDiedError(_DIED) from error


def every_part(
    function: Callable[[Part], Result], parts: Sequence[Part], workers: int
) -> Iterator[Result | WorkerDiedError]:
    """As `in_processes`; where a process dies, the part whose turn it is is tried once more by itself.

    When that dies too, the error stands in the place of its result. The other parts go on.
    """
    waiting = deque(parts)
    died = False
    while waiting:
        if died and len(waiting) == 1:
            yield _alone(function, waiting.popleft())
            continue
        try:
            for result in in_processes(function, list(waiting), workers):
                waiting.popleft()
                yield result
        except WorkerDiedError:
            died = True
            yield _alone(function, waiting.popleft())


def _loky() -> parallel_config:
    """Workers of one thread each, which end within a second when this process is killed."""
    # max_nbytes: a copy of a large array instead of a file that all may read, as functions may write to what they get
    return parallel_config(
        "loky", inner_max_num_threads=1, initializer=_watch, initargs=(os.getpid(),), max_nbytes=None
    )


def _watch(parent: int) -> None:
    """Begin to look, in a worker, whether its parent lives."""

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=look, daemon=True).start()


def _alone(function: Callable[[Part], Result], part: Part) -> Result | WorkerDiedError:
    """One part in a process of its own."""
    try:
        with _loky():
            (result,) = Parallel(n_jobs=2)([delayed(function)(part)])
    except BrokenProcessPool:
        return WorkerDiedError(_DIED)
    return result
