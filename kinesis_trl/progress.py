"""One look for all progress bars: what is done, how fast, and how long it will take."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text


class _Rate(ProgressColumn):
    def __init__(self, unit: str) -> None:
        super().__init__()
        self.unit = unit

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f} {self.unit}/s" if speed else "", style="dim")


@contextmanager
def progress(
    console: Console, what: str, total: int | None, unit: str, *, completed: int = 0
) -> Iterator[Callable[[int], None]]:
    """A bar with rate and time left; call what is yielded with the number of units just done.

    Args:
        console: where to draw; nothing moves when it is not a terminal.
        what: verb shown before the bar.
        total: units in all, None when unknown.
        unit: what is counted.
        completed: units done before.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(unit), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(what, total=total, completed=completed)
        yield lambda done: bar.advance(task, done)
