"""A run's record: both places agree, and no fault of Aim reaches the run."""

from __future__ import annotations

import logging
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kinesis_trl.training import run_log
from kinesis_trl.training.metrics_file import read_metrics
from kinesis_trl.training.run_log import CurriculumRound, RunLog, TrackingConfig
from kinesis_trl.training.tracking import AimLogger


@contextmanager
def reopened(folder: Path) -> Iterator[Any]:
    """Aim's run of a run folder, when a thread that was given up lets go of it."""
    deadline = time.monotonic() + 60
    while True:
        try:
            logger = AimLogger("trial", folder.parent, run_hash=(folder / "aim_run.txt").read_text().strip())
            break
        except Exception as error:  # RocksDB's lock is a plain error of aimrocks
            if "lock hold" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.1)
    yield logger.experiment
    logger.close()


def losses(run: Any, **context: str) -> dict[int, float]:
    from aim.storage.context import Context

    steps, (values, _, _) = run.get_metric("loss", Context(context)).data.numpy()
    return dict(zip(steps.tolist(), values.tolist(), strict=True))


def test_both_places_hold_the_run_and_go_on_after_a_resume(repository: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = TrackingConfig(repository=repository, experiment="trial", tags=("t",))
    clips = CurriculumRound(curriculum="c", trains="expert", expert=1, round=2, clips=("a", "b"), parent_run="expert-0")
    with RunLog(repository / "expert-1", config) as log:
        log.log_hparams({"ppo": {"clip": 0.2}})
        log.log_round(clips)
        for step in range(5):
            log.log_scalars({"train/loss": 1 / (step + 1), "eval/coverage@walk": float(step)}, step)
        log.log_video("eval/rollout", np.zeros((2, 4, 4, 3), np.uint8), 4)
    with RunLog(repository / "expert-1", config, resume_step=2) as log:
        for step in range(3, 6):
            log.log_scalars({"train/loss": 1 / (step + 1), "eval/coverage@walk": float(step)}, step)
    rows = list(read_metrics(repository / "expert-1" / "metrics.jsonl"))
    assert rows == [{"step": s, "train/loss": 1 / (s + 1), "eval/coverage@walk": float(s)} for s in range(6)]
    with reopened(repository / "expert-1") as run:
        assert losses(run, subset="train") == {s: 1 / (s + 1) for s in range(6)}
        assert (run.name, run["hparams"]) == ("expert-1", {"ppo": {"clip": 0.2}})
        names = ("curriculum", "trains", "expert", "round", "clips", "parent_run")
        assert {name: run[name] for name in names} == {
            "curriculum": "c", "trains": "expert", "expert": 1, "round": 2, "clips": ["a", "b"],
            "parent_run": "expert-0",
        }  # fmt: skip
    assert [r for r in caplog.records if r.levelno >= logging.WARNING] == []


def no_aim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "aim", None)


def damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".aim").write_text("not a folder")


def refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(run_log.AimLogger, "log_scalar", fail)


def slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_log.AimLogger, "__init__", lambda *_, **__: threading.Event().wait(60))


def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A repository in which every file holds other bytes than it should."""
    with RunLog(tmp_path / "before", TrackingConfig(repository=tmp_path)) as log:
        log.log_scalars({"train/loss": 1.0}, 0)
    for path in (tmp_path / ".aim").rglob("*"):
        if path.is_file() and path.stat().st_size:
            path.write_bytes(b"\x07" * path.stat().st_size)


@pytest.mark.parametrize("fault", [no_aim, damaged, refused, slow, broken])
def test_a_fault_of_aim_is_one_warning_and_the_run_goes_on(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    empty_repository: Path,
    fault: Callable[[Path, pytest.MonkeyPatch], None],
) -> None:
    if fault in (refused, broken):
        shutil.copytree(empty_repository / ".aim", tmp_path / ".aim")
    fault(tmp_path, monkeypatch)
    patience = 0.3 if fault is slow else 60.0
    with RunLog(tmp_path / "run", TrackingConfig(repository=tmp_path, patience=patience)) as log:
        for step in range(6):
            log.log_scalars({"train/loss": float(step)}, step)
            log.log_video("eval/clip", np.zeros((1, 4, 4, 3), np.uint8), step)
            time.sleep(0.1)
    assert [row["step"] for row in read_metrics(tmp_path / "run" / "metrics.jsonl")] == list(range(6))
    warnings = [r.getMessage() for r in caplog.records if r.name == run_log.__name__]
    assert len(warnings) == 1
    assert "Aim no longer records this run" in warnings[0] and "metrics.jsonl" in warnings[0]


@pytest.mark.parametrize("fault", ["full", "read-only"])
def test_a_disk_that_aim_cannot_write_to_is_one_warning(
    tmp_path: Path, small_disk: Path, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    if fault == "full":
        with (small_disk / "ballast").open("wb", buffering=0) as stream, suppress(OSError):
            while stream.write(bytes(4096)):
                pass
    else:
        subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with RunLog(tmp_path / "run", TrackingConfig(repository=small_disk)) as log:
        for step in range(6):
            log.log_scalars({"train/loss": float(step)}, step)
            time.sleep(0.1)
    assert [row["step"] for row in read_metrics(tmp_path / "run" / "metrics.jsonl")] == list(range(6))
    assert sum("Aim no longer records" in r.getMessage() for r in caplog.records) == 1


def test_a_run_that_another_record_holds_is_not_written(repository: Path, caplog: pytest.LogCaptureFixture) -> None:
    patient = TrackingConfig(repository=repository)
    with RunLog(repository / "run", patient) as first:
        first.log_scalars({"loss": 1.0}, 0)
        deadline = time.monotonic() + 60
        while not (repository / "run" / "aim_run.txt").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        with RunLog(repository / "run", TrackingConfig(repository=repository, patience=0.5)) as second:
            second.log_scalars({"loss": 2.0}, 1)
    assert sum("Aim no longer records" in r.getMessage() for r in caplog.records) == 1
    with reopened(repository / "run") as run:
        assert losses(run) == {0: 1.0}


def test_a_run_that_the_repository_lost_begins_anew(repository: Path) -> None:
    note = repository / "run" / "aim_run.txt"
    note.parent.mkdir()
    for left in ("0123456789abcdef01234567\n", "../../etc\n", ""):
        note.write_text(left)
        with RunLog(repository / "run", TrackingConfig(repository=repository)) as log:
            log.log_scalars({"loss": 1.0}, 0)
        assert note.read_text() != left
        with reopened(repository / "run") as run:
            assert losses(run) == {0: 1.0}


def test_without_aim_nothing_but_the_file_is_made(tmp_path: Path) -> None:
    with RunLog(tmp_path / "run", TrackingConfig(aim=False, repository=tmp_path)) as log:
        log.log_scalars({"loss": 1.0}, 0)
        with pytest.raises(ValueError, match="metric name"):
            log.log_scalars({"loss@": 1.0}, 1)
        with pytest.raises(ValueError, match="expected"):
            log.log_video("rollout", np.zeros((4, 4, 3), np.uint8), 1)
        with pytest.raises(ValueError, match="frames per second"):
            log.log_video("rollout", np.zeros((2, 4, 4, 3), np.uint8), 1, fps=100)
    assert [p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*")] == ["run", "run/metrics.jsonl"]
