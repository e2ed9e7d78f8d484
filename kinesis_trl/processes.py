"""Worker processes for work that has many independent parts."""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any, TypeVar

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_AHEAD = 4  # parts for each worker that are under way or waiting to be taken

T = TypeVar("T")
R = TypeVar("R")


class WorkerDied(RuntimeError):
    """The process that did a part of the work ended, twice, before it was done."""


@contextmanager
def worker_pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Processes that use one thread each for linear algebra: there is one a core already.

    They are started afresh and import the main module; a script that calls this needs `if __name__ == "__main__":`.
    They do not take Ctrl-C; an exception in the block ends them at once, whatever they are doing.
    """
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        with _Pool(workers, mp_context=get_context("spawn")) as pool:
            try:
                yield pool
            except BaseException:
                pool.kill()
                raise
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


class _Pool(ProcessPoolExecutor):
    def submit(self, fn: Callable[..., R], /, *args: Any, **kwargs: Any) -> Future[R]:
        """As in any pool; processes that it starts inherit that Ctrl-C is blocked."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            return super().submit(fn, *args, **kwargs)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def kill(self) -> None:
        """End all processes now."""
        for process in list((self._processes or {}).values()):
            process.kill()
        self.shutdown(wait=True, cancel_futures=True)


def in_processes(work: Callable[[T], R], parts: Sequence[T], workers: int) -> Iterator[R | WorkerDied]:
    """What `work` makes of each part, in order; only a few results per worker are in memory at a time.

    With one worker all happens in this process. A part whose process died, as for want of memory, is tried once more
    by itself; where that dies too, a `WorkerDied` takes its place, and the other parts go on.
    """
    if workers <= 1 or len(parts) <= 1:
        yield from map(work, parts)
        return
    done = 0
    while done < len(parts):
        try:
            for result in _in_order(work, parts[done:], min(workers, len(parts) - done)):
                yield result
                done += 1
        except BrokenProcessPool:
            yield _alone(work, parts[done])
            done += 1


def _in_order(work: Callable[[T], R], parts: Sequence[T], workers: int) -> Iterator[R]:
    with worker_pool(workers) as pool:
        waiting: deque[Future[R]] = deque()
        for part in parts:
            waiting.append(pool.submit(work, part))
            if len(waiting) >= _AHEAD * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _alone(work: Callable[[T], R], part: T) -> R | WorkerDied:
    try:
        with worker_pool(1) as pool:
            return pool.submit(work, part).result()
    except BrokenProcessPool:
        return WorkerDied("its process died, probably for want of memory; use fewer --workers or shorter files.")
