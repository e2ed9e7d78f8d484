"""Progress on a terminal and without one."""

import io
import time

import pytest
from rich.console import Console

from kinesis_trl import progress as module
from kinesis_trl.progress import _Count, counting, in_words, progress


def log(**options):
    return Console(file=io.StringIO(), width=100, **options)


def test_without_a_terminal_a_line_says_what_how_fast_and_how_long(monkeypatch):
    monkeypatch.setattr(module, "EVERY", 0.02)
    console = log()
    with progress(console, "imitating [/b]", 1000, "frames") as advance:
        advance(250)
        time.sleep(0.1)
    lines = console.file.getvalue().splitlines()
    assert lines and lines[0].startswith("imitating [/b]: 250 of 1,000 frames, ") and lines[0].endswith(" left")
    assert "frames/s" in lines[0]
    time.sleep(0.05)
    assert console.file.getvalue().splitlines() == lines  # nothing after the end


def test_short_work_is_silent_and_an_error_ends_the_lines(monkeypatch):
    console = log()
    with pytest.raises(ZeroDivisionError), progress(console, "imitating", 10, "frames"):
        raise ZeroDivisionError
    assert console.file.getvalue() == ""


def test_work_that_counts_itself(monkeypatch):
    monkeypatch.setattr(module, "EVERY", 0.02)
    console = log()
    with counting(console, "preparing", "clips") as on_clip:
        time.sleep(0.05)
        on_clip(3, 12)
        time.sleep(0.05)
    lines = console.file.getvalue().splitlines()
    assert lines[0].startswith("preparing: 0 clips, since") and lines[-1].startswith("preparing: 3 of 12 clips")


def test_a_terminal_shows_counts_from_the_start():
    console = log(force_terminal=True)
    with progress(console, "march [/b]", 12, "clips", completed=2):
        pass
    assert "march [/b]" in console.file.getvalue() and "2/12" in console.file.getvalue()


def test_the_rate_leaves_out_what_was_done_before(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    count = _Count("expert0", "steps", 1000, 400)
    now[0] += 10
    count.set(500, 1000)
    assert count.line() == "expert0: 500 of 1,000 steps, 10 steps/s, 50 s left"
    count.set(0, 50)  # a second round, such as solving after reading
    now[0] += 4
    count.set(2, 50)
    assert count.line() == "expert0: 2 of 50 steps, 0.5 steps/s, 96 s left"


@pytest.mark.parametrize("seconds, words", [(0.4, "0 s"), (99, "99 s"), (130, "2 min"), (12_000, "3 h 20 min")])
def test_times_in_words(seconds, words):
    assert in_words(seconds) == words
