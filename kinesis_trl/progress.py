"""One look for all progress: what is done, how fast, and how long it will take.

On a terminal a bar; elsewhere, such as in the log of a cluster, a line every half minute.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

EVERY = 30.0
"""Seconds between two lines where there is no terminal."""


@contextmanager
def progress(
    console: Console, what: str, total: int | None, unit: str, *, completed: int = 0
) -> Iterator[Callable[[int], None]]:
    """Show work; call what is yielded with the number of units just done.

    Args:
        console: where.
        what: verb or name shown first.
        total: units in all, None when unknown.
        unit: what is counted.
        completed: units done before.
    """
    with _shown(console, _Count(what, unit, total, completed)) as count:
        yield lambda done: count.set(count.done + done, count.total)


@contextmanager
def counting(console: Console, what: str, unit: str, *, completed: int = 0) -> Iterator[Callable[[int, int], None]]:
    """As `progress`, of work that counts itself: call what is yielded with the units done and those in all."""
    with _shown(console, _Count(what, unit, None, completed)) as count:
        yield count.set


@dataclass
class _Count:
    """How much of something is done."""

    what: str
    unit: str
    total: int | None
    done: int
    moved: Callable[[], None] = lambda: None
    """Called after every change."""
    before: int = field(init=False)
    """Units done when the clock began to run."""
    began: float = field(init=False)

    def __post_init__(self) -> None:
        self.before, self.began = self.done, time.monotonic()

    def set(self, done: int, total: int | None) -> None:
        """There are `done` units of `total` now; fewer than before begin anew."""
        if done < self.done:
            self.before, self.began = done, time.monotonic()
        self.done, self.total = done, total
        self.moved()

    def line(self) -> str:
        """Such as "imitating: 1,200 of 10,000 frames, 310 frames/s, 28 s left"."""
        rate = (self.done - self.before) / max(time.monotonic() - self.began, 1e-9)
        parts = [f"{self.done:,}" + (f" of {self.total:,}" if self.total is not None else "") + f" {self.unit}"]
        if rate > 0:
            parts.append(f"{rate:,.0f} {self.unit}/s" if rate >= 10 else f"{rate:.2g} {self.unit}/s")
            if self.total is not None:
                parts.append(f"{in_words(max(self.total - self.done, 0) / rate)} left")
        else:
            parts.append(f"since {in_words(time.monotonic() - self.began)}")
        return f"{self.what}: {', '.join(parts)}"


def in_words(seconds: float) -> str:
    """A time as people say it: 28 s, 12 min, 3 h 20 min."""
    minutes = round(seconds / 60)
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


@contextmanager
def _shown(console: Console, count: _Count) -> Iterator[_Count]:
    with _bar(console, count) if console.is_terminal else _lines(console, count):
        yield count


class _Rate(ProgressColumn):
    def __init__(self, unit: str) -> None:
        super().__init__()
        self.unit = unit

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f} {self.unit}/s" if speed else "", style="dim")


@contextmanager
def _bar(console: Console, count: _Count) -> Iterator[None]:
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(count.unit),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(count.what, total=count.total, completed=count.done)
        count.moved = lambda: bar.update(task, completed=count.done, total=count.total)
        yield


@contextmanager
def _lines(console: Console, count: _Count) -> Iterator[None]:
    over = threading.Event()

    def speak() -> None:
        while not over.wait(EVERY):
            console.print(count.line(), markup=False, highlight=False, soft_wrap=True)

    thread = threading.Thread(target=speak, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
