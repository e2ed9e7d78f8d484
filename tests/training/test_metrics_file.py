"""metrics.jsonl: whole after a kill, equal after a resume."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kinesis_trl.training.metrics_file import MetricsFile, MetricsFileError, read_metrics


def record(path: Path, steps: range, *, resume_step: int | None = None) -> None:
    with MetricsFile(path, resume_step=resume_step) as file:
        for step in steps:
            file.write({"train/loss": 1 / (step + 3), "eval/coverage@walk": step / 7}, step)


def test_a_line_holds_the_step_and_exact_numbers(tmp_path: Path) -> None:
    path = tmp_path / "run" / "metrics.jsonl"
    with MetricsFile(path) as file:
        file.write({"loss": 0.1 + 0.2, "kl": float("nan"), "reward": float("-inf")}, 5)
        # Before it is closed: a reader of another process sees the line.
        assert path.read_bytes() == b'{"step": 5, "loss": 0.30000000000000004, "kl": null, "reward": null}\n'


@pytest.mark.parametrize("killed_at", [13, 20])
@pytest.mark.parametrize("fragment", [b"", b'{"step": 2', b'{"step": 20, "train/loss": 0.5}'])
def test_resumed_equals_uninterrupted(tmp_path: Path, killed_at: int, fragment: bytes) -> None:
    whole, resumed = tmp_path / "whole.jsonl", tmp_path / "resumed.jsonl"
    record(whole, range(20))
    record(resumed, range(killed_at))
    with resumed.open("ab") as stream:
        stream.write(fragment)  # a line that the kill cut off
    record(resumed, range(11, 20), resume_step=10)
    assert resumed.read_bytes() == whole.read_bytes()


def test_no_step_to_resume_from_keeps_whole_lines_only(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    record(path, range(3))
    with path.open("ab") as stream:
        stream.write(b'{"step": 3, "tra')
    record(path, range(3, 5))
    assert [row["step"] for row in read_metrics(path)] == [0, 1, 2, 3, 4]
    record(path, range(0), resume_step=-1)
    assert path.read_bytes() == b""


def test_killed_process_leaves_every_line_it_wrote(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    code = (
        "import sys, itertools\n"
        "from kinesis_trl.training.metrics_file import MetricsFile\n"
        "file = MetricsFile(sys.argv[1])\n"
        "for step in itertools.count():\n"
        "    file.write({'loss': step / 3}, step)\n"
        "    print(step, flush=True)\n"
    )
    writer = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    seen = [int(writer.stdout.readline()) for _ in range(200)]
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    seen += [int(line) for line in writer.stdout if line.endswith("\n")]
    writer.stdout.close()
    rows = list(read_metrics(path))
    assert [row["step"] for row in rows[: len(seen)]] == seen
    assert all(row["loss"] == int(row["step"] or 0) / 3 for row in rows)


def test_damaged_lines_are_left_out_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "metrics.jsonl"
    deep = b"[" * 100_000
    path.write_bytes(b'{"step": 1}\n\x00\xff\n[1, 2]\n{"loss": 1}\n{"step": "x"}\n{"step": 2}\n' + deep + b"\n")
    with MetricsFile(path, resume_step=5):
        pass
    assert path.read_bytes() == b'{"step": 1}\n{"step": 2}\n'
    assert [f"line {n} " in r.getMessage() for n, r in zip((2, 3, 4, 5, 7), caplog.records, strict=True)] == [True] * 5


def test_full_disk_is_said_and_lines_wait_for_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "metrics.jsonl"
    file = MetricsFile(path)
    file.write({"loss": 1.0}, 0)
    stream = file._stream

    class Full:
        """Takes a part of the line, as a disk does that fills up."""

        def write(self, line: bytes) -> int:
            stream.write(line[:9])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        def __getattr__(self, name: str) -> object:
            return getattr(stream, name)

    monkeypatch.setattr(file, "_stream", Full())
    for step in (1, 2, 3):
        file.write({"loss": 2.0}, step)
    assert len(caplog.records) == 1 and "No space left" in caplog.text  # not one for each line
    with pytest.raises(MetricsFileError, match=r"3 lines could not be written .*No space left.*Free space"):
        file.flush()
    assert [json.loads(line)["step"] for line in path.read_text().splitlines()] == [0]
    monkeypatch.setattr(file, "_stream", stream)
    file.write({"loss": 2.0}, 4)
    file.close()
    assert [json.loads(line)["step"] for line in path.read_text().splitlines()] == [0, 1, 2, 3, 4]


def test_wrong_use(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(MetricsFileError, match="cannot be opened"):
        MetricsFile(tmp_path / "file" / "metrics.jsonl")
    with MetricsFile(tmp_path / "m.jsonl") as file:
        with pytest.raises(ValueError, match="'step'"):
            file.write({"step": 1.0}, 0)
        with pytest.raises((TypeError, ValueError)):
            file.write({"loss": "high"}, 0)  # type: ignore[dict-item]
    assert (tmp_path / "m.jsonl").read_bytes() == b""
