"""Reading in a child process: what comes back is whole, and nothing a reader does reaches the parent."""

from __future__ import annotations

import ctypes
import gc
import os
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from kinesis_trl.motion import confined
from kinesis_trl.motion.clip import ClipFormatError, MotionClip
from kinesis_trl.motion.confined import Limits, run_confined
from kinesis_trl.motion.readers.dispatch import FileContent, read_confined

LITTLE = Limits(seconds=0.2, memory=64 << 20)
HERE = Path("walk.pkl")


def attempt(read) -> str:
    with pytest.raises(ClipFormatError) as caught:
        run_confined(HERE, read, LITTLE)
    return str(caught.value)


def test_values_come_back_as_they_were() -> None:
    given = {
        "numbers": [1, 2.5, None, True, np.float32(0.5)],
        "arrays": {"a": np.arange(6.0).reshape(2, 3).T, "flag": np.array(True), "none": np.zeros((0, 3), np.int16)},
        "text": "walk",
    }
    found = run_confined(HERE, lambda: given, LITTLE)
    assert found["numbers"] == (1, 2.5, None, True, 0.5) and found["text"] == "walk"
    for name, array in given["arrays"].items():
        assert np.array_equal(found["arrays"][name], array) and found["arrays"][name].dtype == array.dtype


def test_clips_come_back_whole_in_shares() -> None:
    clips = [
        MotionClip(
            name=f"clip {k}",
            fps=30.0,
            positions=np.full((4, 2, 3), float(k)),
            joint_names=("Pelvis", "Torso"),
            notes=("up axis z",),
            extra={"key": "KIT_3", "betas": np.arange(10.0)},
        )
        for k in range(5)
    ]
    found = read_confined(
        HERE, share=1, shares=2, reader=lambda path, options: FileContent(clips, [ClipFormatError("x")])
    )
    assert [clip.name for clip in found.clips] == ["clip 1", "clip 3"] and str(found.refused[0]) == "x"
    first = found.clips[0]
    assert first.joint_names == ("Pelvis", "Torso") and first.notes == ("up axis z",) and first.extra["key"] == "KIT_3"
    assert np.array_equal(first.positions, clips[1].positions) and np.array_equal(first.extra["betas"], np.arange(10.0))


def test_work_without_end_in_c_is_ended() -> None:
    nested = ()
    for _ in range(60):
        nested = (nested, nested)
    assert "takes more than 0.2 s" in attempt(lambda: hash(nested))


def test_memory_without_end_is_refused() -> None:
    assert "does not fit into 64 MiB" in attempt(lambda: np.ones(1 << 30))
    assert "does not fit into 64 MiB" in attempt(lambda: [0] * (1 << 30))


def test_a_crash_of_a_library_is_an_error_that_names_it() -> None:
    assert "SIGSEGV" in attempt(lambda: ctypes.string_at(0))
    assert "no whole answer" in attempt(lambda: os._exit(0))


def test_any_error_of_a_reader_is_the_file_s(monkeypatch: pytest.MonkeyPatch) -> None:
    def deep(n: int = 0) -> int:
        return deep(n + 1)

    for forks in (True, False):
        monkeypatch.setattr(confined, "_FORKS", forks)
        assert "malformed content (RecursionError" in attempt(deep)
        assert "malformed content (ZeroDivisionError" in attempt(lambda: 1 / 0)


def test_text_cannot_move_the_cursor_or_break_an_encoding() -> None:
    found = run_confined(HERE, lambda: "a\x1b[2Jb\ud800c\n", LITTLE)
    assert found == "a\ufffd[2Jb\ufffdc\n"


def test_a_reader_that_sleeps_is_ended_by_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confined, "_PATIENCE", (0.5, 0.0))
    started = time.monotonic()
    assert "takes more than" in attempt(lambda: time.sleep(60))
    assert time.monotonic() - started < 30


class OwnsThreads:
    """As a pool of a library in C++: ends its threads when it is collected, which takes for ever after a fork."""

    def __init__(self) -> None:
        self.circle, self.process = self, os.getpid()

    def __del__(self) -> None:
        if os.getpid() != self.process:
            time.sleep(60)


def test_garbage_of_the_parent_is_not_collected_in_the_child(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confined, "_PATIENCE", (5.0, 0.0))
    gc.disable()
    try:
        OwnsThreads()
        assert run_confined(HERE, gc.collect, LITTLE) >= 0
    finally:
        gc.enable()


def test_no_child_is_left_behind() -> None:
    before = set(psutil.Process().children())
    run_confined(HERE, lambda: 1, LITTLE)
    attempt(lambda: ctypes.string_at(0))
    assert set(psutil.Process().children()) <= before
